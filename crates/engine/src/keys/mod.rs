//! The keys in use: loaded from the store, unwrapped and derived once, and held.

mod make;
mod schedule;

pub use make::{MakeKeys, setup};
pub use schedule::KeyPolicy;

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use firman_proto::access_token;
use firman_proto::feed;
use firman_proto::id::{IssuerNumber, RecordId};
use firman_proto::id_token::IdToken;
use firman_proto::jose::jwe::{DecryptionKey, Jwe};
use firman_proto::jose::{Jwks, Refused};
use firman_proto::jws::{self, Algorithm, HeldKey, JwkSet};
use firman_proto::pairwise::PairwiseKey;
use firman_proto::seal::{self, Keyring, MasterKey, Opened, Place, Realm, Sealed, SidKey, Unsealed};
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::record::{KeyState, Schedule, SealKey, SigningKey};
use firman_store::{Keys, Store};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::failure::Fault;

/// How long an unknown key number is not worth another look at the store.
const RELOAD_PAUSE: Lifetime = Lifetime::from_seconds(1);

/// The place in the associated data of what seal keys are wrapped under: they have a number and no record id.
const SEAL_KEY_PLACE: RecordId = RecordId::from_bytes([0; 16]);

/// The keys of one issuer as of one moment.
pub struct KeySet {
    /// Seals and opens tokens.
    pub keyring: Keyring,
    /// Derived from the deployment: authenticates forms against cross-site posts.
    pub csrf: [u8; 32],
    /// Derived from the deployment: by which names sectors know people.
    pub(crate) pairwise: PairwiseKey,
    seal_numbers: Vec<u32>,
    signing: Vec<(HeldKey, Schedule)>,
    published: JwkSet,
    /// What is encrypted for us is decrypted with one of these, by their names.
    decryption: NamedKeys,
    /// The JWK set as it is published: what we sign with, and what others encrypt for us with.
    document: Value,
    /// The published keys, parsed to verify what they have signed.
    verifying: Jwks,
    /// When the next key changes its state: then the set must be made anew.
    turns_at: Timestamp,
}

/// Keys that decrypt, and their names.
type NamedKeys = Vec<(String, DecryptionKey)>;

/// Holds the current [`KeySet`] and knows how to get a newer one.
pub struct Keychain {
    issuer: firman_proto::issuer::Issuer,
    number: IssuerNumber,
    master: MasterKey,
    current: RwLock<Arc<KeySet>>,
    reloaded_at: Mutex<Timestamp>,
    sid: SidKey,
}

impl Keychain {
    /// Loads the keys of a store that has been set up.
    pub async fn load(
        issuer: firman_proto::issuer::Issuer,
        number: IssuerNumber,
        master: MasterKey,
        store: &dyn Store,
        now: Timestamp,
    ) -> Result<Self, Fault> {
        let set = KeySet::unwrap(&store.keys().await?, issuer.as_str(), number, &master, now)?;
        let sid = SidKey::derive(&master).map_err(|error| Fault::lasting("load keys", error.to_string()))?;
        let (current, reloaded_at) = (RwLock::new(Arc::new(set)), Mutex::new(now));
        Ok(Self { issuer, number, master, current, reloaded_at, sid })
    }

    /// The keys to work with at `now`, which never needs the store.
    pub fn current(&self) -> Arc<KeySet> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a key has changed its state since the set was made.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        now >= self.current().turns_at
    }

    /// Loads the keys again.
    pub async fn reload(&self, store: &dyn Store, now: Timestamp) -> Result<(), Fault> {
        let set = KeySet::unwrap(&store.keys().await?, self.issuer.as_str(), self.number, &self.master, now)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(set);
        Ok(())
    }

    /// Opens a token. An unknown key number is worth one look at the store, at most once a second.
    pub async fn open<K: seal::Kind>(
        &self,
        store: &dyn Store,
        presented: &str,
        now: Timestamp,
    ) -> Result<Result<Opened<K>, Unsealed>, Fault> {
        let opened = self.current().keyring.open_even_expired::<K>(presented, now);
        if !matches!(opened, Err(Unsealed::UnknownKey(_))) || !self.may_reload(now) {
            return Ok(opened);
        }
        self.reload(store, now).await?;
        Ok(self.current().keyring.open_even_expired::<K>(presented, now))
    }

    /// Opens an envelope, with the same look at the store where its key number is unknown.
    pub(crate) async fn open_envelope(
        &self,
        store: &dyn Store,
        (purpose, binding): (&str, &[u8]),
        envelope: &str,
        now: Timestamp,
    ) -> Result<Result<Zeroizing<Vec<u8>>, Unsealed>, Fault> {
        let opened = self.current().keyring.open_envelope(purpose, binding, envelope, now);
        if !matches!(opened, Err(Unsealed::UnknownKey(_))) || !self.may_reload(now) {
            return Ok(opened);
        }
        self.reload(store, now).await?;
        Ok(self.current().keyring.open_envelope(purpose, binding, envelope, now))
    }

    /// The `jti` of a JWT access token that one of our keys has signed, with the same look at the store where the key is unknown.
    pub(crate) async fn verified_jti(
        &self,
        store: &dyn Store,
        token: &str,
        now: Timestamp,
    ) -> Result<Option<String>, Fault> {
        let jti = access_token::verified_jti(token, &self.current().verifying);
        if !matches!(jti, Err(Refused::UnknownKey)) || !self.may_reload(now) {
            return Ok(jti.ok());
        }
        self.reload(store, now).await?;
        Ok(access_token::verified_jti(token, &self.current().verifying).ok())
    }

    /// The claims of an ID token that one of our keys has signed, whenever that was, with the same look at the store.
    pub(crate) async fn verified_id_token(
        &self,
        store: &dyn Store,
        token: &str,
        now: Timestamp,
    ) -> Result<Option<IdToken>, Fault> {
        let claims = jws::verify_id_token(token, self.current().published());
        if claims.is_ok() || !self.may_reload(now) {
            return Ok(claims.ok());
        }
        self.reload(store, now).await?;
        Ok(jws::verify_id_token(token, self.current().published()).ok())
    }

    /// How clients know sessions.
    pub(crate) fn sid(&self) -> &SidKey {
        &self.sid
    }

    /// Sees to it that the seal key of this number is known, if another node has made it: worth the same look.
    pub(crate) async fn know(&self, store: &dyn Store, number: u32, now: Timestamp) -> Result<(), Fault> {
        if self.current().seal_numbers.contains(&number) || !self.may_reload(now) {
            return Ok(());
        }
        self.reload(store, now).await
    }

    fn may_reload(&self, now: Timestamp) -> bool {
        let mut last = self.reloaded_at.lock().unwrap_or_else(PoisonError::into_inner);
        let due = now >= last.plus(RELOAD_PAUSE);
        if due {
            *last = now;
        }
        due
    }

    pub(crate) fn master(&self) -> &MasterKey {
        &self.master
    }
}

impl KeySet {
    fn unwrap(
        keys: &Keys,
        issuer: &str,
        number: IssuerNumber,
        master: &MasterKey,
        now: Timestamp,
    ) -> Result<Self, Fault> {
        let deployment = keys.deployment.ok_or_else(|| {
            Fault::lasting("load keys", "the store is not set up: start the server once, or run `firman key rotate`")
        })?;
        let realm = Realm { issuer, deployment: deployment.id, number };
        let seal_keys: Vec<_> = keys
            .seal
            .iter()
            .filter(|key| key.issuer == number)
            .filter(|k| k.schedule.state(now) != KeyState::Ended)
            .collect();
        let keyring = Keyring::new(usable(&seal_keys, master, now)?, &realm)
            .map_err(|error| Fault::lasting("load keys", error.to_string()))?;
        let csrf = master.derive("csrf").map_err(|error| Fault::lasting("load keys", error.to_string()))?;
        let pairwise = master.derive("pairwise").map_err(|error| Fault::lasting("load keys", error.to_string()))?;
        let mut signing = Vec::new();
        for key in keys.signing.iter().filter(|key| key.issuer == number) {
            if key.schedule.state(now) != KeyState::Ended {
                signing.push((held(key, master)?, key.schedule));
            }
        }
        let published = JwkSet { keys: signing.iter().map(|(key, _)| key.jwk().clone()).collect() };
        let verifying = serde_json::to_vec(&published).map_err(|error| error.to_string());
        let verifying = verifying.and_then(|text| Jwks::parse(&text).map_err(|why| why.to_string()));
        let verifying = verifying.map_err(|why| Fault::lasting("load keys", why))?;
        let schedules = seal_keys.iter().map(|key| key.schedule).chain(signing.iter().map(|(_, schedule)| *schedule));
        let turns_at = schedules.filter_map(|schedule| schedule.next_turn(now)).min().unwrap_or(Timestamp::NEVER);
        let seal_numbers = seal_keys.iter().map(|key| key.number).collect();
        let pairwise = PairwiseKey::new(&pairwise);
        let (decryption, encrypting) = decryption_keys(&seal_keys, master)?;
        let mut document =
            serde_json::to_value(&published).map_err(|error| Fault::lasting("load keys", error.to_string()))?;
        if let Some(Value::Array(keys)) = document.get_mut("keys") {
            keys.extend(encrypting);
        }
        Ok(Self {
            keyring,
            csrf: *csrf,
            pairwise,
            decryption,
            document,
            seal_numbers,
            signing,
            published,
            verifying,
            turns_at,
        })
    }

    /// The key that signs with this algorithm now; the newest where two overlap.
    pub fn signer(&self, algorithm: Algorithm, now: Timestamp) -> Option<&HeldKey> {
        let current = |(key, schedule): &&(HeldKey, Schedule)| {
            key.algorithm() == algorithm && schedule.state(now) == KeyState::Current
        };
        self.signing.iter().filter(current).max_by_key(|(_, schedule)| schedule.current_from).map(|(key, _)| key)
    }

    /// Whether there is a seal key of this number, and it was not revoked.
    pub(crate) fn has_seal_key(&self, number: u32) -> bool {
        self.seal_numbers.contains(&number)
    }

    /// By what those are told who follow what is withdrawn, if one of these keys is revoked.
    pub(crate) fn told_as(&self, number: IssuerNumber) -> Vec<feed::Key> {
        let signers = self.signing.iter().map(|(key, _)| feed::Key::signer(&key.jwk().kid));
        let seals = self.seal_numbers.iter().map(|seal| feed::Key::seal_key(number, *seal));
        signers.chain(seals).collect()
    }

    /// The algorithms there is a key for.
    pub fn algorithms(&self, now: Timestamp) -> Vec<Algorithm> {
        Algorithm::ALL.iter().copied().filter(|algorithm| self.signer(*algorithm, now).is_some()).collect()
    }

    /// What the JWKS endpoint publishes: keys of every state but Ended, those to encrypt for us with among them.
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// Decrypts with the key that is named, or with each if none is (RFC 7516 §5.2).
    pub(crate) fn decrypt(&self, jwe: &Jwe<'_>) -> Option<Zeroizing<Vec<u8>>> {
        let named = |name: &str| jwe.kid().is_none_or(|kid| kid == name);
        self.decryption.iter().filter(|(name, _)| named(name)).find_map(|(_, key)| jwe.decrypt(key).ok())
    }

    /// The public keys of what we sign with, of every state but Ended.
    pub fn published(&self) -> &JwkSet {
        &self.published
    }

    /// Seals a reference with the key of this number, or fails if that key was revoked meanwhile.
    pub(crate) fn seal_with<K: seal::Kind>(
        &self,
        number: u32,
        reference: &seal::Reference<'_>,
        now: Timestamp,
    ) -> Option<Sealed<K>> {
        self.keyring.seal_with::<K>(number, reference, now)
    }
}

/// What each seal key is good for. The one that seals is the newest of the current ones; if none is (a clock far off), the
/// newest of all.
fn usable(keys: &[&SealKey], master: &MasterKey, now: Timestamp) -> Result<Vec<seal::SealKey>, Fault> {
    let newest = |state: Option<KeyState>| {
        let of_state = keys.iter().filter(|key| state.is_none_or(|state| key.schedule.state(now) == state));
        of_state.max_by_key(|key| (key.schedule.current_from, key.number)).map(|key| key.number)
    };
    let current = newest(Some(KeyState::Current)).or_else(|| newest(None));
    let mut usable = Vec::with_capacity(keys.len());
    for key in keys {
        let usage = match key.schedule.state(now) {
            _ if Some(key.number) == current => seal::KeyUse::Current,
            KeyState::Next => seal::KeyUse::Next,
            _ => seal::KeyUse::Retired { until: key.schedule.ends_at },
        };
        let place = Place { issuer: key.issuer, record: SEAL_KEY_PLACE, number: key.number };
        let bytes = master.unwrap_key(&place, &key.sealed).map_err(|_| wrong_master("seal key"))?;
        let material = seal::SealKeyMaterial::from_slice(&bytes).ok_or_else(|| wrong_master("seal key"))?;
        usable.push(seal::SealKey { number: key.number, material, usage });
    }
    Ok(usable)
}

/// The keys that others encrypt for us with: one beside each seal key, derived from the master key, so that they are announced, rotate
/// and end as those do; and their public halves.
fn decryption_keys(seal_keys: &[&SealKey], master: &MasterKey) -> Result<(NamedKeys, Vec<Value>), Fault> {
    let broken = |why: &str| Fault::lasting("load keys", why.to_owned());
    let (mut keys, mut published) = (Vec::new(), Vec::new());
    for seal_key in seal_keys {
        // One scalar in 2^32 is none: then the next.
        let derived = (0..4).find_map(|attempt| {
            let scalar =
                master.derive(&format!("decryption {} {} {attempt}", seal_key.issuer.0, seal_key.number)).ok()?;
            DecryptionKey::on_curve("P-256", &*scalar)
        });
        let key = derived.ok_or_else(|| broken("no decryption key can be derived"))?;
        let jwk = key.jwk().ok_or_else(|| broken("a decryption key has no public half"))?;
        let kid = jwk.get("kid").and_then(Value::as_str).unwrap_or_default().to_owned();
        keys.push((kid, key));
        published.push(jwk);
    }
    Ok((keys, published))
}

fn held(key: &SigningKey, master: &MasterKey) -> Result<HeldKey, Fault> {
    let place = Place { issuer: key.issuer, record: key.id, number: 0 };
    let der = master.unwrap_key(&place, &key.sealed).map_err(|_| wrong_master("signing key"))?;
    HeldKey::from_pkcs8(key.algorithm, &der).map_err(|error| Fault::lasting("load keys", error.to_string()))
}

fn wrong_master(which: &str) -> Fault {
    let cause = format!("a {which} does not unwrap: the master key is not the one this database was set up with");
    Fault::lasting("load keys", cause)
}
