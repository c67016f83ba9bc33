//! The messages that were selected.

/// Which messages of a listing are chosen, by their index in it: an octet for each message of the listing, as there
/// may be 100,000.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    flags: Vec<bool>,
    len: usize,
}

impl Selection {
    pub fn none() -> Self {
        Self { flags: Vec::new(), len: 0 }
    }

    /// How many are chosen.
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn contains(&self, index: usize) -> bool {
        self.flags.get(index).is_some_and(|&chosen| chosen)
    }

    /// Their indices, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.flags.iter().enumerate().filter(|&(_, &chosen)| chosen).map(|(index, _)| index)
    }
}

/// From whether each message of the listing is chosen.
impl FromIterator<bool> for Selection {
    fn from_iter<T: IntoIterator<Item = bool>>(flags: T) -> Self {
        let flags: Vec<_> = flags.into_iter().collect();
        let len = flags.iter().filter(|&&chosen| chosen).count();
        Self { flags, len }
    }
}
