use proptest::prelude::*;

use super::{
    super::{Mailbox, mailboxes},
    mailbox, parse,
};

fn check(table: &[(&str, &[(&str, &str)])]) {
    for (raw, list) in table {
        let list: Vec<_> = list.iter().map(|(name, address)| mailbox(name, address)).collect();
        assert_eq!(mailboxes(raw), list, "{raw:?}");
        // The header parser must return the same list, also with folds.
        let message = format!("From: {raw}\r\n\r\n");
        assert_eq!(parse(message.as_bytes()).from.unwrap(), list, "{raw:?}");
    }
}

#[test]
fn lists() {
    check(&[
        ("a@b", &[("", "a@b")]),
        ("<a@b>", &[("", "a@b")]),
        ("A B <a@b>, c@d", &[("A B", "a@b"), ("", "c@d")]),
        ("A\r\n B\t <a@b>", &[("A B", "a@b")]),
        ("\"B, A\" <a@b>", &[("B, A", "a@b")]),
        ("\"A \\\"x\\\" B\" <a@b>", &[("A \"x\" B", "a@b")]),
        ("\"\" <a@b>", &[("", "a@b")]),
        ("undisclosed-recipients:;", &[]),
        ("undisclosed-recipients:", &[]),
        ("G: a@b, C <c@d>;, e@f", &[("", "a@b"), ("C", "c@d"), ("", "e@f")]),
        ("\"G, 1\": a@b;, H:;, c@d", &[("", "a@b"), ("", "c@d")]),
        ("用户 <用户@例子.广告>", &[("用户", "用户@例子.广告")]),
        ("Nobody At All", &[("Nobody At All", "")]),
        ("Jane <>", &[("Jane", "")]),
        ("<>", &[]),
        ("(nobody)", &[]),
        ("bob@example.org <bob@example.org>", &[("bob@example.org", "bob@example.org")]),
        ("a.b+c=d@example.org", &[("", "a.b+c=d@example.org")]),
    ]);
}

#[test]
fn comments() {
    check(&[
        ("a@b (A B)", &[("A B", "a@b")]),
        ("<a@b> (A B)", &[("A B", "a@b")]),
        ("(A B) a@b", &[("A B", "a@b")]),
        ("a@b (=?utf-8?Q?Ren=C3=A9?=)", &[("René", "a@b")]),
        ("Jane (at work) Doe <a@b> (c)", &[("Jane Doe", "a@b")]),
        ("a@b (A \\) (B) C)", &[("A ) (B) C", "a@b")]),
        ("Jane (j@example.org)", &[("Jane", "")]),
        // RFC 5322 A.5, A.6.1, A.6.3.
        ("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", &[("Pete", "pete@silly.test")]),
        (
            "A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n         joe@example.org,\r\n  John <jdoe@one.test> (my dear friend); (the end of the group)",
            &[("Chris Jones", "c@public.example"), ("", "joe@example.org"), ("John", "jdoe@one.test")],
        ),
        ("(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;", &[]),
        ("Joe Q. Public <john.q.public@example.com>", &[("Joe Q. Public", "john.q.public@example.com")]),
        (
            "Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example",
            &[("Mary Smith", "mary@example.net"), ("", "jdoe@test.example")],
        ),
        ("John Doe <jdoe@machine(comment).  example>", &[("John Doe", "jdoe@machine.example")]),
        ("pete(his account)@silly.test(his host)", &[("his host", "pete@silly.test")]),
        ("pete @ silly.test", &[("", "pete@silly.test")]),
        // The text contains an `@` but is not an address.
        ("Write to us @example.org", &[("Write to us @example.org", "")]),
        ("Mr. smith@example.org", &[("Mr. smith@example.org", "")]),
        ("john.(c)smith@example.org", &[("john.smith@example.org", "")]),
        ("to john@test . example", &[("to john@test . example", "")]),
    ]);
}

#[test]
fn two_addresses_in_brackets_are_two_mailboxes() {
    check(&[
        ("A <a@example.org> B <b@example.org>", &[("A", "a@example.org"), ("B", "b@example.org")]),
        ("J<j@example.org>K<k@example.org>", &[("J", "j@example.org"), ("K", "k@example.org")]),
        ("A <a@example.org>, ,, B <b@example.org>;", &[("A", "a@example.org"), ("B", "b@example.org")]),
        ("A <a@example.org>; B <b@example.org>", &[("A", "a@example.org"), ("B", "b@example.org")]),
        ("a@example.org b@example.org", &[("", "a@example.org"), ("", "b@example.org")]),
        ("A <a@example.org> b@example.org", &[("A", "a@example.org"), ("", "b@example.org")]),
    ]);
}

#[test]
fn domain_literals() {
    check(&[
        ("user@[IPv6:2001:db8::1]", &[("", "user@[IPv6:2001:db8::1]")]),
        ("U <user@[192.0.2.1]>, v@[192.0.2.2]", &[("U", "user@[192.0.2.1]"), ("", "v@[192.0.2.2]")]),
        ("G: user@[IPv6:2001:db8::1];", &[("", "user@[IPv6:2001:db8::1]")]),
        ("<user@[ 192.0.2.1 ]>", &[("", "user@[192.0.2.1]")]),
        ("<user@[192.0.2.1>", &[("<user@[192.0.2.1>", "")]),
        ("<user@[192[.0.2.1]>", &[("<user@[192[.0.2.1]>", "")]),
    ]);
}

#[test]
fn quoted_local_parts() {
    check(&[
        ("\"abc@def\"@unknown.example", &[("", "\"abc@def\"@unknown.example")]),
        ("\"john.no.doe.\"@example.org", &[("", "\"john.no.doe.\"@example.org")]),
        ("J <\"a b\"@example.org>", &[("J", "\"a b\"@example.org")]),
        ("J <\"a\\\"<,>\"@example.org>, K <k@b>", &[("J", "\"a\\\"<,>\"@example.org"), ("K", "k@b")]),
        ("John Doe \"a b\"@example.org", &[("John Doe", "\"a b\"@example.org")]),
        ("a.\"b c\".d@example.org", &[("", "a.\"b c\".d@example.org")]),
        // The quoted text is both the name and the address.
        ("\"j@example.org\"", &[("j@example.org", "")]),
        ("\"a\"b@example.org", &[("ab@example.org", "")]),
    ]);
}

#[test]
fn quotes_within_a_name_keep_its_spaces() {
    check(&[
        ("Jane \"Jay\" Doe <j@example.org>", &[("Jane Jay Doe", "j@example.org")]),
        ("\"Jane\" \"Doe\" <j@example.org>", &[("Jane Doe", "j@example.org")]),
    ]);
}

#[test]
fn encoded_words() {
    check(&[
        ("=?utf-8?Q?Ren=C3=A9?= <a@b>", &[("René", "a@b")]),
        ("=?utf-8?Q?Ren=C3?=\r\n =?utf-8?Q?=A9?= X <a@b>", &[("René X", "a@b")]),
        ("\"=?utf-8?Q?Ren=C3=A9?=\" <a@b>", &[("René", "a@b")]),
        ("\"[EXTERNAL]=?utf-8?Q?J=C3=B6rg?=\" <j@example.org>", &[("[EXTERNAL]Jörg", "j@example.org")]),
        ("[EXTERNAL] =?utf-8?Q?J=C3=B6rg?= <j@example.org>", &[("[EXTERNAL] Jörg", "j@example.org")]),
        ("=?utf-8?Q?=22J=22?= <j@example.org>", &[("\"J\"", "j@example.org")]),
        // Encoded words with invalid characters.
        ("=?utf-8?Q?Doe, Jane?= <j@example.org>", &[("Doe, Jane", "j@example.org")]),
        ("=?utf-8?Q?<x@y>?= <j@example.org>", &[("<x@y>", "j@example.org")]),
        ("x=?utf-8?Q?(?= <j@example.org>", &[("x(", "j@example.org")]),
        // An encoded name is never parsed as an address.
        (
            "=?utf-8?Q?boss=40bank=2Ecom_=3Cboss=40bank=2Ecom=3E=2C?= <a@b>",
            &[("boss@bank.com <boss@bank.com>,", "a@b")],
        ),
        ("=?utf-8?Q?boss=40bank=2Ecom?=", &[("boss@bank.com", "")]),
        ("=?utf-8?Q?no end <a@b>", &[("=?utf-8?Q?no end", "a@b")]),
        // An encoded word is never a part of an address.
        ("=?utf-8?Q?=C3=B6?=@example.org", &[("ö@example.org", "")]),
        ("J <=?utf-8?Q?=C3=B6?=@example.org>", &[("J <ö@example.org>", "")]),
        ("=?utf-8?Q?=C3=B6?= @example.org", &[("ö @example.org", "")]),
        ("j@=?utf-8?Q?=C3=B6.example?=", &[("j@ö.example", "")]),
        ("=?utf-8?Q?J?=j@example.org", &[("Jj@example.org", "")]),
    ]);
}

#[test]
fn unclosed_brackets_and_quotes() {
    check(&[
        ("\"Jane <j@example.org>", &[("Jane", "j@example.org")]),
        ("Jane (work <j@example.org>", &[("Jane (work", "j@example.org")]),
        ("Jane <j@example.org", &[("Jane", "j@example.org")]),
        ("Jane <j@example.org, Kim <k@example.org>", &[("Jane", "j@example.org"), ("Kim", "k@example.org")]),
        ("<<j@example.org>>", &[("", "j@example.org")]),
        ("j@example.org>", &[("", "j@example.org")]),
        ("X <Company Billing <bill@example.org>", &[("X <Company Billing", "bill@example.org")]),
        ("User [n@example.org] n@example.org", &[("User", "n@example.org")]),
        ("User [n@example.org] <n@example.org>", &[("User [n@example.org]", "n@example.org")]),
        ("Jane Doe j@example.org", &[("Jane Doe", "j@example.org")]),
        ("<mailto:j@example.org>", &[("", "j@example.org")]),
        // Text in brackets is only an address if the whole text is one.
        ("Jane <jane doe@example.org>", &[("Jane <jane doe@example.org>", "")]),
        ("Jane <jane@exam ple.org, K <k@b>", &[("Jane <jane@exam ple.org", ""), ("K", "k@b")]),
        ("Jane <jane@@example.org>", &[("Jane <jane@@example.org>", "")]),
        ("jane@@example.org", &[("jane@@example.org", "")]),
        ("a@b@c", &[("a@b@c", "")]),
        ("a..b@example.org", &[("a..b@example.org", "")]),
        (".a@example.org", &[(".a@example.org", "")]),
        ("a.@example.org", &[("a.@example.org", "")]),
        ("a@example..org", &[("a@example..org", "")]),
        ("a@example.org.", &[("a@example.org.", "")]),
        ("a@.example.org", &[("a@.example.org", "")]),
        ("a\\b@example.org", &[("a\\b@example.org", "")]),
        ("a\u{7}b@example.org", &[("a\u{7}b@example.org", "")]),
        ("a@b\u{200b}c.org", &[("a@b\u{200b}c.org", "")]),
        ("a@ex\u{fffd}mple.org", &[("a@ex\u{fffd}mple.org", "")]),
        ("@example.org", &[("@example.org", "")]),
        ("a@", &[("a@", "")]),
    ]);
}

#[test]
fn a_colon_alone_does_not_begin_a_group() {
    check(&[
        ("12:30 Meeting <j@example.org>", &[("12:30 Meeting", "j@example.org")]),
        ("Friends: a@b, c@d", &[("Friends:", "a@b"), ("", "c@d")]),
        ("mailto:j@example.org", &[("mailto:", "j@example.org")]),
        ("A <a@b>: c@d;", &[("A", "a@b"), ("", "c@d")]),
    ]);
}

#[test]
fn routes_are_dropped() {
    check(&[
        ("<@a.example,@b.example:john@c.example>", &[("", "john@c.example")]),
        ("J <@a.example:john@c.example>, K <k@b>", &[("J", "john@c.example"), ("K", "k@b")]),
        ("J <,@a.example,,@[192.0.2.1] : john@c.example>", &[("J", "john@c.example")]),
        ("J <@a.example john@c.example>", &[("J <@a.example john@c.example>", "")]),
    ]);
}

#[test]
fn non_ascii_addresses_must_be_utf8() {
    let from = |raw: &[u8]| parse(&[b"From: ", raw, b"\r\n\r\n"].concat()).from.unwrap();
    // Characters of ISO-2022-JP contain the bytes of brackets and commas.
    assert_eq!(from(b"\x1b$B%F%9%H\x1b(B <j@example.org>"), [mailbox("テスト", "j@example.org")]);
    assert_eq!(from(b"\x1b$B<,\x1b(B <j@example.org>"), [mailbox("蒔", "j@example.org")]);
    assert_eq!(from(b"\x1b$B%F%9%H <j@example.org>"), [mailbox("\u{1b}$B%F%9%H", "j@example.org")]);
    assert_eq!(from(b"\x1b$B%F%9%H\x1b(B@example.org"), [mailbox("テスト@example.org", "")]);
    assert_eq!(
        from(b"ren\xe9@example.org, R\xe9 <r@example.org>"),
        [mailbox("rené@example.org", ""), mailbox("Ré", "r@example.org")]
    );
    assert_eq!(from("rené@example.org".as_bytes()), [mailbox("", "rené@example.org")]);
    assert_eq!(from(b"\xc3\xa9\xc3\xa9 <r\xc3@example.org>"), [mailbox("éé <r\u{fffd}@example.org>", "")]);
}

#[test]
fn lists_are_bounded() {
    assert_eq!(mailboxes(&"a@b,".repeat(20_000)).len(), 10_000);
    assert_eq!(mailboxes(&"a@b c@d ".repeat(20_000)).len(), 10_000);
    assert_eq!(mailboxes(&"<a@b>".repeat(20_000)).len(), 10_000);
    assert_eq!(mailboxes(&"x,".repeat(20_000)).len(), 10_000);
}

#[test]
fn addresses_longer_than_a_line_are_refused() {
    let local = |length: usize| format!("{}@example.org", "a.".repeat(length / 2));
    let quoted = |length: usize| format!("\"{}\"@example.org", "a".repeat(length - 2));
    let domain = |length: usize| format!("a@{}", "b".repeat(length));
    for address in [local(998).replace(".@", "a@"), quoted(998), domain(255)] {
        assert_eq!(mailboxes(&address), [mailbox("", &address)]);
        assert_eq!(mailboxes(&format!("J <{address}>")), [mailbox("J", &address)]);
    }
    for text in [local(1000).replace(".@", "a@"), quoted(999), domain(256)] {
        assert!(mailboxes(&text).iter().all(|mailbox| mailbox.address.is_none()), "{text}");
        assert_eq!(mailboxes(&format!("J <{text}>, k@b")).last(), Some(&mailbox("", "k@b")), "{text}");
    }
}

/// A mailbox and one of its spellings.
#[derive(Debug, Clone)]
struct Printed {
    mailbox: Mailbox,
    text: String,
}

const ATOM: &str = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,6}";

fn gap() -> impl Strategy<Value = String> {
    "|| |\t|\r\n |\\(\\)|\\(c, <d@e>; \\(f\\) \\\\\\) \"\\)| \\(g\\) "
}

fn domain() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::collection::vec(ATOM, 1..4).prop_map(|atoms| atoms.join(".")),
        // Without `(` and `"`: the search for the end of a group would take them for comments and quotes, and they do
        // not occur in practice.
        1 => "\\[[!#-'*-Z^-~]{1,12}\\]",
        1 => Just("例子.广告".to_owned()),
    ]
}

fn local_part() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::collection::vec(ATOM, 1..4).prop_map(|atoms| atoms.join(".")),
        1 => "\"([ !#-\\[\\]-~]|\\\\[ -~]){0,8}\"",
        1 => Just("用户".to_owned()),
    ]
}

/// Generates a name and one of its spellings.
fn name() -> impl Strategy<Value = (String, String)> {
    prop_oneof![
        prop::collection::vec(ATOM, 1..4).prop_map(|words| (words.join(" "), words.join(" "))),
        "[!-~]([ -~]{0,8}[!-~])?".prop_map(|name| {
            let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
            (name, format!("\"{quoted}\""))
        }),
        "[!-~\u{e9}\u{65e5}]{1,8}".prop_map(|name| {
            let word = String::from_utf8(super::b_word("utf-8", name.as_bytes())).unwrap();
            (name, word)
        }),
    ]
}

fn printed() -> impl Strategy<Value = Printed> {
    let address = (local_part(), domain()).prop_filter("an encoded word is no address", |(local, domain)| {
        !format!("{local}@{domain}").contains("=?")
    });
    (
        prop::option::of(name()),
        address,
        prop::collection::vec(gap(), 6),
        any::<bool>(),
        prop::sample::select(&["", "@a.example,@b:"][..]),
    )
        .prop_filter_map(
            "names with encoded words",
            |(name, (local, domain), gaps, in_brackets, route)| {
                if name.as_ref().is_some_and(|(name, _)| name.contains("=?")) {
                    return None;
                }
                let [g0, g1, g2, g3, g4, g5] = gaps.try_into().ok()?;
                let address = format!("{local}@{domain}");
                let spec = format!("{g1}{local}{g2}@{g3}{domain}{g4}");
                let text = match &name {
                    Some((_, printed)) => format!("{g0}{printed} {g5}<{route}{spec}>"),
                    None if in_brackets => format!("{g0}<{spec}>"),
                    None => spec,
                };
                // A comment is used as the name only if there is no display name.
                let name = match name {
                    Some((name, _)) => Some(name),
                    None if text.contains('(') => return None,
                    None => None,
                };
                Some(Printed { mailbox: Mailbox { name, address: Some(address) }, text })
            },
        )
}

/// Generates a list with groups, and its mailboxes.
fn printed_list() -> impl Strategy<Value = (Vec<Mailbox>, String)> {
    let group = (name(), prop::collection::vec(printed(), 0..3)).prop_filter_map(
        "names",
        |((name, text), members)| {
            if name.contains("=?") {
                return None;
            }
            let texts: Vec<_> = members.iter().map(|member| member.text.as_str()).collect();
            let text = format!("{text}: {};", texts.join(","));
            Some((members.into_iter().map(|member| member.mailbox).collect::<Vec<_>>(), text))
        },
    );
    let single = printed().prop_map(|printed| (vec![printed.mailbox], printed.text));
    prop::collection::vec(prop_oneof![3 => single.boxed(), 1 => group.boxed()], 0..5).prop_map(|elements| {
        let (lists, texts): (Vec<_>, Vec<_>) = elements.into_iter().unzip();
        (lists.concat(), texts.join(", "))
    })
}

/// Removes comments and white space outside quoted strings; an address must occur in the result.
fn squeezed(text: &str) -> String {
    text.split_ascii_whitespace().collect()
}

/// Checks that an address is an `addr-spec`, with a grammar that is independent of the parser.
fn is_addr_spec(address: &str) -> bool {
    let atext = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || !c.is_ascii();
    let dot_atom = |text: &str| text.split('.').all(|atom| !atom.is_empty() && atom.chars().all(atext));
    let Some((local, domain)) =
        address.rsplit_once('@').filter(|(_, domain)| !domain.contains(']')).or_else(|| {
            let at = address.rfind("@[")?;
            Some((&address[..at], &address[at + 1..]))
        })
    else {
        return false;
    };
    let literal = domain.strip_prefix('[').and_then(|domain| domain.strip_suffix(']'));
    let is_domain = match literal {
        Some(literal) => literal.chars().all(|c| !"[]\\ ".contains(c) && !c.is_control()),
        None => dot_atom(domain),
    };
    // Words between dots; quoted words may contain any character.
    let mut rest = local;
    loop {
        let end = if let Some(quoted) = rest.strip_prefix('"') {
            let mut escaped = false;
            let end = quoted.char_indices().find(|&(_, c)| {
                let is_end = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                is_end
            });
            match end {
                Some((end, _)) => end + 2,
                None => return false,
            }
        } else {
            rest.find(|c| !atext(c)).unwrap_or(rest.len())
        };
        if end == 0 {
            return false;
        }
        match rest[end..].strip_prefix('.') {
            Some(next) => rest = next,
            None => return is_domain && rest[end..].is_empty(),
        }
    }
}

fn assert_sound(text: &str, list: &[Mailbox]) -> Result<(), TestCaseError> {
    for Mailbox { address, .. } in list {
        let Some(address) = address else { continue };
        prop_assert!(is_addr_spec(address), "{address:?} of {text:?}");
        if !text.contains('(') {
            prop_assert!(
                text.contains(address.as_str()) || squeezed(text).contains(&squeezed(address)),
                "{address:?} is not in {text:?}"
            );
        }
        prop_assert!(!address.contains("?=") || !super::super::encoded_word::is_in(address), "{address:?}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn printed_lists_come_back((list, text) in printed_list()) {
        prop_assert_eq!(mailboxes(&text), list, "{:?}", text);
    }

    /// No address is made up if characters of a list are deleted, doubled, inserted or swapped.
    #[test]
    fn broken_lists_have_no_made_up_addresses(
        (_, text) in printed_list(),
        breaks in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0_u8..4, "[ -~\u{e9}]"), 1..6),
    ) {
        let mut chars: Vec<char> = text.chars().collect();
        for (at, other, kind, c) in breaks {
            if chars.is_empty() {
                break;
            }
            let (at, other) = (at.index(chars.len()), other.index(chars.len()));
            match kind {
                0 => drop(chars.remove(at)),
                1 => chars.insert(at, chars[at]),
                2 => chars.insert(at, c.chars().next().unwrap_or(' ')),
                _ => chars.swap(at, other),
            }
        }
        let text: String = chars.into_iter().collect();
        assert_sound(&text, &mailboxes(&text))?;
    }

    #[test]
    fn anything_has_no_made_up_address(text in "([ -~]|[<>@.,;:\"()\\\\\\[\\]]|a@b|=\\?utf-8\\?Q\\?x\\?=|\u{e9}|\u{fffd}){0,40}") {
        assert_sound(&text, &mailboxes(&text))?;
    }
}
