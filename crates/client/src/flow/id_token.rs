//! ID tokens: that they are the server's, for us, and for this sign-in (OpenID Connect Core §3.1.3.7).

use firman_proto::jose::{Alg, Claims, Jwks, Jwt, Refused, Typ};
use firman_proto::time::{Lifetime, Timestamp};
use firman_proto::upstream::{Expected, check};

use super::document::Document;
use super::key_set::KeySet;
use super::metadata::ServerMetadata;
use super::party::Client;
use super::{answer, ask, encrypted};
use crate::error::{Breach, Error};
use crate::exchange::{Request, Response};
use crate::secret::Secret;

/// What an ID token must fit.
#[derive(Clone, Copy, Debug)]
pub struct Fits<'a> {
    /// The client that it is for; it may be encrypted for it.
    pub client: &'a Client,
    /// The nonce that was sent; none for a token that came of a refresh.
    pub nonce: Option<&'a Secret>,
    /// The access token that came with it, if one did.
    pub access_token: Option<&'a Secret>,
    /// How long ago the person may have proved who they are, if that was asked.
    pub max_age: Option<Lifetime>,
    /// How far the server's clock may be from ours.
    pub skew: Lifetime,
}

/// Asks for the server's keys; for those that are known only if they have changed.
///
/// # Errors
///
/// The server has none.
pub fn keys_request<T>(server: &ServerMetadata, known: Option<&Document<T>>) -> Result<Request, Error> {
    let mut request = ask::get(server.endpoint("jwks_uri", false)?, "application/jwk-set+json, application/json");
    if let Some(known) = known {
        known.unless_changed(&mut request);
    }
    Ok(request)
}

/// Reads the answer to [`keys_request`].
///
/// # Errors
///
/// They are no keys, or keys that nobody should publish.
pub fn read_keys(
    server: &ServerMetadata,
    response: &Response,
    known: Option<&Document<KeySet>>,
    now: Timestamp,
) -> Result<Document<KeySet>, Error> {
    let url = server.endpoint("jwks_uri", false)?;
    if let Some(same) = known.and_then(|known| known.unchanged(url, response, now)) {
        return Ok(same);
    }
    answer::success(url, response, now)?;
    let text = String::from_utf8(response.body.to_vec()).map_err(|_| Refused::Json);
    let keys = text.and_then(KeySet::try_from).map_err(|refused| match refused {
        Refused::Json => answer::members(url, response, now).err().unwrap_or_else(|| answer::malformed(url, "no set")),
        refused => Error::breach(url, Breach::Signed(refused)),
    })?;
    // A server that signs with nothing does not exist: it is broken, or somebody else answers.
    if keys.keys().is_empty() {
        return Err(Error::breach(url, Breach::Signed(Refused::Key("none of the set can be used"))));
    }
    Ok(Document::new(keys, url, response, now))
}

/// Verifies an ID token, and gives its claims.
///
/// # Errors
///
/// [`Breach::Signed`] with [`Refused::UnknownKey`] where newer keys may help; else it is not for this sign-in.
pub fn verify(
    server: &ServerMetadata,
    token: &Secret,
    keys: &Jwks,
    fits: &Fits<'_>,
    now: Timestamp,
) -> Result<Claims, Error> {
    let issuer = server.issuer.as_str();
    let refused = |refused| Error::breach(issuer, Breach::Signed(refused));
    // OpenID Connect Core §3.1.3.7 (1).
    let token = encrypted::open(fits.client, token).map_err(refused)?;
    let jwt = Jwt::parse(token.reveal()).map_err(refused)?;
    let alg = jwt.header().alg;
    // OpenID Connect Core §3.1.3.7 (6), (7), RFC 8725 §3.11: of the algorithms that the server names, and no other kind of JWT.
    let claims = jwt.verify_signature(keys, &algorithms(server), Typ::Optional(&["JWT"])).map_err(refused)?;
    let expected = Expected {
        issuer,
        client_id: &fits.client.id,
        nonce: fits.nonce.map(Secret::reveal),
        access_token: fits.access_token.map(Secret::reveal),
        alg,
        max_age: fits.max_age,
        skew: fits.skew,
    };
    check(&claims, &expected, now).map_err(|why| Error::breach(issuer, Breach::IdToken(why.to_owned())))?;
    Ok(claims)
}

/// RFC 8725 §3.1: what the server says it signs with, as far as keys can be public; RS256 where it says nothing.
fn algorithms(server: &ServerMetadata) -> Vec<Alg> {
    let named = &server.id_token_signing_alg_values_supported;
    if named.is_empty() {
        return vec![Alg::RS256];
    }
    named.iter().filter_map(|name| Alg::parse(name)).filter(|alg| Alg::PUBLIC.contains(alg)).collect()
}

#[cfg(test)]
mod tests {
    use firman_proto::jws::HeldKey;
    use firman_proto::upstream::{SKEW, half_hash};
    use serde_json::{Value, json};

    use super::super::answer::tests::{NOW, answer, json as answered};
    use super::super::encrypted::tests::{app, encrypted};
    use super::super::party::tests::{ISSUER, key, server};
    use super::*;

    fn verified(key: &HeldKey, keys: &Value, edit: &[(&str, Value)], nonce: Option<&str>) -> Result<Claims, Error> {
        let access = Secret::from("at");
        let mut claims = json!({"iss": ISSUER, "sub": "alice", "aud": "app", "iat": NOW.seconds(), "exp": NOW.seconds() + 300,
            "nonce": "n", "at_hash": half_hash("at", Alg::ES256)});
        for (name, value) in edit {
            claims[*name] = value.clone();
        }
        let nonce = nonce.map(Secret::from);
        let client = app();
        let fits =
            Fits { client: &client, nonce: nonce.as_ref(), access_token: Some(&access), max_age: None, skew: SKEW };
        let keys = read_keys(&server(), &answered(200, keys), None, NOW)?;
        let keys = keys.value();
        let token = key.sign(&claims).unwrap();
        let plain = verify(&server(), &token.as_str().into(), keys, &fits, NOW);
        let opened = verify(&server(), &encrypted(&token).into(), keys, &fits, NOW);
        assert_eq!(plain.as_ref().map_err(ToString::to_string), opened.as_ref().map_err(ToString::to_string));
        opened
    }

    // OpenID Connect Core §3.1.3.7, RFC 8725 §3.1, §3.11.
    #[test]
    fn an_id_token_is_of_the_server_for_us_and_for_this_sign_in() {
        let (own, other) = (key(), key());
        let keys = json!({"keys": [own.jwk()]});
        assert_eq!(verified(&own, &keys, &[], Some("n")).unwrap().sub.as_deref(), Some("alice"));
        assert!(verified(&own, &keys, &[], None).is_ok(), "of a refresh");
        for (name, value) in [
            ("iss", json!("https://evil.example")),
            ("aud", json!(["app", "others"])),
            ("nonce", json!("m")),
            ("at_hash", json!("x")),
            ("exp", json!(NOW.seconds() - 60)),
        ] {
            let error = verified(&own, &keys, &[(name, value)], Some("n")).unwrap_err();
            assert!(matches!(error, Error::Protocol { breach: Breach::IdToken(_), .. }), "{name} {error}");
        }
        let error = verified(&other, &keys, &[], Some("n")).unwrap_err();
        assert!(matches!(error, Error::Protocol { breach: Breach::Signed(Refused::UnknownKey), .. }), "{error}");
        let access = own.sign_as("at+jwt", &json!({"iss": ISSUER})).unwrap().into();
        let keys = read_keys(&server(), &answered(200, &keys), None, NOW).unwrap();
        let client = Client::public("app");
        let fits = Fits { client: &client, nonce: None, access_token: Some(&access), max_age: None, skew: SKEW };
        let error = verify(&server(), &access, keys.value(), &fits, NOW).unwrap_err();
        assert!(matches!(error, Error::Protocol { breach: Breach::Signed(Refused::Typ), .. }), "{error}");
    }

    // OpenID Connect Core §3.1.3.7, RFC 8725 §3.1.
    #[test]
    fn only_algorithms_that_the_server_names_are_taken() {
        let own = key();
        let mut silent = server();
        silent.id_token_signing_alg_values_supported.clear();
        let keys = read_keys(&server(), &answered(200, &json!({"keys": [own.jwk()]})), None, NOW).unwrap();
        let token = own.sign(&json!({"iss": ISSUER})).unwrap().into();
        let client = Client::public("app");
        let fits = Fits { client: &client, nonce: None, access_token: Some(&token), max_age: None, skew: SKEW };
        let error = verify(&silent, &token, keys.value(), &fits, NOW).unwrap_err();
        assert!(matches!(error, Error::Protocol { breach: Breach::Signed(Refused::Algorithm), .. }), "{error}");
        let mut named = server();
        named.id_token_signing_alg_values_supported = vec!["HS256".into(), "none".into()];
        assert!(algorithms(&named).is_empty());
    }

    #[test]
    fn what_is_no_key_set_is_told() {
        let read = |response: &Response| read_keys(&server(), response, None, NOW).unwrap_err().to_string();
        assert!(read(&answer(200, &[(http::header::CONTENT_TYPE, "text/html")], "<html>")).contains("text/html"));
        assert!(read(&answered(200, &json!({"keys": [{"kty": "oct", "k": "x"}]}))).contains("private or secret"));
        assert!(read(&answered(200, &json!({"keys": []}))).contains("none of the set"));
        assert!(read(&answer(500, &[], "")).contains("500"));
    }
}
