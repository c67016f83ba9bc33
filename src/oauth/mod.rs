//! OAuth 2.0 (RFC 6749) without input or output: builds requests and parses responses.
//!
//! The caller sends an [`OAuthRequest`] over HTTP, for example with an [`HttpClient`](crate::net::HttpClient), and passes the
//! [`Response`] to a method of the request. Errors quote the response without the secrets of the request.
//!
//! | grant | begins with | ends with |
//! | --- | --- | --- |
//! | authorization code, PKCE S256 (RFC 7636) | [`AuthorizationRequest::new`] | [`Client::redeem`] |
//! | device (RFC 8628) | [`Client::device`] | [`Client::poll`] |
//! | refresh | [`Client::refresh`] | [`OAuthRequest::tokens`] |
//!
//! The endpoints are those of a built-in [`Provider`], or come from the [`Metadata`] (RFC 8414) of an issuer.

mod client;
mod code;
mod device;
mod endpoints;
mod error;
mod form;
mod metadata;
mod provider;
mod response;
#[cfg(test)]
mod tests;

pub use client::{Client, OAuthRequest};
pub use code::{AuthorizationRequest, Code};
pub use device::{DeviceAuthorization, Poll};
pub use endpoints::{ClientAuthentication, Endpoints};
pub use error::OAuthError;
pub use metadata::{Metadata, metadata_urls};
pub use provider::Provider;
pub use response::{Response, Tokens};
