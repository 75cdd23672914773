//! What is asked of a provider behind the browser's back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use firman_proto::error::ErrorCode;
use firman_proto::form;
use firman_proto::jose::{self, Alg, Claims, Jwks, Jwt, Typ};
use firman_proto::time::{Lifetime, Timestamp};
use firman_proto::upstream::{Expected, ProviderMetadata, TokenAnswer, check, refusal};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::errand::word;
use super::provider::{Authentication, Provider};
use super::trouble::Broken;
use crate::Engine;
use crate::failure::Failure;
use crate::fetch::{Call, FetchError, Reply};
use crate::issue::signer;
use crate::key_sets::Whose;

const FORM: &str = "application/x-www-form-urlencoded";
/// How long an assertion of ours is good.
const ASSERTION: Lifetime = Lifetime::from_seconds(60);
/// RFC 7523 §2.2.
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A provider, and what it says of itself.
pub(super) struct Desk<'a> {
    pub(super) engine: &'a Engine,
    pub(super) provider: &'a Provider,
    pub(super) metadata: &'a ProviderMetadata,
    pub(super) now: Timestamp,
}

/// What an ID token must show beside being the provider's.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) nonce: Option<&'a str>,
    pub(super) max_age: Option<Lifetime>,
}

impl Desk<'_> {
    /// Asks its token endpoint (RFC 6749 §4.1.3, §6).
    pub(super) async fn tokens(&self, parameters: &[(&str, &str)]) -> Result<TokenAnswer, Broken> {
        let mut body = Zeroizing::new(String::new());
        for (name, value) in parameters {
            form::append(&mut body, name, value);
        }
        let authorization = self.authenticate(&mut body)?;
        let headers: Vec<_> = authorization.iter().map(|value| ("authorization", value.as_str())).collect();
        let call = Call {
            url: &self.metadata.token_endpoint,
            headers: &headers,
            body: Some((FORM, body.as_bytes())),
            wants_body: true,
        };
        let reply = self.answered(&call).await?;
        TokenAnswer::parse(&reply.body).ok_or_else(|| Broken::unreachable("its token answer is no token answer"))
    }

    /// RFC 6749 §2.3.1, OpenID Connect Core §9: adds to the form, or gives a header.
    fn authenticate(&self, body: &mut String) -> Result<Option<Zeroizing<String>>, Broken> {
        let Self { provider, .. } = self;
        let secret = provider.client_secret.as_ref().map(super::ClientSecret::reveal).unwrap_or_default();
        match provider.authentication {
            Authentication::ClientSecretBasic => {
                let mut pair = Zeroizing::new(String::new());
                form::encode(&mut pair, &provider.client_id);
                pair.push(':');
                form::encode(&mut pair, secret);
                return Ok(Some(Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())))));
            }
            Authentication::ClientSecretPost => {
                form::append(body, "client_id", &provider.client_id);
                form::append(body, "client_secret", secret);
            }
            Authentication::PrivateKeyJwt => {
                form::append(body, "client_id", &provider.client_id);
                form::append(body, "client_assertion_type", JWT_BEARER);
                form::append(body, "client_assertion", &self.assertion()?);
            }
            Authentication::None => form::append(body, "client_id", &provider.client_id),
        }
        Ok(None)
    }

    /// RFC 7523 §3: who we are there, signed with a key that we publish.
    fn assertion(&self) -> Result<String, Broken> {
        let Self { engine, provider, now, .. } = self;
        let broken = |error: &dyn std::fmt::Display| Broken::unreachable(format!("no assertion can be made: {error}"));
        let keys = engine.keys.current();
        let key = signer(engine, &keys, provider.signing_alg, *now).map_err(|error| broken(&error))?;
        let claims = json!({
            "iss": provider.client_id,
            "sub": provider.client_id,
            "aud": provider.issuer,
            "jti": word(engine).map_err(|error| broken(&error))?,
            "iat": now.seconds(),
            "exp": now.plus(ASSERTION).seconds(),
        });
        key.sign(&claims).map_err(|error| broken(&error))
    }

    /// Verifies an ID token (OpenID Connect Core §3.1.3.7, §12.2).
    pub(super) async fn verified(&self, answer: &TokenAnswer, asked: Asked<'_>) -> Result<Claims, Broken> {
        let Self { engine, provider, metadata, now } = self;
        let text = answer.id_token.as_ref().ok_or_else(|| Broken::unproved("it gave no ID token"))?;
        // OpenID Connect Core §3.1.3.7 (6): the signature, by a key that the issuer publishes.
        let verify = |keys: &Jwks| {
            let jwt = Jwt::parse(text)?;
            let alg = jwt.header().alg;
            Ok((jwt.verify_signature(keys, Alg::PUBLIC, Typ::Optional(&["JWT"]))?, alg))
        };
        let verified = engine.key_sets.verify(engine, Whose::Published(&metadata.jwks_uri), *now, verify).await;
        let (claims, alg) =
            verified.map_err(about_keys)?.map_err(|why| Broken::unproved(format!("its ID token: {why}")))?;
        let expected = Expected {
            issuer: &provider.issuer,
            client_id: &provider.client_id,
            nonce: asked.nonce,
            access_token: answer.access_token.as_ref().map(|token| token.as_str()),
            alg,
            max_age: asked.max_age,
            skew: provider.clock_skew(),
        };
        check(&claims, &expected, *now).map_err(|why| Broken::unproved(format!("its ID token: {why}")))?;
        Ok(claims)
    }

    /// What userinfo says, where it is asked (OpenID Connect Core §5.3).
    pub(super) async fn userinfo(&self, answer: &TokenAnswer, sub: &str) -> Result<Option<Map<String, Value>>, Broken> {
        let url = self.metadata.userinfo_endpoint.as_deref().filter(|_| self.provider.userinfo);
        let (Some(url), Some(token)) = (url, &answer.access_token) else { return Ok(None) };
        let bearer = Zeroizing::new(format!("Bearer {}", token.as_str()));
        let call = Call { url, headers: &[("authorization", &bearer)], body: None, wants_body: true };
        let reply = self.answered(&call).await?;
        let claims = jose::object(&reply.body).map_err(|why| Broken::unproved(format!("its userinfo: {why}")))?;
        // OpenID Connect Core §5.3.2, §5.3.4: it is about the same person, or it is not used.
        if claims.get("sub").and_then(Value::as_str) != Some(sub) {
            return Err(Broken::unproved("its userinfo is about somebody else"));
        }
        Ok(Some(claims))
    }

    async fn answered(&self, call: &Call<'_>) -> Result<Reply, Broken> {
        let reply = self.engine.fetch.send(call).await.map_err(|error| match error {
            FetchError::Refused(_) | FetchError::Failed(_) => Broken::unreachable(format!("{call:?}: {error}")),
        })?;
        match reply.status {
            200 => Ok(reply),
            // RFC 6749 §5.2: a refusal is one about us or about what we presented; invalid_grant is about that alone.
            status @ 400..=499 => {
                let code = refusal(&reply.body).unwrap_or_default();
                let why = format!("{call:?}: {status} {code}");
                Err(if code == "invalid_grant" { Broken::gone(why) } else { Broken::unproved(why) })
            }
            status => Err(Broken::unreachable(format!("{call:?}: {status}"))),
        }
    }
}

fn about_keys(failure: Failure) -> Broken {
    match failure {
        Failure::Denied(denied) if denied.code == ErrorCode::TemporarilyUnavailable => {
            Broken::unreachable(format!("its keys: {}", denied.why))
        }
        other => Broken::unreachable(format!("its keys cannot be used: {other}")),
    }
}
