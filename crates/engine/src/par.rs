//! Pushed authorization requests (RFC 9126): the request is checked and kept before a browser is sent.

use firman_proto::authorize::AuthorizationRequest;
use firman_proto::error::invalid_request;
use firman_proto::form::Form;
use firman_proto::par::{PushedResponse, request_uri};
use firman_proto::seal::{Reference, RequestUri};
use firman_proto::time::Timestamp;
use firman_store::record::{Flow, FlowRequest, FlowState, Rest};
use firman_store::{Change, Commit};

use crate::Engine;
use crate::authenticate::AuthenticatedClient;
use crate::authorize::{redirect_uri_of, request_of, targeted};
use crate::dpop::{self, Proved};
use crate::failure::{Failure, Fault};
use crate::hooks::{self, Endpoint};
use crate::random;
use crate::request_object;

/// Checks an authorization request as the authorization endpoint would, and keeps it for a while.
pub async fn push(
    engine: &Engine,
    client: &AuthenticatedClient,
    form: &Form<'_>,
    now: Timestamp,
) -> Result<PushedResponse, Failure> {
    hooks::before(engine, Endpoint::PushedRequest, client.record()).await?;
    let mut request = read(engine, client, form, now).await?;
    if let Some(proved) = client.key() {
        // RFC 9449 §10.1: a proof beside the request binds the code as dpop_jkt does, and both must say the same.
        let jkt = proved.jkt.to_string();
        if request.dpop_jkt.as_ref().is_some_and(|asked| *asked != jkt) {
            return Err(dpop::invalid("dpop_jkt is not the key of the DPoP proof").into());
        }
        request.dpop_jkt = Some(jkt);
    }
    let flow = Flow {
        id: random::record_id(&*engine.entropy, now)?,
        issuer: engine.number,
        client: client.record().id,
        request: FlowRequest::Pushed(request),
        approval: None,
        state: FlowState::Pending,
        misses: 0,
        salt: random::salt(&*engine.entropy)?,
        // Whoever came in time may still sign in.
        expires_at: now.plus(engine.policy.pushed).plus(engine.policy.interaction),
        certificate_thumbprint: None,
        upstream: None,
        rest: Rest::new(),
    };
    let reference = Reference {
        record: flow.id,
        serial: 0,
        issued_at: now,
        expires_at: Some(now.plus(engine.policy.pushed)),
        salt: &flow.salt,
    };
    let sealed = engine.keys.current().keyring.seal::<RequestUri>(&reference);
    let mut changes = vec![Change::InsertFlow(Box::new(flow))];
    changes.extend(client.key().map(Proved::seen));
    match engine.commit(changes).await? {
        Commit::Done => {
            Ok(PushedResponse { request_uri: request_uri(sealed.reveal()), expires_in: engine.policy.pushed.seconds() })
        }
        Commit::Conflict(1..) => Err(dpop::replayed().into()),
        Commit::Conflict(_) => Err(Fault::temporary("push", "a flow of this id is there already").into()),
    }
}

async fn read(
    engine: &Engine,
    client: &AuthenticatedClient,
    form: &Form<'_>,
    now: Timestamp,
) -> Result<AuthorizationRequest, Failure> {
    // RFC 9126 §2.1: a request_uri must not be pushed.
    if form.get("request_uri").is_some() {
        return Err(invalid_request("request_uri: must not be pushed").into());
    }
    let client = client.record();
    // RFC 9126 §3, RFC 9101 §6.3: with a request object, only what stands in it counts.
    let signed = request_object::read(engine, client, form, now).await?;
    let form = signed.as_ref().unwrap_or(form);
    let redirect_uri = redirect_uri_of(client, form)?;
    // RFC 9126 §2.1: the request is validated as at the authorization endpoint.
    targeted(engine, client, request_of(engine, client, redirect_uri, form)?, form, now).await
}
