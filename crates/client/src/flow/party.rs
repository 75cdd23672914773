//! Who we are to a server, and how we prove it.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use firman_proto::form;
use firman_proto::jose::MacKey;
use firman_proto::jose::jwe::DecryptionKey;
use firman_proto::jws::HeldKey;
use firman_proto::time::{Lifetime, Timestamp};
use http::header::AUTHORIZATION;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::ask;
use super::metadata::ServerMetadata;
use crate::error::Error;
use crate::exchange::Request;
use crate::secret::Secret;
use crate::world::{Entropy, word};

/// How long an assertion of ours is good.
const ASSERTION: Lifetime = Lifetime::from_seconds(60);
/// RFC 7523 §2.2.
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A client: its id at one server, and what it proves itself with there.
#[derive(Clone, Debug)]
pub struct Client {
    /// The id.
    pub id: String,
    /// The proof.
    pub authentication: Authentication,
    /// What opens ID tokens and userinfo that its registration asks the server to encrypt.
    pub decryption: Arc<[DecryptionKey]>,
}

/// What a client proves itself with (RFC 7591 §2 `token_endpoint_auth_method`).
#[derive(Clone)]
pub enum Authentication {
    /// Nothing: a public client.
    None,
    /// `client_secret_basic`.
    SecretBasic(Secret),
    /// `client_secret_post`.
    SecretPost(Secret),
    /// `client_secret_jwt`, with HS256: the secret itself does not travel.
    SecretJwt(Secret, AssertionFor),
    /// `private_key_jwt`.
    PrivateKeyJwt(Arc<HeldKey>, AssertionFor),
    /// `tls_client_auth` or `self_signed_tls_client_auth`: the transport presents the certificate, to the aliases of the
    /// endpoints (RFC 8705 §5).
    Certificate,
}

/// Who an assertion says that it is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AssertionFor {
    /// The issuer: nobody else can use it.
    #[default]
    Issuer,
    /// The token endpoint, for servers that know nothing else (OpenID Connect Core §9).
    TokenEndpoint,
}

impl Client {
    /// A client with this proof, for which nothing is encrypted.
    pub fn new(id: impl Into<String>, authentication: Authentication) -> Self {
        Self { id: id.into(), authentication, decryption: Arc::default() }
    }

    /// A public client.
    pub fn public(id: impl Into<String>) -> Self {
        Self::new(id, Authentication::None)
    }

    /// A client with a secret, which travels in a way that the server takes: in the header where it can.
    pub fn with_secret(id: impl Into<String>, secret: Secret, server: &ServerMetadata) -> Self {
        let all = ["client_secret_basic", "client_secret_post", "client_secret_jwt"];
        let method = all.into_iter().find(|method| server.takes(method)).unwrap_or_default();
        Self::new(id, Authentication::by_secret(method, secret))
    }
}

impl Authentication {
    /// With a secret, in the way of this name; in the header where it is none of them.
    pub(crate) fn by_secret(method: &str, secret: Secret) -> Self {
        match method {
            "client_secret_post" => Self::SecretPost(secret),
            "client_secret_jwt" => Self::SecretJwt(secret, AssertionFor::default()),
            _ => Self::SecretBasic(secret),
        }
    }
}

impl fmt::Debug for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::SecretBasic(_) => "SecretBasic(..)",
            Self::SecretPost(_) => "SecretPost(..)",
            Self::SecretJwt(..) => "SecretJwt(..)",
            Self::PrivateKeyJwt(..) => "PrivateKeyJwt(..)",
            Self::Certificate => "Certificate",
        })
    }
}

/// A client in front of a server, now.
#[derive(Clone, Copy)]
pub struct Party<'a> {
    /// Who asks.
    pub client: &'a Client,
    /// Who is asked.
    pub server: &'a ServerMetadata,
    /// For identifiers that are used once.
    pub entropy: &'a dyn Entropy,
    /// The time.
    pub now: Timestamp,
}

impl fmt::Debug for Party<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Party({} at {})", self.client.id, self.server.issuer)
    }
}

impl Party<'_> {
    /// Where an endpoint of the server is for this client.
    ///
    /// # Errors
    ///
    /// The server has none.
    pub fn endpoint(&self, name: &'static str) -> Result<&str, Error> {
        self.server.endpoint(name, matches!(self.client.authentication, Authentication::Certificate))
    }

    /// A form for an endpoint, with the proof of who asks.
    pub(crate) fn post(&self, endpoint: &'static str, parameters: &[(&str, &str)]) -> Result<Request, Error> {
        let url = self.endpoint(endpoint)?;
        let mut body = Zeroizing::new(String::new());
        for (name, value) in parameters {
            form::append(&mut body, name, value);
        }
        let id = &self.client.id;
        let authorization = match &self.client.authentication {
            Authentication::SecretBasic(secret) => Some(basic(id, secret)),
            Authentication::SecretPost(secret) => {
                form::append(&mut body, "client_id", id);
                form::append(&mut body, "client_secret", secret.reveal());
                None
            }
            Authentication::SecretJwt(secret, to) => {
                let key = MacKey::new(secret.reveal());
                self.assert(&mut body, &key.sign(&self.claims(*to)?).map_err(unsigned)?);
                None
            }
            Authentication::PrivateKeyJwt(key, to) => {
                self.assert(&mut body, &key.sign(&self.claims(*to)?).map_err(unsigned)?);
                None
            }
            // RFC 6749 §3.2.1, RFC 8705 §2: who has no secret still says who it is.
            Authentication::None | Authentication::Certificate => {
                form::append(&mut body, "client_id", id);
                None
            }
        };
        let mut request = ask::form(url, &body);
        if let Some(value) = authorization {
            request.headers.insert(AUTHORIZATION, ask::secret_value(&value)?);
        }
        Ok(request)
    }

    /// RFC 7523 §2.2.
    fn assert(&self, body: &mut String, assertion: &str) {
        form::append(body, "client_id", &self.client.id);
        form::append(body, "client_assertion_type", JWT_BEARER);
        form::append(body, "client_assertion", assertion);
    }

    /// RFC 7523 §3: for one server, for a minute, once.
    fn claims(&self, to: AssertionFor) -> Result<Value, Error> {
        let aud = match to {
            AssertionFor::Issuer => &self.server.issuer,
            AssertionFor::TokenEndpoint => self.server.endpoint("token_endpoint", false)?,
        };
        Ok(json!({
            "iss": self.client.id, "sub": self.client.id, "aud": aud, "jti": word(self.entropy)?,
            "iat": self.now.seconds(), "exp": self.now.plus(ASSERTION).seconds(),
        }))
    }
}

fn unsigned(error: impl fmt::Display) -> Error {
    Error::Local(format!("no assertion can be signed: {error}"))
}

/// RFC 6749 §2.3.1: both halves are form-encoded first.
fn basic(id: &str, secret: &Secret) -> Zeroizing<String> {
    let mut pair = Zeroizing::new(String::new());
    form::encode(&mut pair, id);
    pair.push(':');
    form::encode(&mut pair, secret.reveal());
    Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())))
}

#[cfg(test)]
pub(crate) mod tests {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
    use firman_proto::form::Form;
    use firman_proto::jose::{Alg, Expected, Jwt, Typ};
    use firman_proto::jws::{self, Algorithm, JwkSet};
    use serde_json::Value;

    use super::super::answer::tests::NOW;
    use super::*;
    use crate::world::tests::Counted;

    pub(crate) const ISSUER: &str = "https://as.example";

    /// A server that has everything.
    pub(crate) fn server() -> ServerMetadata {
        let at = |path: &str| format!("{ISSUER}/{path}");
        let document = json!({
            "issuer": ISSUER, "authorization_endpoint": at("authorize?tenant=1"), "token_endpoint": at("token"),
            "jwks_uri": at("jwks"), "registration_endpoint": at("register"), "userinfo_endpoint": at("userinfo"),
            "introspection_endpoint": at("introspect"), "revocation_endpoint": at("revoke"),
            "device_authorization_endpoint": at("device"), "pushed_authorization_request_endpoint": at("par"),
            "authorization_response_iss_parameter_supported": true,
            "id_token_signing_alg_values_supported": ["ES256"],
            "mtls_endpoint_aliases": {"token_endpoint": "https://mtls.as.example/token"},
        });
        serde_json::from_value(document).unwrap()
    }

    /// A new key.
    pub(crate) fn key() -> Arc<HeldKey> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Arc::new(HeldKey::from_pkcs8(Algorithm::ES256, pair.to_pkcs8v1().unwrap().as_ref()).unwrap())
    }

    /// What is in the body of a form.
    pub(crate) fn sent(request: &Request, name: &str) -> Option<String> {
        Form::parse(&request.body).unwrap().get(name).map(str::to_owned)
    }

    fn post(client: &Client) -> Request {
        let (server, entropy) = (server(), Counted::default());
        let party = Party { client, server: &server, entropy: &entropy, now: NOW };
        party.post("token_endpoint", &[("grant_type", "x")]).unwrap()
    }

    // RFC 6749 §2.3.1, §3.2.1, RFC 8705 §2, §5.
    #[test]
    fn a_client_proves_itself_in_its_own_way() {
        let request = post(&Client::public("app"));
        assert_eq!((sent(&request, "client_id").unwrap().as_str(), request.headers.get(AUTHORIZATION)), ("app", None));

        let request = post(&Client::with_secret("a:b", "p w".into(), &server()));
        // "a%3Ab:p+w" or "p%20w": the reader of forms takes both.
        let value = request.headers[AUTHORIZATION].to_str().unwrap().strip_prefix("Basic ").unwrap();
        assert_eq!(STANDARD.decode(value).unwrap(), b"a%3Ab:p%20w");
        assert!(request.headers[AUTHORIZATION].is_sensitive() && sent(&request, "client_id").is_none());

        let mut only_in_forms = server();
        only_in_forms.token_endpoint_auth_methods_supported = Some(vec!["client_secret_post".into()]);
        let request = post(&Client::with_secret("app", "hush".into(), &only_in_forms));
        assert_eq!(sent(&request, "client_secret").unwrap(), "hush");

        let request = post(&Client::new("app", Authentication::Certificate));
        assert_eq!(
            (request.url.as_str(), sent(&request, "client_id").unwrap().as_str()),
            ("https://mtls.as.example/token", "app")
        );
        assert!(!format!("{:?}", Authentication::SecretBasic("hush".into())).contains("hush"));
    }

    // RFC 7523 §2.2, §3, OpenID Connect Core §9.
    #[test]
    fn an_assertion_is_for_one_server_and_used_once() {
        let key = key();
        let published = JwkSet { keys: vec![key.jwk().clone()] };
        let of = |to| {
            let request = post(&Client::new("app", Authentication::PrivateKeyJwt(Arc::clone(&key), to)));
            assert_eq!(sent(&request, "client_assertion_type").unwrap(), JWT_BEARER);
            jws::verify::<Value>(&sent(&request, "client_assertion").unwrap(), &published).unwrap()
        };
        let claims = of(AssertionFor::Issuer);
        assert_eq!((&claims["iss"], &claims["sub"], &claims["aud"]), (&json!("app"), &json!("app"), &json!(ISSUER)));
        assert_eq!(claims["exp"].as_i64().unwrap() - NOW.seconds(), 60);
        assert_eq!(of(AssertionFor::TokenEndpoint)["aud"], "https://as.example/token");
        let (server, entropy) = (server(), Counted::default());
        let client = Client::new("app", Authentication::PrivateKeyJwt(key, AssertionFor::Issuer));
        let party = Party { client: &client, server: &server, entropy: &entropy, now: NOW };
        let both = [(), ()].map(|()| sent(&party.post("token_endpoint", &[]).unwrap(), "client_assertion"));
        assert_ne!(both[0], both[1]);
    }

    // RFC 7523 §3, OpenID Connect Core §9.
    #[test]
    fn a_secret_that_signs_does_not_travel() {
        let mut only_signed = server();
        only_signed.token_endpoint_auth_methods_supported = Some(vec!["client_secret_jwt".into()]);
        let secret = "a secret of at least 32 characters";
        let request = post(&Client::with_secret("app", secret.into(), &only_signed));
        assert!(
            !String::from_utf8_lossy(&request.body).contains("secret+of")
                && request.headers.get(AUTHORIZATION).is_none()
        );
        let assertion = sent(&request, "client_assertion").unwrap();
        let expected = Expected {
            typ: Typ::Optional(&["JWT"]),
            algorithms: Alg::SECRET,
            audiences: &[ISSUER],
            skew: Lifetime::ZERO,
            longest: ASSERTION,
        };
        let claims = Jwt::parse(&assertion).unwrap().verify_mac(&[MacKey::new(secret)], &expected, NOW).unwrap();
        assert_eq!((claims.sub.as_deref(), claims.jti.is_some()), (Some("app"), true));
        let (server, entropy) = (server(), Counted::default());
        let client = Client::new("app", Authentication::SecretJwt("short".into(), AssertionFor::Issuer));
        let party = Party { client: &client, server: &server, entropy: &entropy, now: NOW };
        assert!(party.post("token_endpoint", &[]).unwrap_err().to_string().contains("too short"));
    }
}
