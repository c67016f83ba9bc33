//! Checkpoints prove the order of responses.

use crate::{
    error::Error,
    proto::{Command, MessageNumber, ScanListing, StatusLine, listing},
    session::connection::Connection,
};

/// A command whose response cannot be mistaken for that of another command.
#[derive(Debug, Clone, Copy)]
pub(super) enum Checkpoint {
    /// `LIST n`: the response repeats the number.
    List(MessageNumber),
    /// `STAT`, without pipelining or if no message is known to be listed: the response has two numbers.
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
        match self {
            Self::List(number) => scan_listing(line).is_some_and(|listing| listing.number == number),
            Self::Stat => {
                StatusLine::parse(line).is_ok_and(|status| listing::drop_listing(status.text()).is_ok())
            }
        }
    }
}

/// Returns the scan listing of a status line, as in the response to `LIST n`.
fn scan_listing(line: &[u8]) -> Option<ScanListing> {
    listing::scan_listing(StatusLine::parse(line).ok()?.text()).ok()
}

/// The state of a session that is kept between retrievals.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "the facts are independent of each other")]
pub(super) struct RetrievalState {
    /// True if a `DELE` was answered with `+OK` since the last `RSET`. A missing response poisons the session, which
    /// then ends without `QUIT` anyway.
    pub(super) marked: bool,
    /// True if responses to `DELE` are not yet followed by a checkpoint.
    pub(super) marks_unproven: bool,
    /// True once `LIST n` was tried. [`Connection::pipelining`] stays true only if the response repeats the number.
    pub(super) probed: bool,
    /// True if the response to another command had the form of a checkpoint's response, such as `+OK 3 120` to `RETR`.
    pub(super) ambiguous: bool,
    /// The number of checkpoints that proved something.
    pub(super) proofs: u32,
}

impl RetrievalState {
    /// Evaluates the response to `LIST number`, and returns its octets. If the response does not repeat the number,
    /// nothing can prove the order of pipelined responses, so pipelining is turned off.
    pub(super) fn apply_probe(
        &mut self,
        connection: &mut Connection,
        number: MessageNumber,
        response: &Result<Vec<u8>, Error>,
    ) -> Option<u64> {
        self.probed = true;
        let listing =
            response.as_deref().ok().and_then(scan_listing).filter(|listing| listing.number == number);
        if listing.is_none() {
            connection
                .note("not pipelined: the response to LIST with a message-number does not repeat the number");
            connection.set_pipelining(false);
        }
        listing.map(|listing| listing.octets)
    }
}
