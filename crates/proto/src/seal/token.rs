//! A token's three states: sealed and live, opened, and authorized.

use std::fmt;
use std::marker::PhantomData;

use aws_lc_rs::hmac::{HMAC_SHA256, Key};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::caveat::CaveatKind;
use super::caveats::{Caveats, Presented};
use super::identifier::Identifier;
use super::kind::Kind;
use super::macaroon::{Macaroon, decode, mac};
use crate::digest::{Digest16, same, sha256};
use crate::id::RecordId;
use crate::time::Timestamp;

/// A live token: whoever has the string has the permission. [`Sealed::reveal`] is the only way out.
///
/// ```compile_fail,E0277
/// use firman_proto::seal::{Access, Sealed};
/// fn it_does_not_serialize(token: &Sealed<Access>) { serde_json::to_string(token); }
/// ```
/// ```compile_fail,E0277
/// use firman_proto::seal::{Access, Sealed};
/// fn it_does_not_print(token: &Sealed<Access>) { println!("{token}"); }
/// ```
/// ```compile_fail,E0308
/// use firman_proto::seal::{Access, Refresh, Sealed};
/// fn kinds_do_not_mix(token: Sealed<Access>) -> Sealed<Refresh> { token }
/// ```
pub struct Sealed<K>(Zeroizing<Box<str>>, PhantomData<fn() -> K>);

impl<K> Sealed<K> {
    pub(super) fn new(text: String) -> Self {
        Self(Zeroizing::new(text.into_boxed_str()), PhantomData)
    }

    /// The token itself, to be handed to its holder and nowhere else.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl<K: Kind> Sealed<K> {
    /// The digest of its last HMAC, as [`Opened::digest`] has it: what a revocation of this token names.
    pub fn digest(&self) -> Digest16 {
        let bytes = self.0.strip_prefix(K::PREFIX).and_then(decode).map(Zeroizing::new);
        let signature = bytes.as_ref().and_then(|bytes| Macaroon::parse(bytes)).map(|macaroon| macaroon.signature);
        // What was sealed here is a whole token.
        Digest16(first_16(&sha256(&signature.unwrap_or_default())))
    }
}

impl<K> PartialEq for Sealed<K> {
    fn eq(&self, other: &Self) -> bool {
        same(self.0.as_bytes(), other.0.as_bytes())
    }
}

impl<K> Eq for Sealed<K> {}

impl<K> fmt::Debug for Sealed<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed(..)")
    }
}

/// The secret of a record without which no seal on it can be made; a new salt kills every seal on the record.
///
/// Its text in a record's body is base64url.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Salt([u8; 16]);

impl Salt {
    /// From 16 random bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// From a stored column; `None` unless it has 16 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The bytes, to be stored.
    pub const fn expose(&self) -> &[u8; 16] {
        &self.0
    }

    /// What a seal of kind `K` with this serial proves that its maker knew the salt with.
    pub(super) fn proof<K: Kind>(&self, serial: u64) -> [u8; 16] {
        let mut message = [K::NUMBER; 9];
        for (to, from) in message.iter_mut().skip(1).zip(serial.to_be_bytes()) {
            *to = from;
        }
        first_16(&mac(&Key::new(HMAC_SHA256, &self.0), &message))
    }
}

impl PartialEq for Salt {
    fn eq(&self, other: &Self) -> bool {
        same(&self.0, &other.0)
    }
}

impl Eq for Salt {}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(..)")
    }
}

impl Serialize for Salt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(URL_SAFE_NO_PAD.encode(self.0)))
    }
}

impl<'de> Deserialize<'de> for Salt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        let bytes = URL_SAFE_NO_PAD.decode(text.as_bytes()).ok().map(Zeroizing::new);
        bytes
            .and_then(|bytes| Self::from_slice(&bytes))
            .ok_or_else(|| de::Error::custom("not a salt: 16 bytes in base64url"))
    }
}

/// A record that tokens of kind `K` refer to.
pub trait Anchor<K: Kind> {
    /// Its id.
    fn record(&self) -> RecordId;
    /// The salt that the token with this serial was sealed with; `None` if there is no such token.
    fn salt_for(&self, serial: u64) -> Option<&Salt>;
    /// Whether it is live at `now`.
    fn admits(&self, now: Timestamp) -> bool;
}

/// Why an opened token authorizes nothing. All are told the same in public; the log may tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token is not valid")]
pub enum Refusal {
    /// The token has expired.
    Expired,
    /// The token refers to another record.
    OtherRecord,
    /// The record has no token of this serial, or another salt by now.
    Disproved,
    /// The record is not live.
    NotLive,
    /// A caveat is not met.
    Unmet(CaveatKind),
}

/// A token whose seal is right: it is ours, of kind `K`, and unchanged but for caveats its holders added. Whether it still
/// permits anything is for its record to say.
pub struct Opened<K> {
    identifier: Identifier,
    key_number: u32,
    caveats: Caveats,
    /// Of the signatures in the chain, from the root up to its own.
    digests: Vec<Digest16>,
    kind: PhantomData<fn() -> K>,
}

impl<K: Kind> Opened<K> {
    pub(super) fn new(identifier: Identifier, key_number: u32, caveats: Caveats, signatures: &[[u8; 32]]) -> Self {
        let digests = signatures.iter().map(|signature| Digest16(first_16(&sha256(signature)))).collect();
        Self { identifier, key_number, caveats, digests, kind: PhantomData }
    }

    /// The record it refers to.
    pub const fn record(&self) -> RecordId {
        self.identifier.record
    }

    /// Which of the record's tokens it is.
    pub const fn serial(&self) -> u64 {
        self.identifier.serial
    }

    /// When it was sealed.
    pub const fn issued_at(&self) -> Timestamp {
        self.identifier.issued_at
    }

    /// Until when the seal is valid; `None` where the record decides. Caveats may end it sooner.
    pub const fn expires_at(&self) -> Option<Timestamp> {
        self.identifier.expires_at
    }

    /// The number of the key that sealed it.
    pub const fn key_number(&self) -> u32 {
        self.key_number
    }

    /// What its holders and the server added.
    pub const fn caveats(&self) -> &Caveats {
        &self.caveats
    }

    /// Whether the seal's own time is over at `now`.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at().is_some_and(|end| end <= now)
    }

    /// The digest of the presented token's last HMAC: what a revocation of this token names.
    pub fn digest(&self) -> Digest16 {
        // There is always at least the root's.
        self.digests.last().copied().unwrap_or(Digest16([0; 16]))
    }

    /// The digests of this token and of every token it was weakened from, the strongest first: it is revoked if one of them is.
    pub fn ancestor_digests(&self) -> &[Digest16] {
        &self.digests
    }

    /// Whether it was sealed with this salt.
    pub fn proves(&self, salt: &Salt) -> bool {
        same(&self.identifier.proof, &salt.proof::<K>(self.identifier.serial))
    }

    /// Holds it against its record and the request.
    pub fn authorize(self, anchor: &impl Anchor<K>, request: &Presented<'_>) -> Result<Authority<K>, Refusal> {
        if self.record() != anchor.record() {
            return Err(Refusal::OtherRecord);
        }
        if !anchor.salt_for(self.serial()).is_some_and(|salt| self.proves(salt)) {
            return Err(Refusal::Disproved);
        }
        if self.has_expired(request.now) {
            return Err(Refusal::Expired);
        }
        if !anchor.admits(request.now) {
            return Err(Refusal::NotLive);
        }
        self.caveats.permits(request)?;
        Ok(Authority(self))
    }
}

impl<K> fmt::Debug for Opened<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opened({}, {}, ..)", self.identifier.record, self.identifier.serial)
    }
}

/// A token that was held against its live record and the request: what handlers accept.
///
/// ```compile_fail,E0423
/// use firman_proto::seal::{Access, Authority, Opened};
/// fn it_cannot_be_built_by_hand(opened: Opened<Access>) -> Authority<Access> { Authority(opened) }
/// ```
/// ```compile_fail,E0308
/// use firman_proto::seal::{Access, Authority, Refresh};
/// fn handler(_: Authority<Access>) {}
/// fn kinds_do_not_mix(authority: Authority<Refresh>) { handler(authority) }
/// ```
#[derive(Debug)]
pub struct Authority<K>(Opened<K>);

impl<K: Kind> Authority<K> {
    /// The record it rests on.
    pub const fn record(&self) -> RecordId {
        self.0.record()
    }

    /// Which of the record's tokens was presented.
    pub const fn serial(&self) -> u64 {
        self.0.serial()
    }

    /// When the token was sealed.
    pub const fn issued_at(&self) -> Timestamp {
        self.0.issued_at()
    }

    /// When the token ends by its seal or by a caveat, whichever is sooner; `None` where the record decides.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.0.expires_at().into_iter().chain(self.0.caveats().expires_at()).min()
    }

    /// The caveats, which whatever is derived from the token inherits.
    pub const fn caveats(&self) -> &Caveats {
        self.0.caveats()
    }

    /// What a revocation of the presented token names.
    pub fn digest(&self) -> Digest16 {
        self.0.digest()
    }
}

fn first_16(hash: &[u8]) -> [u8; 16] {
    hash.first_chunk().copied().unwrap_or_default()
}
