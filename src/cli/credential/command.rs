//! Reads secrets from the output of a command (`password-command`, `token-command`) and from standard input.

use crate::bytes::BOM;
use std::{
    fmt::Display,
    io::{self, BufRead as _, IsTerminal as _, Read},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use super::GRACE;
use crate::{
    Secret,
    cli::{
        error::CliError,
        settings::{SECRET_VARIABLES, Settings},
    },
};

/// Runs the command of the account's key `key` and returns the first line of its output. Its standard error is shown, except with
/// `--json` and `-qq`. Only `--deadline` limits its time, because the command may ask a person.
pub fn run(key: &str, words: &[String], settings: &Settings) -> Result<Secret, CliError> {
    let program = words.first().map(String::as_str).unwrap_or_default();
    let failed = |what: &dyn Display| CliError::configuration(format!("{key}: {program:?} {what}"));
    let mut command = Command::new(program);
    let child = remove_secrets(&mut command)
        .args(words.get(1..).unwrap_or_default())
        .stdin(if io::stdin().is_terminal() { Stdio::inherit() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(if settings.json || settings.quiet > 1 { Stdio::null() } else { Stdio::inherit() })
        .spawn();
    let mut child = child.map_err(|error| failed(&format!("cannot be run: {error}")))?;
    let ended = read_first_line(&mut child)
        .map_err(|error| failed(&format!("cannot be read: {error}")))
        .and_then(|line| wait(&mut child, &line, settings, key, &failed));
    if ended.is_err() {
        // This also closes its output, so that processes that it has started end too.
        let _ = child.kill();
        let _ = child.wait();
    }
    ended
}

/// Removes the variables that can contain a secret from the environment of a command.
pub fn remove_secrets(command: &mut Command) -> &mut Command {
    for variable in SECRET_VARIABLES {
        command.env_remove(variable);
    }
    command
}

/// Reads the first line, without the end of line: `"secret\r\nmore"` → `"secret"`.
pub fn first_line(input: impl Read) -> io::Result<Secret> {
    let mut line = Vec::new();
    io::BufReader::new(input).take(MAX_SECRET + 2).read_until(b'\n', &mut line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
        line.pop_if(|byte| *byte == b'\r');
    }
    // Windows PowerShell writes a byte order mark before the UTF-8 text that it pipes.
    if line.starts_with(BOM) {
        line.drain(..BOM.len());
    }
    let secret = Secret::from(line);
    if secret.expose().len() as u64 > MAX_SECRET {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("its first line has more than {MAX_SECRET} bytes"),
        ));
    }
    Ok(secret)
}

/// Waits for the first line and for the end of the command.
fn wait(
    child: &mut Child,
    line: &mpsc::Receiver<io::Result<Secret>>,
    settings: &Settings,
    key: &str,
    failed: &dyn Fn(&dyn Display) -> CliError,
) -> Result<Secret, CliError> {
    let mut secret = None;
    let mut pause = Duration::from_millis(1);
    let status = loop {
        if let Some(status) = child.try_wait().map_err(|error| failed(&format!("was lost: {error}")))? {
            break status;
        }
        if settings.deadline_passed() {
            return Err(settings.deadline_error(key));
        }
        let step = settings.until_deadline(pause);
        match line.recv_timeout(step) {
            Ok(read) => secret = Some(read.map_err(|error| failed(&error))?),
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            // The command has closed its output.
            Err(mpsc::RecvTimeoutError::Disconnected) => thread::sleep(step),
        }
        pause = (pause * 2).min(MAX_PAUSE);
    };
    if !status.success() {
        return Err(failed(&format!("failed ({status})")));
    }
    if let Some(secret) = secret {
        return Ok(secret);
    }
    match line.recv_timeout(GRACE) {
        Ok(Ok(secret)) => Ok(secret),
        Ok(Err(error)) => Err(failed(&error)),
        Err(_) => Err(failed(&"printed no line")),
    }
}

/// Sends the first line from a thread that reads all output: a command blocks if the rest of its output is not read, and a
/// remaining child process may keep the output open. Endless output is an error.
fn read_first_line(child: &mut Child) -> io::Result<mpsc::Receiver<io::Result<Secret>>> {
    let (sender, receiver) = mpsc::channel();
    if let Some(output) = child.stdout.take() {
        thread::Builder::new().name("first line".into()).spawn(move || {
            let mut output = io::BufReader::new(output);
            let line = first_line(&mut output);
            let readable = line.is_ok();
            let _ = sender.send(line);
            if !readable {
                return;
            }
            if io::copy(&mut (&mut output).take(MAX_REST), &mut io::sink()).is_ok_and(|rest| rest == MAX_REST)
            {
                let endless = format!("prints without end: more than {MAX_REST} bytes after its first line");
                let _ = sender.send(Err(io::Error::new(io::ErrorKind::InvalidData, endless)));
            }
            // Reads until the command is killed: if the pipe were closed, the command would fail with another error.
            let _ = io::copy(&mut output, &mut io::sink());
        })?;
    }
    Ok(receiver)
}

/// Maximum length of a secret, in bytes. Tokens have a few thousand.
const MAX_SECRET: u64 = 65_536;

/// Maximum size of the output after the first line, in bytes: password stores print a short note there.
const MAX_REST: u64 = 1 << 20;

/// Maximum interval between two checks of whether the command has ended.
const MAX_PAUSE: Duration = Duration::from_millis(50);
