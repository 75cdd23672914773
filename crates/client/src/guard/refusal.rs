//! A no, and how it is told (RFC 6750 §3, RFC 9449 §7.1, RFC 9470 §3, RFC 9728 §5.1).

use std::borrow::Cow;
use std::fmt::Write as _;

use firman_proto::error::{Denied, ErrorCode};
use firman_proto::scope::Scope;
use firman_proto::time::Lifetime;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::requirement::Requirement;
use super::shown::Scheme;

/// A request that is not let through. Its Display is for the log; clients learn [`Refusal::headers`] and [`Refusal::body`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(Box<No>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct No {
    kind: Kind,
    /// What would be enough.
    needed: Needed,
    /// How the token was presented.
    scheme: Option<Scheme>,
    /// A DPoP nonce to use from now on.
    nonce: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// No token.
    Nothing,
    /// Something is wrong with the token, the proof, or the request.
    Denied(Denied),
    /// It cannot be known whether the token is good.
    Unknowable(Cow<'static, str>),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Needed {
    scope: Option<Scope>,
    acr_values: Vec<String>,
    max_age: Option<Lifetime>,
}

/// What challenges say of the resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Door {
    /// RFC 9728 §5.1: where its metadata is.
    pub resource_metadata: Option<String>,
    /// RFC 9449 §7.1: the algorithms of proofs, separated by spaces.
    pub dpop_algs: String,
}

/// The DPoP nonce header (RFC 9449 §8).
pub const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// How long to wait before asking again what could not be known, in seconds.
const RETRY_SECONDS: u64 = 1;

impl Refusal {
    fn of(code: ErrorCode, text: &'static str, why: impl Into<Cow<'static, str>>) -> Self {
        let kind = Kind::Denied(Denied::new(code, text).because(why));
        Self::kind(kind, Needed::default())
    }

    fn kind(kind: Kind, needed: Needed) -> Self {
        Self(Box::new(No { kind, needed, scheme: None, nonce: None }))
    }

    fn needing(mut self, needed: Needed) -> Self {
        self.0.needed = needed;
        self
    }

    /// RFC 6750 §3.1: without a token, nothing is said of what is wrong.
    pub(super) fn no_token(needed: &Requirement) -> Self {
        let scope = needed.scopes.first().cloned();
        let needed = Needed { scope, acr_values: needed.acr_values.clone(), max_age: needed.max_age };
        Self::kind(Kind::Nothing, needed)
    }

    /// RFC 6750 §3.1 invalid_request.
    pub(super) fn malformed(why: &'static str) -> Self {
        Self::of(ErrorCode::InvalidRequest, why, why)
    }

    /// RFC 6750 §3.1 invalid_token: expired, revoked, malformed, or for another; which of them only the log learns.
    pub(super) fn token(why: impl Into<Cow<'static, str>>) -> Self {
        Self::of(ErrorCode::InvalidToken, "the access token is not valid here", why)
    }

    /// RFC 9449 §7.1 invalid_dpop_proof.
    pub(super) fn proof(why: impl Into<Cow<'static, str>>) -> Self {
        let refusal = Self::of(ErrorCode::InvalidDpopProof, "the DPoP proof is not good for this request", why);
        refusal.presented(Scheme::Dpop)
    }

    /// RFC 9449 §8, §9: a proof must repeat this nonce.
    pub(super) fn nonce(nonce: String) -> Self {
        let text = "the DPoP proof must repeat the nonce given here";
        let mut refusal = Self::of(ErrorCode::UseDpopNonce, text, "no nonce of ours");
        refusal.0.nonce = Some(nonce);
        refusal.presented(Scheme::Dpop)
    }

    /// RFC 6750 §3.1 insufficient_scope.
    pub(super) fn scope(needed: &Scope) -> Self {
        let why = format!("scope: {needed} is needed");
        let refusal = Self::of(ErrorCode::InsufficientScope, "the access token does not reach this far", why);
        refusal.needing(Needed { scope: Some(needed.clone()), ..Needed::default() })
    }

    /// The same of a token that was weakened: no scope would help.
    pub(super) fn weakened(why: String) -> Self {
        Self::of(ErrorCode::InsufficientScope, "the access token was weakened, and does not reach this far", why)
    }

    /// RFC 9470 §3 insufficient_user_authentication.
    pub(super) fn sign_in(needed: &Requirement, text: &'static str) -> Self {
        let refusal = Self::of(ErrorCode::InsufficientUserAuthentication, text, text);
        let needed = Needed { scope: None, acr_values: needed.acr_values.clone(), max_age: needed.max_age };
        refusal.needing(needed)
    }

    /// It cannot be known now whether the token is good; asking again may help.
    pub(super) fn unknowable(why: impl Into<Cow<'static, str>>) -> Self {
        Self::kind(Kind::Unknowable(why.into()), Needed::default())
    }

    /// The token came so.
    pub(super) fn presented(mut self, scheme: Scheme) -> Self {
        self.0.scheme.get_or_insert(scheme);
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match &self.0.kind {
            Kind::Nothing => 401,
            // RFC 9449 §7.1: at a resource, what is wrong with a proof is a 401.
            Kind::Denied(denied) if is_of_proofs(denied.code) => 401,
            Kind::Denied(denied) => denied.code.status(),
            Kind::Unknowable(_) => 503,
        }
    }

    /// The error code; none where there was no token, and where nothing can be known.
    pub fn code(&self) -> Option<ErrorCode> {
        if let Kind::Denied(denied) = &self.0.kind { Some(denied.code) } else { None }
    }

    /// The headers of the answer.
    pub fn headers(&self, door: &Door) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(nonce) = self.0.nonce.as_ref().and_then(|nonce| HeaderValue::from_str(nonce).ok()) {
            headers.insert(NONCE, nonce);
        }
        if !matches!(self.0.kind, Kind::Nothing) {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if matches!(self.0.kind, Kind::Unknowable(_)) {
            headers.insert(RETRY_AFTER, RETRY_SECONDS.into());
            return headers;
        }
        for challenge in self.challenges(door) {
            headers.extend(HeaderValue::from_str(&challenge).ok().map(|value| (WWW_AUTHENTICATE, value)));
        }
        headers
    }

    /// The body of the answer: JSON, or nothing where there was no token.
    pub fn body(&self) -> String {
        let (error, text) = match &self.0.kind {
            Kind::Nothing => return String::new(),
            Kind::Denied(denied) => (denied.code.as_str(), &*denied.text),
            Kind::Unknowable(_) => {
                ("temporarily_unavailable", "it cannot be known now whether the access token is good")
            }
        };
        serde_json::json!({ "error": error, "error_description": text }).to_string()
    }

    /// RFC 9110 §11.6.1: one for each way in; what was wrong is said under the way that was tried.
    fn challenges(&self, door: &Door) -> Vec<String> {
        let mut bearer = self.parameters(door);
        let mut dpop = bearer.clone();
        if !door.dpop_algs.is_empty() {
            dpop.push(("algs", door.dpop_algs.clone()));
        }
        match self.0.scheme {
            Some(Scheme::Dpop) => vec![challenge("DPoP", &dpop)],
            Some(Scheme::Bearer) => vec![challenge("Bearer", &bearer)],
            None => {
                bearer.retain(|(_, value)| !value.is_empty());
                vec![challenge("Bearer", &bearer), challenge("DPoP", &dpop)]
            }
        }
    }

    fn parameters(&self, door: &Door) -> Vec<(&'static str, String)> {
        let mut parameters = Vec::new();
        if let Kind::Denied(denied) = &self.0.kind {
            parameters.push(("error", denied.code.as_str().to_owned()));
            parameters.push(("error_description", denied.text.to_string()));
        }
        // RFC 6750 §3: all the scopes that the request needs.
        if let Some(scope) = self.0.needed.scope.as_ref().filter(|scope| !scope.is_empty()) {
            parameters.push(("scope", scope.to_string()));
        }
        // RFC 9470 §3.
        if !self.0.needed.acr_values.is_empty() {
            parameters.push(("acr_values", self.0.needed.acr_values.join(" ")));
        }
        if let Some(most) = self.0.needed.max_age {
            parameters.push(("max_age", most.seconds().to_string()));
        }
        // RFC 9728 §5.1.
        parameters.extend(door.resource_metadata.clone().map(|url| ("resource_metadata", url)));
        parameters
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0.kind {
            Kind::Nothing => f.write_str("no access token"),
            Kind::Denied(denied) => denied.fmt(f),
            Kind::Unknowable(why) => write!(f, "it cannot be known whether the token is good: {why}"),
        }
    }
}

impl std::error::Error for Refusal {}

fn is_of_proofs(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::InvalidDpopProof | ErrorCode::UseDpopNonce)
}

/// RFC 9110 §11.2: quoted strings; what could end one early is left out.
fn challenge(scheme: &str, parameters: &[(&'static str, String)]) -> String {
    let mut text = scheme.to_owned();
    for (place, (name, value)) in parameters.iter().enumerate() {
        let value: String = value.chars().filter(|c| matches!(c, ' '..='~') && !matches!(c, '"' | '\\')).collect();
        let _ = write!(text, "{} {name}=\"{value}\"", if place == 0 { "" } else { "," });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(refusal: &Refusal) -> Vec<String> {
        let metadata = "https://api.example/.well-known/oauth-protected-resource".to_owned();
        let door = Door { resource_metadata: Some(metadata), dpop_algs: "ES256".to_owned() };
        let headers = refusal.headers(&door);
        headers.get_all(WWW_AUTHENTICATE).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    const METADATA: &str = r#"resource_metadata="https://api.example/.well-known/oauth-protected-resource""#;

    // RFC 6750 §3, §3.1; RFC 9728 §5.1; RFC 9449 §7.1.
    #[test]
    fn without_a_token_the_ways_in_are_told_and_no_error() {
        let refusal = Refusal::no_token(&Requirement::any_of(["a b", "c"]).unwrap());
        assert_eq!((refusal.status(), refusal.body()), (401, String::new()));
        let bearer = format!(r#"Bearer scope="a b", {METADATA}"#);
        let dpop = format!(r#"DPoP scope="a b", {METADATA}, algs="ES256""#);
        assert_eq!(told(&refusal), [bearer, dpop]);
    }

    // RFC 6750 §3.1.
    #[test]
    fn too_small_a_scope_is_403_with_all_that_is_needed() {
        let refusal = Refusal::scope(&Scope::parse("a b").unwrap()).presented(Scheme::Bearer);
        assert_eq!(refusal.status(), 403);
        let expected = r#"Bearer error="insufficient_scope", error_description="the access token does not reach this far", scope="a b", "#;
        assert_eq!(told(&refusal), [format!("{expected}{METADATA}")]);
    }

    // RFC 9470 §3.
    #[test]
    fn another_sign_in_is_asked_for_by_class_and_age() {
        let needed = Requirement::any().acr(["mfa", "hw"]).max_age(Lifetime::from_seconds(60));
        let refusal = Refusal::sign_in(&needed, "a more recent sign-in is needed").presented(Scheme::Bearer);
        let told = told(&refusal);
        assert_eq!(refusal.status(), 401);
        assert!(told[0].contains(r#"error="insufficient_user_authentication""#), "{told:?}");
        assert!(told[0].contains(r#"acr_values="mfa hw", max_age="60""#), "{told:?}");
    }

    // RFC 9449 §7.1, §8.
    #[test]
    fn what_is_wrong_with_a_proof_is_told_under_its_scheme() {
        let refusal = Refusal::nonce("n1".to_owned());
        assert_eq!(refusal.status(), 401);
        assert_eq!(refusal.headers(&Door::default()).get(NONCE).unwrap(), "n1");
        let told = told(&refusal);
        assert!(told.len() == 1 && told[0].starts_with(r#"DPoP error="use_dpop_nonce""#), "{told:?}");
    }

    #[test]
    fn what_cannot_be_known_is_no_verdict_on_the_token() {
        let refusal = Refusal::unknowable("the keys cannot be fetched");
        assert_eq!((refusal.status(), refusal.code(), told(&refusal)), (503, None, Vec::new()));
        assert!(refusal.headers(&Door::default()).contains_key(RETRY_AFTER));
        assert!(!refusal.body().contains("fetched"), "clients learn no cause");
    }

    #[test]
    fn nothing_ends_a_quoted_string_early() {
        assert_eq!(challenge("Bearer", &[("a", "x\"\\\r\ny".to_owned())]), r#"Bearer a="xy""#);
    }
}
