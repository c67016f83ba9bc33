//! SASL mechanisms (RFC 4422, RFC 5034) and `APOP` without I/O: responses are computed from challenges.
//!
//! Challenges and responses are bytes, not base64. The caller decodes the text after `"+ "` strictly, passes it to
//! [`Exchange::respond`], and sends the response in base64. Any [`SaslError`] ends the exchange: the caller sends `*`
//! (RFC 5034 §4). SCRAM needs the feature `scram`, CRAM-MD5 and `APOP` need the feature `md5`.
//!
//! ```
//! use pop3::Secret;
//! use pop3::sasl::{ChannelBinding, Credential, Exchange, Mechanism, Parameters};
//!
//! # #[cfg(feature = "md5")] {
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
//! # }
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
pub use mechanism::Mechanism;
pub use method::{AuthMethod, Channel, Offer};
pub use parameters::{ChannelBinding, Credential, Parameters};

use limits::{MAX_CHALLENGE, MAX_CHALLENGES, MAX_ITERATIONS};
use parameters::escape_name;
