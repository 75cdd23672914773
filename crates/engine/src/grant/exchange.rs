//! Token exchange (RFC 8693): a token for less, for longer reach by another, or in another's name; never for more.

use firman_proto::error::{Denied, ErrorCode, invalid_request};
use firman_proto::exchange::{self, ExchangeRequest, TokenType};
use firman_proto::scope::Scope;
use firman_proto::time::Timestamp;
use firman_proto::token::TokenResponse;
use firman_store::record::{Client, EventKind, GrantKind, Terms};
use serde_json::{Map, Value};

use super::id_jag;
use super::make::{Allowed, Making};
use super::party::{self, Party};
use crate::Engine;
use crate::authenticate::AuthenticatedClient;
use crate::dpop;
use crate::failure::{Failure, Fault};
use crate::random;
use crate::sender::Sender;

pub(super) async fn exchange(
    engine: &Engine,
    client: &AuthenticatedClient,
    request: &ExchangeRequest,
    now: Timestamp,
) -> Result<TokenResponse, Failure> {
    let sender = Sender::of(client)?;
    let subject = party::resolve(engine, client, ("subject_token", &request.subject), now).await?;
    let actor = match &request.actor {
        Some(actor) => Some(party::resolve(engine, client, ("actor_token", actor), now).await?),
        None => None,
    };
    let act = decide(client.record(), &subject, actor.as_ref())?;
    if request.requested == TokenType::IdJag {
        if let Some(proved) = sender.key() {
            dpop::must_be_new(engine, proved).await?;
        }
        return id_jag::issue(engine, client, request, &subject, act, now);
    }
    must_be_for_us(engine, request)?;
    // A client can weaken a token for itself by itself; and its standing grant is no parent, because it cannot be revoked.
    if subject.subject.is_none() {
        return Err(invalid_request("subject_token: nobody is its subject").into());
    }
    let scope = scope_for(client.record(), request.scope.as_ref(), &subject)?;
    // An actor that is gone earlier is gone.
    let until = actor.map_or(subject.until, |actor| actor.until.min(subject.until));
    let (parent, via) = subject.lineage.map_or((None, Vec::new()), |of| (Some(of.parent), of.via));
    let allowed = Allowed {
        id: random::record_id(&*engine.entropy, now)?,
        kind: GrantKind::TokenExchange,
        subject: subject.subject,
        session: subject.session,
        scope,
        epochs: subject.epochs,
        parent,
        auth: subject.auth,
        terms: Terms { actor: act, via, ..Terms::default() },
        // RFC 8693 §2.2.1: who has the subject's token can exchange it again.
        refreshable: false,
        until,
        caveats: subject.caveats,
    };
    let making = Making { engine, client, allowed, sender, claim: None, event: EventKind::GrantMade, now };
    let lost = || Fault::temporary("make a grant", "a grant of this id is there already");
    let response = making.make().await?.ok_or_else(lost)?;
    Ok(TokenResponse { issued_token_type: Some(TokenType::AccessToken.as_str()), id_token: None, ..response })
}

/// Who acts, as the new token says; nobody is named where the subject's own client asks, or one that may stand for them.
fn decide(client: &Client, subject: &Party, actor: Option<&Party>) -> Result<Option<Value>, Denied> {
    let acting = actor.map_or(client.client_id.as_str(), |actor| actor.sub.as_str());
    // RFC 8693 §4.4: may_act names who may act.
    if let Some(may_act) = &subject.may_act
        && may_act.get("sub").and_then(Value::as_str) != Some(acting)
    {
        return Err(invalid_request("subject_token: its may_act names somebody else"));
    }
    let impersonates = client.policy.exchange.as_ref().is_some_and(|policy| policy.impersonate);
    if actor.is_none() && (subject.is_own || impersonates) {
        return Ok(subject.act.clone());
    }
    // RFC 8693 §4.1: the actor of now is the outermost.
    let link = Map::from_iter([("sub".to_owned(), Value::from(acting))]);
    let chain = exchange::act(link, subject.act.as_ref());
    let chain = chain.ok_or_else(|| invalid_request("actor_token: too many have acted before"))?;
    Ok(Some(chain))
}

/// RFC 8693 §2.1: at most what the subject's token allows, and what the client is registered for.
fn scope_for(client: &Client, asked: Option<&Scope>, subject: &Party) -> Result<Scope, Denied> {
    let denied = |text: &'static str| Denied::new(ErrorCode::InvalidScope, text);
    let most = subject.scope.intersect(&client.metadata.scope).without("offline_access");
    match asked {
        None if most.is_empty() => Err(denied("scope: nothing of it is left for this client")),
        None => Ok(most),
        Some(asked) if asked.is_within(&most) => Ok(asked.clone()),
        Some(_) => Err(denied("scope: more than the subject_token allows, or this client is registered for")),
    }
}

/// RFC 8693 §2.2.2: invalid_target.
fn must_be_for_us(engine: &Engine, request: &ExchangeRequest) -> Result<(), Denied> {
    let mut targets =
        request.audience.iter().map(|it| ("audience", it)).chain(request.resource.iter().map(|it| ("resource", it)));
    match targets.find(|(_, target)| *target != engine.issuer.as_str()) {
        None => Ok(()),
        Some((name, _)) => Err(Denied::new(ErrorCode::InvalidTarget, format!("{name}: no target that is known here"))),
    }
}
