//! The page that asks who you are.

use askama::Template;

use super::texts::Texts;
use super::{Client, PasskeyForm, RenderError, assets, look};

/// Asks for user name and password. The form posts `request`, `csrf`, `username`, `password`, and `cancel` if the
/// person would rather not.
#[derive(Clone, Copy, Debug)]
pub struct Login<'a> {
    /// Who sent the person here.
    pub client: Client<'a>,
    /// The user name to begin with: `login_hint`, or what was typed before.
    pub login_hint: Option<&'a str>,
    /// What was wrong with the last try, such as [`Texts::wrong_credentials`].
    pub problem: Option<&'a str>,
    /// The sealed authorization request: the hidden field `request`.
    pub request: &'a str,
    /// The hidden field `csrf`.
    pub csrf: &'a str,
    /// Where the form is posted to.
    pub action: &'a str,
    /// The way without user name and password, where there is one.
    pub passkey: Option<PasskeyForm<'a>>,
}

impl Login<'_> {
    /// The whole document.
    pub fn render(&self) -> Result<String, RenderError> {
        Page { t: look::texts(), v: self }.render()
    }
}

#[derive(Template)]
#[template(path = "login.html")]
struct Page<'a> {
    t: &'static Texts,
    v: &'a Login<'a>,
}
