//! The guard against an issuer that does as it is told, on a clock that stands still until it is moved.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]
#![allow(missing_docs, unreachable_pub, reason = "tests are documented by their names")]

mod bad_issuers;
mod example;
mod feeds;
mod jwts;
mod layers;
mod network;
mod opaque;
mod proofs;
mod world;
