//! What the drivers of databases on the network share: how commits travel, how connections are kept, how the schema is made.
//! `docs/decisions/remote.md` says why.

mod begun;
mod desk;
mod driver;
mod group;
mod link;
mod member;
mod merge;
mod migrate;
mod partitions;
mod pool;
mod retry;
mod tongue;
mod view;
mod wire;

pub(crate) use driver::{Limits, Remote};
pub(crate) use group::grouped;
pub(crate) use migrate::Schema;
pub(crate) use partitions::Partitions;
pub(crate) use tongue::{Days, Tongue};
pub(crate) use wire::{Admin, Connector, ReadFailure, Wire, WireError};
