//! The two other sides of the wire, for any standard server and client: flows for clients, a token manager, and a
//! guard for resource servers.
//!
//! What is asked and what is made of the answer are values ([`exchange::Request`], [`exchange::Response`]); only a
//! [`exchange::Transport`] does I/O.

pub mod backoff;
pub mod error;
pub mod exchange;
pub mod flow;
#[cfg(feature = "guard")]
pub mod guard;
pub mod loopback;
#[cfg(feature = "manager")]
pub mod manager;
#[cfg(feature = "reqwest")]
pub mod over_reqwest;
pub mod private_file;
pub mod published;
pub mod secret;
#[cfg(feature = "wire")]
pub mod wire;
pub mod world;
