//! What somebody allowed.

use askama::Template;
use firman_proto::authorization_details::Described;

use super::{Form, Menu};
use crate::pages::texts::Texts;
use crate::pages::when::When;
use crate::pages::{Client, RenderError, ScopeLine, assets, look};

/// What somebody allowed, by application. Each form posts `csrf` and `withdraw`: the id of an application, or `all`.
#[derive(Clone, Debug)]
pub struct AllowedApps<'a> {
    /// What stands above it.
    pub menu: Menu,
    /// The applications.
    pub apps: Vec<AllowedApp<'a>>,
    /// Where the next page is.
    pub next: Option<String>,
    /// What became of the last press.
    pub news: Option<&'a str>,
    /// Where forms go.
    pub form: Form<'a>,
}

/// An application.
#[derive(Clone, Debug)]
pub struct AllowedApp<'a> {
    /// Its id: the hidden field `withdraw`.
    pub id: String,
    /// What is shown of it.
    pub client: Client<'a>,
    /// Where it begins a sign-in by itself (OpenID Connect Core §4).
    pub open: Option<String>,
    /// What it has.
    pub grants: Vec<Allowed<'a>>,
    /// What it gets without asking again, and since when.
    pub remembered: Vec<RememberedAt<'a>>,
}

/// Something that an application has.
#[derive(Clone, Debug)]
pub struct Allowed<'a> {
    /// What has it: an application, a device, somebody who acts.
    pub kind: &'a str,
    /// What.
    pub scopes: Vec<ScopeLine<'a>>,
    /// What in detail (RFC 9396).
    pub details: &'a [Described],
    /// What it is for.
    pub resources: &'a [String],
    /// Since when.
    pub since: When,
    /// When it was last used.
    pub last_used: Option<When>,
    /// Until when.
    pub until: When,
}

/// What an application gets without asking again, at one place.
#[derive(Clone, Debug)]
pub struct RememberedAt<'a> {
    /// What it is for; none: this server.
    pub resource: Option<&'a str>,
    /// What.
    pub scopes: Vec<ScopeLine<'a>>,
    /// When it was last said.
    pub at: When,
}

impl AllowedApps<'_> {
    /// The whole document.
    pub fn render(&self) -> Result<String, RenderError> {
        Page { t: look::texts(), v: self }.render()
    }
}

#[derive(Template)]
#[template(path = "account/allowed.html")]
struct Page<'a> {
    t: &'static Texts,
    v: &'a AllowedApps<'a>,
}
