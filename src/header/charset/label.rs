//! Labels of charsets.

use encoding_rs::{
    BIG5, EUC_JP, EUC_KR, Encoding, GB18030, GBK, REPLACEMENT, SHIFT_JIS, UTF_8, UTF_16BE, UTF_16LE,
};

use super::{Charset, code_page, iso_2022::Set};

/// Returns the charset with this label. Labels outside the WHATWG standard are compared by letters and digits,
/// without the prefixes `cs` and `x-` of registries.
///
/// ```text
/// "csUTF8" "x-utf_8" "UTF8" → UTF-8     "win-1251" "cp1251" "ms1251" → windows-1251
/// ```
pub(super) fn charset(label: &str) -> Charset {
    // Fast path: most encoded words are UTF-8.
    if label.eq_ignore_ascii_case("utf-8") {
        return Charset::Whatwg(UTF_8);
    }
    let compact: String = label
        .bytes()
        .filter(u8::is_ascii_alphanumeric)
        .map(|byte| char::from(byte.to_ascii_lowercase()))
        .collect();
    let stripped = ["cs", "x"].iter().find_map(|prefix| compact.strip_prefix(prefix)).unwrap_or(&compact);
    if let Some(charset) = beyond_whatwg(stripped) {
        return charset;
    }
    if let Some(encoding) = Encoding::for_label(label.as_bytes()).filter(|&encoding| encoding != REPLACEMENT)
    {
        return Charset::Whatwg(encoding);
    }
    [compact.as_str(), stripped].into_iter().find_map(lenient).unwrap_or(Charset::Unknown)
}

/// Returns charsets that the WHATWG standard lacks, or decodes differently from mail clients.
fn beyond_whatwg(compact: &str) -> Option<Charset> {
    Some(match compact {
        "utf7" | "unicode11utf7" | "unicode20utf7" => Charset::Utf7,
        "utf16" | "ucs2" | "iso10646ucs2" | "unicode" => Charset::Utf16,
        "utf32" | "ucs4" | "iso10646ucs4" => Charset::Utf32(None),
        "utf32be" | "ucs4be" => Charset::Utf32(Some(true)),
        "utf32le" | "ucs4le" => Charset::Utf32(Some(false)),
        "hz" | "hzgb2312" => Charset::Hz,
        _ if compact.starts_with("iso2022jp") => Charset::Iso2022(Set::Katakana),
        _ if compact.starts_with("iso2022kr") => Charset::Iso2022(Set::Korean),
        _ if compact.starts_with("iso2022cn") => Charset::Iso2022(Set::Chinese),
        _ => return None,
    })
}

fn lenient(compact: &str) -> Option<Charset> {
    let whatwg = |encoding| Some(Charset::Whatwg(encoding));
    match compact {
        "utf16be" | "ucs2be" => return whatwg(UTF_16BE),
        "utf16le" | "ucs2le" => return whatwg(UTF_16LE),
        "eucjp" | "ujis" | "extendedunixcodepackedformatforjapanese" => return whatwg(EUC_JP),
        "windows31j" | "mskanji" | "shiftjisx0213" | "shiftjis2004" => return whatwg(SHIFT_JIS),
        "euckr" | "uhc" | "ksc5601" | "ksx1001" | "ksc56011987" | "ksc56011992" => return whatwg(EUC_KR),
        "euccn" | "gb2312" | "gb231280" => return whatwg(GBK),
        "gb18030" | "gb180302000" | "gb180302005" | "gb180302022" => return whatwg(GB18030),
        "big5" | "big5hkscs" | "bigfive" | "cnbig5" => return whatwg(BIG5),
        "utf8" | "utf8mb4" | "utf" => return whatwg(UTF_8),
        "koi8r" | "koi8u" | "tis620" | "usascii" | "macroman" | "latin1" | "latin2" | "latin9" => {
            let label = match compact {
                "koi8r" => "koi8-r",
                "koi8u" => "koi8-u",
                "tis620" => "tis-620",
                "macroman" => "macintosh",
                "latin2" => "iso-8859-2",
                "latin9" => "iso-8859-15",
                _ => "windows-1252",
            };
            return named(label);
        }
        "pcmultilingual850euro" => return Some(Charset::CodePage(code_page::CP858)),
        "pc8codepage437" => return Some(Charset::CodePage(code_page::CP437)),
        "pc850multilingual" => return Some(Charset::CodePage(code_page::CP850)),
        "pcp852" => return Some(Charset::CodePage(code_page::CP852)),
        _ => {}
    }
    let iso = compact.strip_prefix("iso").unwrap_or(compact);
    if let Some(part) = iso.strip_prefix("8859") {
        return named(&format!("iso-8859-{part}"));
    }
    let digits = compact.find(|c: char| c.is_ascii_digit())?;
    let (vendor, number) = compact.split_at(digits);
    let is_vendor =
        matches!(vendor, "" | "cp" | "ibm" | "win" | "windows" | "ms" | "ccsid" | "codepage" | "dos" | "oem");
    numbered(number.parse().ok().filter(|_| is_vendor)?).or_else(|| named(compact))
}

/// Returns the IBM or Microsoft code page with this number.
fn numbered(number: u32) -> Option<Charset> {
    Some(match number {
        437 => Charset::CodePage(code_page::CP437),
        850 => Charset::CodePage(code_page::CP850),
        852 => Charset::CodePage(code_page::CP852),
        858 => Charset::CodePage(code_page::CP858),
        866 => return named("ibm866"),
        367 | 819 | 20127 => return named("windows-1252"),
        874 | 1250..=1258 => return named(&format!("windows-{number}")),
        932 | 943 => Charset::Whatwg(SHIFT_JIS),
        936 | 51936 => Charset::Whatwg(GBK),
        949 | 51949 => Charset::Whatwg(EUC_KR),
        950 | 951 => Charset::Whatwg(BIG5),
        1200 => Charset::Whatwg(UTF_16LE),
        1201 => Charset::Whatwg(UTF_16BE),
        10000 => return named("macintosh"),
        10007 => return named("x-mac-cyrillic"),
        12000 => Charset::Utf32(Some(false)),
        12001 => Charset::Utf32(Some(true)),
        20866 => return named("koi8-r"),
        21866 => return named("koi8-u"),
        20932 | 51932 => Charset::Whatwg(EUC_JP),
        28591..=28606 => return named(&format!("iso-8859-{}", number - 28590)),
        50220..=50222 => Charset::Iso2022(Set::Katakana),
        50225 => Charset::Iso2022(Set::Korean),
        50227 => Charset::Iso2022(Set::Chinese),
        52936 => Charset::Hz,
        54936 => Charset::Whatwg(GB18030),
        65000 => Charset::Utf7,
        65001 => Charset::Whatwg(UTF_8),
        _ => return None,
    })
}

fn named(label: &str) -> Option<Charset> {
    Encoding::for_label(label.as_bytes()).map(Charset::Whatwg)
}
