//! Messages of many kinds, the same in every run.

/// A reproducible pseudo-random generator of low quality.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// Returns a number below `limit`.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit.max(1)
    }

    fn octets(&mut self, count: u64, from: &[u8]) -> Vec<u8> {
        (0..count).map(|_| from[usize::try_from(self.below(from.len() as u64)).expect("an index")]).collect()
    }
}

const SUBJECTS: [&str; 6] = [
    "Subject: Lunch on Friday?",
    "Subject: =?UTF-8?B?0J/RgNC40LLQtdGCLCDQvNC40YAh?=",
    "Subject: =?KOI8-R?B?8NLJ18XUIMna?= =?KOI8-R?B?IO3P08vX2Q==?=",
    "Subject: =?ISO-2022-JP?B?GyRCJDMkcyRLJEEkTxsoQg==?=",
    "Subject: \u{41f}\u{440}\u{438}\u{432}\u{435}\u{442} in raw UTF-8",
    "Subject: a long one,\n\tfolded over\n lines of any length",
];

/// Returns `count` messages with LF line ends, as in a Maildir, and without NUL.
pub(crate) fn messages(count: u64, seed: u64) -> Vec<Vec<u8>> {
    let mut random = Random::new(seed);
    (0..count).map(|nth| message(nth, &mut random)).collect()
}

fn message(nth: u64, random: &mut Random) -> Vec<u8> {
    let subject = SUBJECTS[usize::try_from(random.below(SUBJECTS.len() as u64)).expect("an index")];
    let header = format!(
        "From: Sender {nth} <sender{nth}@example.org>\nTo: alice@example.org\n{subject}\n\
         Date: Mon, 2 Nov 2026 10:{:02}:00 +0300\nMessage-ID: <{nth}.{}@example.org>\n",
        nth % 60,
        random.below(u64::MAX)
    );
    let mut octets = header.into_bytes();
    let text: Vec<u8> = (b' '..=b'~').collect();
    let high: Vec<u8> = (0x80..=0xff).collect();
    // Messages with a header only, with or without the empty line.
    match nth % 12 {
        0 => return octets,
        1 => {
            octets.push(b'\n');
            return octets;
        }
        _ => octets.push(b'\n'),
    }
    match nth % 12 {
        2 => octets.extend_from_slice(b".\n..\n...\n.a\n\n.\n"),
        3 => {
            let count = 998 + random.below(40_000);
            octets.extend(random.octets(count, &text));
            octets.push(b'\n');
        }
        4 => octets.extend_from_slice(b"no final newline"),
        5 => octets.extend_from_slice(b"a dot ends it all\n."),
        6 => {
            for _ in 0..40 {
                let count = random.below(120);
                octets.extend(random.octets(count, &high));
                octets.push(b'\n');
            }
        }
        7 => octets.extend_from_slice(b"\n\n\n\n"),
        8 => {
            octets.extend_from_slice(b"From here on\n>From there\nFrom me\n\x1b[31mred\x07 \x7f tab\there\n");
        }
        9 => octets.extend(attachment(random)),
        10 => octets
            .extend_from_slice("\u{65e5}\u{672c}\u{8a9e}\n\u{440}\u{443}\u{441}\n".repeat(200).as_bytes()),
        _ => {
            for _ in 0..random.below(3000) {
                let count = random.below(90);
                octets.extend(random.octets(count, &text));
                octets.push(b'\n');
            }
        }
    }
    octets
}

fn attachment(random: &mut Random) -> Vec<u8> {
    let base64: Vec<u8> = (b'A'..=b'Z').chain(b'a'..=b'z').chain(b'0'..=b'9').collect();
    let mut octets = b"--b\nContent-Type: text/plain\n\nsee attached\n--b\n\
        Content-Type: application/pdf; name=\"a.pdf\"\nContent-Transfer-Encoding: base64\n\n"
        .to_vec();
    for _ in 0..random.below(4000) {
        octets.extend(random.octets(76, &base64));
        octets.push(b'\n');
    }
    octets.extend_from_slice(b"--b--\n");
    octets
}

/// Converts LF line ends to CRLF.
pub(crate) fn crlf(octets: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(octets.len() + octets.len() / 32);
    for line in octets.split_inclusive(|&octet| octet == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(text) => {
                out.extend_from_slice(text);
                out.extend_from_slice(b"\r\n");
            }
            None => out.extend_from_slice(line),
        }
    }
    out
}
