//! The JWT bearer grant (RFC 7523 §2.1), also with an identity assertion for this server (ID-JAG).

use firman_proto::error::{Denied, ErrorCode, invalid_grant};
use firman_proto::resource::{self, invalid_target};
use firman_proto::scope::Scope;
use firman_proto::time::Timestamp;
use firman_proto::token::{JwtBearerRequest, TokenResponse};
use firman_store::Change;
use firman_store::record::{AuthContext, Client, EventKind, GrantKind, Once, OnceNamespace, Terms};
use serde_json::Value;

use super::make::{Allowed, Making};
use crate::Engine;
use crate::authenticate::AuthenticatedClient;
use crate::failure::Failure;
use crate::random;
use crate::sender::Sender;
use crate::target;
use crate::trust::{self, SKEW, Vouched};

pub(super) async fn redeem(
    engine: &Engine,
    client: &AuthenticatedClient,
    request: &JwtBearerRequest,
    now: Timestamp,
) -> Result<TokenResponse, Failure> {
    let sender = Sender::of(client)?;
    let client_id = &client.record().client_id;
    let vouched = trust::verify(engine, client_id, &request.assertion, ErrorCode::InvalidGrant, now).await?;
    if vouched.is_id_jag {
        // Identity Assertion Authorization Grant §8.1: for confidential clients.
        client.must_be_confidential()?;
    }
    let scope = scope_for(client.record(), request.scope.as_ref(), &vouched)?;
    let most = resources_of(&vouched)?;
    let target = target::within(engine, client.record(), most.as_deref(), &request.resource).await?;
    let (scope, _) = target.cut(&scope, &scope)?;
    let user = trust::person(engine, &vouched, now).await?;
    let user = user.ok_or_else(|| invalid_grant("assertion: nobody here is whom it is about"))?;
    let now_epochs = engine.store.epochs(Some(client.record().id), Some(user.subject.key(engine.number))).await?;
    let once = Once {
        namespace: OnceNamespace::GrantAssertion,
        digest: Once::digest(engine.number, vouched.issuer.issuer.as_bytes(), &vouched.identifier),
        expires_at: vouched.claims.exp.unwrap_or(now).plus(SKEW),
    };
    let allowed = Allowed {
        id: random::record_id(&*engine.entropy, now)?,
        kind: GrantKind::JwtBearer,
        subject: Some(user.subject),
        session: None,
        scope,
        epochs: now_epochs,
        parent: None,
        auth: auth_of(&vouched),
        terms: Terms { resource: target.identifiers().to_vec(), ..Terms::default() },
        // RFC 7521 §4.1: who has an assertion can have another one.
        refreshable: false,
        until: Timestamp::NEVER,
        caveats: Vec::new(),
    };
    // RFC 7523 §3 (7): presented again, it is a replay. The guard is in the write.
    let claim = Some(Change::InsertOnce(once));
    let making = Making { engine, client, allowed, target, sender, claim, event: EventKind::GrantMade, now };
    Ok(making.make().await?.ok_or_else(|| invalid_grant("assertion: it was presented before"))?)
}

/// What was asked for, within what the client registered, the issuer may give, and the assertion says.
fn scope_for(client: &Client, asked: Option<&Scope>, vouched: &Vouched<'_>) -> Result<Scope, Denied> {
    let denied = |text: &'static str| Denied::new(ErrorCode::InvalidScope, text);
    let mut most = client.metadata.scope.intersect(&vouched.issuer.scope);
    if let Some(said) = vouched.claims.rest.get("scope") {
        // Identity Assertion Authorization Grant §3.1: at most what the assertion says.
        let said = said.as_str().and_then(|text| Scope::parse(text).ok());
        most = most.intersect(&said.ok_or_else(|| denied("scope: the assertion's own is malformed"))?);
    }
    // Nobody has signed in here: there is nothing to say of that, and nothing lasts.
    let most = most.without("openid").without("offline_access");
    match asked {
        None if most.is_empty() => Err(denied("scope: nothing can be had by this assertion")),
        None => Ok(most),
        Some(asked) if asked.is_within(&most) => Ok(asked.clone()),
        Some(_) => Err(denied("scope: more than can be had by this assertion")),
    }
}

/// Identity Assertion Authorization Grant §3.1: whom tokens are for at most, if the assertion says so.
fn resources_of(vouched: &Vouched<'_>) -> Result<Option<Vec<String>>, Denied> {
    let said = vouched.claims.rest.get("resource").filter(|_| vouched.is_id_jag);
    let Some(said) = said else { return Ok(None) };
    let resources: Option<Vec<String>> = match said {
        Value::String(one) => Some(vec![one.clone()]),
        Value::Array(several) => several.iter().map(|one| one.as_str().map(str::to_owned)).collect(),
        _ => None,
    };
    let resources = resources.filter(|all| (1..=resource::MOST).contains(&all.len()));
    Ok(Some(resources.ok_or_else(|| invalid_target("resource: the assertion's own is malformed"))?))
}

/// What the assertion says of how the person signed in.
fn auth_of(vouched: &Vouched<'_>) -> AuthContext {
    let claims = &vouched.claims;
    let amr = claims.rest.get("amr").and_then(Value::as_array);
    AuthContext {
        auth_time: claims.rest.get("auth_time").and_then(Value::as_i64).map(Timestamp::from_seconds),
        acr: claims.text("acr").map(str::to_owned),
        amr: amr.into_iter().flatten().filter_map(|method| method.as_str().map(str::to_owned)).collect(),
        nonce: None,
    }
}
