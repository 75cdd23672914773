//! The keys that seal and open tokens.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::caveats::Caveats;
use super::identifier::Identifier;
use super::keys::{KindKeys, Pair, Root};
use super::kind::{Kind, TakesCaveats};
use super::macaroon::{self, Macaroon};
use super::token::{Opened, Salt, Sealed};
use crate::digest::same;
use crate::id::{IssuerNumber, RecordId};
use crate::time::Timestamp;

/// The 32 random bytes of a seal key.
///
/// ```compile_fail,E0277
/// let material = firman_proto::seal::SealKeyMaterial::from_bytes([0; 32]);
/// println!("{material:?}"); // key material is not printed
/// ```
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SealKeyMaterial([u8; 32]);

impl SealKeyMaterial {
    /// From 32 random bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// From unwrapped bytes; `None` unless there are 32.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The bytes, to be wrapped.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

/// What a seal key is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUse {
    /// Seals and opens; there is exactly one.
    Current,
    /// Opens, for another node may have switched already; will seal.
    Next,
    /// Opens until the last token it sealed has expired.
    Retired {
        /// From here on it opens nothing.
        until: Timestamp,
    },
    /// Opens nothing.
    Revoked,
}

impl KeyUse {
    fn opens(self, now: Timestamp) -> bool {
        match self {
            Self::Current | Self::Next => true,
            Self::Retired { until } => now < until,
            Self::Revoked => false,
        }
    }
}

/// A seal key as the store holds it, unwrapped.
pub struct SealKey {
    /// Its number, which stands in clear in every token it sealed.
    pub number: u32,
    /// Its bytes.
    pub material: SealKeyMaterial,
    /// What it is good for.
    pub usage: KeyUse,
}

/// Where tokens are valid: another issuer or deployment derives other keys from the same seal key.
#[derive(Clone, Copy, Debug)]
pub struct Realm<'a> {
    /// The issuer identifier.
    pub issuer: &'a str,
    /// The deployment id, renewed when a store is cloned.
    pub deployment: [u8; 16],
    /// The number of the issuer in its store.
    pub number: IssuerNumber,
}

/// Why a keyring cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// No key is current.
    #[error("no seal key is current: nothing could be sealed")]
    NoCurrent,
    /// More than one key is current.
    #[error("more than one seal key is current")]
    SeveralCurrent,
    /// Two keys have the same number.
    #[error("two seal keys have the number {0}")]
    SameNumber(u32),
    /// The cryptographic library refused a key.
    #[error("a key could not be derived")]
    Crypto,
}

/// What is to be sealed: which record, and which of its tokens.
#[derive(Clone, Copy)]
pub struct Reference<'a> {
    /// The record.
    pub record: RecordId,
    /// The generation of a refresh token; random for an access token.
    pub serial: u64,
    /// When.
    pub issued_at: Timestamp,
    /// Until when; `None` where the record decides.
    pub expires_at: Option<Timestamp>,
    /// The record's salt, without which a seal key mints nothing.
    pub salt: &'a Salt,
}

/// Why a text opens to nothing. All are told the same in public; the log may tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token is not valid")]
pub enum Unsealed {
    /// Not sealed here: forged, changed, of another kind, issuer or deployment, or by a key that opens no more.
    Foreign,
    /// It names a seal key that is not in this keyring: worth loading the keys once more.
    UnknownKey(u32),
    /// Sealed here, and expired.
    Expired,
}

/// The seal keys of one issuer, each derived once for every kind.
pub struct Keyring {
    issuer: IssuerNumber,
    current: HeldKey,
    others: Vec<HeldKey>,
}

pub(super) struct HeldKey {
    pub(super) number: u32,
    usage: KeyUse,
    kinds: KindKeys,
    pub(super) root: Root,
}

impl Keyring {
    /// Derives the keys of every kind.
    pub fn new(keys: impl IntoIterator<Item = SealKey>, realm: &Realm<'_>) -> Result<Self, KeyringError> {
        let mut current = None;
        let mut others: Vec<HeldKey> = Vec::new();
        for key in keys {
            if others.iter().chain(&current).any(|held| held.number == key.number) {
                return Err(KeyringError::SameNumber(key.number));
            }
            let held = HeldKey::derive(&key, realm)?;
            if key.usage != KeyUse::Current {
                others.push(held);
            } else if current.replace(held).is_some() {
                return Err(KeyringError::SeveralCurrent);
            }
        }
        Ok(Self { issuer: realm.number, current: current.ok_or(KeyringError::NoCurrent)?, others })
    }

    /// The number of the key that seals.
    pub const fn current_number(&self) -> u32 {
        self.current.number
    }

    /// The issuer whose tokens these keys seal.
    pub const fn issuer(&self) -> IssuerNumber {
        self.issuer
    }

    /// Seals a reference. Sealing the same reference again with the same key gives the same token.
    pub fn seal<K: Kind>(&self, reference: &Reference<'_>) -> Sealed<K> {
        self.seal_by(&self.current, reference, &Caveats::default())
    }

    /// Seals a reference again with the key it was sealed with first; `None` if that key opens no more.
    pub fn seal_with<K: Kind>(&self, number: u32, reference: &Reference<'_>, now: Timestamp) -> Option<Sealed<K>> {
        let key = self.sealer(number, now)?;
        Some(self.seal_by(key, reference, &Caveats::default()))
    }

    /// Seals a reference with caveats of the server's own, such as the key it is bound to.
    pub fn seal_bound<K: TakesCaveats>(&self, reference: &Reference<'_>, caveats: &Caveats) -> Sealed<K> {
        self.seal_by(&self.current, reference, caveats)
    }

    /// [`Keyring::seal_bound`] with the key the reference was sealed with first; `None` if that key opens no more.
    pub fn seal_bound_with<K: TakesCaveats>(
        &self,
        number: u32,
        reference: &Reference<'_>,
        caveats: &Caveats,
        now: Timestamp,
    ) -> Option<Sealed<K>> {
        Some(self.seal_by(self.sealer(number, now)?, reference, caveats))
    }

    /// Opens a token of kind `K` that has not expired.
    pub fn open<K: Kind>(&self, presented: &str, now: Timestamp) -> Result<Opened<K>, Unsealed> {
        let opened = self.open_even_expired::<K>(presented, now)?;
        if opened.has_expired(now) { Err(Unsealed::Expired) } else { Ok(opened) }
    }

    /// Opens a token of kind `K` whether or not it has expired, for those who must tell expired from forged; what comes of
    /// it still authorizes nothing once it has expired.
    pub fn open_even_expired<K: Kind>(&self, presented: &str, now: Timestamp) -> Result<Opened<K>, Unsealed> {
        let text = presented.strip_prefix(K::PREFIX).ok_or(Unsealed::Foreign)?;
        let bytes = macaroon::decode(text).ok_or(Unsealed::Foreign)?;
        let macaroon = Macaroon::parse(&bytes).ok_or(Unsealed::Foreign)?;
        if !K::TAKES_CAVEATS && !macaroon.caveats.is_empty() {
            return Err(Unsealed::Foreign);
        }
        let number = Identifier::key_number(macaroon.identifier).ok_or(Unsealed::Foreign)?;
        self.verify(self.opener(number, now)?, &macaroon).ok_or(Unsealed::Foreign)
    }

    /// The signature is computed and compared first, over all that was presented, and only what it signs is decrypted: every
    /// forgery ends at the same line, after work that depends on nothing but the caveats the forger wrote. What fails after
    /// it was signed by a holder of our keys, or by a holder of one of our tokens (an unknown caveat).
    fn verify<K: Kind>(&self, key: &HeldKey, macaroon: &Macaroon<'_>) -> Option<Opened<K>> {
        let keys = K::of(&key.kinds);
        let signatures: Vec<_> =
            macaroon::chain(&keys.mac, macaroon.identifier, macaroon.caveats.iter().copied()).collect();
        same(signatures.last()?, &macaroon.signature).then_some(())?;
        let identifier = Identifier::decrypt(macaroon.identifier, &keys.encrypt)?;
        (identifier.kind == K::NUMBER && identifier.issuer == self.issuer).then_some(())?;
        let caveats = Caveats::parse(&macaroon.caveats)?;
        Some(Opened::new(identifier, key.number, caveats, &signatures))
    }

    fn seal_by<K: Kind>(&self, key: &HeldKey, reference: &Reference<'_>, caveats: &Caveats) -> Sealed<K> {
        let keys: &Pair = K::of(&key.kinds);
        let identifier = Identifier {
            issuer: self.issuer,
            kind: K::NUMBER,
            record: reference.record,
            serial: reference.serial,
            issued_at: reference.issued_at,
            expires_at: reference.expires_at,
            proof: reference.salt.proof::<K>(reference.serial),
        };
        let identifier = identifier.encrypt(key.number, &keys.encrypt);
        let texts: Vec<String> = caveats.iter().map(ToString::to_string).collect();
        let caveats: Vec<&[u8]> = texts.iter().map(String::as_bytes).collect();
        let first = macaroon::mac(&keys.mac, &identifier);
        let signature = caveats.iter().fold(first, |signature, caveat| macaroon::weaken(&signature, caveat));
        Sealed::new(Macaroon { identifier: &identifier, caveats, signature }.to_text(K::PREFIX))
    }

    /// A key that may seal again what it sealed first. Here Next has sealed nothing yet, but another node may have switched,
    /// and a retried refresh must get the same token from every node.
    fn sealer(&self, number: u32, now: Timestamp) -> Option<&HeldKey> {
        self.key(number).filter(|key| key.usage.opens(now))
    }

    /// The key with this number, if it opens at `now`. Numbers are in clear, so being quick about them tells nothing.
    pub(super) fn opener(&self, number: u32, now: Timestamp) -> Result<&HeldKey, Unsealed> {
        let key = self.key(number).ok_or(Unsealed::UnknownKey(number))?;
        if key.usage.opens(now) { Ok(key) } else { Err(Unsealed::Foreign) }
    }

    pub(super) const fn current(&self) -> &HeldKey {
        &self.current
    }

    fn key(&self, number: u32) -> Option<&HeldKey> {
        std::iter::once(&self.current).chain(&self.others).find(|key| key.number == number)
    }
}

impl HeldKey {
    fn derive(key: &SealKey, realm: &Realm<'_>) -> Result<Self, KeyringError> {
        let root = Root::new(&key.material.0, realm);
        Ok(Self { number: key.number, usage: key.usage, kinds: KindKeys::derive(&root)?, root })
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring(issuer {}, current key {})", self.issuer.0, self.current.number)
    }
}
