//! What people edit, and by which key it is known.

use firman_proto::digest::Digest16;
use firman_proto::id::{IssuerNumber, RecordId};

use crate::record::{
    Account, Client, Consent, ConsentKey, Deployment, HeldClaims, HeldToken, Resource, SealKey, SigningKey,
};

/// A record that people edit: insert, replace and remove are all there is to it.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[allow(missing_docs, reason = "each holds the record it is named after")]
pub enum Editable {
    Client(Box<Client>),
    Account(Box<Account>),
    Consent(Box<Consent>),
    Resource(Box<Resource>),
    HeldToken(Box<HeldToken>),
    HeldClaims(Box<HeldClaims>),
    SigningKey(Box<SigningKey>),
    SealKey(Box<SealKey>),
    Deployment(Deployment),
}

/// The key of an editable record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[allow(missing_docs, reason = "each holds the key of the record it is named after")]
pub enum EditableKey {
    Client(RecordId),
    Account(RecordId),
    Consent(ConsentKey),
    Resource(RecordId),
    HeldToken(Digest16),
    HeldClaims(Digest16),
    SigningKey(RecordId),
    SealKey(IssuerNumber, u32),
    Deployment,
}

impl Editable {
    /// Its key.
    pub fn key(&self) -> EditableKey {
        match self {
            Self::Client(client) => EditableKey::Client(client.id),
            Self::Account(account) => EditableKey::Account(account.id),
            Self::Consent(consent) => EditableKey::Consent(consent.key()),
            Self::Resource(resource) => EditableKey::Resource(resource.id),
            Self::HeldToken(token) => EditableKey::HeldToken(token.key),
            Self::HeldClaims(claims) => EditableKey::HeldClaims(claims.key()),
            Self::SigningKey(key) => EditableKey::SigningKey(key.id),
            Self::SealKey(key) => EditableKey::SealKey(key.issuer, key.number),
            Self::Deployment(_) => EditableKey::Deployment,
        }
    }
}
