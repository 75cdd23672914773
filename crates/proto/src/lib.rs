//! The vocabulary and the pure rules of OAuth 2.0 and OpenID Connect: no async, no clock, no I/O, no framework.

pub mod digest;
pub mod id;
pub mod scope;
pub mod seal;
pub mod time;
