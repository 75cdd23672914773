//! Other identity providers: offered on the login page, and the page for when one does not sign somebody in.

use askama::Template;

use super::texts::Texts;
use super::{RenderError, assets, look};

/// A provider that is offered.
#[derive(Clone, Copy, Debug)]
pub struct Upstream<'a> {
    /// What the form says.
    pub name: &'a str,
    /// What people read.
    pub label: &'a str,
    /// Its picture.
    pub logo: Option<&'a str>,
}

/// Says why nobody was signed in by a provider. One form tries again, one goes back to the client.
#[derive(Clone, Copy, Debug)]
pub struct UpstreamTrouble<'a> {
    /// What people know the provider as.
    pub provider: &'a str,
    /// What the form says.
    pub name: &'a str,
    /// What went wrong.
    pub text: &'a str,
    /// What the client is told.
    pub code: &'a str,
    /// The hidden field `request`.
    pub request: &'a str,
    /// The hidden field `csrf`.
    pub csrf: &'a str,
    /// Where the form for another try is posted to.
    pub again: &'a str,
    /// Where the form for giving up is posted to.
    pub leave: &'a str,
    /// The address at which another way can be chosen, if there is one.
    pub choose: Option<&'a str>,
}

impl UpstreamTrouble<'_> {
    /// The whole document.
    pub fn render(&self) -> Result<String, RenderError> {
        Page { t: look::texts(), v: self }.render()
    }
}

#[derive(Template)]
#[template(path = "upstream.html")]
struct Page<'a> {
    t: &'static Texts,
    v: &'a UpstreamTrouble<'a>,
}
