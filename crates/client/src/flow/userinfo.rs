//! Claims about the person (OpenID Connect Core §5.3).

use firman_proto::jose::{self, Alg, Jwks, Jwt, Typ};
use firman_proto::time::Timestamp;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Map, Value};

use super::metadata::ServerMetadata;
use super::party::Client;
use super::{answer, ask, encrypted};
use crate::error::{Breach, Error};
use crate::exchange::{Request, Response};
use crate::secret::Secret;

/// Asks with a bearer token. One that is bound to a key needs its proof too: [`super::dpop::DpopKey::bind`].
///
/// # Errors
///
/// The server has no such endpoint, or the token has characters that no header can have.
pub fn request(server: &ServerMetadata, token: &Secret) -> Result<Request, Error> {
    let mut request = ask::get(server.endpoint("userinfo_endpoint", false)?, "application/json, application/jwt");
    request.headers.insert(AUTHORIZATION, ask::bearer(token)?);
    Ok(request)
}

/// Reads the claims, which must be about `subject`. An encrypted answer is opened with the client's keys, a signed one verified with the
/// server's.
///
/// # Errors
///
/// The server refused, or its answer is none, or about somebody else.
pub fn read(
    server: &ServerMetadata,
    response: &Response,
    (client, subject): (&Client, &str),
    keys: &Jwks,
    now: Timestamp,
) -> Result<Map<String, Value>, Error> {
    let url = server.endpoint("userinfo_endpoint", false)?;
    answer::success(url, response, now)?;
    let claims = if is_jwt(response) {
        signed(server, url, response, client, keys)?
    } else {
        answer::members(url, response, now)?
    };
    // OpenID Connect Core §5.3.2: sub is required and the same as in the ID token; else the claims must not be used.
    match claims.get("sub").and_then(Value::as_str) {
        Some(sub) if sub == subject => Ok(claims),
        _ => Err(answer::malformed(url, "its sub is not who was asked about")),
    }
}

/// Whether the answer is signed or encrypted: keys are needed to read it.
pub fn is_jwt(response: &Response) -> bool {
    let media_type = response.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    media_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/jwt")
}

fn signed(
    server: &ServerMetadata,
    url: &str,
    response: &Response,
    client: &Client,
    keys: &Jwks,
) -> Result<Map<String, Value>, Error> {
    let refused = |refused| Error::breach(url, Breach::Signed(refused));
    let given = std::str::from_utf8(&response.body).map_err(|_| answer::malformed(url, "it is no text"))?;
    let given = Secret::from(given.trim());
    let text = encrypted::open(client, &given).map_err(refused)?;
    // OpenID Connect Core §5.3.2: it may be encrypted and not signed; then it is as good as what came in clear.
    if text != given && text.reveal().starts_with('{') {
        return jose::object(text.reveal().as_bytes()).map_err(refused);
    }
    let jwt = Jwt::parse(text.reveal()).map_err(refused)?;
    let claims = jwt.verify_signature(keys, Alg::PUBLIC, Typ::Optional(&["JWT"])).map_err(refused)?;
    // OpenID Connect Core §5.3.2: iss and aud are there, the server and the client.
    if claims.iss.as_deref() != Some(server.issuer.as_str()) || claims.aud != [client.id.as_str()] {
        return Err(answer::malformed(url, "its iss or aud is another"));
    }
    let mut members = claims.rest;
    members.extend(claims.sub.map(|sub| ("sub".to_owned(), sub.into())));
    Ok(members)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::answer::tests::{NOW, answer, json as answered};
    use super::super::encrypted::tests::{app, encrypted};
    use super::super::party::tests::{ISSUER, key, server};
    use super::*;

    // OpenID Connect Core §5.3, §5.3.2.
    #[test]
    fn claims_are_about_who_was_asked_and_a_signed_answer_is_verified() {
        let (own, server) = (key(), server());
        let keys = Jwks::parse(json!({"keys": [own.jwk()]}).to_string().as_bytes()).unwrap();
        let asked = request(&server, &"hush".into()).unwrap();
        assert!(asked.headers[AUTHORIZATION] == "Bearer hush" && asked.headers[AUTHORIZATION].is_sensitive());
        let of = |response: &Response| read(&server, response, (&app(), "alice"), &keys, NOW);
        assert_eq!(of(&answered(200, &json!({"sub": "alice", "email": "a@b.example"}))).unwrap().len(), 2);
        assert!(of(&answered(200, &json!({"sub": "bob"}))).is_err() && of(&answered(200, &json!({}))).is_err());
        let token = |key: &firman_proto::jws::HeldKey, aud: &str| {
            key.sign(&json!({"iss": ISSUER, "aud": aud, "sub": "alice", "email": "a"})).unwrap()
        };
        let sent = |text: &str| answer(200, &[(CONTENT_TYPE, "application/jwt; charset=utf-8")], text);
        let jwt = |key, aud| sent(&token(key, aud));
        let claims = json!({"sub": "alice", "email": "a"});
        assert_eq!(of(&jwt(&own, "app")).unwrap(), *claims.as_object().unwrap());
        assert_eq!(of(&sent(&encrypted(&token(&own, "app")))).unwrap(), *claims.as_object().unwrap());
        assert_eq!(of(&sent(&encrypted(&claims.to_string()))).unwrap(), *claims.as_object().unwrap());
        assert!(of(&sent(&claims.to_string())).is_err() && of(&sent(&encrypted(&token(&key(), "app")))).is_err());
        assert!(of(&jwt(&own, "others")).is_err() && of(&jwt(&key(), "app")).is_err());
        assert!(!is_jwt(&answered(200, &json!({}))));
    }
}
