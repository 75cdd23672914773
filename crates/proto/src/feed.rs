//! What of what was allowed is withdrawn: told to those who verify tokens by themselves.
//!
//! A token says what it *lives by* ([`LivesBy`]): keys of which none may be dead, and epochs of which none may have passed. A
//! feed tells which keys died and how far epochs are ([`Told`]); who follows it holds both against each other ([`Withdrawn`]). Keys are
//! digests, so that a feed names nobody to those who do not know them anyway.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::digest::Digest16;
use crate::id::{IssuerNumber, RecordId};
use crate::seal::Salt;
use crate::time::Timestamp;

/// The claim of a token that says what it lives by.
pub const CLAIM: &str = "lives_by";

/// Stands for a token, a grant, a client, a person or a key of the server: 16 bytes, as base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Digest16);

impl Key {
    /// Everything that was ever issued.
    pub const EVERYTHING: Self = Self(Digest16([0; 16]));

    /// One token, by the digest of its last HMAC.
    pub const fn token(digest: Digest16) -> Self {
        Self(digest)
    }

    /// A grant or a client.
    pub fn record(id: RecordId) -> Self {
        Self(Digest16::of(&[b"record", id.as_bytes()]))
    }

    /// What was sealed on a record with this salt: dead when the record gets another.
    pub fn salted(id: RecordId, salt: &Salt) -> Self {
        Self(Digest16::of(&[b"salt", id.as_bytes(), salt.expose()]))
    }

    /// What signs: by the `kid` of a key. No token tells that it lives by it; whoever verified it knows.
    pub fn signer(kid: &str) -> Self {
        Self(Digest16::of(&[b"signer", kid.as_bytes()]))
    }

    /// A seal key, by its number.
    pub fn seal_key(issuer: IssuerNumber, number: u32) -> Self {
        Self(Digest16::of(&[b"seal key", &issuer.0.to_be_bytes(), &number.to_be_bytes()]))
    }

    /// A person, as those know them who are told this `sub`.
    pub fn subject(issuer: IssuerNumber, sub: &str) -> Self {
        Self(Digest16::of(&[b"subject", &issuer.0.to_be_bytes(), sub.as_bytes()]))
    }

    /// Reads the text of a key.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 22).then_some(())?;
        Digest16::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).map(Self)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0.0))
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("a key is 16 bytes in base64url"))
    }
}

/// What a token lives by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LivesBy {
    /// None of these may be dead.
    pub keys: Vec<Key>,
    /// None of these may be past this.
    pub epochs: BTreeMap<Key, u64>,
}

impl LivesBy {
    /// Whether nothing is said: no feed tells when such a token dies.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.epochs.is_empty()
    }
}

/// One message of a feed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Told {
    /// In seconds: from then on no token is left that this concerns.
    pub until: i64,
    /// What died.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dead: Vec<Key>,
    /// What lives again: clients that were disabled and are enabled.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alive: Vec<Key>,
    /// How far epochs are.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub epochs: BTreeMap<Key, u64>,
    /// Of a snapshot: that it goes on in the next message.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

impl Told {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.dead.is_empty() && self.alive.is_empty() && self.epochs.is_empty()
    }
}

/// All that was told and may still matter. About 50 bytes for each key.
#[derive(Clone, Debug, Default)]
pub struct Withdrawn {
    dead: HashMap<Key, Noted>,
    epochs: HashMap<Key, (u64, Noted)>,
}

#[derive(Clone, Copy, Debug)]
struct Noted {
    until: Timestamp,
    at: Timestamp,
}

impl Withdrawn {
    /// Takes a message in, which came at `now`. What was told before stays.
    pub fn note(&mut self, told: &Told, now: Timestamp) {
        let noted = Noted { until: Timestamp::from_seconds(told.until), at: now };
        for key in &told.dead {
            let held = self.dead.entry(*key).or_insert(noted);
            held.until = held.until.max(noted.until);
        }
        for key in &told.alive {
            self.dead.remove(key);
        }
        for (key, epoch) in &told.epochs {
            let held = self.epochs.entry(*key).or_insert((*epoch, noted));
            if *epoch >= held.0 {
                *held = (*epoch, Noted { until: held.1.until.max(noted.until), at: held.1.at.max(now) });
            }
        }
    }

    /// Whether a token is dead that lives by this.
    pub fn ends(&self, by: &LivesBy) -> bool {
        by.keys.iter().any(|key| self.is_dead(*key))
            || by.epochs.iter().any(|(key, epoch)| self.epochs.get(key).is_some_and(|(now, _)| now > epoch))
    }

    /// Whether this died.
    pub fn is_dead(&self, key: Key) -> bool {
        self.dead.contains_key(&key)
    }

    /// How far an epoch is, as far as that was told.
    pub fn epoch(&self, key: Key) -> Option<u64> {
        self.epochs.get(&key).map(|(epoch, _)| *epoch)
    }

    /// How many keys are held.
    pub fn len(&self) -> usize {
        self.dead.len() + self.epochs.len()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets what no longer matters at `now`.
    pub fn forget(&mut self, now: Timestamp) {
        self.dead.retain(|_, noted| now < noted.until);
        self.epochs.retain(|_, (_, noted)| now < noted.until);
    }

    /// Everything that was noted at `since` or later, in messages of at most `most` keys; the last has no `more`. There is one at least.
    pub fn messages(&self, since: Timestamp, most: usize) -> Vec<Told> {
        let mut dead: Vec<_> = self.dead.iter().filter(|(_, noted)| noted.at >= since).collect();
        // What ends together travels together.
        dead.sort_unstable_by_key(|(key, noted)| (noted.until, **key));
        let until = |noted: &Noted| noted.until.seconds();
        let mut messages: Vec<Told> = dead
            .chunks(most.max(1))
            .map(|chunk| Told {
                until: chunk.iter().map(|(_, noted)| until(noted)).max().unwrap_or_default(),
                dead: chunk.iter().map(|(key, _)| **key).collect(),
                ..Told::default()
            })
            .collect();
        let mut epochs: Vec<_> = self.epochs.iter().filter(|(_, (_, noted))| noted.at >= since).collect();
        epochs.sort_unstable_by_key(|(key, _)| **key);
        messages.extend(epochs.chunks(most.max(1)).map(|chunk| Told {
            until: chunk.iter().map(|(_, (_, noted))| until(noted)).max().unwrap_or_default(),
            epochs: chunk.iter().map(|(key, (epoch, _))| (**key, *epoch)).collect(),
            ..Told::default()
        }));
        if messages.is_empty() {
            messages.push(Told::default());
        }
        let last = messages.len() - 1;
        messages.iter_mut().take(last).for_each(|told| told.more = true);
        messages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> Key {
        Key::token(Digest16([n; 16]))
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn dead(keys: &[u8], until: i64) -> Told {
        Told { until, dead: keys.iter().map(|n| key(*n)).collect(), ..Told::default() }
    }

    fn by(keys: &[u8], epochs: &[(u8, u64)]) -> LivesBy {
        LivesBy {
            keys: keys.iter().map(|n| key(*n)).collect(),
            epochs: epochs.iter().map(|(n, epoch)| (key(*n), *epoch)).collect(),
        }
    }

    #[test]
    fn a_token_dies_with_any_of_its_keys_and_with_an_epoch_that_has_passed() {
        let mut all = Withdrawn::default();
        all.note(&dead(&[1], 100), at(1));
        all.note(&Told { until: 100, epochs: [(key(9), 2)].into(), ..Told::default() }, at(1));
        assert!(all.ends(&by(&[3, 1], &[])) && all.ends(&by(&[3], &[(9, 1)])));
        assert!(!all.ends(&by(&[3], &[(9, 2), (8, 0)])) && !all.ends(&LivesBy::default()));
        all.note(&Told { until: 100, epochs: [(key(9), 1)].into(), alive: vec![key(1)], ..Told::default() }, at(2));
        assert!(all.ends(&by(&[], &[(9, 1)])), "an epoch never goes back");
        assert!(!all.ends(&by(&[1], &[])), "a client that is enabled again");
    }

    #[test]
    fn what_no_longer_matters_is_forgotten() {
        let mut all = Withdrawn::default();
        all.note(&dead(&[1], 100), at(1));
        all.note(&dead(&[1, 2], 90), at(1));
        all.forget(at(90));
        assert!(all.len() == 1 && all.ends(&by(&[1], &[])));
        all.forget(at(100));
        assert!(all.is_empty());
    }

    #[test]
    fn a_snapshot_comes_in_pieces_and_the_last_says_so() {
        let mut all = Withdrawn::default();
        assert_eq!(all.messages(at(0), 2), [Told::default()]);
        all.note(&dead(&[1, 2, 3], 100), at(1));
        all.note(&Told { until: 50, epochs: [(key(9), 2)].into(), ..Told::default() }, at(5));
        let messages = all.messages(at(0), 2);
        assert_eq!(messages.iter().map(|told| told.more).collect::<Vec<_>>(), [true, true, false]);
        let mut copy = Withdrawn::default();
        for told in &messages {
            copy.note(told, at(9));
        }
        assert!(copy.len() == 4 && copy.ends(&by(&[3], &[])) && copy.ends(&by(&[], &[(9, 1)])));
        assert_eq!(all.messages(at(5), 2).len(), 1, "who was there before gets only what is new");
    }

    #[test]
    fn messages_and_claims_have_one_json() {
        let told = Told { more: true, ..dead(&[1], 7) };
        let text = serde_json::to_string(&told).unwrap();
        assert_eq!(text, r#"{"until":7,"dead":["AQEBAQEBAQEBAQEBAQEBAQ"],"more":true}"#);
        assert_eq!(serde_json::from_str::<Told>(&text).unwrap(), told);
        let by = by(&[1], &[(2, 3)]);
        let text = serde_json::to_string(&by).unwrap();
        assert_eq!(text, r#"{"keys":["AQEBAQEBAQEBAQEBAQEBAQ"],"epochs":{"AgICAgICAgICAgICAgICAg":3}}"#);
        assert_eq!(serde_json::from_str::<LivesBy>(&text).unwrap(), by);
        assert!(serde_json::from_str::<Told>(r#"{"dead":["short"]}"#).is_err());
    }
}
