//! Seals: tokens as encrypted references to records, in an envelope that their holders can weaken.
//!
//! A token is never stored. It names a record and a serial, proves that its maker knew the record's salt, and is signed with
//! a key of its kind: [`Keyring::seal`] makes a [`Sealed`], [`Keyring::open`] an [`Opened`], and only
//! [`Opened::authorize`] an [`Authority`].

mod attenuate;
mod caveat;
mod caveats;
mod envelope;
mod identifier;
mod keyring;
mod keys;
mod kind;
mod macaroon;
mod master;
mod path;
mod sid;
mod token;

pub use attenuate::{NotWeakened, attenuate};
pub use caveat::{Caveat, CaveatKind, Seconds, Thumbprint, Words};
pub use caveats::{Caveats, Presented, TooManyCaveats};
pub use keyring::{KeyUse, Keyring, KeyringError, Realm, Reference, SealKey, SealKeyMaterial, Unsealed};
pub use kind::{
    Access, AccessReference, ApiKey, AuthRequest, Code, Device, JwtId, Kind, Refresh, Registration, RequestUri,
    Session, TakesCaveats,
};
pub use master::{MasterKey, NotUnwrapped, Place};
pub use path::PathPrefix;
pub use sid::SidKey;
pub use token::{Anchor, Authority, Opened, Refusal, Salt, Sealed};

#[cfg(test)]
mod tests;
