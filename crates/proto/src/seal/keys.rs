//! What is derived from one seal key, once, and held: nothing is parsed per call.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Algorithm, LessSafeKey, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use super::identifier::VERSION;
use super::keyring::{KeyringError, Realm};
use super::kind::{Access, ApiKey, AuthRequest, Code, Device, JwtId, Kind, Refresh, Registration, RequestUri, Session};
use super::macaroon::derived_key;

/// The two keys of one kind: the identifier is encrypted with one, the macaroon signed with the other.
pub struct Pair {
    pub(super) encrypt: LessSafeKey,
    pub(super) mac: hmac::Key,
}

/// The keys of every kind, derived from one seal key.
pub struct KindKeys {
    pub(super) access: Pair,
    pub(super) refresh: Pair,
    pub(super) code: Pair,
    pub(super) session: Pair,
    pub(super) api_key: Pair,
    pub(super) registration: Pair,
    pub(super) device: Pair,
    pub(super) request_uri: Pair,
    pub(super) auth_request: Pair,
    pub(super) jwt_id: Pair,
}

impl KindKeys {
    pub(super) fn derive(root: &Root) -> Result<Self, KeyringError> {
        Ok(Self {
            access: root.pair::<Access>()?,
            refresh: root.pair::<Refresh>()?,
            code: root.pair::<Code>()?,
            session: root.pair::<Session>()?,
            api_key: root.pair::<ApiKey>()?,
            registration: root.pair::<Registration>()?,
            device: root.pair::<Device>()?,
            request_uri: root.pair::<RequestUri>()?,
            auth_request: root.pair::<AuthRequest>()?,
            jwt_id: root.pair::<JwtId>()?,
        })
    }
}

/// The kind number of what is derived for no kind of token.
const NO_KIND: u8 = 0;

/// Where every key of one seal key comes from (RFC 5869), in one issuer and deployment.
pub(super) struct Root {
    extracted: Prk,
    /// Version, length-prefixed issuer, deployment id.
    context: Vec<u8>,
}

impl Root {
    pub(super) fn new(material: &[u8; 32], realm: &Realm<'_>) -> Self {
        let length = (realm.issuer.len() as u64).to_be_bytes();
        let context = [&[VERSION][..], &length, realm.issuer.as_bytes(), &realm.deployment].concat();
        Self { extracted: Salt::new(HKDF_SHA256, b"firman seal").extract(material), context }
    }

    fn pair<K: Kind>(&self) -> Result<Pair, KeyringError> {
        let encrypt = self.expand(K::NUMBER, "encrypt", "").ok_or(KeyringError::Crypto)?;
        let mac = self.expand(K::NUMBER, "mac", "").ok_or(KeyringError::Crypto)?;
        let encrypt = aead_key(&AES_256_GCM_SIV, &encrypt).ok_or(KeyringError::Crypto)?;
        Ok(Pair { encrypt, mac: derived_key(&*mac) })
    }

    /// A key that is no token's, for this purpose and label.
    pub(super) fn secondary(&self, purpose: &str, label: &str) -> Option<Zeroizing<[u8; 32]>> {
        self.expand(NO_KIND, purpose, label)
    }

    fn expand(&self, kind: u8, purpose: &str, label: &str) -> Option<Zeroizing<[u8; 32]>> {
        let length = (purpose.len() as u64).to_be_bytes();
        expand(&self.extracted, &[&self.context, &[kind], &length, purpose.as_bytes(), label.as_bytes()])
    }
}

/// 32 bytes of HKDF output.
pub(super) fn expand(key: &Prk, info: &[&[u8]]) -> Option<Zeroizing<[u8; 32]>> {
    let mut out = Zeroizing::new([0; 32]);
    key.expand(info, Bytes32).ok()?.fill(&mut *out).ok()?;
    Some(out)
}

/// A held AEAD key.
pub(super) fn aead_key(algorithm: &'static Algorithm, bytes: &[u8; 32]) -> Option<LessSafeKey> {
    UnboundKey::new(algorithm, bytes).ok().map(LessSafeKey::new)
}

struct Bytes32;

impl KeyType for Bytes32 {
    fn len(&self) -> usize {
        32
    }
}
