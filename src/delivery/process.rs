//! Identifies the process that holds a lock, and checks whether that process is still running.

use std::time::SystemTime;
#[cfg(unix)]
use std::{fs, time::Duration};

/// Returns the host name, with unusual characters replaced by `_`.
pub(crate) fn host() -> String {
    #[cfg(unix)]
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    let host = std::env::var("COMPUTERNAME").unwrap_or_default();
    let host: String = host
        .trim()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '.' { c } else { '_' })
        .collect();
    if host.is_empty() { "localhost".to_owned() } else { host }
}

/// Identifies a process by id, host, boot and start time: ids are reused, and another host or container may use the same id.
#[cfg(unix)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) id: i32,
    /// The host and, on Linux, the PID namespace.
    place: String,
    /// The boot, and the start of the process within it; `-` if unknown.
    boot: String,
    start: String,
}

#[cfg(unix)]
impl Holder {
    pub(crate) fn current() -> Self {
        let id = std::process::id().cast_signed();
        Self { id, place: place(), boot: boot(), start: start(id).unwrap_or_else(|| "-".to_owned()) }
    }

    /// `7 example/4026531836 4fe3…-… 81723`
    pub(crate) fn line(&self) -> String {
        format!("{} {} {} {}", self.id, self.place, self.boot, self.start)
    }

    pub(crate) fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ').map(str::to_owned);
        let id = words.next()?.parse().ok()?;
        let holder = Self { id, place: words.next()?, boot: words.next()?, start: words.next()? };
        words.next().is_none().then_some(holder)
    }

    /// Returns true if the process ran on this host and has certainly ended.
    pub(crate) fn is_dead(&self) -> bool {
        if self.place != place() {
            return false;
        }
        let boot = boot();
        let rebooted = boot != "-" && self.boot != "-" && boot != self.boot;
        rebooted
            || !is_alive(self.id)
            || start(self.id).is_some_and(|start| self.start != "-" && start != self.start)
    }

    /// Returns true if the process runs on this host.
    pub(crate) fn is_alive(&self) -> bool {
        self.place == place() && !self.is_dead()
    }
}

/// Returns a name for this process, for use in file names. On systems other than Unix the name is the process id alone.
pub(crate) fn own_name() -> String {
    #[cfg(unix)]
    return Holder::current().line().replace(' ', "+").replace('/', ",");
    #[cfg(not(unix))]
    std::process::id().to_string()
}

/// Returns true if the process with this [`own_name`] has certainly ended.
#[cfg(unix)]
pub(crate) fn has_ended(name: &str) -> bool {
    Holder::parse(&name.replace('+', " ").replace(',', "/")).is_some_and(|holder| holder.is_dead())
}

#[cfg(not(unix))]
pub(crate) fn has_ended(_: &str) -> bool {
    false
}

#[cfg(unix)]
pub(crate) fn is_alive(id: i32) -> bool {
    use rustix::{
        io::Errno,
        process::{Pid, test_kill_process},
    };
    Pid::from_raw(id).is_some_and(|pid| id > 0 && test_kill_process(pid) != Err(Errno::SRCH))
}

/// Always true: this system offers no check.
#[cfg(not(unix))]
pub(crate) fn is_alive(_: i32) -> bool {
    true
}

/// Returns the time of the last boot.
pub(crate) fn booted() -> Option<SystemTime> {
    #[cfg(unix)]
    {
        let stat = fs::read_to_string("/proc/stat").ok()?;
        let seconds = stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
        Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
    }
    #[cfg(not(unix))]
    None
}

#[cfg(unix)]
fn place() -> String {
    let namespace = fs::read_link("/proc/self/ns/pid").ok();
    let namespace = namespace.as_deref().and_then(|path| path.to_str()).unwrap_or_default();
    let digits: String = namespace.chars().filter(char::is_ascii_digit).collect();
    format!("{}/{digits}", host())
}

#[cfg(unix)]
fn boot() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    if boot.trim().is_empty() { "-".to_owned() } else { boot.trim().to_owned() }
}

/// Returns the start time of a process, in clock ticks since the boot.
#[cfg(unix)]
fn start(id: i32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The program name, in parentheses, may contain spaces and parentheses.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_ascii_whitespace().nth(19).map(str::to_owned)
}
