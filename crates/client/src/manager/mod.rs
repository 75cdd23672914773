//! The token manager: tokens of other servers, kept, renewed and given out.

pub mod keeper;

#[cfg(feature = "conformance")]
pub use crate::keeper_conformance as conformance;
pub use keeper::{FileKeeper, Held, KeepError, Keeper, Kind, MemoryKeeper, SealingKey, Whose};
