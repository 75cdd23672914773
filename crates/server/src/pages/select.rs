//! The page that asks with which account to go on.

use askama::Template;

use super::texts::Texts;
use super::{Client, RenderError, assets, look};

/// Says who is signed in, and asks whether to go on so. The form posts `request`, `csrf`, and `account`: `same`, `another` or `neither`.
#[derive(Clone, Copy, Debug)]
pub struct Select<'a> {
    /// Who sent the person here.
    pub client: Client<'a>,
    /// The name the person signed in with.
    pub username: &'a str,
    /// The sealed authorization request: the hidden field `request`.
    pub request: &'a str,
    /// The hidden field `csrf`.
    pub csrf: &'a str,
    /// Where the form is posted to.
    pub action: &'a str,
}

impl Select<'_> {
    /// The whole document.
    pub fn render(&self) -> Result<String, RenderError> {
        Page { t: look::texts(), v: self }.render()
    }
}

#[derive(Template)]
#[template(path = "select.html")]
struct Page<'a> {
    t: &'static Texts,
    v: &'a Select<'a>,
}
