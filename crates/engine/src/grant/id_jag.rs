//! An assertion of who somebody is, for another authorization server (Identity Assertion Authorization Grant §4.3).

use firman_proto::error::{Denied, ErrorCode, invalid_request};
use firman_proto::exchange::{ExchangeRequest, TokenType};
use firman_proto::scope::Scope;
use firman_proto::time::{Lifetime, Timestamp};
use firman_proto::token::TokenResponse;
use serde_json::{Map, Value};

use super::party::Party;
use crate::Engine;
use crate::authenticate::AuthenticatedClient;
use crate::failure::{Failure, Fault};
use crate::issue::signer;
use crate::random;
use crate::subject::subject_for;
use crate::trust::ID_JAG;

/// How long such an assertion is good: it is presented at once.
const LIFE: Lifetime = Lifetime::from_seconds(300);

/// The longest resource indicators, in bytes, that are passed on.
const LONGEST_RESOURCE: usize = 1024;

/// Signs the assertion. Nothing is written: what it is good for is the other server's to say.
pub(super) fn issue(
    engine: &Engine,
    client: &AuthenticatedClient,
    request: &ExchangeRequest,
    subject: &Party,
    act: Option<Value>,
    now: Timestamp,
) -> Result<TokenResponse, Failure> {
    // Identity Assertion Authorization Grant §8.1: for confidential clients.
    client.must_be_confidential()?;
    let audience = decide(client, request, subject)?;
    let person = subject.subject.as_ref().ok_or_else(|| invalid_request("subject_token: nobody is its subject"))?;
    let ends = now.plus(LIFE).min(subject.until);
    let mut claims = Map::from_iter([
        ("iss".to_owned(), Value::from(engine.issuer.as_str())),
        ("sub".to_owned(), subject_for(engine, client.record(), person).into()),
        ("aud".to_owned(), audience.into()),
        ("client_id".to_owned(), client.record().client_id.as_str().into()),
        ("jti".to_owned(), random::record_id(&*engine.entropy, now)?.to_string().into()),
        ("iat".to_owned(), now.seconds().into()),
        ("exp".to_owned(), ends.seconds().into()),
    ]);
    let scope = request.scope.clone().unwrap_or_default();
    let auth = &subject.auth;
    let more: [(&str, Option<Value>); 6] = [
        ("scope", (!scope.is_empty()).then(|| scope.as_str().into())),
        ("resource", resource_of(request)?),
        ("auth_time", auth.auth_time.map(|time| time.seconds().into())),
        ("acr", auth.acr.clone().map(Value::from)),
        ("amr", (!auth.amr.is_empty()).then(|| auth.amr.clone().into())),
        ("act", act),
    ];
    claims.extend(more.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    let keys = engine.keys.current();
    let key = signer(engine, &keys, client.record().metadata.id_token_signed_response_alg, now)?;
    let signed = key.sign_as(ID_JAG, &claims).map_err(|error| Fault::lasting("sign an ID-JAG", error.to_string()))?;
    Ok(TokenResponse {
        access_token: signed,
        issued_token_type: Some(TokenType::IdJag.as_str()),
        // RFC 8693 §2.2.1: it is no access token.
        token_type: "N_A",
        expires_in: ends.since(now).seconds(),
        refresh_token: None,
        scope,
        id_token: None,
        authorization_details: None,
    })
}

/// The one server it is for: one of those that the client's policy names.
fn decide<'r>(client: &AuthenticatedClient, request: &'r ExchangeRequest, subject: &Party) -> Result<&'r str, Denied> {
    // Identity Assertion Authorization Grant §4.3: the audience is required, and one server.
    let [audience] = request.audience.as_slice() else {
        return Err(invalid_request("audience: give the issuer of the one authorization server it is for"));
    };
    let policy = client.record().policy.exchange.as_ref();
    if !policy.is_some_and(|policy| policy.id_jag_for.contains(audience)) {
        return Err(Denied::new(ErrorCode::InvalidTarget, "audience: this client may have no ID-JAG for it"));
    }
    // Only who was told who somebody is may tell it: the subject token is one of OpenID.
    let openid = Scope::parse("openid").unwrap_or_default();
    if !openid.is_within(&subject.scope) {
        return Err(invalid_request("subject_token: it says not who somebody is; that needs the scope openid"));
    }
    // What a holder has limited does not grow into an assertion without limits.
    if !subject.caveats.is_empty() {
        return Err(invalid_request("subject_token: it has caveats, which an ID-JAG cannot have"));
    }
    Ok(audience)
}

fn resource_of(request: &ExchangeRequest) -> Result<Option<Value>, Denied> {
    if request.resource.iter().map(String::len).sum::<usize>() > LONGEST_RESOURCE {
        return Err(Denied::new(ErrorCode::InvalidTarget, "resource: too long"));
    }
    Ok(match request.resource.as_slice() {
        [] => None,
        [one] => Some(one.as_str().into()),
        many => Some(many.to_vec().into()),
    })
}
