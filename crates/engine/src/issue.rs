//! Sealing and signing what a grant allows.

use firman_proto::authorization_details::Details;
use firman_proto::client::GrantType;
use firman_proto::feed::LivesBy;
use firman_proto::id::RecordId;
use firman_proto::id_token::{IdToken, half_hash};
use firman_proto::jws::{Algorithm, HeldKey};
use firman_proto::scope::Scope;
use firman_proto::seal::{self, Caveat, Caveats, Reference, Sealed};
use firman_proto::time::Timestamp;
use firman_proto::token::TokenResponse;
use firman_store::record::{AuthContext, Client, Grant, Refresh, Subject, TokenFormat};
use serde_json::{Map, Value};

use crate::Engine;
use crate::access_token::{AccessToken, Dressed, key_is_gone, lineage};
use crate::encrypt::{self, Registered};
use crate::failure::{Failure, Fault};
use crate::hooks::{self, Occasion, Place};
use crate::keys::KeySet;
use crate::person;
use crate::sender::Sender;
use crate::subject::subject_for;
use crate::target::Target;

/// What is issued in one answer of the token endpoint.
pub(crate) struct Issued<'a> {
    pub(crate) access: AccessToken,
    /// The scope of the access token.
    pub(crate) scope: &'a Scope,
    /// Whether that is less than the grant's.
    pub(crate) narrowed: bool,
    /// The details of the access token, if they are less than the grant's.
    pub(crate) details: Option<&'a Details>,
    /// What limits it beyond its grant, whatever it was derived from.
    pub(crate) caveats: Vec<Caveat>,
    /// What the refresh token is derived from, if there is to be one.
    pub(crate) refresh: Option<&'a Refresh>,
    /// The nonce the ID token repeats.
    pub(crate) nonce: Option<String>,
    /// What the access token is bound to.
    pub(crate) sender: Sender,
    /// Whom the access token is for.
    pub(crate) target: &'a Target,
    /// Claims beside those of the protocol.
    pub(crate) extra: Extra,
}

/// Claims beside those of the protocol, asked for before anything is written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Extra {
    access_token: Map<String, Value>,
    /// What ends the access token with those it was delegated from.
    lineage: LivesBy,
    id_token: Map<String, Value>,
    /// How the ID token is encrypted.
    encryption: Option<encrypt::For>,
}

impl Extra {
    /// Asks whether this may be issued at all, and what is to be added.
    pub(crate) async fn ask(
        engine: &Engine,
        client: &Client,
        grant: &Grant,
        scope: &Scope,
        target: &Target,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let (subject, audience) = (grant.subject.as_ref(), target.audience(engine));
        let occasion = Occasion { client, subject, scope, audience: &audience, grant: Some(grant.id) };
        hooks::before_issue(engine, &occasion).await?;
        let mut extra = Self::default();
        if target.format(engine, client) == TokenFormat::Jwt {
            extra.access_token = hooks::claims(engine, Place::AccessToken, &occasion).await?;
            extra.lineage = lineage(engine, grant).await?;
        }
        if subject.is_some() && scope.contains("openid") {
            extra.id_token = hooks::claims(engine, Place::IdToken, &occasion).await?;
        }
        if let Some(subject) = subject.filter(|_| scope.contains("openid")) {
            extra.encryption = encrypt::to(engine, client, Registered::id_token(&client.metadata), now).await?;
            // OpenID Connect Core §5.5: what was asked for one by one; what an operator adds goes before it.
            let told = person::in_id_token(engine, subject, None, grant.terms.claims.as_ref()).await?;
            extra.id_token = told.into_iter().chain(std::mem::take(&mut extra.id_token)).collect();
        }
        Ok(extra)
    }
}

/// Whether a grant of this scope gets a refresh token: by `offline_access` where OpenID is spoken (OpenID Connect Core §11),
/// always where it is not (RFC 6749 §1.5 leaves it to us, and clients without OpenID know no such scope).
pub(crate) fn may_refresh(client: &Client, scope: &Scope) -> bool {
    client.metadata.may_use(GrantType::RefreshToken) && (scope.contains("offline_access") || !scope.contains("openid"))
}

impl Issued<'_> {
    /// The answer: access token, refresh token of the grant's current generation, ID token.
    pub(crate) fn seal(
        self,
        engine: &Engine,
        client: &Client,
        grant: &Grant,
        now: Timestamp,
    ) -> Result<TokenResponse, Fault> {
        let keys = engine.keys.current();
        let dressed = Dressed {
            token: self.access,
            client,
            grant,
            scope: self.scope,
            target: self.target,
            caveats: self.caveats()?,
            lineage: self.extra.lineage,
            extra: self.extra.access_token,
        };
        let access = dressed.text(engine, now)?;
        let refresh = self.refresh.map(|chain| refresh_token(&keys, grant, chain, now)).transpose()?;
        let id_token = match &grant.subject {
            Some(subject) if self.scope.contains("openid") => {
                let id_token = IdTokenFor {
                    client,
                    subject,
                    session: grant.session,
                    auth: &grant.auth,
                    nonce: self.nonce,
                    access_token: Some(&access),
                    code: None,
                    claims: self.extra.id_token,
                    encryption: self.extra.encryption,
                };
                Some(id_token.sign(engine, now)?)
            }
            _ => None,
        };
        Ok(TokenResponse {
            access_token: access,
            issued_token_type: None,
            token_type: self.sender.token_type(),
            expires_in: self.access.expires_at.since(now).seconds(),
            refresh_token: refresh.map(|token| token.reveal().to_owned()),
            scope: self.scope.clone(),
            id_token,
            // RFC 9396 §7: what the access token allows.
            authorization_details: match self.details {
                Some(details) => Some(details.to_value()),
                None => grant.terms.authorization_details.clone(),
            },
        })
    }

    /// What this access token is less than, or bound to beyond, its grant.
    fn caveats(&self) -> Result<Caveats, Fault> {
        // RFC 6749 §6: a narrower scope narrows this access token and nothing else, so it is a caveat of the token.
        let narrower = self.narrowed.then(|| Caveat::Scope(self.scope.clone()));
        // RFC 8707 §2.2: so does a narrower audience.
        let audience = self.target.caveat()?;
        // RFC 9396 §6: so do narrower details.
        let details = self.details.cloned().map(Caveat::Details);
        let derived = self.caveats.iter().cloned();
        let mut all: Vec<Caveat> = narrower.into_iter().chain(audience).chain(details).chain(derived).collect();
        all.extend(self.sender.caveats().filter(|bound| !self.caveats.contains(bound)));
        Caveats::new(all)
            .map_err(|_| Fault::lasting("seal an access token", "what it is narrowed to is too long for caveats"))
    }
}

/// What an ID token says, beside what the engine knows (OpenID Connect Core §2).
pub(crate) struct IdTokenFor<'a> {
    pub(crate) client: &'a Client,
    pub(crate) subject: &'a Subject,
    pub(crate) session: Option<RecordId>,
    pub(crate) auth: &'a AuthContext,
    pub(crate) nonce: Option<String>,
    /// The access token that comes with it.
    pub(crate) access_token: Option<&'a str>,
    /// The code that comes with it.
    pub(crate) code: Option<&'a str>,
    /// Claims about the person.
    pub(crate) claims: Map<String, Value>,
    /// How it is encrypted for the client.
    pub(crate) encryption: Option<encrypt::For>,
}

impl IdTokenFor<'_> {
    /// Signs it with the client's algorithm.
    pub(crate) fn sign(self, engine: &Engine, now: Timestamp) -> Result<String, Fault> {
        let keys = engine.keys.current();
        let key = signer(engine, &keys, self.client.metadata.id_token_signed_response_alg, now)?;
        let hash = |of: &str| half_hash(of, key.algorithm());
        let claims = IdToken {
            iss: engine.issuer.to_string(),
            sub: subject_for(engine, self.client, self.subject),
            aud: self.client.client_id.clone(),
            exp: now.plus(engine.policy.id_token).seconds(),
            iat: now.seconds(),
            auth_time: self.auth.auth_time.map(Timestamp::seconds),
            nonce: self.nonce,
            at_hash: self.access_token.map(hash),
            c_hash: self.code.map(hash),
            acr: self.auth.acr.clone(),
            amr: self.auth.amr.clone(),
            sid: self.session.map(|session| engine.sid(session, self.client.id)).transpose()?,
            claims: self.claims,
        };
        let signed = key.sign(&claims).map_err(|error| Fault::lasting("sign an ID token", error.to_string()))?;
        // OpenID Connect Core §2, §16.14: signed, and then encrypted.
        match &self.encryption {
            None => Ok(signed),
            Some(encryption) => encryption.nested(engine, &signed),
        }
    }
}

/// The refresh token of a grant's current generation, derived from the grant's own columns alone.
fn refresh_token(
    keys: &KeySet,
    grant: &Grant,
    chain: &Refresh,
    now: Timestamp,
) -> Result<Sealed<seal::Refresh>, Fault> {
    let reference = Reference {
        record: grant.id,
        serial: chain.generation,
        issued_at: chain.current.since,
        expires_at: None,
        salt: &chain.current.salt,
    };
    keys.seal_with::<seal::Refresh>(chain.seal_key, &reference, now).ok_or_else(key_is_gone)
}

/// What signs for a client: the algorithm it registered, or the one the server prefers.
pub(crate) fn signer<'k>(
    engine: &Engine,
    keys: &'k KeySet,
    registered: Option<Algorithm>,
    now: Timestamp,
) -> Result<&'k HeldKey, Fault> {
    let algorithm = registered.or(engine.key_policy.algorithms.first().copied());
    let no_key = || Fault::lasting("sign", "there is no key for this client's algorithm: add it to keys.algorithms");
    algorithm.and_then(|algorithm| keys.signer(algorithm, now)).ok_or_else(no_key)
}
