//! Tests accepted command lines, and the errors and hints for all others.

use std::ffi::OsString;

use clap::CommandFactory as _;

use super::{
    parse::{ArgsError, every_option, takes_separate_value},
    *,
};

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

/// [`subcommand_first`] recognizes an option by its name alone.
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
        assert!(!words.iter().any(|word| known(word)), "{words:?} exists here, so nobody is told {hint:?}");
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
