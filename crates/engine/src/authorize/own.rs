//! Our own pages: people sign in to them in every way they sign in to a client, and come back where they were.

use std::sync::Arc;

use firman_proto::authorize::{AuthorizationRequest, RequestRules};
use firman_proto::client::ClientMetadata;
use firman_proto::credentials::AuthMethod;
use firman_proto::form::{self, Form};
use firman_proto::id::RecordId;
use firman_proto::redirect_uri::RedirectUri;
use firman_proto::time::Timestamp;
use firman_store::record::{Client, ClientPolicy, Origin};

use super::{Browser, Interaction, Next, Waiting, browser, proceed};
use crate::Engine;
use crate::failure::{Failure, Fault};

/// Stands where the id of a client would: no record has it.
const NOBODY: RecordId = RecordId::from_bytes([0; 16]);

/// Has somebody sign in who came to a page of ours by themselves, and brings them back to it. `again`: even if they are signed in.
///
/// `page` is one of ours, below the issuer; RFC 9700 §4.11: whoever calls says which, and never the request.
pub async fn sign_in(
    engine: &Engine,
    browser: &Browser,
    page: &'static str,
    again: bool,
    now: Timestamp,
) -> Result<Next, Failure> {
    let client = Arc::new(client(engine, now));
    let signed_in = browser::signed_in(engine, browser, None, now).await?;
    // Whoever is asked to sign in again begins with their own name.
    let known = signed_in.as_ref().filter(|_| again).map(|known| known.session.details.username.as_str());
    let request = request(engine, &client.metadata, page, again, known)?;
    let waiting = Some(Waiting::Page(page.to_owned()));
    let interaction = Interaction { client: NOBODY, request, started_at: now, waiting, account: None, asked: None };
    proceed(engine, browser, interaction, &client, signed_in, now).await
}

/// What stands in the place of a client: it may have nothing, and so nobody is asked whether it may.
pub(super) fn client(engine: &Engine, now: Timestamp) -> Client {
    Client {
        id: NOBODY,
        issuer: engine.number,
        client_id: engine.issuer.to_string(),
        enabled: true,
        owner: None,
        secrets: Vec::new(),
        metadata: ClientMetadata::new("", AuthMethod::None),
        origin: Origin::Configured,
        policy: ClientPolicy { skip_consent: true, ..ClientPolicy::default() },
        registration: None,
        created_at: now,
        updated_at: now,
        revision: 0,
    }
}

fn request(
    engine: &Engine,
    client: &ClientMetadata,
    page: &str,
    again: bool,
    known: Option<&str>,
) -> Result<AuthorizationRequest, Failure> {
    let end = RedirectUri::parse(&engine.issuer.endpoint(page));
    let end = end.map_err(|error| Fault::lasting("begin a sign-in to a page", error.to_string()))?;
    let mut query = String::from("response_type=code");
    if again {
        form::append(&mut query, "prompt", "login");
    }
    if let Some(username) = known {
        form::append(&mut query, "login_hint", username);
    }
    let rules = RequestRules { pkce_required: false, pkce_plain: false };
    Ok(AuthorizationRequest::parse(&Form::parse(query.as_bytes())?, end, client, rules)?)
}
