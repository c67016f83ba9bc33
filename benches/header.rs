//! Benchmarks of header parsing. Compare two versions on one machine with `cargo bench --bench header`.

use divan::{Bencher, counter::BytesCount};
use pop3::header;

fn main() {
    divan::main();
}

const PLAIN: &[u8] = b"Received: from mx.example.org by pop.example.org; Sun, 22 Nov 2026 10:00:00 +0000\r\n\
    From: Alice Example <alice@example.org>\r\nTo: bob@example.org\r\nSubject: minutes of the meeting\r\n\
    Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n\r\n";

const ENCODED: &[u8] = b"From: =?utf-8?B?0JDQvdC90LAg0J/QtdGC0YDQvtCy0LA=?= <anna@example.org>\r\n\
    To: =?iso-2022-jp?B?GyRCOzNFRBsoQg==?= <yamada@example.org>\r\n\
    Subject: =?utf-8?B?0J/RgNC+0YLQvtC60L7QuyDRgdC+0LHRgNCw0L3QuNGP?=\r\n =?utf-8?Q?_=E2=84=96_42?=\r\n\
    Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n\r\n";

#[divan::bench]
fn headers_in_ascii(bencher: Bencher<'_, '_>) {
    bencher.counter(BytesCount::of_slice(PLAIN)).bench(|| header::parse(PLAIN));
}

#[divan::bench]
fn headers_in_encoded_words(bencher: Bencher<'_, '_>) {
    bencher.counter(BytesCount::of_slice(ENCODED)).bench(|| header::parse(ENCODED));
}

/// Headers of many lines: the time should be linear in the number of lines.
#[divan::bench(args = [1_000, 10_000])]
fn header_lines(bencher: Bencher<'_, '_>, lines: usize) {
    let mut message = b"X-Long: word\r\n".repeat(lines);
    message.extend_from_slice(PLAIN);
    bencher.counter(BytesCount::of_slice(&message)).bench(|| header::parse(&message));
}

/// 4 MiB of input on which a naive parser restarts at every byte.
#[divan::bench(args = ["=?", " =?", "=?utf-8?q?", "=?utf-8?q?x?= ", "(", ",", "<", "\"", "\"a\".", "a@b ", "a@b,", "<a@b"])]
fn bombs(bencher: Bencher<'_, '_>, unit: &str) {
    let body = unit.repeat((4 << 20) / unit.len());
    let message = ["Subject: ", &body, "\r\nFrom: ", &body, "\r\nDate: ", &body, "\r\n\r\n"].concat();
    bencher.counter(BytesCount::of_slice(&message)).bench(|| header::parse(message.as_bytes()));
}
