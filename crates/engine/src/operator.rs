//! Who runs this server through its admin API: what may be asked for there, by whom, and with which tokens.
//!
//! The admin API is a resource of its own (RFC 8707) that is built in. A token for it opens a door when three agree: the token's scope,
//! the client it was issued to, which must name the API among the resources it may have tokens for, and the person, who must be an
//! operator at that moment. A client that acts for itself is an operator by being so named.

use std::sync::Arc;

use firman_proto::error::{Denied, ErrorCode};
use firman_proto::id::{IssuerNumber, RecordId};
use firman_proto::resource::canonical;
use firman_proto::scope::Scope;
use firman_proto::time::Timestamp;
use firman_store::record::{Account, ClientPolicy, Resource, Rest, Subject};

use crate::Engine;
use crate::acting::Actor;
use crate::bearer::{self, Bearer, Gate};
use crate::failure::{Failure, Fault};

/// Every scope of the admin API: an area, and whether it is looked at or changed.
pub const SCOPES: &[&str] = &[
    "firman.accounts.read",
    "firman.accounts.write",
    "firman.clients.read",
    "firman.clients.write",
    "firman.deliveries.read",
    "firman.events.read",
    "firman.figures.read",
    "firman.flows.read",
    "firman.grants.read",
    "firman.grants.write",
    "firman.keys.read",
    "firman.keys.write",
    "firman.operators.write",
    "firman.resources.read",
    "firman.resources.write",
    "firman.sessions.read",
    "firman.sessions.write",
    "firman.trust.read",
    "firman.upstreams.read",
];

/// What makes operators, and lets others be edited who could act as one.
pub const OPERATORS: &str = "firman.operators.write";

/// The member of an account's body that makes its person an operator: a scope, or [`EVERYTHING`].
const MEMBER: &str = "operator";
/// What an operator's role says who may do whatever there is.
pub const EVERYTHING: &str = "*";

/// The admin API of this server.
#[derive(Clone, Debug)]
pub struct AdminPolicy {
    /// The address at which its listener is reached, without a slash at its end.
    pub address: String,
    /// Subjects who are operators without being told so by their account: those of another user system, and the first.
    pub operators: Vec<String>,
}

/// Somebody who may do what they ask for.
#[derive(Clone, Debug)]
pub struct Operator {
    /// The person; nobody where a client acts for itself.
    pub subject: Option<Subject>,
    /// The client they use.
    pub client_id: String,
    /// What they may do with this token.
    pub scope: Scope,
}

impl Operator {
    /// As whom they are named in the audit trail.
    pub fn actor(&self) -> Actor {
        Actor::Operator { subject: self.subject.clone(), client_id: self.client_id.clone() }
    }
}

/// Every scope of the admin API.
pub fn all_scopes() -> Scope {
    Scope::parse(&SCOPES.join(" ")).unwrap_or_default()
}

/// The identifier of an issuer's admin API: the audience of operators' tokens.
pub fn identifier(issuer: &str) -> String {
    format!("{}/admin", issuer.trim_end_matches('/'))
}

/// The resource that the admin API is.
pub(crate) fn resource(number: IssuerNumber, issuer: &str) -> Arc<Resource> {
    let epoch = Timestamp::from_millis(0);
    Arc::new(Resource {
        id: RecordId::from_bytes([0; 16]),
        issuer: number,
        identifier: identifier(issuer),
        enabled: true,
        name: "Administration".to_owned(),
        secrets: Vec::new(),
        scope: all_scopes(),
        token_format: None,
        access_token_seconds: None,
        enforces: Vec::new(),
        created_at: epoch,
        updated_at: epoch,
        revision: 0,
        rest: Rest::new(),
    })
}

/// Whether a client of this policy may have tokens for the admin API: only where it is named, for what is not said is any *other* resource.
pub fn names_the_api(engine: &Engine, policy: &ClientPolicy) -> bool {
    let api = identifier(engine.issuer.as_str());
    policy.resources.iter().flatten().any(|named| canonical(named) == canonical(&api))
}

/// What this account's person may do as an operator; the empty scope: nothing.
pub fn role_of(account: &Account) -> Scope {
    match account.rest.get(MEMBER).and_then(|said| said.as_str()) {
        Some(EVERYTHING) => all_scopes(),
        Some(scope) => Scope::parse(scope).unwrap_or_default().intersect(&all_scopes()),
        None => Scope::default(),
    }
}

/// The account with this role; `None` takes it away.
pub(crate) fn with_role(account: &Account, role: Option<&str>) -> Account {
    let mut rest = account.rest.clone();
    match role {
        Some(role) => rest.insert(MEMBER.to_owned(), role.into()),
        None => rest.remove(MEMBER),
    };
    Account { rest, ..account.clone() }
}

/// What this person may do as an operator, now.
pub async fn role_of_subject(engine: &Engine, subject: &Subject) -> Result<Scope, Fault> {
    let named = |policy: &AdminPolicy| policy.operators.iter().any(|operator| operator == subject.as_str());
    if engine.policy.admin.as_ref().is_some_and(named) {
        return Ok(all_scopes());
    }
    let Some(id) = RecordId::parse(subject.as_str()) else { return Ok(Scope::default()) };
    let account = engine.store.account(id).await?;
    Ok(account.filter(|account| account.enabled).map(|account| role_of(&account)).unwrap_or_default())
}

/// Admits whoever holds a good token for the admin API that allows this.
pub async fn admit(engine: &Engine, bearer: &Bearer<'_>, needed: &Scope, now: Timestamp) -> Result<Operator, Failure> {
    let (Some(policy), Some(api)) = (&engine.policy.admin, &engine.admin) else {
        return Err(Fault::lasting("admit an operator", "there is no admin API in the settings").into());
    };
    let gate = Gate {
        audience: &api.identifier,
        uri: format!("{}{}", policy.address, bearer.path),
        route: bearer.path.to_owned(),
    };
    let admitted = bearer::admit_at(engine, bearer, &gate, needed, now).await?;
    let grant = &admitted.standing.record;
    let refused = |text| Denied::new(ErrorCode::InsufficientScope, text);
    let client = engine.store.client_by_id(grant.client).await?;
    let client = client.filter(|client| names_the_api(engine, &client.policy));
    let client = client.ok_or_else(|| refused("this client is not one of operators"))?;
    let role = match &grant.subject {
        Some(subject) => role_of_subject(engine, subject).await?,
        None => all_scopes(),
    };
    let scope = admitted.scope.intersect(&role);
    if role.is_empty() || !needed.is_within(&scope) {
        return Err(refused("this person is no operator, or not for this").into());
    }
    Ok(Operator { subject: grant.subject.clone(), client_id: client.client_id.clone(), scope })
}
