//! Starts the browser.

use std::process::{Command, Stdio};
use std::thread;

use crate::cli::credential::remove_secrets;

/// Opens a URL in the browser of the variable `BROWSER` or, if it is not set, in the default browser. This may fail silently, so
/// the caller must also print the URL.
pub fn open(url: &str) {
    let mut commands = match std::env::var("BROWSER") {
        Ok(browsers) if !browsers.trim().is_empty() => from_variable(&browsers, url),
        _ => Vec::new(),
    };
    if commands.is_empty() {
        commands = open::commands(url);
    }
    // The launcher is started in a thread, because some launchers run until the browser is closed.
    let started = thread::Builder::new().name("browser".into()).spawn(move || {
        for mut command in commands {
            let quiet =
                remove_secrets(&mut command).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            match quiet.status() {
                Ok(status) if status.success() => return,
                Ok(status) => log::info!("the browser ended with {status}"),
                Err(error) => log::info!("no browser: {error}"),
            }
        }
    });
    if let Err(error) = started {
        log::info!("no browser: {error}");
    }
}

/// Parses `BROWSER`, such as `firefox:lynx %s`: commands separated by colons (on Windows, where paths contain colons, by
/// semicolons). The URL replaces `%s`, or is appended.
fn from_variable(browsers: &str, url: &str) -> Vec<Command> {
    let separator = if cfg!(windows) { ';' } else { ':' };
    let command = |text: &str| {
        let words = crate::cli::settings::words(text).ok()?;
        let (program, arguments) = words.split_first()?;
        let mut command = Command::new(program);
        let mut placed = false;
        for argument in arguments {
            placed |= argument.contains("%s");
            command.arg(argument.replace("%s", url));
        }
        if !placed {
            command.arg(url);
        }
        Some(command)
    };
    browsers.split(separator).filter_map(command).collect()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_variable_names_commands() {
        let shown = |browsers: &str| {
            let words = |command: &Command| {
                let words = std::iter::once(command.get_program()).chain(command.get_args());
                words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
            };
            from_variable(browsers, "https://x/?a=b").iter().map(words).collect::<Vec<_>>()
        };
        assert_eq!(shown("firefox"), ["firefox https://x/?a=b"]);
        assert_eq!(shown("a -n '%s' -x::b"), ["a -n https://x/?a=b -x", "b https://x/?a=b"]);
        assert_eq!(shown("'open"), Vec::<String>::new());
    }
}
