//! From words to [`Args`], or to what is said instead.

use std::ffi::{OsStr, OsString};

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, FromArgMatches as _};

use super::{Args, Command, text};

/// What a command line that can be understood asks for.
#[derive(Debug)]
pub enum Parsed {
    /// A run.
    Run(Box<Args>),
    /// Help or version: for standard output, exit 0. It has ANSI styles.
    Text(String),
}

/// A command line that cannot be understood: for standard error, exit 2.
#[derive(Debug)]
pub struct ArgsError {
    /// For people: several lines with tip and usage, with ANSI styles.
    pub text: String,
    /// For `--json`: one line of printable characters.
    pub message: String,
    /// Whether `--json` stands on the command line.
    pub json: bool,
}

/// Understands a command line; its first word is the program's name.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Parsed, ArgsError> {
    let words: Vec<OsString> = words.into_iter().collect();
    if words.len() < 2 {
        return Err(ArgsError { text: text::BEGIN.into(), message: text::NO_COMMAND.into(), json: false });
    }
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
        Err(error) => Err(ArgsError { text: styled(&error.render()), message: one_line(&error), json }),
    }
}

/// What contradicts itself beyond what clap is told in the attributes.
fn contradiction(args: &Args) -> Option<(ErrorKind, &'static str)> {
    match &args.command {
        Command::Fetch(fetch)
            if args.output.json && fetch.mbox.as_deref().is_some_and(|file| file == OsStr::new("-")) =>
        {
            Some((
                ErrorKind::ArgumentConflict,
                "'--mbox -' cannot be used with '--json': both write to standard output",
            ))
        }
        Command::Delete(delete) if delete.choice.is_empty() => Some((
            ErrorKind::MissingRequiredArgument,
            "which messages to delete is not said: give numbers, --uid, --new, --fetched, --last N or --all",
        )),
        _ => None,
    }
}

/// The subcommand as the first word, so that every option stands before or after it alike.
///
/// `pop3 --dir mail -v fetch 3` → `pop3 fetch --dir mail -v 3`
fn subcommand_first(mut words: Vec<OsString>, command: &clap::Command) -> Vec<OsString> {
    let mut index = 1;
    while index < words.len() {
        match words[index].as_encoded_bytes() {
            b"--" => break,
            [b'-', b'-', long @ ..] => index += 1 + usize::from(takes_next(command, long)),
            [b'-', shorts @ ..] if !shorts.is_empty() => {
                index += 1 + usize::from(cluster_takes_next(command, shorts));
            }
            _ => {
                words[1..=index].rotate_right(1);
                break;
            }
        }
    }
    words
}

/// Whether the word after `--long` is its value.
fn takes_next(command: &clap::Command, long: &[u8]) -> bool {
    every_option(command).any(|option| {
        option.get_long().is_some_and(|name| name.as_bytes() == long) && takes_separate_value(option)
    })
}

/// Whether the word after `-abc` is the value of its last option: `-va NAME`, but not `-aNAME`.
fn cluster_takes_next(command: &clap::Command, shorts: &[u8]) -> bool {
    let takes = |short: &u8| {
        every_option(command)
            .any(|option| option.get_short() == Some(char::from(*short)) && takes_separate_value(option))
    };
    shorts.iter().position(takes).is_some_and(|position| position + 1 == shorts.len())
}

fn takes_separate_value(option: &clap::Arg) -> bool {
    option.get_action().takes_values() && !option.is_require_equals_set()
}

fn every_option(command: &clap::Command) -> impl Iterator<Item = &clap::Arg> {
    command.get_opts().chain(command.get_subcommands().flat_map(clap::Command::get_opts))
}

fn styled(text: &StyledStr) -> String {
    text.ansi().to_string()
}

/// The first paragraph of clap's error and its tip, without what only a person reads.
fn one_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let first = text.split("\n\n").next().unwrap_or_default();
    let first = first.strip_prefix("error: ").unwrap_or(first);
    let mut line = first.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some(ContextValue::StyledStrs(tips)) = error.get(ContextKind::Suggested) {
        for tip in tips {
            line.push_str("; ");
            line.push_str(&tip.to_string());
        }
    }
    line.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}
