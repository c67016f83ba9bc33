//! The operations of a journal that no later line ends: the messages whose storage was begun but not recorded as done.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    index::key,
    journal::{Append, Content, Deletion, Digest, Entry, FileContent, Message, PAGES},
};

/// A message whose storage was begun but not recorded as done.
pub(super) struct Unfinished {
    pub(super) message: OwnedMessage,
    pub(super) operation: Operation,
}

pub(super) enum Operation {
    File { stored: FileContent, temporary: PathBuf, name: PathBuf },
    Append(Arc<Append>),
}

/// A [`Message`] that owns its unique-id.
pub(crate) struct OwnedMessage {
    unique_id: Vec<u8>,
    occurrence: u32,
    time: u64,
    deletion: Deletion,
    listed: Option<u64>,
    content: Option<Content>,
    header: Option<Digest>,
}

impl OwnedMessage {
    pub(super) fn of(message: &Message<'_>) -> Self {
        let Message { unique_id, occurrence, time, deletion, listed, content, header } = *message;
        Self { unique_id: unique_id.to_vec(), occurrence, time, deletion, listed, content, header }
    }

    pub(crate) fn borrow(&self) -> Message<'_> {
        self.with_unique_id(&self.unique_id)
    }

    /// Returns the message with the same unique-id from another place.
    fn with_unique_id<'a>(&self, unique_id: &'a [u8]) -> Message<'a> {
        let &Self { unique_id: _, occurrence, time, deletion, listed, content, header } = self;
        Message { unique_id, occurrence, time, deletion, listed, content, header }
    }
}

/// The unfinished operations of a journal.
#[derive(Default)]
pub(crate) struct Operations {
    /// The unfinished operations by the [`key`] of their message.
    pub(super) unfinished: HashMap<Box<[u8]>, Unfinished>,
    /// The last append of the journal, to which `pages` and `part` lines belong.
    append: Option<Arc<Append>>,
}

impl Operations {
    /// Applies an entry of the journal.
    pub(crate) fn apply(&mut self, entry: Entry<'_>) {
        match entry {
            Entry::File { message, stored, temporary, name } => {
                let (temporary, name) = (temporary.into_owned(), name.into_owned());
                self.begin(&message, Operation::File { stored, temporary, name });
            }
            Entry::Append(append) => self.append = Some(Arc::new(append)),
            Entry::Pages(pages) => {
                if let Some(append) = self.append.as_mut().and_then(Arc::get_mut) {
                    append.pages.extend(pages);
                }
            }
            Entry::Part(message) => {
                if let Some(append) = self.append.clone() {
                    self.begin(&message, Operation::Append(append));
                }
            }
            entry => self.end(&entry),
        }
    }

    /// Returns the message of an unfinished operation.
    pub(crate) fn message<'a>(&self, unique_id: &'a [u8], occurrence: u32) -> Option<Message<'a>> {
        let unfinished = self.unfinished.get(&*key(unique_id, occurrence))?;
        Some(unfinished.message.with_unique_id(unique_id))
    }

    /// Removes the operation that an entry ends.
    pub(crate) fn end(&mut self, entry: &Entry<'_>) {
        if self.unfinished.is_empty() {
            return;
        }
        if let Entry::Done { message: Message { unique_id, occurrence, .. }, .. }
        | Entry::Stored { message: Message { unique_id, occurrence, .. }, .. }
        | Entry::Void { unique_id, occurrence }
        | Entry::Forgotten { unique_id, occurrence } = entry
        {
            self.unfinished.remove(&*key(unique_id, *occurrence));
        }
    }

    fn begin(&mut self, message: &Message<'_>, operation: Operation) {
        let key = key(message.unique_id, message.occurrence).into();
        self.unfinished.insert(key, Unfinished { message: OwnedMessage::of(message), operation });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.unfinished.is_empty()
    }

    /// Returns true if a file is the temporary file of an unfinished operation and must not be removed.
    pub(crate) fn needs(&self, path: &Path) -> bool {
        self.unfinished.values().any(|unfinished| match &unfinished.operation {
            Operation::File { temporary, .. } => temporary == path,
            Operation::Append(_) => false,
        })
    }

    /// Returns the unfinished operations as entries of the journal.
    pub(crate) fn entries(&self) -> Vec<Entry<'_>> {
        let mut entries = Vec::new();
        let mut appends: HashMap<*const Append, (&Append, Vec<Entry<'_>>)> = HashMap::new();
        for Unfinished { message, operation } in self.unfinished.values() {
            let message = message.borrow();
            match operation {
                Operation::File { stored, temporary, name } => entries.push(Entry::File {
                    message,
                    stored: *stored,
                    temporary: temporary.into(),
                    name: name.into(),
                }),
                Operation::Append(append) => {
                    let (_, parts) = appends.entry(Arc::as_ptr(append)).or_insert((append, Vec::new()));
                    parts.push(Entry::Part(message));
                }
            }
        }
        for (append, parts) in appends.into_values() {
            entries.push(Entry::Append(Append { pages: Vec::new(), ..append.clone() }));
            entries.extend(append.pages.chunks(PAGES).map(|pages| Entry::Pages(pages.to_vec())));
            entries.extend(parts);
        }
        entries
    }
}
