//! Parses the words of a command line into [`Args`], a help text or an error.

use std::ffi::{OsStr, OsString};

use clap::{
    CommandFactory as _, FromArgMatches as _,
    builder::StyledStr,
    error::{ContextKind, ContextValue, ErrorKind},
};

use super::{Args, Command, Fetch, text};

/// A valid command line.
#[derive(Debug)]
pub enum Parsed {
    /// The arguments of a run.
    Run(Box<Args>),
    /// Help or version, with ANSI styles, for standard output (exit code 0).
    Text(String),
}

/// A usage error, for standard error (exit code 2).
#[derive(Debug)]
pub struct ArgsError {
    /// The error of clap: several lines with tip and usage, with ANSI styles.
    pub text: String,
    /// The error in one line of printable characters.
    pub message: String,
    /// A hint that names the equivalent of a word of another client.
    pub hint: Option<&'static str>,
    /// True if `--json` was given.
    pub json: bool,
}

/// Parses a command line. Its first word is the name of the program.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Parsed, ArgsError> {
    let words: Vec<OsString> = words.into_iter().collect();
    if words.len() < 2 {
        return Err(ArgsError {
            text: text::BEGIN.into(),
            message: text::NO_COMMAND.into(),
            hint: None,
            json: false,
        });
    }
    let words = help_as_option(words);
    let json = words.iter().any(|word| word == "--json");
    let mut command = Args::command();
    command.build();
    let words = subcommand_first(words, &command);
    let parsed = command.try_get_matches_from_mut(words).and_then(|matches| Args::from_arg_matches(&matches));
    let checked = parsed.and_then(|args| match contradiction(&args) {
        None => Ok(args),
        Some((kind, message)) => {
            let name = args.command.name();
            Err(command.find_subcommand_mut(name).unwrap_or(&mut Args::command()).error(kind, message))
        }
    });
    match checked {
        Ok(args) => Ok(Parsed::Run(Box::new(args))),
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            Ok(Parsed::Text(styled(&error.render())))
        }
        Err(mut error) => {
            drop_dangerous_suggestion(&mut error);
            let hint = hint(&error);
            Err(ArgsError { text: styled(&error.render()), message: one_line(&error), hint, json })
        }
    }
}

/// Removes suggestions of switches that delete or forget messages (such as `'fetch --delete' exists`), and the advice to pass a
/// mistyped option as a value.
fn drop_dangerous_suggestion(error: &mut clap::Error) {
    if error.kind() == ErrorKind::UnknownArgument {
        error.remove(ContextKind::Suggested);
    }
    let dangerous = |value: &str| text::DANGEROUS.iter().any(|switch| value.starts_with(switch));
    let suggests = match error.get(ContextKind::SuggestedArg) {
        Some(ContextValue::String(value)) => dangerous(value),
        Some(ContextValue::Strings(values)) => values.iter().any(|value| dangerous(value)),
        _ => false,
    };
    if suggests {
        error.remove(ContextKind::SuggestedArg);
    }
}

/// Returns a hint for a command of the protocol or an option of another client.
fn hint(error: &clap::Error) -> Option<&'static str> {
    let kind = match error.kind() {
        ErrorKind::UnknownArgument => ContextKind::InvalidArg,
        ErrorKind::InvalidSubcommand => ContextKind::InvalidSubcommand,
        _ => return None,
    };
    let Some(ContextValue::String(typed)) = error.get(kind) else { return None };
    let typed = typed.split('=').next().unwrap_or_default();
    text::ELSEWHERE.iter().find(|(words, _)| words.contains(&typed)).map(|(_, hint)| *hint)
}

/// Returns an error for combinations of arguments that the attributes of clap cannot exclude.
fn contradiction(args: &Args) -> Option<(ErrorKind, &'static str)> {
    let to_stdout = |fetch: &Fetch| fetch.mbox.as_deref().is_some_and(|file| file == OsStr::new("-"));
    match &args.command {
        Command::Fetch(fetch) if args.output.json && to_stdout(fetch) => Some((
            ErrorKind::ArgumentConflict,
            "'--mbox -' cannot be used with '--json': both write to standard output",
        )),
        Command::Fetch(fetch) if fetch.delete && to_stdout(fetch) => Some((
            ErrorKind::ArgumentConflict,
            "'--mbox -' cannot be used with '--delete': standard output does not store messages",
        )),
        Command::Delete(delete) if delete.selectors.is_empty() => Some((
            ErrorKind::MissingRequiredArgument,
            "no messages selected: give numbers, --uid, --new, --fetched, --first N, --last N or --all",
        )),
        _ => None,
    }
}

/// Rewrites `pop3 help fetch` to `pop3 fetch --help`.
fn help_as_option(mut words: Vec<OsString>) -> Vec<OsString> {
    if words[1] == "help" {
        words.remove(1);
        words.push("--help".into());
    }
    words
}

/// Moves the subcommand to the front, so that every option may precede or follow it:
/// `pop3 --dir mail -v fetch 3` → `pop3 fetch --dir mail -v 3`.
///
/// A word after an unknown option is probably its value (`pop3 -u alice status`). It is not moved, so that the error is about the
/// option.
fn subcommand_first(mut words: Vec<OsString>, command: &clap::Command) -> Vec<OsString> {
    let mut index = 1;
    while index < words.len() {
        let value_of_unknown = is_unknown(command, &words[index - 1])
            && words[index].to_str().is_some_and(|word| command.find_subcommand(word).is_none());
        match words[index].as_encoded_bytes() {
            b"--" => break,
            [b'-', b'-', long @ ..] => index += 1 + usize::from(takes_next(command, long)),
            [b'-', shorts @ ..] if !shorts.is_empty() => {
                index += 1 + usize::from(cluster_takes_next(command, shorts));
            }
            _ if value_of_unknown => break,
            _ => {
                words[1..=index].rotate_right(1);
                break;
            }
        }
    }
    words
}

/// True if the word looks like an option, but no option has that name.
fn is_unknown(command: &clap::Command, word: &OsStr) -> bool {
    match word.as_encoded_bytes() {
        b"--" => false,
        [b'-', b'-', long @ ..] => {
            !long.contains(&b'=')
                && !every_option(command)
                    .any(|option| option.get_long().is_some_and(|name| name.as_bytes() == long))
        }
        [b'-', short, ..] => {
            !every_option(command).any(|option| option.get_short() == Some(char::from(*short)))
        }
        _ => false,
    }
}

/// True if the word after `--long` is its value.
fn takes_next(command: &clap::Command, long: &[u8]) -> bool {
    every_option(command).any(|option| {
        option.get_long().is_some_and(|name| name.as_bytes() == long) && takes_separate_value(option)
    })
}

/// True if the word after `-abc` is the value of its last option: `-va NAME`, but not `-aNAME`.
fn cluster_takes_next(command: &clap::Command, shorts: &[u8]) -> bool {
    let takes = |short: &u8| {
        every_option(command)
            .any(|option| option.get_short() == Some(char::from(*short)) && takes_separate_value(option))
    };
    shorts.iter().position(takes).is_some_and(|position| position + 1 == shorts.len())
}

pub(super) fn takes_separate_value(option: &clap::Arg) -> bool {
    option.get_action().takes_values() && !option.is_require_equals_set()
}

pub(super) fn every_option(command: &clap::Command) -> impl Iterator<Item = &clap::Arg> {
    command.get_arguments().chain(command.get_subcommands().flat_map(clap::Command::get_arguments))
}

fn styled(text: &StyledStr) -> String {
    text.ansi().to_string()
}

/// Returns the first paragraph of clap's error and its tips, on one line.
fn one_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let mut paragraphs = text.strip_prefix("error: ").unwrap_or(&text).split("\n\n");
    let mut line = joined(paragraphs.next().unwrap_or_default());
    for tip in paragraphs.filter_map(|paragraph| paragraph.trim_start().strip_prefix("tip: ")) {
        line.push_str("; ");
        line.push_str(&joined(tip));
    }
    line.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

fn joined(paragraph: &str) -> String {
    paragraph.split_whitespace().collect::<Vec<_>>().join(" ")
}
