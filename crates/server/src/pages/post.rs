//! The page whose form brings a response to a client (Form Post Response Mode).

use askama::Template;

use super::texts::Texts;
use super::{RenderError, assets, look};

/// A form that posts itself where the browser runs its one script, and otherwise by its button.
#[derive(Clone, Debug)]
pub struct Post<'a> {
    /// Where to: a redirect URI of the client.
    pub action: &'a str,
    /// The host of that address, for people.
    pub host: &'a str,
    /// Names and values.
    pub members: &'a [(&'static str, String)],
}

impl Post<'_> {
    /// The whole document.
    pub fn render(&self) -> Result<String, RenderError> {
        Page { t: look::texts(), v: self }.render()
    }
}

#[derive(Template)]
#[template(path = "post.html")]
struct Page<'a> {
    t: &'static Texts,
    v: &'a Post<'a>,
}
