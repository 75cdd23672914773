//! Issuers whose assertions are taken here (RFC 7523 §3), and whose people have accounts here.

use firman_proto::digest::sha256;
use firman_proto::error::{Denied, ErrorCode};
use firman_proto::jose::{Alg, Claims, Expected, Jwks, Jwt, Refused, Typ};
use firman_proto::scope::Scope;
use firman_proto::seal::Thumbprint;
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::record::Subject;
use serde::Deserialize;
use serde_json::Value;

use crate::Engine;
use crate::failure::Failure;
use crate::key_sets::Whose;
use crate::ports::User;

/// How far ahead an assertion may expire: so long it is remembered.
const LONGEST: Lifetime = Lifetime::from_seconds(3600);
/// How far an issuer's clock may be from ours.
pub(crate) const SKEW: Lifetime = Lifetime::from_seconds(30);
/// The type of an Identity Assertion Authorization Grant.
pub(crate) const ID_JAG: &str = "oauth-id-jag+jwt";

/// The issuers that are trusted here.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrustedIssuers(Vec<TrustedIssuer>);

/// An issuer that is trusted here, and how far.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustedIssuer {
    /// What it calls itself: the `iss` of its assertions.
    pub issuer: String,
    /// Its keys (RFC 7517 §5).
    #[serde(default)]
    pub jwks: Option<Value>,
    /// Where its keys are.
    #[serde(default)]
    pub jwks_uri: Option<String>,
    /// The most that comes of its assertions.
    pub scope: Scope,
    /// The ids of the clients that may present them; `*` is everybody who may use the grant type.
    #[serde(default = "everybody")]
    pub clients: Vec<String>,
    /// Whom they may be about: subjects, with `*` at the end for all that begin so.
    #[serde(default = "everybody")]
    pub subjects: Vec<String>,
    /// Whose account here they mean.
    #[serde(default)]
    pub account: AccountOf,
    /// The claim that says whose.
    #[serde(default = "sub")]
    pub claim: String,
}

/// What a claim of an assertion says of an account here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountOf {
    /// The name that its person signs in with.
    #[default]
    Username,
    /// The subject that stands for it.
    Subject,
}

fn everybody() -> Vec<String> {
    vec!["*".to_owned()]
}

fn sub() -> String {
    "sub".to_owned()
}

impl TrustedIssuers {
    /// A list of issuers; an error says what is wrong with which.
    pub fn new(issuers: Vec<TrustedIssuer>) -> Result<Self, String> {
        for (place, issuer) in issuers.iter().enumerate() {
            issuer.check().map_err(|wrong| format!("{}: {wrong}", issuer.issuer))?;
            if issuers.iter().take(place).any(|other| other.issuer == issuer.issuer) {
                return Err(format!("{}: given twice", issuer.issuer));
            }
        }
        Ok(Self(issuers))
    }

    /// Whether nobody is trusted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &TrustedIssuer> {
        self.0.iter()
    }

    fn find(&self, issuer: &str) -> Option<&TrustedIssuer> {
        self.0.iter().find(|trusted| trusted.issuer == issuer)
    }
}

impl TrustedIssuer {
    fn check(&self) -> Result<(), String> {
        if self.issuer.is_empty() {
            return Err("issuer: empty".to_owned());
        }
        match (&self.jwks, &self.jwks_uri) {
            (Some(Value::Object(set)), None) => {
                let keys = Jwks::from_object(set).map_err(|why| format!("jwks: {why}"))?;
                if keys.keys().is_empty() { Err("jwks: no key that can be used".to_owned()) } else { Ok(()) }
            }
            (Some(_), None) => Err("jwks: not a JWK set".to_owned()),
            (None, Some(uri)) if uri.starts_with("https://") || uri.starts_with("http://") => Ok(()),
            (None, Some(_)) => Err("jwks_uri: not an address".to_owned()),
            _ => Err("jwks: give its keys, or jwks_uri, and not both".to_owned()),
        }
    }

    fn lets(&self, client_id: &str) -> bool {
        self.clients.iter().any(|taken| taken == "*" || taken == client_id)
    }

    fn speaks_of(&self, subject: &str) -> bool {
        self.subjects.iter().any(|taken| match taken.strip_suffix('*') {
            Some(start) => subject.starts_with(start),
            None => taken == subject,
        })
    }
}

/// An assertion of a trusted issuer that was verified, for a client that may present it.
pub(crate) struct Vouched<'e> {
    pub(crate) issuer: &'e TrustedIssuer,
    pub(crate) claims: Claims,
    /// Whether it is an Identity Assertion Authorization Grant.
    pub(crate) is_id_jag: bool,
    /// What tells it from all others of its issuer: its `jti`, or else what is signed.
    pub(crate) identifier: String,
}

/// Verifies an assertion. What is wrong with it is told by `code`, and in the log.
pub(crate) async fn verify<'e>(
    engine: &'e Engine,
    client_id: &str,
    text: &str,
    code: ErrorCode,
    now: Timestamp,
) -> Result<Vouched<'e>, Failure> {
    let denied = |why: String| untrusted(code, why);
    let refused = |why: Refused| denied(why.to_string());
    let jwt = Jwt::parse(text).map_err(refused)?;
    let is_id_jag = jwt.header().is_typ(ID_JAG);
    let iss = jwt.unverified().iss.as_deref().unwrap_or_default();
    let issuer = engine.policy.trusted_issuers.find(iss).ok_or_else(|| denied("its iss is not trusted".to_owned()))?;
    let claims = by_keys_of(engine, issuer, text, is_id_jag, now).await?.map_err(refused)?;
    decide(issuer, client_id, &claims, is_id_jag).map_err(|why| denied(why.to_owned()))?;
    // RFC 7523 §3 (7): the jti may be left out; what is signed tells as much, whatever the signature.
    let signed = || text.rsplit_once('.').map_or(text, |(signed, _)| signed);
    let identifier = claims
        .jti_to_remember()
        .map_or_else(|| Thumbprint::from_bytes(sha256(signed().as_bytes())).to_string(), str::to_owned);
    Ok(Vouched { issuer, claims, is_id_jag, identifier })
}

async fn by_keys_of(
    engine: &Engine,
    issuer: &TrustedIssuer,
    text: &str,
    is_id_jag: bool,
    now: Timestamp,
) -> Result<Result<Claims, Refused>, Failure> {
    // RFC 7523 §3 (3): the token endpoint may stand for us. An ID-JAG is for the issuer.
    let token_endpoint = engine.issuer.endpoint(firman_proto::metadata::path::TOKEN);
    let audiences = [engine.issuer.as_str(), token_endpoint.as_str()];
    let (typ, audiences) = if is_id_jag {
        (Typ::Required(&[ID_JAG]), audiences.get(..1).unwrap_or_default())
    } else {
        (Typ::Optional(&["JWT", "authorization-grant+jwt"]), &audiences[..])
    };
    let expected = Expected { typ, algorithms: Alg::PUBLIC, audiences, skew: SKEW, longest: LONGEST };
    let verify = |keys: &Jwks| Jwt::parse(text).and_then(|jwt| jwt.verify(keys, &expected, now));
    engine.key_sets.verify(engine, Whose::Issuer(issuer), now, verify).await
}

fn decide(issuer: &TrustedIssuer, client_id: &str, claims: &Claims, is_id_jag: bool) -> Result<(), &'static str> {
    // RFC 8725 §3.12: made for a client to read, not for one to present.
    claims.must_not_be_an_id_token().map_err(|_| "it is an ID token")?;
    // RFC 7523 §3 (2): the subject is required.
    let sub = claims.sub.as_deref().filter(|sub| !sub.is_empty()).ok_or("it has no sub")?;
    if !issuer.speaks_of(sub) {
        return Err("its sub is not among those whom this issuer may speak of");
    }
    if !issuer.lets(client_id) {
        return Err("the client may not present assertions of this issuer");
    }
    match claims.rest.get("client_id") {
        // Identity Assertion Authorization Grant §4.4.1: the client_id is the client that presents it.
        Some(named) if named.as_str() != Some(client_id) => Err("it was made for another client"),
        None if is_id_jag => Err("it has no client_id"),
        // Identity Assertion Authorization Grant §3.1: jti is required.
        _ if is_id_jag && claims.jti.is_none() => Err("it has no jti"),
        _ => Ok(()),
    }
}

/// Whose account here an assertion means; `None` if it is nobody's.
pub(crate) async fn person(engine: &Engine, vouched: &Vouched<'_>, now: Timestamp) -> Result<Option<User>, Failure> {
    let (issuer, claims) = (vouched.issuer, &vouched.claims);
    let named = match issuer.claim.as_str() {
        "sub" => claims.sub.as_deref(),
        // OpenID Connect Core §5.7: an address that nobody has verified is anybody's.
        "email" if claims.rest.get("email_verified") != Some(&Value::Bool(true)) => None,
        name => claims.text(name),
    };
    let Some(named) = named else { return Ok(None) };
    match issuer.account {
        AccountOf::Username => Ok(engine.accounts.find(named, now).await?),
        AccountOf::Subject => {
            let Some(subject) = Subject::new(named) else { return Ok(None) };
            let there = engine.accounts.claims(&subject).await?.is_some();
            let user = User { username: named.to_owned(), subject, amr: Vec::new(), epochs: None, upstream: None };
            Ok(there.then_some(user))
        }
    }
}

fn untrusted(code: ErrorCode, why: String) -> Denied {
    Denied::new(code, "the assertion is not valid, has expired, or is not for this server or client").because(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuers(list: Value) -> Result<TrustedIssuers, String> {
        serde_json::from_value(list).map_err(|error| error.to_string()).and_then(TrustedIssuers::new)
    }

    #[test]
    fn an_issuer_has_keys_in_one_place_and_is_named_once() {
        let good = serde_json::json!({"issuer": "https://idp.example", "jwks_uri": "https://idp.example/keys", "scope": "read"});
        let with = |name: &str, value: Value| {
            let mut issuer = good.clone();
            issuer[name] = value;
            issuer
        };
        assert!(issuers(serde_json::json!([good])).is_ok());
        for wrong in [
            serde_json::json!([good, good]),
            serde_json::json!([with("jwks", serde_json::json!({"keys": []}))]),
            serde_json::json!([with("jwks_uri", Value::Null)]),
            serde_json::json!([with("jwks_uri", "ftp://idp.example".into())]),
            serde_json::json!([with("issuer", "".into())]),
            serde_json::json!([with("scopes", "read".into())]),
            serde_json::json!([with("account", "somebody".into())]),
        ] {
            assert!(issuers(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_issuer_speaks_of_whom_it_may() {
        let mut issuer: TrustedIssuer =
            serde_json::from_value(serde_json::json!({"issuer": "i", "scope": "read"})).unwrap();
        assert!(issuer.speaks_of("anybody") && issuer.lets("anything"));
        issuer.subjects = vec!["alice".to_owned(), "svc-*".to_owned()];
        issuer.clients = vec!["app".to_owned()];
        assert!(issuer.speaks_of("alice") && issuer.speaks_of("svc-1") && issuer.lets("app"));
        assert!(!issuer.speaks_of("alice2") && !issuer.speaks_of("svc") && !issuer.lets("other"));
    }
}
