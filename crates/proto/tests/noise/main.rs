//! Every reader of bytes from outside, with ten thousand damaged inputs each: none panics, none takes long, and what is read
//! is what it says it is.
//!
//! `FIRMAN_NOISE=1000000 cargo test --release --test noise` gives each a million.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod clients;
mod mutator;
mod requests;
mod seals;
mod signed;
