//! The page on which people see how they sign in.

use askama::Template;

use super::account::Menu;
use super::texts::Texts;
use super::when::When;
use super::{RenderError, assets, look};

/// What there is to sign in with, and the ways to change it. Each button is a form that posts `csrf`.
#[derive(Clone, Copy, Debug)]
pub struct Security<'a> {
    /// What stands above it.
    pub menu: &'a Menu,
    /// What was just done.
    pub news: Option<&'a str>,
    /// Whether there is a password.
    pub has_password: bool,
    /// Since when there is an app, if there is one.
    pub app_since: Option<When>,
    /// How many recovery codes are left.
    pub codes_left: usize,
    /// The e-mail address that was confirmed, if there is one; `None` where no mail is sent.
    pub email: Option<Option<&'a str>>,
    /// The passkeys; `None` where there can be none.
    pub passkeys: Option<&'a [PasskeyLine]>,
    /// Where else they sign in.
    pub upstreams: &'a [UpstreamLine<'a>],
    /// The hidden field `csrf`.
    pub csrf: &'a str,
    /// The address of this page; the others lie below it.
    pub action: &'a str,
}

/// One passkey in the list.
#[derive(Clone, Debug)]
pub struct PasskeyLine {
    /// Which: the hidden field `id`.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// Since when it is there.
    pub since: When,
    /// When it was last used.
    pub used: Option<When>,
}

/// Another provider at which they sign in.
#[derive(Clone, Copy, Debug)]
pub struct UpstreamLine<'a> {
    /// Which: the hidden field `issuer`.
    pub issuer: &'a str,
    /// What people know it as.
    pub label: &'a str,
    /// Who they are there.
    pub person: &'a str,
    /// Since when.
    pub since: When,
    /// Whether it can be taken away.
    pub may_go: bool,
}

impl Security<'_> {
    /// The whole document.
    pub fn render(&self) -> Result<String, RenderError> {
        Page { t: look::texts(), v: self }.render()
    }
}

#[derive(Template)]
#[template(path = "security.html")]
struct Page<'a> {
    t: &'static Texts,
    v: &'a Security<'a>,
}
