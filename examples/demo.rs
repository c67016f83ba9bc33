//! `pop3` at work: starts a small mail server on this machine, runs the real program against it over TLS, and shows
//! every command with its answer.
//!
//! ```text
//! cargo run --release --example demo
//! cargo run --release --example demo -- --serve     # only the server, to try pop3 by hand
//! ```

use std::error::Error;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};

use mailbox::{Mailbox, Message, Quirks, Tls};

#[path = "../tests/support/mailbox/mod.rs"]
#[expect(dead_code, reason = "the tests use all of it, the demo half")]
mod mailbox;

const USER: &str = "alice";
const PASSWORD: &str = "correct horse";

/// A command line of the demo, what it shows, and the exit code that it must have.
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
    scene("Delete the largest? Without --commit nothing is deleted.", &["delete", "--all", "--larger", "1k"]),
    scene("With --commit it is.", &["delete", "--all", "--larger", "1k", "--commit"]),
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
    Mailbox::start(Tls::Implicit, Quirks::default()).with_user(USER, PASSWORD, messages())
}

/// Plays all scenes; one with another exit code than it must have fails the demo.
fn show() -> Result<ExitCode, Box<dyn Error>> {
    let program = program()?;
    let server = server();
    let folder = tempfile::tempdir()?;
    let ca_file = prepare(folder.path(), &server)?;
    println!("A mail server with {} messages listens on 127.0.0.1:{}.", messages().len(), server.port());
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

/// The certificate authority and an empty configuration in `folder`; gives the authority's file.
fn prepare(folder: &Path, server: &Mailbox) -> Result<PathBuf, std::io::Error> {
    let ca_file = folder.join("ca.pem");
    std::fs::write(&ca_file, &server.certificate().ca_pem)?;
    std::fs::write(folder.join("config.toml"), "")?;
    Ok(ca_file)
}

/// `pop3` with all that every scene shares in its environment, and nothing of the user's own settings.
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
        .env("POP3_HOST", "localhost")
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

/// The real program, of the profile of this example: cargo makes it where it is missing or old.
fn program() -> Result<PathBuf, Box<dyn Error>> {
    let here = std::env::current_exe()?;
    let folder = here.parent().and_then(Path::parent).ok_or("this example is in no target folder")?;
    let program = folder.join(format!("pop3{}", std::env::consts::EXE_SUFFIX));
    if let Some(cargo) = std::env::var_os("CARGO") {
        println!("Building pop3 …");
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "--bin", "pop3", "--manifest-path"]);
        build.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
        if folder.ends_with("release") {
            build.arg("--release");
        }
        if !build.status()?.success() {
            return Err("pop3 cannot be built".into());
        }
    }
    if program.is_file() {
        return Ok(program);
    }
    Err(format!("{} is not there: run this example with cargo", program.display()).into())
}

fn serve_until_enter() -> Result<ExitCode, Box<dyn Error>> {
    let server = server();
    let folder = tempfile::tempdir()?;
    let ca_file = prepare(folder.path(), &server)?;
    let port = server.port().to_string();
    let state = folder.path().join("state");
    let variables = [
        ("POP3_HOST", "localhost"),
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
        // No terminal: until this process is ended.
        loop {
            std::thread::park();
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A maildrop as people have it.
fn messages() -> Vec<Message> {
    let attachment =
        "JVBERi0xLjcKJeLjz9MKMSAwIG9iago8PCAvVHlwZSAvQ2F0YWxvZyAvUGFnZXMgMiAwIFIgPj4K\r\n".repeat(40);
    let texts = [
        "From: Bob Builder <bob@example.org>\r\nTo: Alice <alice@example.org>\r\nSubject: Lunch on Friday?\r\n\
         Date: Mon, 16 Nov 2026 09:12:44 +0000\r\nMessage-ID: <lunch.1@example.org>\r\n\r\n\
         At noon, in the usual place.\r\n.\r\n(A dot on a line of its own comes through.)\r\n"
            .to_owned(),
        // "Встреча в понедельник", in KOI8-R.
        "From: =?KOI8-R?B?6dfBziDwxdTSz9c=?= <ivan@example.ru>\r\nTo: alice@example.org\r\n\
         Subject: =?KOI8-R?B?99PU0sXewSDXINDPzsXExczYzsnL?=\r\nDate: Tue, 17 Nov 2026 18:03:10 +0300\r\n\
         Message-ID: <42@example.ru>\r\nContent-Type: text/plain; charset=koi8-r\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n99PU0sXewSDXIDEwOjAwLgo=\r\n"
            .to_owned(),
        // "明日の会議について", in ISO-2022-JP.
        "From: =?ISO-2022-JP?B?GyRCOzNFRBsoQg==?= <yamada@example.jp>\r\nTo: alice@example.org\r\n\
         Cc: Bob <bob@example.org>\r\nSubject: =?ISO-2022-JP?B?GyRCTEBGfCROMnE1RCRLJEQkJCRGGyhC?=\r\n\
         Date: Wed, 18 Nov 2026 08:30:00 +0900\r\nMessage-ID: <mtg@example.jp>\r\n\
         Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n\x1b$B2q5D\x1b(B\r\n"
            .to_owned(),
        // "Отчёт за ноябрь", in UTF-8, with a PDF.
        format!(
            "From: \"Accounting, Dept. 3\" <reports@example.org>\r\nTo: alice@example.org\r\n\
             Subject: =?UTF-8?B?0J7RgtGH0ZHRgiDQt9CwINC90L7Rj9Cx0YDRjA==?=\r\n\
             Date: Thu, 19 Nov 2026 12:00:00 +0100\r\nMessage-ID: <report@example.org>\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/mixed; boundary=cut\r\n\r\n--cut\r\nContent-Type: text/plain\r\n\r\n\
             The report is attached.\r\n--cut\r\nContent-Type: application/pdf; name=report.pdf\r\n\
             Content-Transfer-Encoding: base64\r\n\r\n{attachment}--cut--\r\n"
        ),
        "From: backup@host7.example.org\r\nSubject: backup finished with 0 errors\r\n\
         Date: Fri, 20 Nov 2026 03:00:01 +0000\r\n\r\n"
            .to_owned(),
    ];
    let unique_ids = ["20261116.1", "20261117.1", "1780000000.M7P3.host,S=380", "f3a9c2e07b", "20261120.9"];
    unique_ids.into_iter().zip(texts).map(|(unique_id, text)| Message::new(unique_id, text)).collect()
}
