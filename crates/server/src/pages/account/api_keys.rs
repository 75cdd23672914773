//! Somebody's API keys.

use askama::Template;

use super::{Form, Menu};
use crate::pages::texts::Texts;
use crate::pages::when::When;
use crate::pages::{RenderError, ScopeLine, assets, look};

/// The keys that somebody has. Each form posts `csrf` and `revoke`: the id of one.
#[derive(Clone, Debug)]
pub struct ApiKeys<'a> {
    /// What stands above it.
    pub menu: Menu,
    /// The keys.
    pub keys: Vec<ApiKeyEntry<'a>>,
    /// A key that was just made: its name, and the key itself, which is shown this once.
    pub made: Option<(&'a str, &'a str)>,
    /// Where one is made.
    pub new: &'a str,
    /// Where the next page is.
    pub next: Option<String>,
    /// What became of the last press.
    pub news: Option<&'a str>,
    /// Where forms go.
    pub form: Form<'a>,
}

/// One key.
#[derive(Clone, Debug)]
pub struct ApiKeyEntry<'a> {
    /// The id of its grant: the hidden field `revoke`.
    pub id: String,
    /// What it is called.
    pub name: &'a str,
    /// What it is for.
    pub scopes: Vec<ScopeLine<'a>>,
    /// Where it is for.
    pub resources: &'a [String],
    /// Since when.
    pub since: When,
    /// When it was last used.
    pub last_used: Option<When>,
    /// Until when.
    pub until: When,
}

impl ApiKeys<'_> {
    /// The whole document.
    pub fn render(&self) -> Result<String, RenderError> {
        Page { t: look::texts(), v: self }.render()
    }
}

#[derive(Template)]
#[template(path = "account/keys.html")]
struct Page<'a> {
    t: &'static Texts,
    v: &'a ApiKeys<'a>,
}

/// Asks what a new key is to be. The form posts `csrf`, `name`, `days`, and and for each choice `scope.…` or `resource.…`.
#[derive(Clone, Debug)]
pub struct NewApiKey<'a> {
    /// What stands above it.
    pub menu: Menu,
    /// What it is called, so far.
    pub name: &'a str,
    /// How long it lives, in days, so far.
    pub days: &'a str,
    /// How long it may live, in days.
    pub most_days: i64,
    /// What it may be for.
    pub scopes: Vec<Choice<'a>>,
    /// Where it may be for.
    pub resources: Vec<Choice<'a>>,
    /// What was wrong with the last try.
    pub problem: Option<&'a str>,
    /// Where the form goes.
    pub form: Form<'a>,
}

/// Something that may be chosen.
#[derive(Clone, Copy, Debug)]
pub struct Choice<'a> {
    /// What is posted for it.
    pub value: &'a str,
    /// What it is to people; none: the value itself.
    pub text: Option<&'a str>,
    /// Whether it is chosen.
    pub chosen: bool,
}

impl NewApiKey<'_> {
    /// The whole document.
    pub fn render(&self) -> Result<String, RenderError> {
        NewPage { t: look::texts(), v: self }.render()
    }
}

#[derive(Template)]
#[template(path = "account/new_key.html")]
struct NewPage<'a> {
    t: &'static Texts,
    v: &'a NewApiKey<'a>,
}
