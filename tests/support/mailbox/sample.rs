//! The maildrop in the examples of the README, which its tests and the demo serve.

use super::Message;

/// Returns the five messages with their unique-ids.
pub(crate) fn messages() -> Vec<Message> {
    (1..).zip(mail()).map(|(number, octets)| Message::new(unique_id(number), octets)).collect()
}

pub(crate) fn unique_id(number: u32) -> String {
    format!("{number:08x}65a1b2c3")
}

/// Returns the messages as `RETR` sends them, before dot-stuffing.
pub(crate) fn mail() -> Vec<Vec<u8>> {
    let messages = [
        ("Bob Example <bob@example.com>", "Lunch?", "", "Shall we meet at noon?\n"),
        ("Newsletter <news@shop.example>", "=?utf-8?B?R3LDvMOfZSBhdXMgS8O2bG4=?=", "", "Hello\n.dot\n"),
        ("Win <win@spam.example>", "You have won", "X-Spam-Flag: YES\n", "Click.\n"),
        (
            "Carol <carol@example.com>",
            "Holiday pictures",
            "",
            &(format!("{}\n", "A".repeat(70))).repeat(2000),
        ),
        ("win2@spam.example", "Cheap watches", "X-Spam-Flag: YES\n", "Buy\n"),
    ];
    let message = |(nth, (from, subject, mark, body)): (u32, (&str, &str, &str, &str))| {
        format!(
            "From: {from}\nTo: alice@example.org\nSubject: {subject}\nDate: Sun, 22 Nov 2026 1{nth}:00:00 +0100\n\
             Message-ID: <{}@example.com>\n{mark}\n{body}",
            nth + 1
        )
        .replace('\n', "\r\n")
        .into_bytes()
    };
    (0..).zip(messages).map(message).collect()
}
