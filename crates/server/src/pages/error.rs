//! The page for what must not be answered by a redirect.

use askama::Template;

use super::texts::Texts;
use super::{RenderError, assets, look};

/// Says that the request ends here, why, and what the person can do next.
#[derive(Clone, Copy, Debug)]
pub struct ErrorPage<'a> {
    /// The OAuth error code, such as `invalid_request`.
    pub code: &'a str,
    /// The public text of the refusal.
    pub text: &'a str,
    /// What to quote when asking the operator; the log has the same.
    pub incident: Option<&'a str>,
}

impl ErrorPage<'_> {
    /// The whole document.
    pub fn render(&self) -> Result<String, RenderError> {
        Page { t: look::texts(), v: self }.render()
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct Page<'a> {
    t: &'static Texts,
    v: &'a ErrorPage<'a>,
}
