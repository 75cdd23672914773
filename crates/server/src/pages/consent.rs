//! The page that asks whether a client may.

use askama::Template;
use firman_proto::authorization_details::Described;
use firman_proto::claims::scope_of;
use firman_proto::scope::Scope;

use super::texts::Texts;
use super::{Client, RenderError, assets, look};

/// Says who asks for what, and takes the answer. The form posts `request`, `csrf`, and `decision`: `allow` or `deny`.
#[derive(Clone, Debug)]
pub struct Consent<'a> {
    /// Who asks.
    pub client: Client<'a>,
    /// The host of the redirect URI: where the person goes next, whatever the answer.
    pub redirect_host: &'a str,
    /// The code that the device shows, if one asks: then nobody is sent anywhere.
    pub user_code: Option<&'a str>,
    /// The name the person signed in with.
    pub username: &'a str,
    /// What is asked for, one line each; where some of it is known, what is new.
    pub scopes: Vec<ScopeLine<'a>>,
    /// What is asked for and was allowed before.
    pub known: Vec<ScopeLine<'a>>,
    /// What is asked for in detail (RFC 9396).
    pub details: Vec<Described>,
    /// The names of the resources that the tokens will be for, if the client says.
    pub resources: Vec<String>,
    /// The sealed authorization request: the hidden field `request`.
    pub request: &'a str,
    /// The hidden field `csrf`.
    pub csrf: &'a str,
    /// Where the form is posted to.
    pub action: &'a str,
}

/// One permission in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScopeLine<'a> {
    /// The scope token.
    pub name: &'a str,
    /// What it means to a person; none: the token itself is shown.
    pub text: Option<&'a str>,
}

impl<'a> ScopeLine<'a> {
    /// The line of a scope: in words if it is one of the standard ones.
    pub fn of(name: &'a str) -> Self {
        Self { name, text: look::texts().scope(name) }
    }
}

/// The lines of what is asked for one by one (OpenID Connect Core §5.5), and not by a scope already.
pub fn claim_lines<'a>(scope: &Scope, claims: &[&'a str]) -> Vec<ScopeLine<'a>> {
    let alone = claims.iter().filter(|name| scope_of(name).is_none_or(|of| !scope.contains(of)));
    alone.map(|name| ScopeLine { name, text: look::texts().claim(name) }).collect()
}

impl Consent<'_> {
    /// The whole document.
    pub fn render(&self) -> Result<String, RenderError> {
        Page { t: look::texts(), v: self }.render()
    }
}

#[derive(Template)]
#[template(path = "consent.html")]
struct Page<'a> {
    t: &'static Texts,
    v: &'a Consent<'a>,
}
