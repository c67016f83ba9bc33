//! SASL mechanisms (RFC 4422, RFC 5034) and `APOP` as pure steps: challenge in, response out.
//!
//! Nothing here reads a socket or a clock or draws a random number; nothing here knows base64 but SCRAM, whose messages
//! hold some. A caller decodes what follows `"+ "`, strictly, gives it to [`Exchange::respond`], and sends what comes
//! back. Any [`SaslError`] ends the exchange: the caller sends `*` (RFC 5034 §4).
//!
//! ```
//! use pop3::Secret;
//! use pop3::sasl::{ChannelBinding, Credential, Exchange, Mechanism, Parameters};
//!
//! let credential = Credential::Password(Secret::from("tanstaaftanstaaf"));
//! let mut exchange = Exchange::new(Mechanism::CramMd5, &Parameters {
//!     user: "tim",
//!     credential: &credential,
//!     nonce: "",
//!     binding: ChannelBinding::Unavailable,
//!     host: "postoffice.reston.mci.net",
//!     port: 110,
//! })?;
//! assert_eq!(exchange.initial(255), None);
//! let response = exchange.respond(b"<1896.697170952@postoffice.reston.mci.net>")?;
//! assert_eq!(response.expose(), b"tim b913a602c7eda7a495b4e6e7334d3890");
//! exchange.finish()?;
//! # Ok::<(), pop3::sasl::SaslError>(())
//! ```

pub mod apop;
#[cfg(feature = "md5")]
mod cram_md5;
mod error;
mod exchange;
mod external;
mod limits;
mod login;
mod mechanism;
mod method;
mod oauth;
mod parameters;
mod plain;
mod reason;
#[cfg(feature = "scram")]
mod scram;
mod state;
#[cfg(test)]
mod tests;

pub use error::{OpenIdConfiguration, SaslError};
pub use exchange::Exchange;
pub use limits::{MAX_CHALLENGE, MAX_CHALLENGES, MAX_ITERATIONS, MIN_NONCE};
pub use mechanism::Mechanism;
pub use method::{AuthMethod, Channel, Offer};
use parameters::escape_name;
pub use parameters::{ChannelBinding, Credential, Parameters};
