//! The page of somebody who is signed out.

use askama::Template;

use super::texts::Texts;
use super::{RenderError, assets, look};

/// Says that nobody is signed in any more.
#[derive(Clone, Copy, Debug)]
pub struct SignedOut<'a> {
    /// What of the request could not be used.
    pub problem: Option<&'a str>,
}

impl SignedOut<'_> {
    /// The whole document.
    pub fn render(&self) -> Result<String, RenderError> {
        Page { t: look::texts(), v: self }.render()
    }
}

#[derive(Template)]
#[template(path = "signed_out.html")]
struct Page<'a> {
    t: &'static Texts,
    v: &'a SignedOut<'a>,
}
