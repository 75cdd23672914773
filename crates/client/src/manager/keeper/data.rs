//! What is kept, as one value: the memory keeper holds it, the file keeper writes it.

use std::collections::BTreeMap;

use firman_proto::time::{Lifetime, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ClaimsAt, Held, Kind, Whose};
use crate::flow::introspection::TokenFacts;
use crate::flow::token::TokenType;
use crate::secret::Secret;

/// How long a refresh token that has ended is found.
const REMEMBERED: Lifetime = Lifetime::from_days(30);

#[derive(Default, Serialize, Deserialize)]
pub(super) struct Data {
    tokens: Vec<Row>,
    people: Vec<Person>,
    /// What its owner notes beside: registrations, keys.
    #[serde(default)]
    pub(super) notes: BTreeMap<String, Text>,
    /// Members of a later version.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// A secret that is written where everything is sealed.
#[derive(Clone, PartialEq)]
pub(super) struct Text(pub(super) Secret);

impl Serialize for Text {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.reveal())
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into()))
    }
}

#[derive(Serialize, Deserialize)]
struct Row {
    kind: Kind,
    token: Text,
    token_type: TokenType,
    issuer: String,
    facts: TokenFacts,
    updated_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Person {
    issuer: String,
    subject: String,
    id_token: Option<Text>,
    id_token_at: Option<Timestamp>,
    claims: Option<Map<String, Value>>,
    claims_at: Option<Timestamp>,
}

impl Row {
    fn held(&self) -> Held {
        Held {
            kind: self.kind,
            token: self.token.0.clone(),
            token_type: self.token_type,
            issuer: self.issuer.clone(),
            facts: self.facts.clone(),
            updated_at: self.updated_at,
        }
    }

    fn is(&self, kind: Kind, token: &Secret) -> bool {
        self.kind == kind && self.token.0 == *token
    }
}

impl Data {
    pub(super) fn token(&self, kind: Kind, token: &Secret, now: Timestamp) -> Option<Held> {
        let row = self.tokens.iter().find(|row| row.is(kind, token))?;
        // A refresh token is found even when it has ended: its owner may want to know.
        (kind == Kind::Refresh || row.facts.is_valid(now)).then(|| row.held())
    }

    pub(super) fn tokens(&self, kind: Kind, issuer: &str, whose: Whose<'_>, now: Timestamp) -> Vec<Held> {
        let of_kind = self.tokens.iter().filter(|row| row.kind == kind && row.issuer == issuer);
        let valid = of_kind.filter(|row| row.facts.is_valid(now)).map(Row::held);
        let mut own: Vec<_> = valid.filter(|held| held.whose() == Some(whose)).collect();
        own.sort_by_key(|held| std::cmp::Reverse(held.updated_at));
        own
    }

    pub(super) fn put_token(&mut self, held: Held) {
        self.delete_token(held.kind, &held.token);
        let Held { kind, token, token_type, issuer, facts, updated_at } = held;
        self.tokens.push(Row { kind, token: Text(token), token_type, issuer, facts, updated_at });
    }

    pub(super) fn delete_token(&mut self, kind: Kind, token: &Secret) {
        self.tokens.retain(|row| !row.is(kind, token));
    }

    pub(super) fn exchange(&mut self, spent: Option<&Secret>, gained: Vec<Held>) {
        if let Some(spent) = spent {
            self.delete_token(Kind::Refresh, spent);
        }
        for held in gained {
            self.put_token(held);
        }
    }

    /// What has ended leaves with the next write: access tokens at once, refresh tokens when nobody asks for them any more.
    pub(super) fn purge(&mut self, now: Timestamp) {
        let until = |row: &Row| if row.kind == Kind::Access { now } else { now.minus(REMEMBERED) };
        self.tokens
            .retain(|row| row.facts.is_valid(until(row)) || row.updated_at > until(row) && row.kind == Kind::Refresh);
    }

    pub(super) fn claims(&self, issuer: &str, subject: &str) -> Option<ClaimsAt> {
        let person = self.person(issuer, subject)?;
        person.claims.clone().zip(person.claims_at)
    }

    pub(super) fn put_claims(&mut self, issuer: &str, subject: &str, claims: Map<String, Value>, now: Timestamp) {
        let person = self.person_mut(issuer, subject);
        (person.claims, person.claims_at) = (Some(claims), Some(now));
    }

    pub(super) fn id_token(&self, issuer: &str, subject: &str) -> Option<Secret> {
        self.person(issuer, subject)?.id_token.as_ref().map(|text| text.0.clone())
    }

    pub(super) fn put_id_token(&mut self, issuer: &str, subject: &str, id_token: &Secret, now: Timestamp) {
        let person = self.person_mut(issuer, subject);
        (person.id_token, person.id_token_at) = (Some(Text(id_token.clone())), Some(now));
    }

    pub(super) fn delete_person(&mut self, issuer: &str, subject: &str) {
        self.people.retain(|person| !(person.issuer == issuer && person.subject == subject));
    }

    fn person(&self, issuer: &str, subject: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.issuer == issuer && person.subject == subject)
    }

    fn person_mut(&mut self, issuer: &str, subject: &str) -> &mut Person {
        let is = |person: &Person| person.issuer == issuer && person.subject == subject;
        let place = self.people.iter().position(is);
        if place.is_none() {
            self.people.push(Person {
                issuer: issuer.to_owned(),
                subject: subject.to_owned(),
                id_token: None,
                id_token_at: None,
                claims: None,
                claims_at: None,
            });
        }
        let last = self.people.len() - 1;
        #[allow(clippy::indexing_slicing, reason = "there is one, found or pushed just now")]
        &mut self.people[place.unwrap_or(last)]
    }
}
