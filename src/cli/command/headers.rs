//! `headers`: date, sender, subject and size of messages, which stay on the server.

use memchr::{memchr_iter, memmem};

use super::{Context, Outcome, index_of_selected, parse_selectors, refused, row, within};
use crate::{
    cli::{
        args,
        error::{Abort, CliError},
        json::{self, Mailbox},
        messages::MessageList,
        select::{DefaultSelection, ListedMessages as _},
        session::Session,
    },
    header,
    proto::MessageNumber,
    session::{Message, Reply},
};

pub fn run(context: &mut Context<'_>, args: &args::Headers) -> Result<Outcome, Abort> {
    let selector = parse_selectors(&args.selectors, DefaultSelection::New)?;
    let (Session { mut transaction, .. }, record) = context.open_with_record()?;
    let listing = transaction.listing()?;
    let messages = MessageList::new(&listing);
    let (selected, listed) = context.choose_rows(&selector, &messages, &record)?;

    let lines = args.lines.unwrap_or(0);
    let mut refusals = Vec::new();
    // Responses wait here until the session vouches for them.
    let mut waiting: Vec<(MessageNumber, Result<Vec<u8>, crate::Error>)> = Vec::new();
    let located = |error: crate::Error| match error.number().and_then(|number| messages.index_of(number)) {
        Some(index) => within(messages.entry(index), error),
        None => error.into(),
    };
    let mut tops = transaction.top_all(selected.iter().map(|index| messages.entry(index).number), lines);
    loop {
        if !tops.is_ready() {
            context.printer.flush()?;
        }
        let Some(reply) = tops.next().map_err(&located)? else { break };
        match reply {
            Reply::Message(number, message) => {
                let head = read_head(message, lines).map_err(&located)?;
                waiting.push((number, Ok(head)));
            }
            Reply::Refused { number, error, .. } => waiting.push((number, Err(error))),
            Reply::Vouched => {
                for (number, answer) in waiting.drain(..) {
                    let Some(index) = index_of_selected(&messages, &selected, number) else { continue };
                    match answer {
                        Ok(head) => {
                            let message = row(&listed.message(index), messages.has_unique_ids());
                            context.printer.headers(&described(message, &head, args))?;
                        }
                        Err(error) => {
                            refusals.push(number.get());
                            context.printer.refused(&refused(messages.entry(index), &error))?;
                        }
                    }
                }
            }
            Reply::Marked(_) => {}
        }
    }
    context.end(transaction)?;
    if refusals.is_empty() { Ok(Outcome::Done) } else { Err(CliError::partial(&refusals).into()) }
}

fn described<'m>(message: json::Uidl, head: &'m [u8], args: &args::Headers) -> json::Headers<'m> {
    let header = header::parse(head);
    let fields = || header::fields(head).take(MAX_FIELDS);
    json::Headers {
        message,
        date: header.date.map(json::Date),
        from: header.from.map(Mailbox::list),
        to: header.to.map(Mailbox::list),
        cc: header.cc.map(Mailbox::list),
        subject: header.subject,
        message_id: header.message_id,
        fields: args.fields.then(|| fields().map(|field| (field.name().to_owned(), field.text())).collect()),
        preview: args.lines.map(|lines| json::Preview { message: head, lines }),
    }
}

/// Reads the header and `lines` lines of the body. Ignores the rest: some servers respond to `TOP` with the whole message.
fn read_head(mut message: Message<'_>, lines: u32) -> Result<Vec<u8>, crate::Error> {
    let mut head = Vec::new();
    // The position after the lines counted so far; `None` within the header.
    let mut body = None;
    let mut counted = 0;
    while let Some(chunk) = message.chunk()? {
        let seen = head.len().saturating_sub(b"\r\n\r".len());
        head.extend_from_slice(&chunk[..chunk.len().min(MAX_HEAD - head.len())]);
        body = body.or_else(|| memmem::find(&head[seen..], b"\r\n\r\n").map(|at| seen + at + 4));
        if let Some(from) = &mut body {
            counted += memchr_iter(b'\n', &head[*from..]).count();
            *from = head.len();
        }
        if (body.is_some() && counted >= lines as usize) || head.len() == MAX_HEAD {
            break;
        }
    }
    head.shrink_to_fit();
    Ok(head)
}

/// Maximum number of bytes that are kept of a message. Ordinary headers are much shorter.
const MAX_HEAD: usize = 2 << 20;

/// Maximum number of fields that `--fields` shows. Ordinary messages have a hundred. The limit saves memory: a field of four bytes
/// takes twenty times that.
const MAX_FIELDS: usize = 50_000;
