//! Demonstrates `pop3`: starts a small mail server on this machine, runs the real program against it over TLS, and
//! shows every command with its output.
//!
//! ```text
//! cargo run --release --example demo
//! cargo run --release --example demo -- --serve     # only the server, to try pop3 by hand
//! ```
//!
//! The server has the five messages of the README.

use std::error::Error;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output, Stdio};

use mailbox::{Mailbox, Quirks, Tls, sample};

#[path = "../tests/support/mailbox/mod.rs"]
#[expect(dead_code, reason = "the demo uses only a part of it")]
mod mailbox;

/// Not `localhost`, because it is missing in `/etc/hosts` of some containers.
const HOST: &str = "127.0.0.1";
const USER: &str = "alice";
const PASSWORD: &str = "correct horse";

/// A command line of the demo with a description and the expected exit code.
struct Scene {
    title: &'static str,
    arguments: &'static [&'static str],
    password: &'static str,
    exit: i32,
}

const fn scene(title: &'static str, arguments: &'static [&'static str]) -> Scene {
    Scene { title, arguments, password: PASSWORD, exit: 0 }
}

const SCENES: [Scene; 12] = [
    scene("How much mail is there?", &["status"]),
    scene("Which? (Only the headers are downloaded.)", &["headers"]),
    scene("Under which unique-ids does the server know it?", &["uidl"]),
    scene("Download everything that is new, one .eml a message.", &["fetch", "--dir", "mail"]),
    scene("Once more: nothing is new now.", &["fetch", "--dir", "mail"]),
    scene("One message's headers for a script: a JSON object a line.", &["headers", "3", "--json"]),
    scene(
        "Delete the largest? Without --commit nothing is deleted.",
        &["delete", "--all", "--larger", "100k"],
    ),
    scene("With --commit it is.", &["delete", "--all", "--larger", "100k", "--commit"]),
    scene("What is left.", &["status"]),
    scene("And for scripts.", &["status", "--json"]),
    scene("The whole conversation with the server; secrets are left out.", &["status", "--trace"]),
    Scene {
        title: "A wrong password: one clear line, and an exit code of its own.",
        arguments: &["status"],
        password: "wrong donkey",
        exit: 77,
    },
];

fn main() -> ExitCode {
    let serve = std::env::args().nth(1).is_some_and(|argument| argument == "--serve");
    let shown = if serve { serve_until_enter() } else { show() };
    match shown {
        Ok(code) => code,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

fn server() -> Mailbox {
    Mailbox::start(Tls::Implicit, Quirks::default()).with_user(USER, PASSWORD, sample::messages())
}

/// Runs all scenes. An unexpected exit code fails the demo.
fn show() -> Result<ExitCode, Box<dyn Error>> {
    let program = program()?;
    let server = server();
    let folder = tempfile::tempdir()?;
    let ca_file = prepare(folder.path(), &server)?;
    println!(
        "A mail server with {} messages listens on 127.0.0.1:{}.",
        sample::messages().len(),
        server.port()
    );
    for scene in &SCENES {
        let output = command(&program, folder.path(), &ca_file, &server, scene).output()?;
        present(scene, &output)?;
        if output.status.code() != Some(scene.exit) {
            eprintln!("demo: exit code {} was expected, {} came", scene.exit, output.status);
            return Ok(ExitCode::FAILURE);
        }
    }
    println!("\n# What was fetched:");
    let mut files: Vec<_> = std::fs::read_dir(folder.path().join("mail"))?.collect::<Result<_, _>>()?;
    files.sort_by_key(std::fs::DirEntry::file_name);
    for file in files {
        println!("mail/{} ({} octets)", file.file_name().display(), file.metadata()?.len());
    }
    println!("\nTry it by hand: cargo run --release --example demo -- --serve");
    Ok(ExitCode::SUCCESS)
}

/// Writes the CA certificate and an empty configuration file to `folder`, and returns the path of the certificate.
fn prepare(folder: &Path, server: &Mailbox) -> Result<PathBuf, std::io::Error> {
    let ca_file = folder.join("ca.pem");
    std::fs::write(&ca_file, &server.certificate().ca_pem)?;
    std::fs::write(folder.join("config.toml"), "")?;
    Ok(ca_file)
}

/// Returns a `pop3` command with the environment of all scenes, without the settings of the user.
fn command(program: &Path, folder: &Path, ca_file: &Path, server: &Mailbox, scene: &Scene) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("POP3_") || name == "RUST_LOG" {
            command.env_remove(name);
        }
    }
    command
        .args(scene.arguments)
        .current_dir(folder)
        .env("POP3_CONFIG", folder.join("config.toml"))
        .env("POP3_STATE_DIR", folder.join("state"))
        .env("POP3_HOST", HOST)
        .env("POP3_PORT", server.port().to_string())
        .env("POP3_TLS", "implicit")
        .env("POP3_CA_FILE", ca_file)
        .env("POP3_USER", USER)
        .env("POP3_PASSWORD", scene.password);
    command
}

fn present(scene: &Scene, output: &Output) -> Result<(), std::io::Error> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n# {}\n$ pop3 {}", scene.title, scene.arguments.join(" "))?;
    out.write_all(&output.stdout)?;
    out.write_all(&output.stderr)?;
    if let Some(code) = output.status.code().filter(|&code| code != 0) {
        writeln!(out, "(exit code {code})")?;
    }
    Ok(())
}

/// Builds `pop3` with the profile of this example if it is missing or out of date, and returns its path.
///
/// Cargo reports the compiled crates, and the path of the program.
fn program() -> Result<PathBuf, Box<dyn Error>> {
    let here = std::env::current_exe()?;
    let folder = here.parent().and_then(Path::parent).ok_or("this example is in no target folder")?;
    let Some(cargo) = std::env::var_os("CARGO") else {
        let program = folder.join(format!("pop3{}", std::env::consts::EXE_SUFFIX));
        let missing = || format!("{} is missing: run this example with cargo", program.display());
        return if program.is_file() { Ok(program) } else { Err(missing().into()) };
    };
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    eprintln!("demo: cargo build --bin pop3 --profile {profile} (takes minutes unless it is built already)");
    let mut build = Command::new(cargo);
    build.args(["build", "--locked", "--bin", "pop3", "--profile", profile]);
    build.args(["--message-format", "json-render-diagnostics", "--manifest-path"]);
    build.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_of_this_package(&name.to_string_lossy())) {
        build.env_remove(name);
    }
    let output = build.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err("pop3 cannot be built".into());
    }
    let text = String::from_utf8(output.stdout)?;
    let messages = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut programs = messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from));
    programs.next_back().ok_or_else(|| "cargo named no program".into())
}

/// Returns true for the variables that `cargo run` sets to describe this package. Some build scripts (for example of
/// ring) watch them, so a nested cargo that inherits them would rebuild nearly everything.
fn is_of_this_package(name: &str) -> bool {
    name.starts_with("CARGO_PKG_")
        || [
            "CARGO_MANIFEST_DIR",
            "CARGO_MANIFEST_PATH",
            "CARGO_CRATE_NAME",
            "CARGO_BIN_NAME",
            "CARGO_PRIMARY_PACKAGE",
        ]
        .contains(&name)
}

fn serve_until_enter() -> Result<ExitCode, Box<dyn Error>> {
    let server = server();
    let folder = tempfile::tempdir()?;
    let ca_file = prepare(folder.path(), &server)?;
    let port = server.port().to_string();
    let state = folder.path().join("state");
    let variables = [
        ("POP3_HOST", HOST),
        ("POP3_PORT", &port),
        ("POP3_TLS", "implicit"),
        ("POP3_CA_FILE", ca_file.to_str().ok_or("the temporary folder has an odd name")?),
        ("POP3_STATE_DIR", state.to_str().ok_or("the temporary folder has an odd name")?),
        ("POP3_USER", USER),
        ("POP3_PASSWORD", PASSWORD),
    ];
    println!("# bash, zsh:");
    for (name, value) in variables {
        println!("export {name}='{value}'");
    }
    println!("\n# PowerShell:");
    for (name, value) in variables {
        println!("$env:{name} = '{value}'");
    }
    println!("\nSet these in another terminal, then try: pop3 status. Enter ends the server.");
    if std::io::stdin().read_line(&mut String::new())? == 0 {
        // Without a terminal, the server runs until the process is terminated.
        loop {
            std::thread::park();
        }
    }
    Ok(ExitCode::SUCCESS)
}
