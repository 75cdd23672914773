//! The flows of a client, each as pairs of a request to build and an answer to read, without I/O, clock or randomness inside.

pub(crate) mod address;
pub(crate) mod answer;
pub(crate) mod ask;
pub mod discovery;
pub mod freshness;
pub mod metadata;
