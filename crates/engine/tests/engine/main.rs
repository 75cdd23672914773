//! What the engine promises, tried over the store in memory (and, across nodes, over a cluster): one file a subject, one sentence a test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod accounts;
mod apply;
mod authorize;
mod backchannel;
mod client_authentication;
mod client_credentials;
mod client_document;
mod cluster;
mod code;
mod costs;
mod device;
mod dpop;
mod epochs;
mod exchange;
mod introspection;
mod jwt_bearer;
mod keys;
mod metadata;
mod misses;
mod one_grant;
mod pages;
mod par;
mod password;
mod refresh;
mod refresh_policy;
mod registration;
mod responses;
mod reuse;
mod revocation;
mod secrets;
mod support;
mod userinfo;
