use proptest::prelude::*;

use super::{b_word, q_word, subject};

#[test]
fn words_are_decoded() {
    let table: &[(&str, &str)] = &[
        ("=?utf-8?Q?caf=C3=A9?=", "café"),
        ("=?UTF-8?b?Y2Fmw6k=?=", "café"),
        ("=?UTF-8?B?Y2Fmw6k?=", "café"),
        ("=?iso-8859-1?q?a_b=5Fc?= tail", "a b_c tail"),
        ("=?utf-8*de?Q?gr=C3=BCn?=", "grün"),
        ("lead =?utf-8?Q?=C3=A9?=\r\n =?utf-8?Q?t=C3=A9?=", "lead été"),
        ("=?utf-8?Q?caf=C3?= =?UTF-8?B?qQ==?=", "café"),
        ("=?utf-8?B?5pel5pw=?=\r\n\t=?utf-8?B?rOiqng==?=", "日本語"),
        ("=?utf-8?Q?a?= =?iso-8859-1?Q?=E9?= b", "aé b"),
        ("=?utf-8?Q??=", ""),
        ("=?utf-8?Q?with space?= x", "with space x"),
        ("=?utf-8?Q?=41=4?= =?utf-8?Q?why??=", "A=4why?"),
        ("=?utf-8?Q?=FF?=", "\u{fffd}"),
        ("a=?utf-8?Q?b?=c", "abc"),
        // A byte order mark is not part of the text.
        ("=?utf-8?B?77u/SGVsbG8=?=", "Hello"),
        // An escape sequence that is split between two words.
        ("=?utf-8?Q?caf=C3=?= =?utf-8?Q?A9?=", "café"),
        // A word that does not end before the next one begins is not an encoded word, but the next one is.
        ("=?utf-8?Q?a =?utf-8?Q?b?=", "=?utf-8?Q?a b"),
        ("=?=?utf-8?Q?b?=", "=?b"),
        // Text that is not an encoded word is kept.
        ("=?utf-8?Q?no end", "=?utf-8?Q?no end"),
        ("=?utf-8?X?a?= b", "=?utf-8?X?a?= b"),
        ("=??Q?a?=", "=??Q?a?="),
        ("=?a b?Q?a?=", "=?a b?Q?a?="),
        ("=?utf-8?B?***?=", "=?utf-8?B?***?="),
        ("1 =? 2 ?= 3", "1 =? 2 ?= 3"),
        ("=?utf-8?Q", "=?utf-8?Q"),
        ("=?utf-8?\u{e9}?a?=", "=?utf-8?\u{e9}?a?="),
    ];
    for (raw, decoded) in table {
        assert_eq!(subject(raw.as_bytes()), *decoded, "{raw:?}");
    }
}

#[test]
fn base64_may_be_split_and_padded_anywhere() {
    let table = [
        ("=?utf-8?B?5Lit5?=\r\n =?utf-8?B?paH?=", "中文"),
        ("=?utf-8?B?SGVsbG8=IHdvcmxk?=", "Hello world"),
        ("=?utf-8?B?SGVs bG8=?=", "Hello"),
        // Complete words without padding.
        ("=?utf-8?B?SGVsbG8?= =?utf-8?B?IHdvcmxk?=", "Hello world"),
        ("=?utf-8?B?YQ==?= =?utf-8?B?Yg==?=", "ab"),
        // An extra digit.
        ("=?utf-8?B?YWJjZ?=", "abc"),
        ("=?utf-8?B?YWJjZ?= x", "abc x"),
        ("=?utf-8?B??=", ""),
        ("=?utf-8?B?====?=", ""),
    ];
    for (raw, decoded) in table {
        assert_eq!(subject(raw.as_bytes()), decoded, "{raw:?}");
    }
}

#[test]
fn base64_may_be_split_at_every_digit() {
    use base64::Engine as _;
    let text = "日本語 und Größe: 中文!";
    let digits = base64::engine::general_purpose::STANDARD.encode(text);
    for at in 1..digits.len() {
        let words = format!("=?utf-8?B?{}?=\r\n =?utf-8?B?{}?=", &digits[..at], &digits[at..]);
        assert_eq!(subject(words.as_bytes()), text, "cut at {at}");
    }
}

proptest! {
    #[test]
    fn encoded_text_comes_back(text: String, cut in 0_usize..64, is_q: [bool; 2]) {
        prop_assume!(!text.starts_with('\u{feff}'));
        let cut = cut.min(text.len());
        let (first, second) = text.as_bytes().split_at(cut);
        let word = |bytes, is_q| if is_q { q_word("utf-8", bytes) } else { b_word("utf-8", bytes) };
        let words = [word(first, is_q[0]), b" ".to_vec(), word(second, is_q[1])];
        prop_assert_eq!(subject(&words.concat()), text);
    }

    /// Text without encoded words is unchanged.
    #[test]
    fn plain_text_is_unchanged(text in "[ -~\u{e9}\u{65e5}]{0,40}") {
        prop_assume!(!text.contains("=?"));
        prop_assert_eq!(super::super::decode_words(&text), text.clone());
    }
}
