//! A page that says one thing.

use askama::Template;

use super::texts::Texts;
use super::{Link, RenderError, assets, look};

/// A heading and a sentence, with nothing to fill in.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The heading, also the title of the document.
    pub title: &'a str,
    /// What there is to say.
    pub text: &'a str,
}

impl Message<'_> {
    /// The whole document.
    pub fn render(&self) -> Result<String, RenderError> {
        self.leading_to(&[])
    }

    /// The same, with ways to other pages.
    pub fn leading_to(&self, links: &[Link<'_>]) -> Result<String, RenderError> {
        Page { t: look::texts(), v: self, links }.render()
    }
}

#[derive(Template)]
#[template(path = "message.html")]
struct Page<'a> {
    t: &'static Texts,
    v: &'a Message<'a>,
    links: &'a [Link<'a>],
}
