//! The flows of a client, each as pairs of a request to build and an answer to read, without I/O, clock or randomness inside.

pub(crate) mod address;
pub(crate) mod answer;
pub(crate) mod ask;
pub mod code;
pub mod device;
pub mod discovery;
pub mod document;
pub mod dpop;
pub mod encrypted;
pub mod freshness;
pub mod id_token;
pub mod introspection;
pub mod key_set;
pub mod metadata;
pub mod party;
pub mod registration;
pub mod token;
pub mod userinfo;

#[cfg(test)]
mod tests;
