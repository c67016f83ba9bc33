//! Checkpoints prove the order of pipelined responses.

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

/// The state of a session that is kept between retrievals.
#[derive(Debug, Default)]
pub(super) struct RetrievalState {
    /// True if a `DELE` was answered with `+OK` since the last `RSET`. A missing response poisons the session, which
    /// then ends without `QUIT` anyway.
    pub(super) marked: bool,
    /// True if pipelined responses to `DELE` are not yet followed by a checkpoint.
    pub(super) marks_unproven: bool,
    /// True once `LIST n` was tried. [`Connection::pipelining`] stays true only if the response repeats the number.
    pub(super) probed: bool,
}

impl RetrievalState {
    /// Evaluates the response to `LIST number`. If it does not repeat the number, nothing can prove the order of
    /// pipelined responses, so pipelining is turned off.
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
