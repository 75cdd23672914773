//! Clients that register themselves (RFC 7591) and look after their registration (RFC 7592).

use std::sync::{Mutex, PoisonError};

use firman_proto::client::GrantType;
use firman_proto::error::{Denied, ErrorCode, invalid_request};
use firman_proto::id::RecordId;
use firman_proto::jws::Algorithm;
use firman_proto::metadata::path;
use firman_proto::registration::Requested;
use firman_proto::scope::Scope;
use firman_proto::seal::{self, Reference};
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::record::{Client, ClientPolicy, Origin, Registration};
use firman_store::{GrantsOf, Page};
use serde_json::{Map, Value};

use crate::Engine;
use crate::admin::AdminError;
use crate::admin::clients::{self, Edit, NewClient};
use crate::bearer::{self, Bearer};
use crate::failure::{Failure, Fault};
use crate::random;
use crate::software_statement;

/// The scope of an access token of ours that lets its holder register clients (RFC 7591 §1.2: an initial access token).
pub const SCOPE: &str = "firman.register";

/// How many clients are looked at in one page when the unused leave.
const PAGE: u32 = 500;

/// Who may register clients, and what those may become.
#[derive(Clone, Debug)]
pub struct RegistrationPolicy {
    /// Who.
    pub mode: Mode,
    /// The most that such a client may ask for.
    pub scope: Scope,
    /// The most that such a client may use.
    pub grant_types: Vec<GrantType>,
    /// How long one that nobody uses stays; zero: for ever.
    pub unused: Lifetime,
    /// How many may be registered in a minute where everybody may; on each node.
    pub each_minute: u32,
    /// Whose software statements are taken (RFC 7591 §2.3).
    pub statements: Vec<StatementIssuer>,
    /// Register nobody without one.
    pub require_statement: bool,
    /// Whether their assertions may be for our endpoints, and not for the issuer alone.
    pub endpoint_audience: bool,
}

/// Somebody who is trusted to state what software a client is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementIssuer {
    /// The `iss` of its statements.
    pub issuer: String,
    /// Where its keys are.
    pub jwks_uri: String,
}

/// Who may register clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Nobody.
    Off,
    /// Whoever has an access token of ours with [`SCOPE`].
    Token,
    /// Everybody.
    Open,
}

impl Mode {
    /// Every answer.
    pub const ALL: &'static [Self] = &[Self::Off, Self::Token, Self::Open];

    /// As it is written in settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Token => "token",
            Self::Open => "open",
        }
    }
}

impl Default for RegistrationPolicy {
    fn default() -> Self {
        Self {
            mode: Mode::Off,
            scope: Scope::default(),
            grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
            unused: Lifetime::from_days(7),
            each_minute: 60,
            statements: Vec::new(),
            require_statement: false,
            endpoint_audience: false,
        }
    }
}

/// How many have registered in this minute.
#[derive(Debug, Default)]
pub(crate) struct Door(Mutex<(i64, u32)>);

impl Door {
    pub(crate) fn admit(&self, most: u32, now: Timestamp) -> Result<(), Denied> {
        let minute = now.seconds().div_euclid(60);
        let mut count = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if count.0 != minute {
            *count = (minute, 0);
        }
        if count.1 >= most {
            let denied =
                Denied::new(ErrorCode::TemporarilyUnavailable, "too many registrations; try again in a minute");
            return Err(denied);
        }
        count.1 += 1;
        Ok(())
    }
}

/// Registers a client; gives its information (RFC 7591 §3.2.1), with its secret for the only time.
pub async fn register(engine: &Engine, token: Option<&str>, body: &[u8], now: Timestamp) -> Result<Value, Failure> {
    admit(engine, token, now).await?;
    let requested = software_statement::requested(engine, body, now).await?;
    let metadata = fit(engine, requested)?;
    let endpoint_audience = engine.policy.registration.endpoint_audience;
    let policy = ClientPolicy { endpoint_audience, ..ClientPolicy::default() };
    let new = NewClient { client_id: None, metadata, policy, owner: None, secret: None };
    let registration = Registration { salt: random::salt(&*engine.entropy)?, used: false };
    let made =
        clients::create_registered(engine, new, Origin::Registered, registration, now).await.map_err(of_metadata)?;
    let (client, secret) = made;
    information(engine, &client, secret.as_ref().map(|secret| secret.as_str()), now)
}

/// RFC 7592 §2.1: what is registered.
pub async fn read(engine: &Engine, client_id: &str, token: &str, now: Timestamp) -> Result<Value, Failure> {
    let client = own(engine, client_id, token, now).await?;
    information(engine, &client, None, now)
}

/// RFC 7592 §2.2: what is registered becomes this.
pub async fn update(
    engine: &Engine,
    client_id: &str,
    token: &str,
    body: &[u8],
    now: Timestamp,
) -> Result<Value, Failure> {
    let client = own(engine, client_id, token, now).await?;
    let requested = software_statement::requested(engine, body, now).await?;
    // RFC 7592 §2.2: the client's own id, and its own secret if it gives one.
    if requested.client_id.as_deref() != Some(&client.client_id) {
        return Err(invalid_request("client_id: must be the client's own").into());
    }
    if requested.client_secret.as_ref().is_some_and(|secret| !client.has_secret(secret, now)) {
        return Err(invalid_request("client_secret: must be the client's own").into());
    }
    let edit = Edit { metadata: fit(engine, requested)?, policy: client.policy.clone(), secret: None };
    let (client, secret) = clients::edit(engine, &client, edit, now).await.map_err(of_metadata)?;
    information(engine, &client, secret.as_ref().map(|secret| secret.as_str()), now)
}

/// RFC 7592 §2.3: the client is no more, and nothing that was issued to it is good.
pub async fn delete(engine: &Engine, client_id: &str, token: &str, now: Timestamp) -> Result<(), Failure> {
    let client = own(engine, client_id, token, now).await?;
    Ok(clients::delete(engine, &client.client_id, now).await?)
}

/// Clients that registered themselves and that nobody has used leave; gives how many. One that has a grant is used for good.
pub async fn tidy(engine: &Engine, now: Timestamp) -> Result<u32, Failure> {
    let policy = &engine.policy.registration;
    if policy.unused == Lifetime::ZERO {
        return Ok(0);
    }
    // Ids are in the order in which they were made: whoever is twice as old was looked at before.
    let start = now.minus(policy.unused).minus(policy.unused);
    let (mut after, mut left) = (Some(RecordId::new(start, [0; 10])), 0);
    loop {
        let page = engine.store.clients(engine.number, Page { after, limit: PAGE }).await?;
        let Some(last) = page.last() else { return Ok(left) };
        after = Some(last.id);
        for client in page.iter().filter(|client| client.registration.as_ref().is_some_and(|own| !own.used)) {
            let grants = engine.store.grants(GrantsOf::Client(client.id), Page { after: None, limit: 1 }).await?;
            if !grants.is_empty() {
                clients::mark_used(engine, client, now).await?;
            } else if client.created_at.plus(policy.unused) <= now {
                clients::delete(engine, &client.client_id, now).await?;
                left += 1;
            }
        }
    }
}

/// RFC 7591 §3: who may register here.
async fn admit(engine: &Engine, token: Option<&str>, now: Timestamp) -> Result<(), Failure> {
    match engine.policy.registration.mode {
        Mode::Off => Err(no_token("registration is off").into()),
        Mode::Open => Ok(engine.door.admit(engine.policy.registration.each_minute, now)?),
        Mode::Token => {
            let token = token.ok_or_else(|| no_token("no initial access token"))?;
            initial_access_token(engine, token, now).await
        }
    }
}

async fn initial_access_token(engine: &Engine, token: &str, now: Timestamp) -> Result<(), Failure> {
    let needed = Scope::parse(SCOPE).unwrap_or_default();
    let bearer = Bearer { token, proof: None, certificate: None, method: "POST", path: path::REGISTER };
    bearer::admit(engine, &bearer, &needed, now).await.map(|_| ())
}

/// The client of this id, if the registration access token is its own (RFC 7592 §2).
async fn own(engine: &Engine, client_id: &str, token: &str, now: Timestamp) -> Result<Client, Failure> {
    let opened = engine.keys.open::<seal::Registration>(&*engine.store, token, now).await?;
    let opened = opened.map_err(|_| no_token("the registration access token does not open"))?;
    let client = engine.store.client(Client::key(engine.number, client_id)).await?;
    // RFC 7592 §2: no difference is told between a client that is gone and a token that is another's.
    let client = client.ok_or_else(|| no_token("no such client"))?;
    let salt = client.registration.as_ref().map(|registration| &registration.salt);
    if client.id != opened.record() || !client.enabled || !salt.is_some_and(|salt| opened.proves(salt)) {
        return Err(no_token("the registration access token is another's, or was renewed").into());
    }
    Ok(Client::clone(&client))
}

/// RFC 7591 §2: what is more than such a client may have is not registered.
pub(crate) fn fit(engine: &Engine, requested: Requested) -> Result<firman_proto::client::ClientMetadata, Denied> {
    let policy = &engine.policy.registration;
    let mut metadata = requested.metadata;
    metadata.scope =
        if metadata.scope.is_empty() { policy.scope.clone() } else { metadata.scope.intersect(&policy.scope) };
    metadata.grant_types.retain(|grant_type| policy.grant_types.contains(grant_type));
    if metadata.grant_types.is_empty() {
        return Err(Denied::new(ErrorCode::InvalidClientMetadata, "grant_types: none of them is for such clients"));
    }
    // OpenID Connect Registration §2: RS256 is the default of ID tokens, where this server has such a key.
    if engine.key_policy.algorithms.contains(&Algorithm::RS256) {
        metadata.id_token_signed_response_alg.get_or_insert(Algorithm::RS256);
    }
    Ok(metadata)
}

/// RFC 7591 §3.2.1, RFC 7592 §3: everything that is registered, and how to come back.
fn information(engine: &Engine, client: &Client, secret: Option<&str>, now: Timestamp) -> Result<Value, Failure> {
    let lost = || Fault::lasting("show a registration", "the client did not register itself, or no key seals");
    let registration = client.registration.as_ref().ok_or_else(lost)?;
    let reference = Reference {
        record: client.id,
        serial: 0,
        issued_at: client.created_at,
        expires_at: None,
        salt: &registration.salt,
    };
    let keys = engine.keys.current();
    let token =
        keys.seal_with::<seal::Registration>(keys.keyring.current_number(), &reference, now).ok_or_else(lost)?;
    let mut members = match serde_json::to_value(&client.metadata) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    };
    let uri = format!("{}/{}", engine.issuer.endpoint(path::REGISTER), client.client_id);
    members.insert("client_id".to_owned(), client.client_id.as_str().into());
    members.insert("client_id_issued_at".to_owned(), client.created_at.seconds().into());
    members.insert("registration_access_token".to_owned(), token.reveal().into());
    members.insert("registration_client_uri".to_owned(), uri.into());
    if let Some(secret) = secret {
        members.insert("client_secret".to_owned(), secret.into());
        // RFC 7591 §3.2.1: 0 is never.
        members.insert("client_secret_expires_at".to_owned(), 0.into());
    }
    Ok(Value::Object(members))
}

/// RFC 7591 §3.2.2: what is wrong with the metadata has a code of its own.
fn of_metadata(error: AdminError) -> Failure {
    match error {
        AdminError::Refused(denied) if denied.code == ErrorCode::InvalidRequest => {
            let about_redirects = denied.text.starts_with("redirect_uris:");
            let code = if about_redirects { ErrorCode::InvalidRedirectUri } else { ErrorCode::InvalidClientMetadata };
            Denied { code, ..denied }.into()
        }
        other => other.into(),
    }
}

fn no_token(why: &'static str) -> Denied {
    Denied::new(ErrorCode::InvalidToken, "the access token is not valid here").because(why)
}
