//! Compares the hand-written manual pages with the program: keys of the configuration file, objects of `--json`, exit
//! codes. `tests/generated.rs` renders the pages of the commands, and `tests/readme.rs` runs the recipes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::roff::{Example, entries, examples, plain, section, subsections};
use crate::support::sandbox::{POP3, Sandbox, files, run};
use crate::support::script::{Expectation, Places, Script};

const CONFIG: &str = include_str!("../man/pop3-config.5");
const JSON: &str = include_str!("../man/pop3-json.5");

#[test]
fn every_page_has_the_current_version() {
    let version = format!("\"pop3 {}\"", env!("CARGO_PKG_VERSION"));
    for (path, page) in pages() {
        let title = page.lines().find(|line| line.starts_with(".TH ")).expect("a title");
        let stem = path.file_stem().expect("a name").to_str().expect("ASCII");
        let expected = format!(".TH {} {} ", stem.to_uppercase(), extension(&path));
        assert!(plain(title).starts_with(&expected), "{}: {title}", path.display());
        assert!(title.contains(&version), "{}: not {version}: {title}", path.display());
    }
}

#[test]
fn every_referenced_page_exists() {
    let pages = pages();
    let names: BTreeSet<String> = pages
        .iter()
        .map(|(path, _)| format!("{} ({}", path.file_stem().expect("a name").display(), extension(path)))
        .collect();
    let references = |page: &str| -> BTreeSet<String> {
        let lines = page.lines().filter_map(|line| line.strip_prefix(".BR "));
        let referred = lines.map(|line| plain(line.split(')').next().unwrap_or(line)));
        referred.filter(|page| page.starts_with("pop3") && page.contains(" (")).collect()
    };
    for (path, page) in &pages {
        for reference in references(page) {
            assert!(names.contains(&reference), "{}: no page {reference})", path.display());
        }
        assert!(page.contains("\n.SH SEE ALSO\n"), "{} has no SEE ALSO", path.display());
    }
    let (_, first) = pages.iter().find(|(path, _)| path.ends_with("pop3.1")).expect("pop3(1)");
    let listed = references(section(first, ".SH SEE ALSO"));
    let others: BTreeSet<String> = names.into_iter().filter(|name| name != "pop3 (1").collect();
    assert_eq!(listed, others, "SEE ALSO of pop3(1) lists every other page");
}

#[test]
fn every_config_key_is_documented() {
    for (heading, config) in [
        (".SH TOP LEVEL", "zebra = 1"),
        (".SH ACCOUNT", "[account.a]\nzebra = 1"),
        (".SH OAUTH", "[account.a]\noauth = { zebra = 1 }"),
    ] {
        let documented: BTreeSet<String> =
            entries(section(CONFIG, heading)).into_iter().map(|entry| entry.key).collect();
        assert_eq!(documented, keys_that_are_read(config), "{heading}");
    }
}

/// Returns the keys that the error for an unknown key lists.
fn keys_that_are_read(config: &str) -> BTreeSet<String> {
    let error = accounts(config).expect_err("the key is unknown");
    let (_, list) = error.split_once("\"zebra\"").unwrap_or_else(|| panic!("{error}"));
    list.split(", ").filter_map(|item| Some(item.split_whitespace().next_back()?.to_owned())).collect()
}

/// Runs `pop3 accounts` with a configuration file, and returns its output or the error.
fn accounts(config: &str) -> Result<String, String> {
    let room = Sandbox::new();
    fs::write(room.path("config.toml"), config).expect("a file");
    let mut accounts = room.program(POP3);
    accounts.args(["accounts", "--config"]).arg(room.path("config.toml"));
    let outcome = run(accounts);
    if outcome.code == Some(0) { Ok(outcome.stdout()) } else { Err(outcome.stderr()) }
}

#[test]
fn config_options_variables_and_defaults_match_the_help() {
    let room = Sandbox::new();
    let mut help = room.program(POP3);
    help.args(["fetch", "--help"]);
    // Line breaks are removed because they depend on the width of the terminal.
    let help = run(help).expect(0).stdout().split_whitespace().collect::<Vec<_>>().join(" ");
    for entry in entries(section(CONFIG, ".SH ACCOUNT")) {
        let (key, text) = (&entry.key, &entry.text);
        let has_option = help.contains(&format!(" --{key} "));
        assert_eq!(text.contains(&format!("Option --{key}")), has_option, "{key}: {text}");
        let variable = format!("POP3_{}", key.to_uppercase().replace('-', "_"));
        let stated = help.split_once(&format!("[env: {variable}]"));
        assert_eq!(text.contains(&format!("variable {variable}.")), stated.is_some(), "{key}: {text}");
        let default = stated.and_then(|(_, rest)| rest.strip_prefix(" [default: ")?.split(']').next());
        match default {
            Some("none") => assert!(text.contains("No default."), "{key}: {text}"),
            Some(default) => {
                let default = default.replace("--", "");
                assert!(text.contains(&format!("Default: {default}.")), "{key}: {default}: {text}");
            }
            None => {}
        }
    }
}

#[test]
fn config_examples_are_accepted() {
    let read = |mark: &str| {
        let Example { text, .. } = examples(CONFIG)
            .into_iter()
            .find(|example| example.mark.as_deref() == Some(mark))
            .unwrap_or_else(|| panic!("no {mark}"));
        accounts(&text).unwrap_or_else(|error| panic!("{mark}: {error}"))
    };
    assert_eq!(read("test: example"), "home\nwork\n");
    assert_eq!(read("test: oauth"), "company\nother\noutlook\n");
}

/// The type of a documented key: names of JSON types, `optional`, and the type of list items.
struct Kind(BTreeSet<String>);

type Objects = BTreeMap<String, BTreeMap<String, Kind>>;

fn documented() -> Objects {
    let object = |name: &&str| {
        let section = section(JSON, &format!(".SS {name}"));
        let kinds = entries(section).into_iter().map(|entry| (entry.key, Kind::parse(&entry.kind)));
        (plain(name), kinds.collect())
    };
    subsections(JSON).iter().map(object).collect()
}

impl Kind {
    /// `string, integer, or null`
    fn parse(text: &str) -> Self {
        let text = text.replace(" or ", ", ");
        Self(text.split(',').map(|kind| kind.trim().to_owned()).filter(|kind| !kind.is_empty()).collect())
    }

    fn is_optional(&self) -> bool {
        self.0.contains("optional")
    }

    fn fits(&self, value: &Value) -> bool {
        self.0.iter().any(|kind| match value {
            // The value in the transcript is a placeholder.
            Value::String(text) if text.starts_with('*') => true,
            Value::Null => kind == "null",
            Value::Bool(_) => kind == "boolean",
            Value::Number(number) => kind == "integer" && number.is_u64(),
            Value::String(_) => kind == "string",
            Value::Array(items) => match kind.as_str() {
                "list of strings" => items.iter().all(Value::is_string),
                "list of objects" => items.iter().all(Value::is_object),
                other => other == "list",
            },
            Value::Object(_) => kind == "object",
        })
    }
}

/// Panics unless every key is documented with a matching type, and every key that is not optional is present.
fn check(objects: &Objects, name: &str, value: &Value, shown_by: &str) {
    let keys = objects.get(name).unwrap_or_else(|| panic!("{shown_by}: no object {name}"));
    let object = value.as_object().unwrap_or_else(|| panic!("{shown_by}: no object: {value}"));
    for (key, value) in object {
        let kind = keys.get(key).unwrap_or_else(|| panic!("{shown_by}: {name}: {key:?} is not documented"));
        assert!(kind.fits(value), "{shown_by}: {name}: {key}: {value} is none of {:?}", kind.0);
        let inner = match key.as_str() {
            "from" | "to" | "cc" => "mailbox",
            inner => inner,
        };
        match value {
            Value::Object(_) => check(objects, inner, value, shown_by),
            Value::Array(items) => {
                items
                    .iter()
                    .filter(|item| item.is_object())
                    .for_each(|item| check(objects, inner, item, shown_by));
            }
            _ => {}
        }
    }
    for (key, kind) in keys {
        assert!(kind.is_optional() || object.contains_key(key), "{shown_by}: {name} lacks {key}: {value}");
    }
}

#[test]
fn json_of_every_transcript_is_documented() {
    let objects = documented();
    let mut seen = BTreeSet::new();
    for (file, run) in transcript_runs() {
        let Some(command) = run.arguments.iter().find(|word| objects.contains_key(word.as_str())) else {
            continue;
        };
        for expectation in &run.expectations {
            let Expectation::Json(lines) = expectation else { continue };
            for line in lines {
                let value: Value =
                    serde_json::from_str(line).unwrap_or_else(|error| panic!("{file}: {error}"));
                let is_refused = command != "record" && value.get("error").is_some();
                let name = if is_refused { "refused message" } else { command };
                check(&objects, name, &value, &file);
                seen.insert(name.to_owned());
            }
        }
    }
    // The other objects are nested in these, printed on standard error, or belong to OAuth 2.0.
    let names = ["accounts", "delete", "fetch", "headers", "record", "refused message", "status", "uidl"];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), names);
}

#[test]
fn json_examples_match_the_documentation() {
    let objects = documented();
    for name in subsections(JSON) {
        let example = examples(section(JSON, &format!(".SS {name}"))).pop();
        let Example { text, .. } = example.unwrap_or_else(|| panic!("{name} has no example"));
        let value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}: {text}"));
        check(&objects, &plain(name), &value, "the example");
    }
}

#[test]
fn exit_codes_match_the_transcripts() {
    let table = section(JSON, ".SH EXIT STATUS");
    let documented: BTreeSet<(i32, String)> = table
        .lines()
        .filter_map(|row| {
            let mut cells = row.split('\t');
            Some((cells.next()?.parse().ok()?, plain(cells.next()?)))
        })
        .collect();
    let mut shown = BTreeSet::new();
    for (_, run) in transcript_runs() {
        for expectation in run.expectations {
            if let Expectation::Error { code, .. } = expectation {
                shown.insert((run.exit.expect("an exit code"), code));
            }
        }
    }
    assert_eq!(shown, documented);
}

/// Returns every run of every transcript, with the name of its file.
fn transcript_runs() -> Vec<(String, crate::support::script::Run)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let places = Places { port: 110, work: "/work".into(), tmp: "/tmp".into() };
    let mut runs = Vec::new();
    for (name, octets) in files(&folder) {
        let text = String::from_utf8(octets).expect("text");
        runs.extend(Script::parse(&name, &text, &places).runs.into_iter().map(|run| (name.clone(), run)));
    }
    assert!(runs.len() > 100, "{} runs", runs.len());
    runs
}

/// Returns every page of the manual.
fn pages() -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("man");
    let text = |octets: Vec<u8>| String::from_utf8(octets).expect("text").replace("\r\n", "\n");
    files(&folder).into_iter().map(|(name, octets)| (folder.join(name), text(octets))).collect()
}

fn extension(path: &Path) -> &str {
    path.extension().expect("a section").to_str().expect("ASCII")
}
