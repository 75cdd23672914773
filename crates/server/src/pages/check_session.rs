//! The frame that has nothing to see.

use askama::Template;

use super::{RenderError, assets};

/// Answers clients that ask whether somebody has signed in or out.
#[derive(Clone, Copy, Debug, Template)]
#[template(path = "check_session.html")]
pub struct CheckSession<'a> {
    /// The cookie that has the state of the browser.
    pub cookie: &'a str,
}

impl CheckSession<'_> {
    /// The whole document.
    pub fn render(&self) -> Result<String, RenderError> {
        Template::render(self)
    }
}
