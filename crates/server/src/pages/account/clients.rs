//! The clients that somebody owns.

use askama::Template;

use super::{Choice, Form, Menu};
use crate::pages::texts::Texts;
use crate::pages::when::When;
use crate::pages::{RenderError, ScopeLine, assets, look};

/// The clients that somebody owns.
#[derive(Clone, Debug)]
pub struct OwnClients<'a> {
    /// What stands above it.
    pub menu: Menu,
    /// For each its name, its client id, and where it is shown.
    pub clients: Vec<(String, String, String)>,
    /// Where one is made.
    pub new: &'a str,
    /// Where the next page is.
    pub next: Option<String>,
    /// What became of the last press.
    pub news: Option<&'a str>,
}

impl OwnClients<'_> {
    /// The whole document.
    pub fn render(&self) -> Result<String, RenderError> {
        ListPage { t: look::texts(), v: self }.render()
    }
}

#[derive(Template)]
#[template(path = "account/clients.html")]
struct ListPage<'a> {
    t: &'static Texts,
    v: &'a OwnClients<'a>,
}

/// What is said of a client, in fields of a form: `name`, `redirect_uris` with one a line, `client_uri`, for each choice `scope.…`, and of
/// a new one `confidential`.
#[derive(Clone, Debug)]
pub struct ClientForm<'a> {
    /// What it is called.
    pub name: &'a str,
    /// Where browsers are sent back to, one a line.
    pub redirect_uris: &'a str,
    /// Its own page.
    pub client_uri: &'a str,
    /// What it may ask for.
    pub scopes: Vec<Choice<'a>>,
    /// Whether it keeps a secret.
    pub confidential: bool,
}

/// A new client, or one that there is. Forms post `csrf`; those of one that there is also `client`, and `action`: `save`, `rotate` or
/// `delete`.
#[derive(Clone, Debug)]
pub struct OwnClient<'a> {
    /// What stands above it.
    pub menu: Menu,
    /// Its client id; none: it is to be made.
    pub client_id: Option<&'a str>,
    /// What is said of it.
    pub fields: ClientForm<'a>,
    /// A secret that was just made, shown this once.
    pub secret: Option<NewSecret<'a>>,
    /// What people allowed it.
    pub grants: Vec<HeldGrant<'a>>,
    /// Where more of those are.
    pub next: Option<String>,
    /// What became of the last press.
    pub news: Option<&'a str>,
    /// What was wrong with the last try.
    pub problem: Option<&'a str>,
    /// Where forms go.
    pub form: Form<'a>,
}

/// A secret that is shown once.
#[derive(Clone, Copy)]
pub struct NewSecret<'a>(pub &'a str);

impl std::fmt::Debug for NewSecret<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NewSecret(..)")
    }
}

/// Something that people allowed a client, without saying who.
#[derive(Clone, Debug)]
pub struct HeldGrant<'a> {
    /// What.
    pub scopes: Vec<ScopeLine<'a>>,
    /// Since when.
    pub since: When,
    /// When it was last used.
    pub last_used: Option<When>,
}

impl OwnClient<'_> {
    /// The whole document.
    pub fn render(&self) -> Result<String, RenderError> {
        OnePage { t: look::texts(), v: self }.render()
    }
}

#[derive(Template)]
#[template(path = "account/one_client.html")]
struct OnePage<'a> {
    t: &'static Texts,
    v: &'a OwnClient<'a>,
}
