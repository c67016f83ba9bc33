use proptest::prelude::*;

use super::{super::Date, header};

fn check(table: &[(&str, &str)]) {
    for (raw, date) in table {
        let expected = (!date.is_empty()).then(|| (*date).to_owned());
        assert_eq!(Date::parse(raw).map(|date| date.to_string()), expected, "{raw:?}");
        let read = header(&format!("Date: {raw}\r\n\r\n"));
        assert_eq!(read.date.map(|date| date.to_string()), expected, "{raw:?}");
    }
}

#[test]
fn rfc_5322() {
    check(&[
        ("Sat, 1 Mar 2025 14:03:00 +0530", "2025-03-01T14:03:00+05:30"),
        ("1 Mar 2025 14:03 -0800", "2025-03-01T14:03:00-08:00"),
        ("Sat, 01 Mar 2025 14:03:00 -0000", "2025-03-01T14:03:00+00:00"),
        // A wrong day name is ignored.
        ("Mon, 1 Mar 2025 14:03:00 +0000", "2025-03-01T14:03:00+00:00"),
        ("Sat, 1 Mar 2025\r\n 14:03:00\r\n\t+0100", "2025-03-01T14:03:00+01:00"),
        ("Sat,  1  mar  2025  14:03:00  +0100", "2025-03-01T14:03:00+01:00"),
        ("SAT, 1 MAR 2025 14:03:00 +0100", "2025-03-01T14:03:00+01:00"),
        ("29 Feb 2024 00:00:00 +0000", "2024-02-29T00:00:00+00:00"),
        ("29 Feb 2000 00:00:00 +0000", "2000-02-29T00:00:00+00:00"),
        ("31 Dec 9999 23:59:59 -2359", "9999-12-31T23:59:59-23:59"),
        ("1 Jan 1900 00:00:00 +2359", "1900-01-01T00:00:00+23:59"),
    ]);
}

#[test]
fn comments_may_be_anywhere() {
    check(&[
        (
            "Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n               -0330 (Newfoundland Time)",
            "1969-02-13T23:32:00-03:30",
        ),
        ("Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", "1997-11-21T09:55:06-06:00"),
        ("Fri, 21 Nov 1997 09(c):   55  :  06 -0600", "1997-11-21T09:55:06-06:00"),
        ("(sent) Fri, 28 Feb 2025 09:00:00 +0100", "2025-02-28T09:00:00+01:00"),
        ("Fri(day), 28 Feb 2025 09:00:00 +0100", "2025-02-28T09:00:00+01:00"),
        ("Fri, 28(\\)) Feb (a (b) c) 2025 09:00:00 +0100(x)(y)", "2025-02-28T09:00:00+01:00"),
        ("Fri, 28 Feb 2025 09:00:00 (CET) +0100", "2025-02-28T09:00:00+01:00"),
        // A comment separates two tokens.
        ("Fri, 28 Feb 20(c)25 09:00:00 +0100", ""),
        ("Fri, 28 Feb 2025 0(c)9:00:00 +0100", ""),
        ("Fri, 28 Feb 2025 09:00:00 +01(c)00", ""),
        // An unclosed comment ends with the field.
        ("Fri, 28 Feb 2025 09:00:00 +0100 (CET", "2025-02-28T09:00:00+01:00"),
        ("Fri, 28 Feb 2025 09:00:00 (CET +0100", ""),
        ("Fri, 28 Feb 2025 09:00:00 +0100)", ""),
    ]);
}

#[test]
fn obsolete_years() {
    check(&[
        ("21 Nov 97 09:55:06 GMT", "1997-11-21T09:55:06+00:00"),
        ("21 Nov 00 09:55:06 GMT", "2000-11-21T09:55:06+00:00"),
        ("21 Nov 49 09:55:06 GMT", "2049-11-21T09:55:06+00:00"),
        ("21 Nov 50 09:55:06 GMT", "1950-11-21T09:55:06+00:00"),
        ("21 Nov 125 09:55:06 GMT", "2025-11-21T09:55:06+00:00"),
        ("21 Nov 5 09:55:06 GMT", ""),
        ("21 Nov 0025 09:55:06 GMT", ""),
        ("21 Nov 1899 09:55:06 GMT", ""),
        ("21 Nov 02025 09:55:06 GMT", ""),
        ("1 Jan 99999 00:00:00 +0000", ""),
    ]);
}

#[test]
fn obsolete_zones() {
    for (zone, offset) in [
        ("UT", "+00:00"),
        ("GMT", "+00:00"),
        ("EST", "-05:00"),
        ("EDT", "-04:00"),
        ("CST", "-06:00"),
        ("CDT", "-05:00"),
        ("MST", "-07:00"),
        ("MDT", "-06:00"),
        ("PST", "-08:00"),
        ("PDT", "-07:00"),
        ("gmt", "+00:00"),
        ("Pdt", "-07:00"),
        // Zones that RFC 5322 does not define.
        ("UTC", "+00:00"),
        ("CET", "+01:00"),
        ("CEST", "+02:00"),
        ("EET", "+02:00"),
        ("EEST", "+03:00"),
        ("JST", "+09:00"),
    ] {
        check(&[(&format!("1 Mar 1997 01:02:03 {zone}"), &format!("1997-03-01T01:02:03{offset}"))]);
    }
    // Zone names with several meanings or without a meaning.
    for zone in ["BST", "IST", "AST", "XYZ", "Europe", "GMTX", "AMT"] {
        check(&[(&format!("1 Mar 1997 01:02:03 {zone}"), "")]);
    }
    // RFC 5322 §4.3: military zones are equivalent to "-0000".
    for letter in ('A'..='Z').chain('a'..='z') {
        let expected = if letter.eq_ignore_ascii_case(&'J') { "" } else { "1997-03-01T01:02:03+00:00" };
        check(&[(&format!("1 Mar 1997 01:02:03 {letter}"), expected)]);
    }
}

#[test]
fn offsets() {
    check(&[
        ("Fri, 28 Feb 2025 09:26:24 GMT +0100", "2025-02-28T09:26:24+01:00"),
        ("Fri, 28 Feb 2025 09:26:24 GMT+0100", "2025-02-28T09:26:24+01:00"),
        ("Fri, 28 Feb 2025 09:26:24 GMT-08:00", "2025-02-28T09:26:24-08:00"),
        ("Fri, 28 Feb 2025 09:26:24 UTC+1:00", "2025-02-28T09:26:24+01:00"),
        ("Fri, 28 Feb 2025 09:26:24 +2:00", "2025-02-28T09:26:24+02:00"),
        ("Fri, 28 Feb 2025 09:26:24 +02:00", "2025-02-28T09:26:24+02:00"),
        ("Fri, 28 Feb 2025 09:26:24 -02", "2025-02-28T09:26:24-02:00"),
        ("Fri, 28 Feb 2025 09:26:24 +0100 CET", "2025-02-28T09:26:24+01:00"),
        ("Fri, 28 Feb 2025 09:26:24 +0000 GMT", "2025-02-28T09:26:24+00:00"),
        ("Fri, 28 Feb 2025 09:26:24 +0200 CET", ""),
        ("Fri, 28 Feb 2025 09:26:24 +0200 XYZ", ""),
        ("Fri, 28 Feb 2025 09:26:24 CET +0100", ""),
        ("Fri, 28 Feb 2025 09:26:24 A+0100", ""),
        ("Fri, 28 Feb 2025 09:26:24 +200", ""),
        ("Fri, 28 Feb 2025 09:26:24 +2", ""),
        ("Fri, 28 Feb 2025 09:26:24 +02000", ""),
        ("Fri, 28 Feb 2025 09:26:24 0200", ""),
        ("Fri, 28 Feb 2025 09:26:24 +0060", ""),
        ("Fri, 28 Feb 2025 09:26:24 +2400", ""),
        ("Fri, 28 Feb 2025 09:26:24 +9999", ""),
        ("Fri, 28 Feb 2025 09:26:24 +0100 +0200", ""),
        ("Fri, 28 Feb 2025 09:26:24 --0100", ""),
        // Without a zone, a date may be hours off.
        ("Fri, 28 Feb 2025 09:26:24", ""),
        ("Tue Jul 24 18:55:07 2007", ""),
    ]);
}

#[test]
fn twelve_hour_clock() {
    check(&[
        ("15 Dec 00 11:13:27 PM", ""),
        ("15 Dec 00 11:13:27 PM GMT", "2000-12-15T23:13:27+00:00"),
        ("Fri, 28 Feb 2025 11:30:00 PM -0500", "2025-02-28T23:30:00-05:00"),
        ("Fri, 28 Feb 2025 11:30:00pm -0500", "2025-02-28T23:30:00-05:00"),
        ("Fri, 28 Feb 2025 11:30 AM -0500", "2025-02-28T11:30:00-05:00"),
        ("Fri, 28 Feb 2025 12:30:00 AM -0500", "2025-02-28T00:30:00-05:00"),
        ("Fri, 28 Feb 2025 12:30:00 PM -0500", "2025-02-28T12:30:00-05:00"),
        ("Fri, 28 Feb 2025 13:30:00 PM -0500", ""),
        ("Fri, 28 Feb 2025 00:30:00 AM -0500", ""),
        ("Fri, 28 Feb 2025 11:30:00 -0500 PM", ""),
        ("Fri, 28 Feb 2025 11:30:00 PM PM -0500", ""),
    ]);
}

#[test]
fn separators_of_the_time() {
    check(&[
        ("Fri, 28 Feb 2025 13.49.00 +0100", "2025-02-28T13:49:00+01:00"),
        ("Fri, 28 Feb 2025 13.49 +0100", "2025-02-28T13:49:00+01:00"),
        ("28 Feb 2025T09:00:00 +0100", "2025-02-28T09:00:00+01:00"),
        ("Fri, 28 Feb 2025, 09:00:00 +0100", "2025-02-28T09:00:00+01:00"),
        ("Fri, 28 Feb 2025 9:00:00 +0100", "2025-02-28T09:00:00+01:00"),
        ("Fri, 28 Feb 2025 09:00:00.123 +0100", "2025-02-28T09:00:00+01:00"),
        ("Fri, 28 Feb 2025 13.49:00 +0100", ""),
        ("Fri, 28 Feb 2025 13:49.00 +0100", ""),
        ("Fri, 28 Feb 2025 13:49:00:00 +0100", ""),
        ("Fri, 28 Feb 2025 13:4:00 +0100", ""),
        ("Fri, 28 Feb 2025 13:49:0 +0100", ""),
        ("Fri, 28 Feb 2025 1349 +0100", ""),
        ("Fri, 28 Feb 2025 013:49:00 +0100", ""),
        ("Fri, 28 Feb 2025 +0100", ""),
    ]);
}

#[test]
fn other_orders() {
    check(&[
        ("Tue, Oct 17 2000 02:15:24 -0700", "2000-10-17T02:15:24-07:00"),
        ("October 17, 2000 02:15:24 -0700", "2000-10-17T02:15:24-07:00"),
        ("Tue Jul 24 18:55:07 2007 +0200", "2007-07-24T18:55:07+02:00"),
        ("Tue Jul 24 18:55:07 CEST 2007", "2007-07-24T18:55:07+02:00"),
        ("Tue Jul 24 18:55:07 +0200 2007", "2007-07-24T18:55:07+02:00"),
        ("28-Feb-2025 09:00:00 +0100", "2025-02-28T09:00:00+01:00"),
        ("2025-02-28T09:00:00+01:00", "2025-02-28T09:00:00+01:00"),
        ("2025-02-28 09:00:00 +0100", "2025-02-28T09:00:00+01:00"),
        ("2025-02-28T09:00:00.000Z", "2025-02-28T09:00:00+00:00"),
        ("Friday, 28 February 2025 09:00:00 +0100", "2025-02-28T09:00:00+01:00"),
        ("Tues, 2 Sept 2025 09:00:00 +0100", "2025-09-02T09:00:00+01:00"),
        ("Sat 1 Mar 2025 14:03:00 +0100", "2025-03-01T14:03:00+01:00"),
        // Ambiguous: the first number may be the day or the month.
        ("02/03/2025 09:00:00 +0100", ""),
        ("02.03.2025 09:00:00 +0100", ""),
        ("2025-2-28 09:00:00 +0100", ""),
        ("2025 Feb 28 09:00:00 +0100", ""),
    ]);
}

#[test]
fn leap_seconds() {
    check(&[
        ("31 Dec 2016 23:59:60 +0000", "2016-12-31T23:59:60+00:00"),
        ("1 Jan 2017 00:59:60 +0100", "2017-01-01T00:59:60+01:00"),
        ("30 Jun 2015 23:59:60 GMT", "2015-06-30T23:59:60+00:00"),
        ("30 Jun 2015 16:59:60 PDT", "2015-06-30T16:59:60-07:00"),
        ("1 Mar 2025 14:03:60 +0000", ""),
        ("31 Dec 2016 23:59:60 +0100", ""),
        ("31 Dec 2016 23:59:61 +0000", ""),
    ]);
    assert_eq!(Date::parse("31 Dec 2016 23:59:60 +0000").unwrap().unix_seconds(), 1_483_228_800);
}

#[test]
fn impossible() {
    for raw in [
        "29 Feb 2025 00:00:00 +0000",
        "29 Feb 1900 00:00:00 +0000",
        "31 Feb 2025 00:00:00 +0000",
        "31 Apr 2025 00:00:00 +0000",
        "32 Jan 2025 00:00:00 +0000",
        "0 Jan 2025 00:00:00 +0000",
        "1 Jan 2025 24:00:00 +0000",
        "1 Jan 2025 25:00:00 +0000",
        "1 Jan 2025 00:60:00 +0000",
        "1 Jan 2025 00:00:99 +0000",
        "1 Foo 2025 00:00:00 +0000",
        "1 Ma 2025 00:00:00 +0000",
        "1 Marc 25 00:00 +0000 and more",
        "123 Jan 2025 00:00:00 +0000",
        "Foo, 1 Jan 2025 00:00:00 +0000",
        "Sat, Sat, 1 Mar 2025 14:03:00 +0000",
        "Sat, 1 Mar 2025 14:03:00 +0000 1",
        "Sat, 1 Mar 2025 14:03:00 +0000;",
        "Sat, 1 Mar 2025\u{a0}14:03:00 +0000",
        "=?utf-8?Q?Sat,_1_Mar_2025_14:03:00_+0000?=",
        "2025-13-01T00:00:00Z",
        "yesterday",
        "",
        "+",
    ] {
        check(&[(raw, "")]);
    }
}

proptest! {
    /// Every date of RFC 5322 §3.3 is parsed, also with folds and comments, and its seconds agree with its parts.
    #[test]
    fn printed_dates_are_parsed(
        year in 1900_u16..=9999, month in 1_u8..=12, day in 1_u8..=31, hour in 0_u8..24, minute in 0_u8..60, second in 0_u8..60,
        offset in -1439_i32..=1439, gap in "( |\t|\r\n |\\(c\\)| \\(a \\(b\\) \\\\\\)\\) ){1,3}",
    ) {
        const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let (sign, zone) = (if offset < 0 { '-' } else { '+' }, offset.abs());
        let name = MONTHS[usize::from(month) - 1];
        let text = format!(
            "{gap}{day}{gap}{name}{gap}{year}{gap}{hour:02}:{minute:02}:{second:02}{gap}{sign}{:02}{:02}{gap}",
            zone / 60, zone % 60,
        );
        let printed = format!(
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{sign}{:02}:{:02}", zone / 60, zone % 60,
        );
        let date = Date::parse(&text);
        if day <= 28 {
            prop_assert!(date.is_some(), "{text:?}");
        }
        if let Some(date) = date {
            prop_assert_eq!(date.to_string(), printed.clone());
            let instant: Option<jiff::Timestamp> = printed.parse().ok();
            if let Some(instant) = instant {
                prop_assert_eq!(date.unix_seconds(), instant.as_second());
            }
        } else {
            prop_assert!(printed.parse::<jiff::Timestamp>().is_err(), "{printed}");
        }
    }

    /// Every parsed date exists.
    #[test]
    fn every_parsed_date_exists(text in "([0-9]{1,4}|[ ,:+.()-]|Mar|Sat|GMT|PM|T|Z|[A-Za-z]){0,24}") {
        if let Some(date) = Date::parse(&text) {
            prop_assert!(date.to_string().parse::<jiff::Timestamp>().is_ok(), "{text:?} {date}");
        }
    }
}
