//! OAuth 2.0 (RFC 6749) without input or output: requests are built, responses are judged.
//!
//! A caller sends [`OAuthRequest`]s over HTTP, for example by [`HttpClient`](crate::net::HttpClient), and hands the
//! [`Response`] back to the request. Everything that an error quotes from a response is free of the secrets of the
//! request.
//!
//! | grant | begins with | ends with |
//! | --- | --- | --- |
//! | authorization code, PKCE S256 (RFC 7636) | [`AuthorizationRequest::new`] | [`Client::redeem`] |
//! | device (RFC 8628) | [`Client::device`] | [`Client::poll`] |
//! | refresh | [`Client::refresh`] | [`OAuthRequest::tokens`] |
//!
//! Endpoints come from a [`Provider`] of the table, or from [`Metadata`] (RFC 8414) of an issuer.

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
