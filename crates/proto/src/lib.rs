//! The vocabulary and the pure rules of OAuth 2.0 and OpenID Connect: no async, no clock, no I/O, no framework.

pub mod authorize;
pub mod certificate;
pub mod claims;
pub mod client;
pub mod client_document;
pub mod credentials;
pub mod device;
pub mod digest;
pub mod error;
pub mod form;
pub mod id;
pub mod id_token;
pub mod introspection;
pub mod issuer;
pub mod jose;
pub mod jws;
pub mod metadata;
pub mod par;
pub mod pkce;
pub mod redirect_uri;
pub mod registration;
pub mod scope;
pub mod seal;
pub mod time;
pub mod token;
