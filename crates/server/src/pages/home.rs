//! The page at `/`: what this server is.

use askama::Template;

use super::client::is_web;
use super::texts::Texts;
use super::{RenderError, assets, look};

/// Tells a passer-by what this server is, and a developer where discovery begins.
#[derive(Clone, Copy, Debug)]
pub struct Home<'a> {
    /// The issuer identifier.
    pub issuer: &'a str,
    /// Where people see and change what is theirs.
    pub account: &'a str,
}

impl Home<'_> {
    /// The whole document.
    pub fn render(&self) -> Result<String, RenderError> {
        Page { t: look::texts(), v: self, discovery: self.discovery() }.render()
    }

    // OpenID Connect Discovery §4: a terminating slash of the issuer goes before the well-known path is added.
    fn discovery(&self) -> Option<String> {
        let issuer = self.issuer.trim_end_matches('/');
        is_web(issuer).then(|| format!("{issuer}/.well-known/openid-configuration"))
    }
}

#[derive(Template)]
#[template(path = "home.html")]
struct Page<'a> {
    t: &'static Texts,
    v: &'a Home<'a>,
    discovery: Option<String>,
}
