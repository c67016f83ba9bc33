//! Unusual handmade messages, and the values parsed from them.

use super::super::{Header, Mailbox, fields, parse};

/// Formats one field per line; `-` is a missing field or part.
fn shown(header: &Header) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let list = |list: &Option<Vec<Mailbox>>| match list {
        None => "-".to_owned(),
        Some(list) => {
            let list: Vec<_> =
                list.iter().map(|one| format!("{} <{}>", text(&one.name), text(&one.address))).collect();
            format!("[{}]", list.join(" | "))
        }
    };
    format!(
        "date: {}\nfrom: {}\nto: {}\ncc: {}\nsubject: {}\nid: {}\n",
        header.date.map_or_else(|| "-".to_owned(), |date| date.to_string()),
        list(&header.from),
        list(&header.to),
        list(&header.cc),
        text(&header.subject),
        text(&header.message_id),
    )
}

const CORPUS: &[(&str, &[u8], &str)] = &[
    (
        "a newsletter that forgot to encode, with a byte order mark",
        b"\xef\xbb\xbfFrom: Caf\xc3\xa9 M\xc3\xbcller <news@shop.example>\r\n\
          To: undisclosed-recipients:;\r\n\
          Subject: 20 % auf alles \xe2\x80\x93 nur heute f\xc3\xbcr k\xc3\r\n\
          Date: Fri, 28 Feb 2025 11:30:00 PM -0500\r\n\
          Message-ID: <very-long-identifier-that-a-gateway-folded\r\n =20250228@shop.example>\r\n\r\nHallo\r\n",
        "date: 2025-02-28T23:30:00-05:00\n\
         from: [Café Müller <news@shop.example>]\n\
         to: []\ncc: -\n\
         subject: 20 % auf alles – nur heute für k\u{fffd}\n\
         id: very-long-identifier-that-a-gateway-folded=20250228@shop.example\n",
    ),
    (
        "a reply through a gateway that marks external mail, from a scanner",
        b"From: \"[EXTERN] =?iso-8859-1?Q?J=F6rg_M=FCller?=\" <joerg@firma.example>\r\n\
          To: Scanner 3. Stock <scan@[IPv6:2001:db8::15]>; \"Doe, Jane\" <jane@firma.example>;\r\n\
          Cc: <@alt.example,@neu.example:archiv@firma.example>\r\n\
          Subject: =?utf-8?B?U2NhbiDigJMg?=\r\n =?utf-8?B?5Lit5?=\r\n =?utf-8?B?paH?=\r\n\
          Date: Tue Jul 24 18:55:07 CEST 2007\r\n\
          Message-Id: (scanner <no id>) <7@firma.example>\r\n\r\n",
        "date: 2007-07-24T18:55:07+02:00\n\
         from: [[EXTERN] Jörg Müller <joerg@firma.example>]\n\
         to: [Scanner 3. Stock <scan@[IPv6:2001:db8::15]> | Doe, Jane <jane@firma.example>]\n\
         cc: [- <archiv@firma.example>]\n\
         subject: Scan – 中文\n\
         id: 7@firma.example\n",
    ),
    (
        "spam that impersonates somebody",
        b"From: =?utf-8?Q?boss=40bank.example_=3Cboss=40bank.example=3E?= <x9@bad.example>\r\n\
          To: \"you@example.org\" you@example.org\r\n\
          Cc: victim one@example.org <victim two@example.org>, three@@example.org, four@example..org\r\n\
          Subject: =?x-made-up?B?4pyTIFBhaWQ=?= =?utf-8?Q?=E2=9C=93?=\r\n\
          Date: 31 Feb 2025 12:00:00 +0000\r\n\
          Date: 28 Feb 2025 12:00:00 +0000\r\n\r\n",
        "date: -\n\
         from: [boss@bank.example <boss@bank.example> <x9@bad.example>]\n\
         to: [you@example.org <you@example.org>]\n\
         cc: [victim <one@example.org> | three@@example.org <-> | four@example..org <->]\n\
         subject: \u{fffd}\u{fffd}\u{fffd} Paid✓\nid: -\n",
    ),
    (
        "a Japanese mail of 1998, nothing encoded",
        b"From: \x1b$B;3ED\x1b(B <yamada@example.jp>\r\nTo: list (ML) \r\n\
          Subject: =?ISO-2022-JP?B?GyRCRnwbKEI=?=\r\n =?ISO-2022-JP?B?GyRCS1wbKEI=?= mail\r\n\
          Date: 7 Jun 98 10:11:12 JST (Japan)\r\n\r\n",
        "date: 1998-06-07T10:11:12+09:00\n\
         from: [山田 <yamada@example.jp>]\nto: [list <->]\ncc: -\nsubject: 日本 mail\nid: -\n",
    ),
    (
        "a form on a web site",
        b"from: Jane \"Jay\" Doe jane@example.org\r\nTO: Sales<sales@shop.example>Support<help@shop.example>\r\n\
          subject:\tRe:=?windows-1252?q?_Gr=FC=DFe?=\r\n\t =?cp850?q?_=84?=\r\ndate: Mon, 03 Mar 2025 09.15.00 GMT+1:00\r\n\r\n",
        "date: 2025-03-03T09:15:00+01:00\n\
         from: [Jane Jay Doe <jane@example.org>]\n\
         to: [Sales <sales@shop.example> | Support <help@shop.example>]\ncc: -\nsubject: Re: Grüße ä\nid: -\n",
    ),
];

#[test]
fn unusual_messages_are_parsed() {
    for (name, message, expected) in CORPUS {
        assert_eq!(shown(&parse(message)), *expected, "{name}");
        // Some servers end lines with LF.
        let lf: Vec<u8> = message.iter().copied().filter(|&byte| byte != b'\r').collect();
        assert_eq!(shown(&parse(&lf)), *expected, "{name}, LF");
    }
}

/// A header that is truncated anywhere, as by `TOP` of a broken server, is parsed like its complete fields.
#[test]
fn unusual_messages_may_be_truncated_anywhere() {
    for (_, message, _) in CORPUS {
        let whole = fields(message).count();
        for end in 0..message.len() {
            assert!(fields(&message[..end]).count() <= whole);
            drop(parse(&message[..end]));
        }
    }
}
