//! Status lines and their response codes.

use super::error::ProtocolError;

/// The status indicator: success or refusal of a command (RFC 1939 §3).
///
/// Exhaustive because RFC 1939 defines exactly two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusIndicator {
    /// `+OK`: success.
    Ok,
    /// `-ERR`: the command was refused.
    Err,
}

/// The borrowed first line of a response: `+OK 2 320`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusLine<'a> {
    line: &'a [u8],
    indicator: StatusIndicator,
}

impl<'a> StatusLine<'a> {
    /// Parses a line without its line end. Checks only the first word, as any text may follow.
    ///
    /// ```
    /// use pop3::proto::{ResponseCode, StatusIndicator, StatusLine};
    /// let status = StatusLine::parse(b"-ERR [IN-USE] maildrop locked").unwrap();
    /// assert_eq!(status.indicator(), StatusIndicator::Err);
    /// assert_eq!(status.response_code(), Some(ResponseCode::InUse));
    /// assert_eq!(StatusLine::parse(b"+OK").unwrap().text(), b"");
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ProtocolError::NoStatusIndicator`] if the first word is neither `+OK` nor `-ERR`.
    pub fn parse(line: &'a [u8]) -> Result<Self, ProtocolError> {
        let word = line.split(|byte| matches!(byte, b' ' | b'\t')).next().unwrap_or_default();
        let indicator = match word {
            b"+OK" => StatusIndicator::Ok,
            b"-ERR" => StatusIndicator::Err,
            _ => return Err(ProtocolError::NoStatusIndicator),
        };
        Ok(Self { line, indicator })
    }

    /// Returns the status indicator.
    #[must_use]
    pub fn indicator(&self) -> StatusIndicator {
        self.indicator
    }

    /// Returns the whole line without its line end.
    #[must_use]
    pub fn line(&self) -> &'a [u8] {
        self.line
    }

    /// Returns the text after the indicator and one space.
    #[must_use]
    pub fn text(&self) -> &'a [u8] {
        let skip = match self.indicator {
            StatusIndicator::Ok => b"+OK".len(),
            StatusIndicator::Err => b"-ERR".len(),
        };
        self.line.get(skip + 1..).unwrap_or_default()
    }

    /// Returns the response code in square brackets at the start of the text (RFC 2449 §8), even if the server did
    /// not announce `RESP-CODES`.
    #[must_use]
    pub fn response_code(&self) -> Option<ResponseCode<'a>> {
        let text = self.text().trim_ascii_start().strip_prefix(b"[")?;
        let end = text.iter().position(|&byte| byte == b']')?;
        Some(ResponseCode::parse(&text[..end]))
    }
}

/// A response code (RFC 2449 §8, RFC 3206, RFC 6856): a machine-readable reason for a refusal.
///
/// Codes are hierarchical, with slashes between the levels. An unknown code is treated as its parent (RFC 3206 §3):
/// `SYS/TEMP/x` is [`SysTemp`](ResponseCode::SysTemp).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResponseCode<'a> {
    /// `IN-USE`: another session has locked the maildrop.
    InUse,
    /// `LOGIN-DELAY`: the last login was too recent.
    LoginDelay,
    /// `SYS/TEMP`: a temporary problem on the server.
    SysTemp,
    /// `SYS/PERM`: a problem on the server that an administrator must fix.
    SysPerm,
    /// `AUTH`: the credentials are wrong.
    Auth,
    /// `UTF8`: the command requires `UTF8` to be sent first (RFC 6856).
    Utf8,
    /// Any other response code, without its brackets.
    Other(&'a [u8]),
}

impl<'a> ResponseCode<'a> {
    fn parse(code: &'a [u8]) -> Self {
        const KNOWN: [(&[u8], ResponseCode<'static>); 6] = [
            (b"IN-USE", ResponseCode::InUse),
            (b"LOGIN-DELAY", ResponseCode::LoginDelay),
            (b"SYS/TEMP", ResponseCode::SysTemp),
            (b"SYS/PERM", ResponseCode::SysPerm),
            (b"AUTH", ResponseCode::Auth),
            (b"UTF8", ResponseCode::Utf8),
        ];
        let is = |name: &[u8]| {
            code.len() >= name.len()
                && code[..name.len()].eq_ignore_ascii_case(name)
                && code.get(name.len()).is_none_or(|&byte| byte == b'/')
        };
        KNOWN.into_iter().find_map(|(name, known)| is(name).then_some(known)).unwrap_or(Self::Other(code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_word_of_a_status_line_is_checked() {
        for (line, indicator) in [
            (&b"+OK"[..], StatusIndicator::Ok),
            (b"+OK ", StatusIndicator::Ok),
            (b"+OK\tready", StatusIndicator::Ok),
            (b"-ERR", StatusIndicator::Err),
            (b"-ERR \xff\x1b[2J", StatusIndicator::Err),
        ] {
            assert_eq!(StatusLine::parse(line).map(|status| status.indicator()), Ok(indicator));
        }
        for line in [&b""[..], b"+", b"+OKAY", b"+ok", b" +OK", b"* OK", b"-ERROR", b"+ abc"] {
            assert_eq!(StatusLine::parse(line), Err(ProtocolError::NoStatusIndicator), "{line:?}");
        }
    }

    #[test]
    fn an_unknown_response_code_is_treated_as_its_parent() {
        let code = |line: &'static [u8]| StatusLine::parse(line).unwrap().response_code();
        assert_eq!(code(b"-ERR [SYS/TEMP/full] later"), Some(ResponseCode::SysTemp));
        assert_eq!(code(b"-ERR [sys/perm]"), Some(ResponseCode::SysPerm));
        assert_eq!(code(b"-ERR  [AUTH] no"), Some(ResponseCode::Auth));
        assert_eq!(code(b"-ERR [LOGIN-DELAY] slow down"), Some(ResponseCode::LoginDelay));
        assert_eq!(code(b"-ERR [SYS] odd"), Some(ResponseCode::Other(b"SYS")));
        assert_eq!(code(b"-ERR [AUTHX]"), Some(ResponseCode::Other(b"AUTHX")));
        assert_eq!(code(b"-ERR [unclosed"), None);
        assert_eq!(code(b"-ERR no [AUTH] here"), None);
    }
}
