//! Renders the manual pages and completions from the command line, and compares them with the committed files.
//! `UPDATE=1 cargo test generated` rewrites the files.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Arg, Command, CommandFactory as _};
use clap_complete::{Generator, Shell, generate};
use clap_complete_nushell::Nushell;
use clap_mangen::Man;

use crate::support::skip::skipped;
use pop3::cli::args::{Args, text::EXAMPLES};

#[test]
fn completions_are_up_to_date() {
    let bash = replaced(
        &render(Shell::Bash),
        "--account)\n                    COMPREPLY=(\"${cur}\")\n                    if [[ \"${BASH_VERSINFO[0]}\" -ge 4 ]]; then\n                        compopt -o nospace\n                    fi\n",
        "--account)\n                    COMPREPLY=( $(compgen -W \"$(_pop3_accounts)\" -- \"${cur}\") )\n",
    );
    let bash = replaced(
        &bash,
        "-a)\n                    COMPREPLY=(\"${cur}\")\n                    if [[ \"${BASH_VERSINFO[0]}\" -ge 4 ]]; then\n                        compopt -o nospace\n                    fi\n",
        "-a)\n                    COMPREPLY=( $(compgen -W \"$(_pop3_accounts)\" -- \"${cur}\") )\n",
    );
    committed("completions/pop3.bash", &format!("{BASH_ACCOUNTS}{bash}"));

    let zsh = replaced(&render(Shell::Zsh), ":NAME:'", ":NAME:_pop3_accounts'");
    let zsh = replaced(
        &zsh,
        "if [ \"$funcstack[1]\" = \"_pop3\" ]; then",
        &format!("{ZSH_ACCOUNTS}if [ \"$funcstack[1]\" = \"_pop3\" ]; then"),
    );
    committed("completions/_pop3", &zsh);

    let fish = replaced(
        &render(Shell::Fish),
        ACCOUNT_OF_FISH,
        &format!("{ACCOUNT_OF_FISH} -a \"(__fish_pop3_accounts)\""),
    );
    // An option before the command whose value is still missing must not end all completion.
    let fish = replaced(&fish, "2>/dev/null\n    or return\n", "2>/dev/null\n    or return 0\n");
    committed("completions/pop3.fish", &format!("{FISH_ACCOUNTS}{fish}"));

    committed("completions/_pop3.ps1", &render(Shell::PowerShell));
    committed("completions/pop3.elv", &render(Shell::Elvish));
    committed("completions/pop3.nu", &render(Nushell));
}

#[test]
fn the_manual_is_up_to_date() {
    let mut pop3 = Args::command();
    pop3.build();
    committed("man/pop3.1", &page(&pop3, include_str!("manual/pop3.1")));
    let pages = [
        ("status", include_str!("manual/pop3-status.1")),
        ("headers", include_str!("manual/pop3-headers.1")),
        ("fetch", include_str!("manual/pop3-fetch.1")),
        ("delete", include_str!("manual/pop3-delete.1")),
        ("uidl", include_str!("manual/pop3-uidl.1")),
        ("login", include_str!("manual/pop3-login.1")),
        ("logout", include_str!("manual/pop3-logout.1")),
        ("accounts", include_str!("manual/pop3-accounts.1")),
        ("record", include_str!("manual/pop3-record.1")),
    ];
    let names: Vec<&str> = pop3.get_subcommands().map(Command::get_name).collect();
    assert_eq!(names, pages.map(|(name, _)| name), "every command has its page");
    for (name, template) in pages {
        let command = pop3.find_subcommand(name).expect("it was just listed").clone();
        let usage = format!(
            "pop3 {name} {}",
            command
                .clone()
                .render_usage()
                .to_string()
                .split_once(name)
                .expect("the usage names its command")
                .1
                .trim()
        );
        // Options that all commands share are documented in pop3(1).
        let command = command
            .mut_args(|arg| if arg.is_global_set() { arg.hide(true) } else { arg })
            .override_usage(usage);
        committed(&format!("man/pop3-{name}.1"), &page(&command, template));
    }
}

/// Checks the pages with `mandoc` if it is installed. It must be if skipped tests are failures.
#[test]
fn mandoc_accepts_the_manual() {
    let mut pages: Vec<PathBuf> = std::fs::read_dir(root().join("man"))
        .expect("the manual is there")
        .map(|entry| entry.expect("readable").path())
        .collect();
    pages.sort();
    assert_eq!(pages.len(), 13);
    for page in pages.iter().filter(|page| page.extension().is_some_and(|section| section == "1")) {
        let text = std::fs::read_to_string(page).expect("a page");
        for section in ["ENVIRONMENT", "FILES", "EXIT STATUS", "EXAMPLES", "SECURITY", "LIMITS"] {
            assert!(text.contains(&format!("\n.SH {section}\n")), "{} lacks {section}", page.display());
        }
    }
    match std::process::Command::new("mandoc").args(["-T", "lint", "-W", "warning"]).args(&pages).output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout)),
        Err(error) => skipped(&format!("mandoc cannot be run: {error}")),
    }
}

/// Loads the script in each shell and requests completions.
#[cfg(unix)]
#[test]
fn every_shell_completes() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    std::fs::create_dir(folder.path().join("pop3")).expect("a folder can be made");
    std::fs::write(
        folder.path().join("pop3/config.toml"),
        "[account.work]\n[account.\"wor ld\"]\n[account.home]\n",
    )
    .expect("written");
    let all = &["status", "scram-sha-256", "--maildir", "home"][..];
    for (shell, arguments, script, answers) in [
        ("bash", &["--norc", "-c"][..], BASH, all),
        ("zsh", &["-f", "-c"], ZSH, all),
        ("fish", &["-N", "-c"], FISH, all),
        // The script for elvish completes words, but no values of options.
        ("elvish", &["-norc", "-c"], ELVISH, &["status", "--maildir"]),
    ] {
        let output = std::process::Command::new("timeout")
            .args(["60", shell])
            .args(arguments)
            .arg(script)
            .current_dir(root().join("completions"))
            .env("XDG_CONFIG_HOME", folder.path())
            .env("HOME", folder.path())
            .env("TERM", "dumb")
            .env_remove("POP3_CONFIG")
            .output();
        let Ok(output) = output else {
            skipped("timeout is not installed");
            return;
        };
        if matches!(output.status.code(), Some(126 | 127)) {
            skipped(&format!("{shell} is not installed"));
            continue;
        }
        let told = String::from_utf8_lossy(&output.stdout);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && error.is_empty(), "{shell}: {}: {told}{error}", output.status);
        for expected in answers {
            assert!(told.contains(expected), "{shell}: {expected}: {told}");
        }
        assert!(!told.contains("oauthbearer"), "{shell}: {told}");
    }
}

/// Checks that the file has this content, or writes it with `UPDATE=1`.
fn committed(path: &str, text: &str) {
    let file = root().join(path);
    let text = text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n") + "\n";
    if std::env::var_os("UPDATE").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(file.parent().expect("it lies in a folder")).expect("the folder can be made");
        return std::fs::write(&file, text).expect("the file can be written");
    }
    let there = std::fs::read_to_string(&file).unwrap_or_default().replace("\r\n", "\n");
    let differs = there.lines().zip(text.lines()).position(|(there, text)| there != text);
    assert!(there == text, "{path} is stale (line {differs:?}): run UPDATE=1 cargo test generated");
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Renders a completion script. Descriptions do not include the variables and defaults of the help.
fn render(shell: impl Generator) -> String {
    let short = |arg: Arg| match arg.get_help().map(ToString::to_string) {
        Some(help) => arg.help(help.split(" [").next().unwrap_or_default().to_owned()),
        None => arg,
    };
    let mut script = Vec::new();
    generate(shell, &mut Args::command().mut_args(short), "pop3", &mut script);
    String::from_utf8(script).expect("scripts are text")
}

/// Replaces a part of a script, which would otherwise not complete the accounts of the configuration file.
fn replaced(script: &str, from: &str, to: &str) -> String {
    assert!(script.contains(from), "the script lacks {from:?}: clap_complete has changed its output");
    script.replace(from, to)
}

/// Renders a page from its template, in which lines `.\" @name` stand for the rendered parts.
fn page(command: &Command, template: &str) -> String {
    let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
    // Options that `-h` omits are in the manual.
    let man = Man::new(command.clone().mut_args(|arg| arg.hide_short_help(false)));
    let mut page = format!(
        ".\\\" Rendered by tests/generated.rs.\n.ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n.TH {} 1 {DATE} \"pop3 {}\" \"User Commands\"\n",
        name.to_uppercase(),
        env!("CARGO_PKG_VERSION"),
    );
    for line in template.lines() {
        match line.strip_prefix(".\\\" @") {
            Some("name") => page += &section(|out| man.render_name_section(out)),
            Some("synopsis") => page += &section(|out| man.render_synopsis_section(out)),
            Some("commands") => {
                page +=
                    &section(|out| man.render_subcommands_section(out)).replace("SUBCOMMANDS", "COMMANDS");
            }
            Some("options") => page += &options(command, &man),
            Some("environment") => page += &environment(command),
            Some("examples") => page += &examples(command.get_name()),
            Some(unknown) => panic!("{name}: @{unknown} is no section"),
            None if line.starts_with(".TS") => page += ".\\\" t\n.TS\n",
            None => {
                page += line;
                page.push('\n');
            }
        }
    }
    // The first line must request tbl.
    if template.contains("\n.TS\n") { format!("'\\\" t\n{}", page.replace(".\\\" t\n", "")) } else { page }
}

fn section(render: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>) -> String {
    let mut section = Vec::new();
    render(&mut section).expect("memory can be written");
    let section = String::from_utf8(section).expect("pages are text");
    let section: Vec<&str> =
        section.lines().filter(|line| !line.starts_with(".ie ") & !line.starts_with(".el ")).collect();
    let section = section.join("\n") + "\n";
    section.replace("\n.br\n\n.br\n", "\n.br\n").replace("\n\n", "\n.sp\n").replace("\n.sp\n.br\n", "\n.sp\n")
}

fn options(command: &Command, man: &Man) -> String {
    let mut options = String::new();
    if command.get_arguments().any(|arg| !arg.is_hide_set()) {
        options += &section(|out| man.render_options_section(out));
    }
    if command.get_name() != "pop3" {
        options += ".SH COMMON OPTIONS\nAll options of\n.BR pop3 (1)\nfor the account, the connection and the output can be given too;\n\
                    .B \\-\\-commit\nis described there as well.\n";
    }
    options
}

/// Renders the variables of all options, and those that belong to no option.
fn environment(command: &Command) -> String {
    if command.get_name() != "pop3" {
        return ".SH ENVIRONMENT\nAll variables are listed in\n.BR pop3 (1).\n".into();
    }
    let mut text = String::from(
        ".SH ENVIRONMENT\nA variable that is set to an empty string counts as not set, except\n.BR POP3_PASSWORD ,\nwhich is then an empty password, and\n.BR POP3_PROXY ,\nwhich then means no proxy.\n",
    );
    for (arg, variable) in command.get_arguments().filter_map(|arg| Some((arg, variable(arg)?))) {
        let option = arg.get_long().expect("an option with a variable has a long name").replace('-', "\\-");
        let _ = write!(text, ".TP\n.B {variable}\nThe same as\n.BR \\-\\-{option} .\n");
    }
    for (variables, meaning) in VARIABLES {
        let _ = write!(text, ".TP\n.B {variables}\n{meaning}\n");
    }
    text
}

fn variable(arg: &Arg) -> Option<String> {
    let help = arg.get_help()?.to_string();
    let (_, rest) = help.split_once("[env: ")?;
    Some(rest.split_once(']')?.0.to_owned())
}

fn examples(command: &str) -> String {
    let mut text = String::from(".SH EXAMPLES\n");
    let (_, examples) =
        EXAMPLES.iter().find(|(name, _)| *name == command).expect("every command has examples");
    for (what, line) in *examples {
        if !what.is_empty() {
            let first = text.ends_with("EXAMPLES\n");
            let _ = write!(text, "{}{}:\n.PP\n", if first { "" } else { ".PP\n" }, escaped(what));
        }
        let _ = write!(text, ".in +4n\n.nf\n{}\n.fi\n.in\n", escaped(line));
    }
    text
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\(aq").replace('~', "\\(ti")
}

#[test]
fn every_variable_is_in_the_help() {
    let command = Args::command();
    let variables: Vec<String> = command.get_arguments().filter_map(variable).collect();
    for name in
        "HOST PORT USER TLS CA_FILE TLS_FINGERPRINT TLS_NAME CLIENT_CERT CLIENT_KEY AUTH PROXY BIND TIMEOUT DEADLINE WAIT NO_PIPELINING ACCOUNT CONFIG STATE_DIR"
            .split(' ')
    {
        assert!(variables.contains(&format!("POP3_{name}")), "{name}");
    }
    assert_eq!(variables.len(), 19);
}

/// The date of the manual's last change.
const DATE: &str = "2026-11-26";

const VARIABLES: [(&str, &str); 9] = [
    ("POP3_PASSWORD", "The password. It may be empty."),
    ("POP3_TOKEN", "An OAuth 2.0 access token."),
    (
        "SSL_CERT_FILE, SSL_CERT_DIR",
        "Trusted certificate authorities in place of the system's, without\n.BR \\-\\-ca\\-file .",
    ),
    (
        "ALL_PROXY",
        "The proxy, if none is given with\n.BR \\-\\-proxy ,\n.B POP3_PROXY\nor the key\n.BR proxy .\nAs in curl, the name in lower case comes first, a value without a scheme is an HTTP proxy, the default port is 1080, and a proxy that cannot be used is an error. The name of the server is always resolved by the proxy.",
    ),
    (
        "NO_PROXY",
        "Hosts that are not connected to through\n.BR ALL_PROXY ,\nseparated by commas: a domain name with all names within it, an IP address, or a network (192.0.2.0/24). Names are not resolved for this. An asterisk means all hosts. A proxy that is given with\n.BR \\-\\-proxy ,\n.B POP3_PROXY\nor the key\n.B proxy\nis used for all hosts.",
    ),
    (
        "SSLKEYLOGFILE",
        "Only with\n.BR \\-\\-trace :\nthe file to which the keys of the TLS connection to the POP3 server are appended, for Wireshark.",
    ),
    (
        "XDG_CONFIG_HOME, XDG_STATE_HOME",
        "The folders of the configuration file and the record on Linux and macOS; on Windows\n.B APPDATA\nand\n.BR LOCALAPPDATA .",
    ),
    ("NO_COLOR", "If set, colours are used only with\n.BR \"\\-\\-color always\" ."),
    ("RUST_LOG", "The log level of standard error; beats\n.B \\-v\nand\n.BR \\-q ."),
];

const BASH_ACCOUNTS: &str = r#"# The names of the accounts in the configuration file.
_pop3_accounts() {
    sed -n 's/^[[:space:]]*\[account\.["'\'']\{0,1\}\([^]"'\'']*\)["'\'']\{0,1\}\].*/\1/p' \
        "${POP3_CONFIG:-${XDG_CONFIG_HOME:-$HOME/.config}/pop3/config.toml}" 2>/dev/null
}

"#;

const ZSH_ACCOUNTS: &str = r#"# The names of the accounts in the configuration file.
(( $+functions[_pop3_accounts] )) ||
_pop3_accounts() {
    local -a accounts
    accounts=(${(f)"$(sed -n 's/^[[:space:]]*\[account\.["'\'']\{0,1\}\([^]"'\'']*\)["'\'']\{0,1\}\].*/\1/p' \
        "${POP3_CONFIG:-${XDG_CONFIG_HOME:-$HOME/.config}/pop3/config.toml}" 2>/dev/null)"})
    compadd -a accounts
}

"#;

const ACCOUNT_OF_FISH: &str = "-l account -d 'Use this account of the config file' -r -f";

const FISH_ACCOUNTS: &str = r#"# The names of the accounts in the configuration file.
function __fish_pop3_accounts
    set -l file $POP3_CONFIG
    test -z "$file"; and set file "$XDG_CONFIG_HOME/pop3/config.toml"
    test -z "$POP3_CONFIG$XDG_CONFIG_HOME"; and set file ~/.config/pop3/config.toml
    test -r "$file"; or return
    string replace -rf '^\s*\[account\.["\']?([^]"\']*)["\']?\].*' '$1' <$file
end

"#;

#[cfg(unix)]
const BASH: &str = r#"
source ./pop3.bash
ask() {
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    _pop3 pop3 "${@: -1}" "${@: -2:1}"
    echo "${COMPREPLY[@]}"
}
ask pop3 st
ask pop3 status --auth scr
ask pop3 fetch --mail
ask pop3 --account h
ask pop3 -a ho
"#;

/// zsh completes only in a terminal.
#[cfg(unix)]
const ZSH: &str = r#"
zmodload zsh/zpty
zpty terminal zsh -f -i
zpty -w terminal "PS1=; autoload -Uz compinit; compinit -u -D; source ./_pop3; bindkey '^I' complete-word; echo rea''dy"
zpty -r terminal told '*ready*'
ask() {
    zpty -w -n terminal "$1"$'\t'
    zpty -r terminal told "*$2*"
    print -r -- "$told"
    zpty -w -n terminal $'\x15'
}
ask 'pop3 sta' status
ask 'pop3 status --auth scram-sha-2' scram-sha-256
ask 'pop3 fetch --maild' --maildir
ask 'pop3 --account ho' home
zpty -d terminal
"#;

#[cfg(unix)]
const FISH: &str = r#"
source ./pop3.fish
complete -C "pop3 st"
complete -C "pop3 status --auth scr"
complete -C "pop3 fetch --mail"
complete -C "pop3 --account h"
complete -C "pop3 -a work status -a ho"
"#;

/// Stubs replace functions that elvish has only in a terminal.
#[cfg(unix)]
const ELVISH: &str = r"
use str
var complex = {|stem &display=''| put $stem}
var edit: = (ns [&completion:=(ns [&arg-completer=[&]]) &complex-candidate~=$complex])
eval &ns=(ns [&edit:=$edit:]) (slurp < pop3.elv)
fn ask {|@words|
    $edit:completion:arg-completer[pop3] $@words | each {|it| if (str:has-prefix $it $words[-1]) { echo $it } }
}
ask pop3 st
ask pop3 fetch --mail
";
