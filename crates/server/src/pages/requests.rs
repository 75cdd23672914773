//! The page on which people answer applications that wait for them elsewhere.

use askama::Template;
use firman_proto::authorization_details::Described;

use super::account::Menu;
use super::texts::Texts;
use super::{RenderError, ScopeLine, assets, look};

/// What waits for somebody. Each form posts `csrf`, `request`, and `decision` as `allow` or `deny`.
#[derive(Clone, Copy, Debug)]
pub struct Requests<'a> {
    /// What stands above it.
    pub menu: &'a Menu,
    /// What waits for them.
    pub requests: &'a [Waiting<'a>],
    /// What became of the last answer.
    pub news: Option<&'a str>,
    /// The hidden field `csrf`.
    pub csrf: &'a str,
    /// Where the forms are posted to.
    pub action: &'a str,
}

/// One request that waits.
#[derive(Clone, Debug)]
pub struct Waiting<'a> {
    /// Its id: the hidden field `request`.
    pub id: String,
    /// Who asks.
    pub client_name: &'a str,
    /// For what.
    pub scopes: Vec<ScopeLine<'a>>,
    /// For what in detail (RFC 9396).
    pub details: &'a [Described],
    /// The names of the resources that the tokens will be for, if the client says.
    pub resources: &'a [String],
    /// What the application shows, too.
    pub binding_message: Option<&'a str>,
}

impl Requests<'_> {
    /// The whole document.
    pub fn render(&self) -> Result<String, RenderError> {
        Page { t: look::texts(), v: self }.render()
    }
}

#[derive(Template)]
#[template(path = "requests.html")]
struct Page<'a> {
    t: &'static Texts,
    v: &'a Requests<'a>,
}
