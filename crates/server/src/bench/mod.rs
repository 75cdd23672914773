//! `firman bench`: how fast this build is on this machine, as a share of what its HTTP stack alone can do.
//!
//! A server (this same program, in a temporary folder) runs on one core, the load on another. Every measurement alternates
//! with one of a child that answers a constant body over the same accept loop and router layers: the ceiling. What counts
//! is the ratio of the two; the absolute figures are this machine's. The store alone is measured in `store/`.
#![allow(clippy::disallowed_methods, reason = "measuring is what a benchmark reads the clock for")]

pub(crate) mod ceiling;
mod child;
mod client;
mod cores;
mod error;
pub(crate) mod guard;
pub(crate) mod guarded;
mod latency;
mod load;
mod measure;
mod metrics;
mod process;
mod report;
mod request;
mod revocation;
mod scenario;
mod sign_in;
mod signer;
mod site;
mod stop;
pub(crate) mod store;

pub(crate) use error::BenchError;
pub(crate) use measure::{Options, run};
pub(crate) use scenario::Name;
