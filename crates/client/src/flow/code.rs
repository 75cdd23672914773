//! A person at the server's pages: the code flow with PKCE (RFC 6749 §4.1, RFC 7636), pushed if the server wants (RFC 9126).

use firman_proto::digest::same;
use firman_proto::form::{self, Form};
use firman_proto::pkce::Challenge;
use firman_proto::scope::Scope;
use firman_proto::time::Lifetime;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answer;
use super::party::Party;
use super::token::{Presented, Target};
use crate::error::{Breach, Error, Refusal};
use crate::exchange::{Request, Response};
use crate::secret::Secret;
use crate::world::word;

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// The scope and the resources.
    pub target: Target,
    /// Where the browser comes back to.
    pub redirect_uri: String,
    /// How long ago the person may have proved who they are (OpenID Connect Core §3.1.2.1).
    pub max_age: Option<Lifetime>,
    /// Push it (RFC 9126) though the server does not insist on it, so that nobody else sees what is asked.
    pub push: bool,
    /// Any others, such as `prompt`, `login_hint`, `acr_values`, `claims`.
    pub more: Vec<(String, String)>,
}

/// A sign-in that is under way: what its answer must fit. It can be kept while the person is away; then sealed, for it holds what
/// redeems the code.
#[derive(Clone, Debug)]
pub struct Errand {
    /// The issuer that was asked.
    pub issuer: String,
    /// The client that asks.
    pub client_id: String,
    /// Where the browser comes back to.
    pub redirect_uri: String,
    /// What is asked for.
    pub target: Target,
    /// Repeated in the answer.
    pub state: Secret,
    /// Repeated in the ID token, where one is asked for.
    pub nonce: Option<Secret>,
    /// What the challenge was made of.
    pub verifier: Secret,
    /// As in the wish.
    pub max_age: Option<Lifetime>,
    /// The issuer puts its name into every answer (RFC 9207 §3).
    names_itself: bool,
    more: Vec<(String, String)>,
}

impl Errand {
    /// Begins a sign-in.
    ///
    /// # Errors
    ///
    /// There is no randomness.
    pub fn begin(party: &Party<'_>, wish: &Wish) -> Result<Self, Error> {
        let openid = wish.target.scope.as_ref().is_some_and(|scope| scope.contains("openid"));
        let new = || word(party.entropy).map(Secret::from);
        Ok(Self {
            issuer: party.server.issuer.clone(),
            client_id: party.client.id.clone(),
            redirect_uri: wish.redirect_uri.clone(),
            target: wish.target.clone(),
            state: new()?,
            nonce: if openid { Some(new()?) } else { None },
            verifier: new()?,
            max_age: wish.max_age,
            names_itself: party.server.authorization_response_iss_parameter_supported,
            more: wish.more.clone(),
        })
    }

    /// Where the browser goes, with everything in the address.
    ///
    /// # Errors
    ///
    /// The server has no such endpoint, or wants requests to be pushed.
    pub fn address(&self, party: &Party<'_>) -> Result<String, Error> {
        // RFC 9126 §5: a server may take no others.
        if party.server.require_pushed_authorization_requests {
            return Err(Error::Local(format!("{} takes only requests that are pushed", party.server.issuer)));
        }
        let challenge = Challenge::s256(self.verifier.reveal());
        with_query(party, &self.parameters(&challenge))
    }

    /// The request that pushes everything to the server (RFC 9126 §2.1), so that the address holds nothing of it.
    ///
    /// # Errors
    ///
    /// The server has no such endpoint.
    pub fn push(&self, party: &Party<'_>) -> Result<Request, Error> {
        let challenge = Challenge::s256(self.verifier.reveal());
        // The id is in the proof of who asks.
        let parameters: Vec<_> =
            self.parameters(&challenge).into_iter().filter(|(name, _)| *name != "client_id").collect();
        let mut request = party.post("pushed_authorization_request_endpoint", &parameters)?;
        if !contains_client_id(&request) {
            // RFC 9126 §2.1: the parameters of an authorization request, of which this is one.
            let mut body = String::from_utf8_lossy(&request.body).into_owned();
            form::append(&mut body, "client_id", &self.client_id);
            request.body = body.into();
        }
        Ok(request)
    }

    /// Where the browser goes after [`Self::push`] was answered.
    ///
    /// # Errors
    ///
    /// The server refused, or its answer is none.
    pub fn pushed(&self, party: &Party<'_>, response: &Response) -> Result<String, Error> {
        let url = party.endpoint("pushed_authorization_request_endpoint")?;
        let members = answer::members(url, response, party.now)?;
        // RFC 9126 §2.2: request_uri.
        let at = members.get("request_uri").and_then(Value::as_str);
        let at = at.ok_or_else(|| answer::malformed(url, "it has no request_uri"))?;
        // RFC 9126 §4: nothing but the reference and the client.
        with_query(party, &[("client_id", &self.client_id), ("request_uri", at)])
    }

    fn parameters<'a>(&'a self, challenge: &'a str) -> Vec<(&'a str, &'a str)> {
        let mut all = vec![
            ("response_type", "code"),
            ("client_id", self.client_id.as_str()),
            ("redirect_uri", self.redirect_uri.as_str()),
            ("state", self.state.reveal()),
            // RFC 7636 §4.3, RFC 9700 §2.1.1: always, and never plain.
            ("code_challenge", challenge),
            ("code_challenge_method", "S256"),
        ];
        all.extend(self.target.scope.as_ref().map(Scope::as_str).map(|scope| ("scope", scope)));
        all.extend(self.target.resource.iter().map(|resource| ("resource", resource.as_str())));
        all.extend(self.nonce.as_ref().map(|nonce| ("nonce", nonce.reveal())));
        all.extend(self.more.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        all
    }

    /// The code in the answer that the browser brought: the query of the redirect URI, or the form that was posted there.
    ///
    /// # Errors
    ///
    /// It answers something else, comes from somebody else, or is a no. Nothing was sent anywhere.
    pub fn code(&self, answer: &Form<'_>) -> Result<Secret, Error> {
        let breach = |breach| Error::breach(&self.redirect_uri, breach);
        // RFC 6749 §10.12: what does not carry our state is not our answer.
        if !answer.get("state").is_some_and(|given| same(given.as_bytes(), self.state.reveal().as_bytes())) {
            return Err(breach(Breach::WrongState));
        }
        match answer.get("iss") {
            // RFC 9207 §2.4: identical to the issuer that was asked.
            Some(said) if said != self.issuer => {
                let (said, expected) = (crate::error::shown(said), self.issuer.clone());
                return Err(breach(Breach::ForeignIssuer { said, expected }));
            }
            // RFC 9207 §2.4: who always names itself has not answered this.
            None if self.names_itself => return Err(breach(Breach::NoIssuer)),
            _ => {}
        }
        // RFC 6749 §4.1.2.1: a no.
        if let Some(code) = answer.get("error") {
            let text = answer.get("error_description").unwrap_or_default();
            let refusal = Refusal::new(302, code, text, answer.get("error_uri"));
            return Err(Error::Permission { url: self.issuer.clone(), refusal });
        }
        let code = answer.get("code");
        code.map(Secret::from).ok_or_else(|| breach(Breach::Malformed("the answer has no code".to_owned())))
    }

    /// What redeems the code.
    pub fn presented<'a>(&'a self, code: &'a Secret) -> Presented<'a> {
        Presented::Code { code, redirect_uri: &self.redirect_uri, verifier: &self.verifier }
    }

    /// As JSON that can be sealed and kept while the person is away. It holds secrets.
    pub fn to_json(&self) -> Secret {
        let kept = Kept {
            issuer: self.issuer.clone(),
            client_id: self.client_id.clone(),
            redirect_uri: self.redirect_uri.clone(),
            scope: self.target.scope.clone(),
            resource: self.target.resource.clone(),
            state: self.state.reveal().to_owned(),
            nonce: self.nonce.as_ref().map(|nonce| nonce.reveal().to_owned()),
            verifier: self.verifier.reveal().to_owned(),
            max_age: self.max_age,
            names_itself: self.names_itself,
        };
        Secret::new(serde_json::to_string(&kept).unwrap_or_default())
    }

    /// Reads what [`Self::to_json`] wrote; `None` if it is something else.
    pub fn from_json(text: &str) -> Option<Self> {
        let kept: Kept = serde_json::from_str(text).ok()?;
        Some(Self {
            issuer: kept.issuer,
            client_id: kept.client_id,
            redirect_uri: kept.redirect_uri,
            target: Target { scope: kept.scope, resource: kept.resource },
            state: kept.state.into(),
            nonce: kept.nonce.map(Secret::from),
            verifier: kept.verifier.into(),
            max_age: kept.max_age,
            names_itself: kept.names_itself,
            more: Vec::new(),
        })
    }
}

#[derive(Serialize, Deserialize)]
struct Kept {
    issuer: String,
    client_id: String,
    redirect_uri: String,
    scope: Option<Scope>,
    resource: Vec<String>,
    state: String,
    nonce: Option<String>,
    verifier: String,
    max_age: Option<Lifetime>,
    names_itself: bool,
}

fn contains_client_id(request: &Request) -> bool {
    Form::parse(&request.body).is_ok_and(|form| form.get("client_id").is_some())
}

fn with_query(party: &Party<'_>, parameters: &[(&str, &str)]) -> Result<String, Error> {
    let endpoint = party.server.endpoint("authorization_endpoint", false)?;
    // RFC 6749 §3.1: a query that the endpoint has is retained.
    let mut address = endpoint.to_owned();
    address.push(if address.contains('?') { '&' } else { '?' });
    for (name, value) in parameters {
        form::append(&mut address, name, value);
    }
    Ok(address)
}
