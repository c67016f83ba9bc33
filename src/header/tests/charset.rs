use super::{super::charset::Charset, b_word, q_word, subject};

/// Labels of each charset (from the WHATWG standard, the IANA registry and real mail), and a text encoded with
/// Python.
const CHARSETS: &[(&[&str], &[u8], &str)] = &[
    (&["unicode-1-1-utf-8", "unicode11utf8", "unicode20utf8", "utf-8", "utf8", "x-unicode20utf8", "UTF_8", "csUTF8", "cp65001"], b"Gr\xc3\xb6\xc3\x9fe \xe6\x97\xa5\xe6\x9c\xac \xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82 \xf0\x9f\x98\x80", "Größe 日本 Привет 😀"),
    (&["866", "cp866", "csibm866", "ibm866", "CP-866"], b"\x8f\xe0\xa8\xa2\xa5\xe2", "Привет"),
    (&["csisolatin2", "iso-8859-2", "iso-ir-101", "iso8859-2", "iso88592", "iso_8859-2", "iso_8859-2:1987", "l2", "latin2", "latin-2", "ISO-8859_2", "28592"], b"\xa3\xf3d\xbc", "Łódź"),
    (&["csisolatin3", "iso-8859-3", "iso-ir-109", "iso8859-3", "iso88593", "iso_8859-3", "iso_8859-3:1988", "l3", "latin3"], b"\xc6\xf8\xb1", "Ĉĝħ"),
    (&["csisolatin4", "iso-8859-4", "iso-ir-110", "iso8859-4", "iso88594", "iso_8859-4", "iso_8859-4:1988", "l4", "latin4"], b"\xab\xf3\xf1", "Ģķņ"),
    (&["csisolatincyrillic", "cyrillic", "iso-8859-5", "iso-ir-144", "iso8859-5", "iso88595", "iso_8859-5", "iso_8859-5:1988"], b"\xbf\xe0\xd8\xd2\xd5\xe2 \xf0", "Привет №"),
    (&["arabic", "asmo-708", "csiso88596e", "csiso88596i", "csisolatinarabic", "ecma-114", "iso-8859-6", "iso-8859-6-e", "iso-8859-6-i", "iso-ir-127", "iso8859-6", "iso88596", "iso_8859-6", "iso_8859-6:1987"], b"\xd3\xe4\xc7\xe5", "سلام"),
    (&["csisolatingreek", "ecma-118", "elot_928", "greek", "greek8", "iso-8859-7", "iso-ir-126", "iso8859-7", "iso88597", "iso_8859-7", "iso_8859-7:1987", "sun_eu_greek"], b"\xc3\xe5\xe9\xdc", "Γειά"),
    (&["csiso88598e", "csisolatinhebrew", "hebrew", "iso-8859-8", "iso-8859-8-e", "iso-ir-138", "iso8859-8", "iso88598", "iso_8859-8", "iso_8859-8:1988", "visual", "csiso88598i", "iso-8859-8-i", "logical"], b"\xf9\xec\xe5\xed", "שלום"),
    (&["csisolatin6", "iso-8859-10", "iso-ir-157", "iso8859-10", "iso885910", "l6", "latin6"], b"\xaf\xbb\xb9", "Ŋŧđ"),
    (&["iso-8859-13", "iso8859-13", "iso885913", "csISO885913"], b"\xc0\xfeuolas", "Ąžuolas"),
    (&["iso-8859-14", "iso8859-14", "iso885914", "csISO885914"], b"\xd0\xfe \xa4", "Ŵŷ Ċ"),
    (&["csisolatin9", "iso-8859-15", "iso8859-15", "iso885915", "iso_8859-15", "l9", "latin-9"], b"Gr\xf6\xdfe 5 \xa4", "Größe 5 €"),
    (&["iso-8859-16", "csISO885916"], b"\xaa\xfe \xa4", "Șț €"),
    (&["cskoi8r", "koi", "koi8", "koi8-r", "koi8_r", "koi8r", "20866"], b"\xf0\xd2\xc9\xd7\xc5\xd4", "Привет"),
    (&["koi8-ru", "koi8-u", "koi8u", "csKOI8U"], b"\xeb\xc9\xa7\xd7", "Київ"),
    (&["csmacintosh", "mac", "macintosh", "x-mac-roman", "macroman"], b"Gr\x9a\xa7e \xa0", "Größe †"),
    (&["dos-874", "iso-8859-11", "iso8859-11", "iso885911", "tis-620", "windows-874", "cp874", "TIS620", "csTIS620"], b"\xca\xc7\xd1\xca\xb4\xd5", "สวัสดี"),
    (&["cp1250", "windows-1250", "x-cp1250", "win-1250", "windows1250", "ms1250", "cswindows1250"], b"\x8elu\x9dou\xe8k\xfd", "Žluťoučký"),
    (&["cp1251", "windows-1251", "x-cp1251", "win-1251", "windows1251", "win1251", "WINDOWS_1251"], b"\xcf\xf0\xe8\xe2\xe5\xf2", "Привет"),
    (&["ansi_x3.4-1968", "ascii", "cp1252", "cp819", "csisolatin1", "ibm819", "iso-8859-1", "iso-ir-100", "iso8859-1", "iso88591", "iso_8859-1", "iso_8859-1:1987", "l1", "latin1", "us-ascii", "windows-1252", "x-cp1252", "latin-1", "8859_1", "usascii", "win-1252"], b"na\xefve \x93\x80\x94", "naïve “€”"),
    (&["cp1253", "windows-1253", "x-cp1253"], b"\xc3\xe5\xe9\xdc", "Γειά"),
    (&["cp1254", "csisolatin5", "iso-8859-9", "iso-ir-148", "iso8859-9", "iso88599", "iso_8859-9", "iso_8859-9:1989", "l5", "latin5", "windows-1254", "x-cp1254"], b"\xdd\xfe\xf0", "İşğ"),
    (&["cp1255", "windows-1255", "x-cp1255"], b"\xf9\xec\xe5\xed", "שלום"),
    (&["cp1256", "windows-1256", "x-cp1256"], b"\xd3\xe1\xc7\xe3", "سلام"),
    (&["cp1257", "windows-1257", "x-cp1257"], b"\xc0\xfeuolas", "Ąžuolas"),
    (&["cp1258", "windows-1258", "x-cp1258"], b"\xd0\xf5 \xfe", "Đơ ₫"),
    (&["x-mac-cyrillic", "x-mac-ukrainian", "10007"], b"\x8f\xf0\xe8\xe2\xe5\xf2", "Привет"),
    (&["chinese", "csgb2312", "csiso58gb231280", "gb2312", "gb_2312", "gb_2312-80", "gbk", "iso-ir-58", "x-gbk", "cp936", "MS936", "windows-936", "EUC-CN", "x-euc-cn"], b"\xc4\xe3\xba\xc3", "你好"),
    (&["gb18030", "GB-18030", "csGB18030", "cp54936"], b"\xc4\xe3\xba\xc3 \x949\xfc6", "你好 😀"),
    (&["big5", "big5-hkscs", "cn-big5", "csbig5", "x-x-big5", "cp950", "Big-5", "csBig5HKSCS"], b"\xa7A\xa6n", "你好"),
    (&["cseucpkdfmtjapanese", "euc-jp", "x-euc-jp", "eucjp", "EUC_JP", "Extended_UNIX_Code_Packed_Format_for_Japanese"], b"\xc6\xfc\xcb\xdc\xb8\xec", "日本語"),
    (&["csiso2022jp", "iso-2022-jp", "ISO-2022-JP-2", "iso-2022-jp-ms", "cp50220", "cp50221", "cp50222"], b"\x1b$BF|K\x5c8l\x1b(B and ASCII", "日本語 and ASCII"),
    (&["iso-2022-jp-1", "iso-2022-jp-2", "csISO2022JP2"], b"\x1b$BF|K\x5c8l\x1b(B \x1b$(D0!\x1b(B \x1b$(CGQ19\x1b(B", "日本語 丂 한국"),
    (&["csshiftjis", "ms932", "ms_kanji", "shift-jis", "shift_jis", "sjis", "windows-31j", "x-sjis", "cp932", "csWindows31J", "Shift_JISX0213"], b"\x93\xfa\x96{\x8c\xea\xb1\xb2", "日本語ｱｲ"),
    (&["cseuckr", "csksc56011987", "euc-kr", "iso-ir-149", "korean", "ks_c_5601-1987", "ks_c_5601-1989", "ksc5601", "ksc_5601", "windows-949", "cp949", "uhc", "euckr", "KS_C_5601_1987"], b"\xbe\xc8\xb3\xe7 \x94\xee", "안녕 뷁"),
    (&["csiso2022kr", "iso-2022-kr", "ISO_2022_KR"], b"Hi \x1b$)C\x0e>H3g\x0f x", "Hi 안녕 x"),
    (&["hz-gb-2312", "HZ", "csHZGB2312"], b"Hi ~{Dc:C~}~~ x", "Hi 你好~ x"),
    (&["utf-16be", "unicodefffe", "csUTF16BE", "UTF16BE", "ucs-2be", "cp1201"], b"e\xe5g,\x00 \xd8=\xde\x00", "日本 😀"),
    (&["utf-16le", "unicodefeff", "csUTF16LE", "UTF16LE", "cp1200"], b"\xe5e,g \x00=\xd8\x00\xde", "日本 😀"),
    (&["utf-16", "csunicode", "iso-10646-ucs-2", "ucs-2", "unicode", "csUTF16"], b"\xff\xfe\xe5e,g \x00=\xd8\x00\xde", "日本 😀"),
    (&["utf-32", "csUTF32", "ISO-10646-UCS-4", "UCS-4"], b"\xff\xfe\x00\x00\xe5e\x00\x00,g\x00\x00 \x00\x00\x00\x00\xf6\x01\x00", "日本 😀"),
    (&["utf-32be", "UTF_32BE", "csUTF32BE"], b"\x00\x00e\xe5\x00\x00g,\x00\x00\x00 \x00\x01\xf6\x00", "日本 😀"),
    (&["utf-32le", "csUTF32LE"], b"\xe5e\x00\x00,g\x00\x00 \x00\x00\x00\x00\xf6\x01\x00", "日本 😀"),
    (&["utf-7", "unicode-1-1-utf-7", "csUTF7", "cp65000"], b"1 +- 1 = +AKM-2, +ZeVnLIqe.", "1 + 1 = £2, 日本語."),
    (&["cp437", "ibm437", "437", "csPC8CodePage437", "IBM-437"], b"Gr\x94\xe1e \xb0\xe0\xe1", "Größe ░αß"),
    (&["cp850", "ibm850", "850", "csPC850Multilingual", "dos-850", "x-ibm850"], b"Gr\x94\xe1e \xd1", "Größe Ð"),
    (&["cp852", "ibm852", "852", "csPCp852"], b"\x9d\xa2d\xab", "Łódź"),
    (&["cp858", "CP00858", "CCSID00858", "IBM00858", "PC-Multilingual-850+euro"], b"Gr\x94\xe1e \xd5", "Größe €"),
];

#[test]
fn every_label_is_known_and_text_may_be_split_anywhere() {
    for (labels, bytes, text) in CHARSETS {
        for label in *labels {
            for word in [b_word, q_word] {
                assert_eq!(subject(&word(label, bytes)), *text, "{label}");
                for at in 1..bytes.len() {
                    let (first, second) = bytes.split_at(at);
                    let words = [word(label, first), b"\r\n ".to_vec(), word(label, second)].concat();
                    assert_eq!(subject(&words), *text, "{label} cut at {at}");
                }
                let mixed = [b_word(label, &bytes[..1]), b" ".to_vec(), q_word(label, &bytes[1..])].concat();
                assert_eq!(subject(&mixed), *text, "{label}, two encodings");
            }
        }
    }
}

/// Each word shifts back to ASCII, as RFC 1468, RFC 1557 and RFC 1843 require.
#[test]
fn words_of_stateful_charsets_are_joined() {
    let table: &[(&str, &[u8], &[u8], &str)] = &[
        ("iso-2022-jp", b"\x1b$BF|\x1b(B", b"\x1b$BK\\\x1b(B", "日本"),
        ("iso-2022-kr", b"\x1b$)C\x0e>H\x0f", b"\x1b$)C\x0e3g\x0f", "안녕"),
        ("iso-2022-kr", b"\x0e>H\x0f", b"\x0e3g\x0f", "안녕"),
        ("hz-gb-2312", b"~{Dc~}", b"~{:C~}", "你好"),
        ("utf-7", b"+ZeU-", b"+Zyw-", "日本"),
    ];
    for (charset, first, second, text) in table {
        for word in [b_word, q_word] {
            assert_eq!(
                subject(&[word(charset, first), b" ".to_vec(), word(charset, second)].concat()),
                *text
            );
        }
    }
}

#[test]
fn undefined_bytes_become_replacement_characters() {
    let table: &[(&str, &[u8], &str)] = &[
        ("x-unknown", b"caf\xc3\xa9", "caf\u{fffd}\u{fffd}"),
        ("x-unknown", b"plain", "plain"),
        ("unknown-8bit", b"\xe9", "\u{fffd}"),
        ("cp12345", b"a\xe9", "a\u{fffd}"),
        ("iso-8859-12", b"a\xe9", "a\u{fffd}"),
        ("iso-8859-99", b"a\xe9", "a\u{fffd}"),
        ("replacement", b"a\xe9", "a\u{fffd}"),
        ("utf-8", b"a\xffb", "a\u{fffd}b"),
        ("utf-16be", b"\x65\xe5\x67", "日\u{fffd}"),
        ("utf-32be", b"\0\0\0A\0\x11\0\0\0", "A\u{fffd}\u{fffd}"),
        ("utf-7", b"a\xe9+ZeV", "a\u{fffd}日\u{fffd}"),
        ("iso-2022-jp", b"a\xe9\x1b$BF|K", "a\u{fffd}日\u{fffd}"),
        ("iso-2022-cn", b"a\x1b$)A\x0eDc:C\x0fb", "a你好b"),
        ("iso-2022-cn", b"a\x1b$)G\x0eDc\x0fb", "a\u{fffd}b"),
        ("hz", b"~{Dc~}\xe9", "你\u{fffd}"),
    ];
    for (charset, bytes, text) in table {
        assert_eq!(subject(&b_word(charset, bytes)), *text, "{charset} {bytes:?}");
    }
}

#[test]
fn byte_order_marks_override_labels() {
    assert_eq!(subject(&b_word("utf-16", b"\xfe\xff\x65\xe5")), "日");
    assert_eq!(subject(&b_word("utf-16le", b"\xfe\xff\x65\xe5")), "日");
    assert_eq!(subject(&b_word("utf-32", b"\0\0\xfe\xff\0\0\x65\xe5")), "日");
    // Without a byte order mark.
    assert_eq!(subject(&b_word("utf-16", b"\0H\0i")), "Hi");
    assert_eq!(subject(&b_word("utf-16", b"H\0i\0")), "Hi");
    assert_eq!(subject(&b_word("utf-32", b"\0\0\0H")), "H");
    assert_eq!(subject(&b_word("utf-32", b"H\0\0\0")), "H");
}

#[test]
fn every_short_sequence_of_every_charset_decodes() {
    for (labels, ..) in CHARSETS {
        let charset = Charset::from_label(labels[0]);
        let mut out = String::new();
        for first in 0..=u8::MAX {
            charset.decode(&[first], &mut out);
            for second in (0..=u8::MAX).step_by(5) {
                charset.decode(&[first, second], &mut out);
                charset.decode(&[first, 0x1b, second], &mut out);
                out.clear();
            }
        }
    }
}
