//! An access token as it is handed out: a sealed reference, or a JWT around one (RFC 9068).

use firman_proto::access_token::{self, JwtAccessToken};
use firman_proto::feed::{Key, LivesBy};
use firman_proto::introspection::Confirmation;
use firman_proto::jose::Jwt;
use firman_proto::scope::Scope;
use firman_proto::seal::{Access, Caveats, JwtId, Reference, Thumbprint};
use firman_proto::time::Timestamp;
use firman_store::record::{Client, FirstAccess, Grant, Refresh, TokenFormat};
use serde_json::{Map, Value};

use crate::Engine;
use crate::failure::Fault;
use crate::issue::signer;
use crate::subject::subject_for;
use crate::target::Target;

/// What seals one access token, and seals the same one again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AccessToken {
    pub(crate) serial: u64,
    pub(crate) issued_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) seal_key: u32,
}

impl AccessToken {
    /// What seals the last access token of a grant again, if that is known.
    pub(crate) fn last_of(grant: &Grant) -> Option<Self> {
        if let Some(chain) = &grant.refresh {
            return Some(Self::last_of_chain(chain));
        }
        let FirstAccess { serial, issued_at, expires_at, seal_key } = grant.terms.first_access?;
        Some(Self { serial, issued_at, expires_at, seal_key })
    }

    /// What seals what the last step of a chain got.
    pub(crate) fn last_of_chain(chain: &Refresh) -> Self {
        Self {
            serial: chain.last_access.serial,
            issued_at: chain.current.since,
            expires_at: chain.last_access.expires_at,
            seal_key: chain.seal_key,
        }
    }

    fn reference<'g>(&self, grant: &'g Grant) -> Reference<'g> {
        Reference {
            record: grant.id,
            serial: self.serial,
            issued_at: self.issued_at,
            expires_at: Some(self.expires_at),
            salt: &grant.salt,
        }
    }
}

/// One access token with all that it says.
pub(crate) struct Dressed<'a> {
    pub(crate) token: AccessToken,
    pub(crate) client: &'a Client,
    pub(crate) grant: &'a Grant,
    pub(crate) scope: &'a Scope,
    pub(crate) target: &'a Target,
    /// What it is less than, or bound to beyond, its grant.
    pub(crate) caveats: Caveats,
    /// What ends it with those it was delegated from ([`lineage`]); a sealed reference need not say.
    pub(crate) lineage: LivesBy,
    /// Claims beside those of the protocol; a sealed reference carries none.
    pub(crate) extra: Map<String, Value>,
}

impl Dressed<'_> {
    /// The token itself.
    pub(crate) fn text(self, engine: &Engine, now: Timestamp) -> Result<String, Fault> {
        // What no claim expresses, a reader of the JWT would not hold it to: that asks us.
        let contextual = self.caveats.iter().any(|caveat| caveat.kind().is_contextual());
        match self.target.format(engine, self.client) {
            _ if contextual => self.sealed(engine, now),
            TokenFormat::Opaque => self.sealed(engine, now),
            TokenFormat::Jwt => self.signed(engine, now),
        }
    }

    fn sealed(self, engine: &Engine, now: Timestamp) -> Result<String, Fault> {
        let (keys, reference) = (engine.keys.current(), self.token.reference(self.grant));
        let sealed = if self.caveats.is_empty() {
            keys.seal_with::<Access>(self.token.seal_key, &reference, now)
        } else {
            keys.keyring.seal_bound_with::<Access>(self.token.seal_key, &reference, &self.caveats, now)
        };
        Ok(sealed.ok_or_else(key_is_gone)?.reveal().to_owned())
    }

    /// RFC 9068 §2: the claims say to its reader what the seal in its `jti` says to us.
    fn signed(self, engine: &Engine, now: Timestamp) -> Result<String, Fault> {
        let (keys, reference) = (engine.keys.current(), self.token.reference(self.grant));
        let jti = keys.keyring.seal_bound_with::<JwtId>(self.token.seal_key, &reference, &self.caveats, now);
        let jti = jti.ok_or_else(key_is_gone)?;
        let (client, grant) = (self.client, self.grant);
        // RFC 9068 §2.2: where no person is involved, the client is the subject.
        let sub = grant
            .subject
            .as_ref()
            .map_or_else(|| client.client_id.clone(), |subject| subject_for(engine, client, subject));
        // RFC 9396 §9.1: what the token allows, which may be less than what was granted.
        let details = self.caveats.details(grant.terms.authorization_details.as_ref());
        let claims = JwtAccessToken {
            iss: engine.issuer.to_string(),
            lives_by: if engine.policy.feed.enabled {
                let seal_key = Key::seal_key(engine.number, self.token.seal_key);
                lives_by(engine, grant, &[Key::token(jti.digest()), seal_key], &sub, self.lineage)
            } else {
                LivesBy::default()
            },
            sub,
            // RFC 9068 §3.
            aud: self.target.audience(engine),
            client_id: client.client_id.clone(),
            exp: self.token.expires_at.seconds(),
            iat: self.token.issued_at.seconds(),
            jti: jti.reveal().to_owned(),
            // RFC 9068 §2.2.3: scopes that mean something to the audience.
            scope: self.target.meaning(self.scope),
            auth_time: grant.auth.auth_time.map(Timestamp::seconds),
            acr: grant.auth.acr.clone(),
            amr: grant.auth.amr.clone(),
            authorization_details: details.map_err(|why| broken(format!("its details: {why:?}")))?,
            cnf: confirmation(&self.caveats),
            act: grant.terms.actor.clone(),
            claims: self.extra,
        };
        let key = signer(engine, &keys, None, now)?;
        let text = key.sign_as(access_token::TYP, &claims).map_err(|error| broken(error.to_string()))?;
        // Beyond this nobody reads it, and no header carries it.
        if text.len() > Jwt::LONGEST { Err(broken("its claims are too long".to_owned())) } else { Ok(text) }
    }
}

/// What ends a token, as the feed tells it. The keys are those of the token itself.
fn lives_by(engine: &Engine, grant: &Grant, keys: &[Key], sub: &str, lineage: LivesBy) -> LivesBy {
    let client = Key::record(grant.client);
    let mut keys = keys.to_vec();
    keys.extend([Key::salted(grant.id, &grant.salt), Key::record(grant.id), client]);
    keys.extend(lineage.keys.into_iter().filter(|key| *key != client));
    let mut epochs = lineage.epochs;
    epochs.extend([(Key::EVERYTHING, grant.epochs.everything), (client, grant.epochs.client)]);
    if grant.subject.is_some() {
        epochs.insert(Key::subject(engine.number, sub), grant.epochs.subject);
    }
    LivesBy { keys, epochs }
}

/// What was delegated lives while all that it was delegated from does, and those whose that is.
pub(crate) async fn lineage(engine: &Engine, grant: &Grant) -> Result<LivesBy, Fault> {
    let mut by = LivesBy::default();
    for id in grant.terms.via.iter().chain(&grant.parent) {
        by.keys.push(Key::record(*id));
        let Some(link) = engine.store.grant(*id, None).await? else { continue };
        let client = Key::record(link.record.client);
        if by.epochs.insert(client, link.record.epochs.client).is_none() {
            by.keys.push(client);
        }
    }
    Ok(by)
}

/// What a token is bound to (RFC 7800 §3.1); `None` if it is to nothing.
pub(crate) fn confirmation(caveats: &Caveats) -> Option<Confirmation> {
    let text = |print: Option<Thumbprint>| print.map(|print| print.to_string());
    let cnf = Confirmation { jkt: text(caveats.jkt().ok()?), certificate: text(caveats.certificate().ok()?) };
    (cnf != Confirmation::default()).then_some(cnf)
}

fn broken(cause: String) -> Fault {
    Fault::lasting("sign an access token", cause)
}

pub(crate) fn key_is_gone() -> Fault {
    Fault::temporary("seal a token", "the seal key of this grant was revoked a moment ago")
}
