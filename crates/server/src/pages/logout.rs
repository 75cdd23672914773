//! The page that asks whether somebody wants to sign out.

use askama::Template;

use super::texts::Texts;
use super::{Client, RenderError, assets, look};

/// Asks whoever is signed in. The form posts `request`, `csrf`, and `cancel` if they would rather not.
#[derive(Clone, Copy, Debug)]
pub struct Logout<'a> {
    /// Who sent them here, if that is known.
    pub client: Option<Client<'a>>,
    /// The name they signed in with.
    pub username: &'a str,
    /// The client means somebody else.
    pub means_another: bool,
    /// What of the request cannot be used.
    pub problem: Option<&'a str>,
    /// The sealed request: the hidden field `request`.
    pub request: &'a str,
    /// The hidden field `csrf`.
    pub csrf: &'a str,
    /// Where the form is posted to.
    pub action: &'a str,
}

impl Logout<'_> {
    /// The whole document.
    pub fn render(&self) -> Result<String, RenderError> {
        Page { t: look::texts(), v: self }.render()
    }
}

#[derive(Template)]
#[template(path = "logout.html")]
struct Page<'a> {
    t: &'static Texts,
    v: &'a Logout<'a>,
}
