//! Checkpoints: commands whose response cannot be mistaken for that of another command.

use crate::{
    error::Error,
    proto::{Command, MessageNumber, StatusLine, listing},
    session::connection::Connection,
};

/// A command whose response cannot be mistaken for that of another command.
#[derive(Debug, Clone, Copy)]
pub(super) enum Checkpoint {
    /// `LIST n`: the response repeats the number.
    List(MessageNumber),
    /// `STAT`, if no message is known to be listed: the response has two numbers.
    Stat,
}

impl Checkpoint {
    pub(super) fn command(self) -> Command<'static> {
        match self {
            Self::List(number) => Command::List(Some(number)),
            Self::Stat => Command::Stat,
        }
    }

    pub(super) fn is_answered_by(self, line: &[u8]) -> bool {
        let Ok(status) = StatusLine::parse(line) else { return false };
        match self {
            Self::List(number) => {
                listing::scan_listing(status.text()).is_ok_and(|listing| listing.number == number)
            }
            Self::Stat => listing::drop_listing(status.text()).is_ok(),
        }
    }
}

/// The state that a session keeps between retrievals.
#[derive(Debug, Default)]
pub(super) struct RetrievalState {
    /// A `DELE` was answered with `+OK` since the last `RSET`. A missing response poisons the session, which then ends
    /// without `QUIT` anyway.
    pub(super) marked: bool,
    /// Pipelined responses to `DELE` were not followed by a checkpoint yet.
    pub(super) marks_unproven: bool,
    /// `LIST n` was tried; [`Connection::pipelining`] stays true only if its response repeats the number.
    pub(super) probed: bool,
    /// The sizes of the last listing, in the order of the numbers.
    pub(super) sizes: Vec<(MessageNumber, u64)>,
    accuracy: Accuracy,
}

/// The sizes of received messages, compared with the listing.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Accuracy {
    #[default]
    Unknown,
    /// All were as listed.
    Exact,
    /// One was not.
    Wrong,
}

impl RetrievalState {
    pub(super) fn octets(&self, number: MessageNumber) -> u64 {
        let at = self.sizes.binary_search_by_key(&number, |&(number, _)| number);
        at.map_or(0, |at| self.sizes[at].1)
    }

    /// True if a message of `octets` must be another one than `number`: the server's sizes were exact so far, this one is not,
    /// and it is the size of a message nearby. A response sent twice and another one left out cancel out, so the checkpoint
    /// after them would be in its place. On a server whose sizes are wrong anyway nothing follows from them.
    pub(super) fn is_of_another_message(&mut self, number: MessageNumber, octets: u64) -> bool {
        let Ok(at) = self.sizes.binary_search_by_key(&number, |&(number, _)| number) else { return false };
        let listed = self.sizes[at].1;
        // A response ends with a line end (RFC 1939 §3) that the message may lack, and its listed size then, too.
        if octets == listed || octets == listed.saturating_add(2) {
            if octets == listed && self.accuracy == Accuracy::Unknown {
                self.accuracy = Accuracy::Exact;
            }
            return false;
        }
        let nearby = &self.sizes[at.saturating_sub(NEARBY)..(at + NEARBY).min(self.sizes.len())];
        let other = self.accuracy == Accuracy::Exact && nearby.iter().any(|&(_, size)| size == octets);
        self.accuracy = Accuracy::Wrong;
        other
    }

    /// Evaluates the response to `LIST number`. Without the number in it, nothing could prove the order of pipelined
    /// responses, so pipelining is turned off.
    pub(super) fn apply_probe(
        &mut self,
        connection: &mut Connection,
        number: MessageNumber,
        response: &Result<Vec<u8>, Error>,
    ) {
        self.probed = true;
        if !response.as_ref().is_ok_and(|line| Checkpoint::List(number).is_answered_by(line)) {
            connection
                .note("not pipelined: the answer to LIST with a message-number does not repeat the number");
            connection.set_pipelining(false);
        }
    }
}

/// Messages before and after one whose responses may be taken for its own: at least those between two checkpoints.
const NEARBY: usize = 64;
