//! Token exchange (RFC 8693): a token for less, for longer reach by another, or in another's name; never for more.

use firman_proto::error::{Denied, ErrorCode, invalid_request};
use firman_proto::exchange::{self, ExchangeRequest, TokenType};
use firman_proto::scope::Scope;
use firman_proto::seal::{Caveat, CaveatKind, Caveats};
use firman_proto::time::Timestamp;
use firman_proto::token::TokenResponse;
use firman_store::record::{Client, EventKind, GrantKind, Terms};
use serde_json::{Map, Value};

use super::id_jag;
use super::make::{Allowed, Making};
use super::party::{self, Party};
use crate::Engine;
use crate::authenticate::AuthenticatedClient;
use crate::details;
use crate::dpop;
use crate::failure::{Failure, Fault};
use crate::random;
use crate::sender::Sender;
use crate::target;

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
    // A client can weaken a token for itself by itself; and its standing grant is no parent, because it cannot be revoked.
    if subject.subject.is_none() {
        return Err(invalid_request("subject_token: nobody is its subject").into());
    }
    let scope = scope_for(client.record(), request.scope.as_ref(), &subject)?;
    // RFC 8693 §2.1: audience is a name, and the name of a resource here is its identifier.
    let named: Vec<String> = request.audience.iter().chain(&request.resource).cloned().collect();
    let target = target::within(engine, client.record(), subject.audience.as_deref(), &named).await?;
    let (scope, _) = target.cut(&scope, &scope)?;
    let (details, asked) = (subject.details.as_ref(), request.authorization_details.as_deref());
    let authorization_details = details::passed_on(engine, client.record(), details, asked)?;
    let caveats = caveats_for(&subject, sender)?;
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
        terms: Terms {
            resource: target.identifiers().to_vec(),
            authorization_details,
            actor: act,
            via,
            ..Terms::default()
        },
        // RFC 8693 §2.2.1: who has the subject's token can exchange it again.
        refreshable: false,
        until,
        caveats,
    };
    let making = Making { engine, client, allowed, target, sender, claim: None, event: EventKind::GrantMade, now };
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

/// What the new token is limited to as the subject's is; whom it is for and its details stand in its grant.
fn caveats_for(subject: &Party, sender: Sender) -> Result<Vec<Caveat>, Denied> {
    let in_grant = [CaveatKind::Audience, CaveatKind::Details];
    let inherited = subject.caveats.iter().filter(|caveat| !in_grant.contains(&caveat.kind()));
    let inherited: Vec<Caveat> = inherited.cloned().collect();
    let bound = sender.caveats().filter(|bound| !inherited.contains(bound));
    // RFC 8693 §2.2.2: what cannot be carried over is not left out.
    Caveats::new(inherited.iter().cloned().chain(bound).collect())
        .map_err(|_| invalid_request("subject_token: its caveats leave no room for what binds the new token"))?;
    Ok(inherited)
}
