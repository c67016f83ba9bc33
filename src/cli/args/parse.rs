//! From words to [`Args`], or to what is said instead.

use std::ffi::{OsStr, OsString};

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, FromArgMatches as _};

use super::{Args, Command, Fetch, text};

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
    /// What does here what was typed.
    pub hint: Option<&'static str>,
    /// Whether `--json` stands on the command line.
    pub json: bool,
}

/// Understands a command line; its first word is the program's name.
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

/// A switch that deletes or forgets is never an answer to a typing error; nor is `'fetch --delete' exists`, or the advice
/// to pass a mistyped option as a value.
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

/// What somebody looks for who knows the commands of the protocol, or the options of another client.
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

/// What contradicts itself beyond what clap is told in the attributes.
fn contradiction(args: &Args) -> Option<(ErrorKind, &'static str)> {
    let to_stdout = |fetch: &Fetch| fetch.mbox.as_deref().is_some_and(|file| file == OsStr::new("-"));
    match &args.command {
        Command::Fetch(fetch) if args.output.json && to_stdout(fetch) => Some((
            ErrorKind::ArgumentConflict,
            "'--mbox -' cannot be used with '--json': both write to standard output",
        )),
        Command::Fetch(fetch) if fetch.delete && to_stdout(fetch) => Some((
            ErrorKind::ArgumentConflict,
            "'--mbox -' cannot be used with '--delete': what is only shown is not stored",
        )),
        Command::Delete(delete) if delete.selectors.is_empty() => Some((
            ErrorKind::MissingRequiredArgument,
            "which messages to delete is not said: give numbers, --uid, --new, --fetched, --first N, --last N or --all",
        )),
        _ => None,
    }
}

/// `pop3 help fetch` → `pop3 fetch --help`, as people type it.
fn help_as_option(mut words: Vec<OsString>) -> Vec<OsString> {
    if words[1] == "help" {
        words.remove(1);
        words.push("--help".into());
    }
    words
}

/// The subcommand as the first word, so that every option stands before or after it alike.
///
/// `pop3 --dir mail -v fetch 3` → `pop3 fetch --dir mail -v 3`
///
/// A word after an option that does not exist is most likely its value (`pop3 -u alice status`): it stays, so that the
/// option is complained of.
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

/// Whether the word has the form of an option, and none of that name exists.
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
    command.get_arguments().chain(command.get_subcommands().flat_map(clap::Command::get_arguments))
}

fn styled(text: &StyledStr) -> String {
    text.ansi().to_string()
}

/// The first paragraph of clap's error and its tips, without what only a person reads.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn run(line: &str) -> Args {
        match parse(words(line)) {
            Ok(Parsed::Run(args)) => *args,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn refused(line: &str) -> ArgsError {
        match parse(words(line)) {
            Err(error) => error,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn words(line: &str) -> Vec<OsString> {
        std::iter::once("pop3").chain(line.split_whitespace()).map(OsString::from).collect()
    }

    #[test]
    fn the_attributes_agree_with_each_other() {
        Args::command().debug_assert();
    }

    /// [`subcommand_first`] knows an option by its name alone.
    #[test]
    fn options_of_one_name_take_values_alike() {
        let mut command = Args::command();
        command.build();
        for option in every_option(&command) {
            for other in every_option(&command).filter(|other| other.get_long() == option.get_long()) {
                if option.get_long().is_some() {
                    assert_eq!(takes_separate_value(option), takes_separate_value(other), "{option}");
                }
            }
        }
    }

    #[test]
    fn options_stand_before_or_after_the_command_alike() {
        let cases = [
            "fetch|--host h --port 1 --user u --tls none --json --commit -4 -vv|3 5-7",
            "fetch|--dir d --new --delete --no-state --larger 1M|",
            "fetch|--uid a --uid -b --uid -|",
            "fetch|--trace --maildir m|",
            "fetch|--trace=t --pipe=x|",
            "headers|-a work --lines 3 --fields --last 10|",
            "headers|-awork|7-",
            "headers|-va work|1,4-6",
            "status|-4v --check --server --color always --account fetch|",
            "uidl|--older-than 3d --fetched --all -q|",
            "delete|--smaller 5k --timeout 3 --deadline 4 --wait 0 --no-pipelining|2",
            "record|--forget --uid a --uid -b|",
            "record|--import f --from getmail --state-dir s|",
            "fetch|--skip --limit-size 5M --first 3|",
            "login|--password-stdin --auth scram-sha-1 --proxy socks5://p --config c --state-dir s|",
            "logout|--ca-file a --tls-fingerprint b --client-cert c --client-key d -6|",
        ];
        for case in cases {
            let parts: Vec<&str> = case.split('|').collect();
            let (command, options, rest) = (parts[0], parts[1], parts[2]);
            let after = format!("{:?}", run(&format!("{command} {options} {rest}")));
            assert_eq!(after, format!("{:?}", run(&format!("{options} {command} {rest}"))), "{case}");
            assert_eq!(after, format!("{:?}", run(&format!("{command} {rest} {options}"))), "{case}");
            assert!(after.contains(&format!("command: {}", command[..1].to_uppercase())), "{after}");
        }
        assert_eq!(run("-v status -v").output.verbose, 2);
    }

    #[test]
    fn selectors_are_kept_as_typed() {
        let Command::Headers(headers) =
            run("headers 3 2-5 7- 1,4-6 --uid x --uid - --uid=-y --last 0 --all").command
        else {
            panic!("not headers")
        };
        assert_eq!(headers.selectors.numbers, ["3", "2-5", "7-", "1,4-6"]);
        assert_eq!(headers.selectors.uids, ["x", "-", "-y"]);
        assert_eq!(headers.selectors.last.as_deref(), Some("0"));
        assert!(headers.selectors.all && !headers.selectors.is_empty());
    }

    #[test]
    fn what_excludes_each_other_is_refused() {
        for line in [
            "fetch --dir a --maildir b",
            "fetch --mbox a --pipe b",
            "fetch --stdout --dir a",
            "fetch --stdout --json",
            "--json fetch --stdout",
            "fetch --mbox - --json",
            "--mbox - --json fetch",
            "fetch --mbox - --stdout",
            "fetch --mbox - --delete",
            "fetch --stdout --delete --commit",
            "-4 status -6",
            "status -v -q",
            "-q status -v",
            "status --host a --host b",
            "--host a status --host b",
            "status 3",
            "status --all",
            "delete",
            "delete --larger 3k",
            "delete --older-than 3d",
            "delete --new --fetched",
            "uidl --first 1 --last 1",
            "delete --commit",
            "uidl --dir x",
            "headers --lines -1",
            "headers --lines x",
            "status --tls ssl",
            "status --auth ntlm",
            "status --password x",
            "status --trac",
            "fetch --uid",
            "--host status",
            "nonsense",
            "--json",
        ] {
            let error = refused(line);
            assert!(!error.text.is_empty() && !error.message.is_empty());
            assert!(!error.message.contains(['\n', '\x1b']), "{:?}", error.message);
            assert!(!error.message.starts_with("error"), "{:?}", error.message);
            assert_eq!(error.json, line.contains("--json"), "{line}");
        }
        assert!(matches!(run("fetch --mbox ./- --json").command, Command::Fetch(_)));
    }

    #[test]
    fn the_message_names_the_word_and_the_way_out() {
        assert!(refused("status --chek").message.contains("'--chek'"));
        assert!(refused("status --chek").message.contains("'--check'"));
        assert!(refused("status --tls ssl").message.contains("starttls, implicit, none"));
        assert!(refused("delete").message.contains("--all"));
        assert!(refused("feetch").message.contains("'fetch'"));
        let controls = vec!["pop3".into(), "status".into(), "--\u{1b}[31m\r\n".into()];
        let message = parse(controls).unwrap_err().message;
        assert!(!message.contains(char::is_control), "{message:?}");
    }

    #[test]
    fn no_switch_that_destroys_is_suggested() {
        for line in [
            "delete 1 --limit 5",
            "status --comit",
            "fetch --delet",
            "fetch --deleted",
            "status --commit-all",
            "--delet",
            "--delete-it",
            "fetch --deletes 3",
            "fetch --ski",
            "record --forge",
        ] {
            let error = refused(line);
            let shown = format!("{} {} {:?}", error.message, error.text, error.hint);
            assert!(!text::DANGEROUS.iter().any(|switch| shown.contains(&format!("'{switch}'"))), "{shown}");
        }
        for line in ["fetch --keep", "headers --foo 3", "--foo"] {
            assert!(!refused(line).message.contains("as a value"), "{line}");
        }
        assert!(refused("delete 1 --limit 5").hint.is_some_and(|hint| hint.contains("--first")));
    }

    #[test]
    fn words_of_elsewhere_lead_to_the_words_of_here() {
        for (line, word) in [
            ("list", "uidl"),
            ("retr 1", "fetch"),
            ("dele 1", "delete"),
            ("top 1 0", "headers --lines"),
            ("stat", "status"),
            ("capa", "status --server"),
            ("status -u alice", "--user"),
            ("-u alice status", "--user"),
            ("-p x status", "never on the command line"),
            ("--password x status", "never on the command line"),
            ("--output mail -v fetch", "--dir"),
            ("fetch --keep", "stay on the server"),
            ("status --ssl", "--tls implicit"),
            ("status --password x", "never on the command line"),
            ("fetch --limit=5", "--first"),
        ] {
            let error = refused(line);
            assert!(error.hint.is_some_and(|hint| hint.contains(word)), "{line}: {error:?}");
        }
        let mut command = Args::command();
        command.build();
        let known = |typed: &str| {
            command.find_subcommand(typed).is_some()
                || every_option(&command).any(|option| {
                    option.get_long().is_some_and(|long| typed.strip_prefix("--") == Some(long))
                        || option.get_short().is_some_and(|short| typed == format!("-{short}"))
                })
        };
        for (words, hint) in text::ELSEWHERE {
            assert!(
                !words.iter().any(|word| known(word)),
                "{words:?} exists here, so nobody is told {hint:?}"
            );
        }
    }

    #[test]
    fn alone_it_says_how_to_begin() {
        let error = refused("");
        assert!(error.text.contains("pop3 login --host") && error.message.contains("uidl"), "{error:?}");
    }

    #[test]
    fn help_and_version_are_no_errors() {
        let text = |line: &str| match parse(words(line)) {
            Ok(Parsed::Text(text)) => text,
            other => panic!("{other:?}"),
        };
        for line in ["--help", "-h", "fetch --help", "--help fetch", "delete -h", "--host x -h"] {
            let help = text(line);
            let examples = help.find("Examples:").unwrap();
            let options = help.find("--commit\u{1b}").or_else(|| help.find("Connection:")).unwrap();
            assert!(examples < options, "{line}");
        }
        assert!(text("--version").contains("rustls"));
        assert!(text("-V").starts_with(concat!("pop3 ", env!("CARGO_PKG_VERSION"))));
        assert_eq!(text("-V").lines().count(), 1);
        assert!(text("status --version").contains(env!("CARGO_PKG_VERSION")));
    }

    #[test]
    fn short_help_fits_a_screen_and_login_commits_nothing() {
        let text = |line: &str| match parse(words(line)) {
            Ok(Parsed::Text(text)) => text,
            other => panic!("{other:?}"),
        };
        assert!(text("-h").lines().count() <= 40, "{}", text("-h"));
        assert!(text("fetch -h").contains("--commit"));
        for line in ["login --commit", "--commit login", "status --commit", "--commit status"] {
            assert!(run(line).server.commit, "{line}");
        }
        for line in ["login -h", "login --help", "logout -h", "accounts -h", "record -h"] {
            assert!(!text(line).contains("--commit"), "{line}");
        }
    }

    #[test]
    fn no_option_takes_a_secret_or_reads_the_environment() {
        let mut command = Args::command();
        command.build();
        for option in every_option(&command) {
            let name = option.get_long().unwrap_or_default();
            assert!(
                !name.contains("token") && (name == "password-stdin" || !name.contains("password")),
                "{name}"
            );
            assert!(option.get_env().is_none(), "{name}");
        }
    }
}
