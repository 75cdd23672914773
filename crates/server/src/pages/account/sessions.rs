//! Where somebody is signed in.

use askama::Template;

use super::{Form, Menu};
use crate::pages::texts::Texts;
use crate::pages::when::When;
use crate::pages::{RenderError, assets, look};

/// The browsers that somebody is signed in with. Each form posts `csrf` and `end`: the id of one, or `others`.
#[derive(Clone, Debug)]
pub struct Sessions<'a> {
    /// What stands above it.
    pub menu: Menu,
    /// The browsers.
    pub places: Vec<Place>,
    /// Where the next page is.
    pub next: Option<String>,
    /// What became of the last press.
    pub news: Option<&'a str>,
    /// Where forms go.
    pub form: Form<'a>,
}

/// One browser.
#[derive(Clone, Debug)]
pub struct Place {
    /// The id of its session: the hidden field `end`.
    pub id: String,
    /// Whether it is the one that asks.
    pub here: bool,
    /// Since when.
    pub since: When,
    /// When it was last used.
    pub last_seen: When,
    /// How its person signed in.
    pub ways: Vec<String>,
}

impl Sessions<'_> {
    /// The whole document.
    pub fn render(&self) -> Result<String, RenderError> {
        Page { t: look::texts(), v: self }.render()
    }
}

#[derive(Template)]
#[template(path = "account/sessions.html")]
struct Page<'a> {
    t: &'static Texts,
    v: &'a Sessions<'a>,
}
