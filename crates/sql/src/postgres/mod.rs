//! PostgreSQL: pipelined statements on a few connections. `docs/decisions/remote.md` says why.

mod arrays;
mod config;
mod connect;
mod error;
mod open;
mod tls;
mod value;
mod wire;

pub(crate) use open::{is_meant, migrations, open};
#[cfg(feature = "bench")]
pub(crate) use {
    open::connect,
    wire::{borrowed, params},
};
