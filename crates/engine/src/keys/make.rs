//! Making keys: when a store is set up, on a schedule, and by command.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use firman_proto::id::{IssuerNumber, RecordId};
use firman_proto::jws::{Algorithm, HeldKey};
use firman_proto::seal::{MasterKey, Place};
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::record::{Deployment, Event, EventKind, KeyState, Schedule, SealKey, SigningKey};
use firman_store::{Change, Commit, CommitId, Editable, Keys, Store, Transaction, settle};
use zeroize::Zeroizing;

use super::schedule::{
    KeyPolicy, open_ended, revoked, succeeded, successor_due, trusted_after_sealing, trusted_after_signing,
};
use super::{SEAL_KEY_PLACE, wrong_master};
use crate::acting;
use crate::failure::Fault;
use crate::feed::with_notice;
use crate::outbox::Packer;
use crate::policy::Policy;
use crate::ports::Entropy;
use crate::random;
use crate::webhooks::with_deliveries;

/// What it takes to make keys.
pub struct MakeKeys<'a> {
    /// Where they are kept.
    pub store: &'a dyn Store,
    /// Randomness.
    pub entropy: &'a dyn Entropy,
    /// What they are wrapped under.
    pub master: &'a MasterKey,
    /// Whose they are.
    pub issuer: IssuerNumber,
    /// How often and how long.
    pub policy: &'a KeyPolicy,
    /// How long the tokens live that they seal and sign.
    pub tokens: &'a Policy,
}

/// Gives a new store its deployment id, and every kind of key that is missing. Harmless where all is there.
pub async fn setup(make: &MakeKeys<'_>, now: Timestamp) -> Result<(), Fault> {
    let keys = make.store.keys().await?;
    make.must_unwrap(&keys)?;
    let mut changes = Vec::new();
    if keys.deployment.is_none() && !keys.seal.is_empty() {
        let cause = "there are keys and no deployment: a restore or a move was not finished; empty the database, and do it again";
        return Err(Fault::lasting("set up the store", cause));
    }
    if keys.deployment.is_none() {
        let deployment = Deployment { id: random::bytes(make.entropy)?, created_at: now, revision: 0 };
        changes.push(Change::Insert(Editable::Deployment(deployment)));
    }
    if !keys.seal.iter().any(|key| key.issuer == make.issuer && key.schedule.state(now) == KeyState::Current) {
        changes.extend(make.seal_key(&keys, open_ended(now, now), now)?);
    }
    for algorithm in &make.policy.algorithms {
        let there = |key: &&SigningKey| key.issuer == make.issuer && key.algorithm == *algorithm;
        if !keys.signing.iter().filter(there).any(|key| key.schedule.state(now) == KeyState::Current) {
            changes.extend(make.signing_key(*algorithm, open_ended(now, now), now)?);
        }
    }
    // A conflict is another node that does the same.
    make.commit(changes).await.map(|_| ())
}

impl MakeKeys<'_> {
    /// Announces the successors that are due. Harmless if another node does the same: one of the two wins.
    pub async fn rotate_what_is_due(&self, now: Timestamp) -> Result<bool, Fault> {
        let keys = self.store.keys().await?;
        let mut changes = Vec::new();
        if let Some(last) = last_seal_key(&keys, self.issuer)
            && let Some(at) = successor_due(last.schedule.current_from, self.policy.sealing, self.policy.announce, now)
        {
            changes.extend(self.succeed_seal_key(&keys, last, at, now)?);
        }
        for algorithm in &self.policy.algorithms {
            if let Some(last) = last_signing_key(&keys, self.issuer, *algorithm)
                && let Some(at) =
                    successor_due(last.schedule.current_from, self.policy.signing, self.policy.announce, now)
            {
                changes.extend(self.succeed_signing_key(last, at, now)?);
            }
        }
        Ok(!changes.is_empty() && self.commit(changes).await? == Commit::Done)
    }

    /// Makes new signing keys that sign from now on; the old ones stay published until what they signed has expired.
    pub async fn rotate_signing_now(&self, now: Timestamp) -> Result<Commit, Fault> {
        let keys = self.store.keys().await?;
        let mut changes = Vec::new();
        for algorithm in &self.policy.algorithms {
            match last_signing_key(&keys, self.issuer, *algorithm) {
                Some(last) => changes.extend(self.succeed_signing_key(last, now, now)?),
                None => changes.extend(self.signing_key(*algorithm, open_ended(now, now), now)?),
            }
        }
        self.commit(changes).await
    }

    /// Makes a new seal key that seals `after` from now; the old one opens until the last token it sealed has expired.
    ///
    /// Nodes look at the keys every few seconds, so `after` should be longer where there are several.
    pub async fn rotate_sealing(&self, after: Lifetime, now: Timestamp) -> Result<Commit, Fault> {
        let keys = self.store.keys().await?;
        let changes = match last_seal_key(&keys, self.issuer) {
            Some(last) => self.succeed_seal_key(&keys, last, now.plus(after), now)?,
            None => self.seal_key(&keys, open_ended(now, now), now)?,
        };
        self.commit(changes).await
    }

    /// Ends a seal key at once: no token it sealed opens any more. Its place is taken by its announced successor, or by a
    /// new key.
    ///
    /// `Ok(None)` if there is no such key.
    pub async fn revoke_sealing(&self, number: u32, now: Timestamp) -> Result<Option<Commit>, Fault> {
        let keys = self.store.keys().await?;
        let Some(key) = keys.seal.iter().find(|key| key.issuer == self.issuer && key.number == number) else {
            return Ok(None);
        };
        let mut changes = vec![
            replace_seal_key(key, revoked(key.schedule, now)),
            self.event(EventKind::KeyRevoked, RecordId::from_bytes([0; 16]), &format!("seal key {number}"), now)?,
        ];
        let others = keys.seal.iter().filter(|other| other.issuer == self.issuer && other.number != number);
        match heir(others, |other| other.schedule, now) {
            Heir::AtWork => {}
            Heir::Announced(next) => {
                changes.push(replace_seal_key(next, Schedule { current_from: now, ..next.schedule }));
            }
            // It seals from when the other would have.
            Heir::Nobody => {
                changes.extend(self.seal_key(&keys, open_ended(now, key.schedule.current_from.max(now)), now)?);
            }
        }
        self.commit(changes).await.map(Some)
    }

    /// Ends a signing key at once: nothing that it signed is good any more, also at resource servers that follow the feed. Its place is
    /// taken by its announced successor, or by a new key.
    ///
    /// `Ok(None)` if there is no such key.
    pub async fn revoke_signing(&self, kid: &str, now: Timestamp) -> Result<Option<Commit>, Fault> {
        let keys = self.store.keys().await?;
        let ours = || keys.signing.iter().filter(|key| key.issuer == self.issuer);
        let Some(key) = ours().find(|key| key.jwk.kid == kid) else { return Ok(None) };
        let mut changes = vec![
            replace_signing_key(key, revoked(key.schedule, now)),
            self.event(EventKind::KeyRevoked, key.id, kid, now)?,
        ];
        let others = ours().filter(|other| other.algorithm == key.algorithm && other.id != key.id);
        match heir(others, |other| other.schedule, now) {
            Heir::Announced(next) => {
                changes.push(replace_signing_key(next, Schedule { current_from: now, ..next.schedule }));
            }
            Heir::Nobody if self.policy.algorithms.contains(&key.algorithm) => {
                let schedule = open_ended(now, key.schedule.current_from.max(now));
                changes.extend(self.signing_key(key.algorithm, schedule, now)?);
            }
            // Another signs, or nothing is signed so any more.
            Heir::AtWork | Heir::Nobody => {}
        }
        self.commit(changes).await.map(Some)
    }

    fn succeed_seal_key(
        &self,
        keys: &Keys,
        last: &SealKey,
        at: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<Change>, Fault> {
        let retired = succeeded(last.schedule, at, trusted_after_sealing(self.tokens));
        let mut changes = vec![replace_seal_key(last, retired)];
        changes.extend(self.seal_key(keys, open_ended(now, at), now)?);
        Ok(changes)
    }

    fn succeed_signing_key(&self, last: &SigningKey, at: Timestamp, now: Timestamp) -> Result<Vec<Change>, Fault> {
        let schedule = succeeded(last.schedule, at, trusted_after_signing(self.tokens));
        let mut changes = vec![replace_signing_key(last, schedule)];
        changes.extend(self.signing_key(last.algorithm, open_ended(now, at), now)?);
        Ok(changes)
    }

    fn seal_key(&self, keys: &Keys, schedule: Schedule, now: Timestamp) -> Result<Vec<Change>, Fault> {
        let number = last_seal_key(keys, self.issuer).map_or(1, |last| last.number + 1);
        let material = Zeroizing::new(random::bytes::<32>(self.entropy)?);
        let place = Place { issuer: self.issuer, record: SEAL_KEY_PLACE, number };
        let key =
            SealKey { issuer: self.issuer, number, sealed: self.wrap(&place, &*material)?, schedule, revision: 0 };
        let about = RecordId::from_bytes([0; 16]);
        Ok(vec![
            Change::Insert(Editable::SealKey(Box::new(key))),
            self.event(EventKind::KeyMade, about, &format!("seal key {number}"), now)?,
        ])
    }

    fn signing_key(&self, algorithm: Algorithm, schedule: Schedule, now: Timestamp) -> Result<Vec<Change>, Fault> {
        let der = generate(algorithm)?;
        let held =
            HeldKey::from_pkcs8(algorithm, &der).map_err(|error| Fault::lasting("make a key", error.to_string()))?;
        let id = random::record_id(self.entropy, now)?;
        let sealed = self.wrap(&Place { issuer: self.issuer, record: id, number: 0 }, &der)?;
        let event = self.event(EventKind::KeyMade, id, &held.jwk().kid, now)?;
        let jwk = held.jwk().clone();
        let key = SigningKey { id, issuer: self.issuer, algorithm, jwk, sealed, schedule, revision: 0 };
        Ok(vec![Change::Insert(Editable::SigningKey(Box::new(key))), event])
    }

    /// Refuses to add to keys of another master key what could not be unwrapped together with them.
    fn must_unwrap(&self, keys: &Keys) -> Result<(), Fault> {
        let Some(key) = last_seal_key(keys, self.issuer) else { return Ok(()) };
        let place = Place { issuer: self.issuer, record: SEAL_KEY_PLACE, number: key.number };
        self.master.unwrap_key(&place, &key.sealed).map(|_| ()).map_err(|_| wrong_master("seal key"))
    }

    fn wrap(&self, place: &Place, material: &[u8]) -> Result<Vec<u8>, Fault> {
        let wrapped = self.master.wrap_key(place, random::bytes(self.entropy)?, material);
        wrapped.map_err(|error| Fault::lasting("wrap a key", error.to_string()))
    }

    fn event(&self, kind: EventKind, about: RecordId, key: &str, now: Timestamp) -> Result<Change, Fault> {
        let mut details = acting::details();
        details.insert("key".to_owned(), key.into());
        let id = random::record_id(self.entropy, now)?;
        Ok(Change::Append(Box::new(Event { id, about, kind, at: now, client: None, subject: None, details })))
    }

    async fn commit(&self, changes: Vec<Change>) -> Result<Commit, Fault> {
        if changes.is_empty() {
            return Ok(Commit::Done);
        }
        let packer = Packer { entropy: self.entropy, master: self.master, issuer: self.issuer, policy: self.tokens };
        let changes = with_deliveries(&packer, changes)?;
        let changes = if self.tokens.feed.enabled { with_notice(changes)? } else { changes };
        Ok(settle(self.store, Transaction { id: CommitId(random::bytes(self.entropy)?), changes }).await?)
    }
}

fn last_seal_key(keys: &Keys, issuer: IssuerNumber) -> Option<&SealKey> {
    keys.seal.iter().filter(|key| key.issuer == issuer).max_by_key(|key| key.number)
}

/// The one that nothing comes after: none that was revoked.
fn last_signing_key(keys: &Keys, issuer: IssuerNumber, algorithm: Algorithm) -> Option<&SigningKey> {
    let of = |key: &&SigningKey| {
        key.issuer == issuer && key.algorithm == algorithm && key.schedule.retired_from == Timestamp::NEVER
    };
    keys.signing.iter().filter(of).max_by_key(|key| (key.schedule.current_from, key.id))
}

/// Who takes the place of a key that is revoked.
enum Heir<'k, K> {
    /// Another is used already, and one comes after that.
    AtWork,
    /// One that was to be used later.
    Announced(&'k K),
    Nobody,
}

fn heir<'k, K>(
    others: impl Iterator<Item = &'k K> + Clone,
    schedule: impl Fn(&K) -> Schedule,
    now: Timestamp,
) -> Heir<'k, K> {
    let at_work = others.clone().any(|other| schedule(other).state(now) == KeyState::Current);
    let open_ended = others.filter(|other| schedule(other).retired_from == Timestamp::NEVER);
    match open_ended.max_by_key(|other| schedule(other).current_from) {
        Some(_) if at_work => Heir::AtWork,
        Some(announced) => Heir::Announced(announced),
        None => Heir::Nobody,
    }
}

fn replace_signing_key(key: &SigningKey, schedule: Schedule) -> Change {
    let replaced = SigningKey { schedule, ..key.clone() };
    Change::Replace { record: Editable::SigningKey(Box::new(replaced)), if_revision: key.revision }
}

fn replace_seal_key(key: &SealKey, schedule: Schedule) -> Change {
    let replaced = SealKey { schedule, ..key.clone() };
    Change::Replace { record: Editable::SealKey(Box::new(replaced)), if_revision: key.revision }
}

/// A new private key in PKCS #8, from the library's own randomness.
fn generate(algorithm: Algorithm) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let failed = |_| Fault::temporary("make a key", "the cryptographic library refused");
    let der = match algorithm {
        Algorithm::ES256 => EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .and_then(|pair| pair.to_pkcs8v1())
            .map_err(failed)?
            .as_ref()
            .to_vec(),
        Algorithm::EdDSA => {
            Ed25519KeyPair::generate().and_then(|pair| pair.to_pkcs8()).map_err(failed)?.as_ref().to_vec()
        }
        Algorithm::RS256 | Algorithm::PS256 => {
            RsaKeyPair::generate(KeySize::Rsa2048).and_then(|pair| pair.as_der()).map_err(failed)?.as_ref().to_vec()
        }
    };
    Ok(Zeroizing::new(der))
}
