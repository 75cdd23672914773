//! Backchannel authentication requests that are signed (OpenID Connect CIBA Core §7.1.1).

use firman_proto::error::{Denied, ErrorCode, invalid_request};
use firman_proto::form::Form;
use firman_proto::jose::{Alg, Claims, Expected, Jwks, Jwt, Refused, Typ};
use firman_proto::request_object::form_of;
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::record::{Client, Once, OnceNamespace};
use serde_json::{Map, Value};

use crate::Engine;
use crate::failure::Failure;
use crate::key_sets::Whose;

/// How far ahead such a request may expire: so long it is remembered.
const LONGEST: Lifetime = Lifetime::from_seconds(3600);
/// How far a client's clock may be from ours.
const SKEW: Lifetime = Lifetime::from_seconds(30);

/// The members of a request.
const MEMBERS: [&str; 9] = [
    "authorization_details",
    "scope",
    "acr_values",
    "login_hint_token",
    "id_token_hint",
    "login_hint",
    "binding_message",
    "requested_expiry",
    "resource",
];

/// The members of a signed request, and what keeps it from being taken twice; `None` if the request is a plain one, and may be.
pub(super) async fn signed(
    engine: &Engine,
    client: &Client,
    form: &Form<'_>,
    now: Timestamp,
) -> Result<Option<(Form<'static>, Once)>, Failure> {
    let registered = client.metadata.backchannel.backchannel_authentication_request_signing_alg.as_deref();
    let Some(text) = form.get("request") else {
        // OpenID Connect CIBA Core §4: who has registered an algorithm signs every request.
        return match registered {
            None => Ok(None),
            Some(_) => Err(invalid_request("request: missing; this client signs its requests").into()),
        };
    };
    let alg = registered.and_then(Alg::parse).filter(|alg| Alg::PUBLIC.contains(alg));
    let alg = alg.ok_or_else(|| invalid_request("request: this client has registered no algorithm for it"))?;
    // OpenID Connect CIBA Core §7.1.1: what is signed does not stand beside it, too.
    if let Some(name) = MEMBERS.iter().find(|name| form.get(name).is_some()) {
        return Err(invalid_request(format!("{name}: given beside request")).into());
    }
    let claims = verified(engine, client, text, alg, now).await?;
    let once = once(engine, client, &claims, now)?;
    Ok(Some((members_of(claims.rest)?, once)))
}

async fn verified(engine: &Engine, client: &Client, text: &str, alg: Alg, now: Timestamp) -> Result<Claims, Failure> {
    let expected = Expected {
        typ: Typ::Optional(&["JWT", "oauth-authz-req+jwt"]),
        algorithms: &[alg],
        audiences: &[engine.issuer.as_str()],
        skew: SKEW,
        longest: LONGEST,
    };
    let refused = |why: Refused| invalid_request("request: not valid, or not this client's").because(why.to_string());
    let verify = |keys: &Jwks| Jwt::parse(text).and_then(|jwt| jwt.verify(keys, &expected, now));
    let claims = engine.key_sets.verify(engine, Whose::Client(client), now, verify).await?.map_err(refused)?;
    // OpenID Connect CIBA Core §7.1.1: iss is the client; exp, iat, nbf and jti are required.
    let whole = claims.iss.as_deref() == Some(&client.client_id) && claims.iat.is_some() && claims.nbf.is_some();
    if !whole {
        return Err(invalid_request("request: iss must be the client; iat and nbf must be there").into());
    }
    Ok(claims)
}

/// OpenID Connect CIBA Core §7.1.1: jti. It is taken in the commit that begins the flow.
fn once(engine: &Engine, client: &Client, claims: &Claims, now: Timestamp) -> Result<Once, Denied> {
    let jti =
        claims.jti_to_remember().ok_or_else(|| invalid_request("request: jti: missing, or longer than 256 bytes"))?;
    Ok(Once {
        namespace: OnceNamespace::RequestObject,
        digest: Once::digest(engine.number, client.id.as_bytes(), jti),
        expires_at: claims.exp.unwrap_or(now).plus(SKEW),
    })
}

/// OpenID Connect CIBA Core §7.1.1: the members are those of a plain request.
fn members_of(mut claims: Map<String, Value>) -> Result<Form<'static>, Denied> {
    claims.retain(|name, _| MEMBERS.contains(&name.as_str()));
    let fits = |(name, value): &(&String, &Value)| match name.as_str() {
        "requested_expiry" => value.is_string() || value.is_u64(),
        // RFC 8707 §2.1: there may be several; RFC 9396 §2: a list.
        "resource" | "authorization_details" => value.is_string() || value.is_array(),
        _ => value.is_string(),
    };
    if let Some((name, _)) = claims.iter().find(|member| !fits(member)) {
        return Err(invalid_request(format!("{name}: must be a text")));
    }
    form_of(claims).map_err(|denied| Denied { code: ErrorCode::InvalidRequest, ..denied })
}
