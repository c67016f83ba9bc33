//! The result of a selection.

/// The selected messages of a listing, by index. Takes one byte per message of the listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    flags: Vec<bool>,
    len: usize,
}

impl Selection {
    /// Returns an empty selection.
    pub fn none() -> Self {
        Self { flags: Vec::new(), len: 0 }
    }

    /// Returns the number of selected messages.
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn contains(&self, index: usize) -> bool {
        self.flags.get(index).is_some_and(|&selected| selected)
    }

    /// Iterates over the indices of the selected messages, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.flags.iter().enumerate().filter(|&(_, &selected)| selected).map(|(index, _)| index)
    }
}

/// Collects a flag for each message of the listing, which is true if the message is selected.
impl FromIterator<bool> for Selection {
    fn from_iter<T: IntoIterator<Item = bool>>(flags: T) -> Self {
        let flags: Vec<_> = flags.into_iter().collect();
        let len = flags.iter().filter(|&&selected| selected).count();
        Self { flags, len }
    }
}
