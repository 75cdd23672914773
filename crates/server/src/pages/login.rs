//! The page that asks who you are.

use askama::Template;

use super::texts::Texts;
use super::{Client, PasskeyForm, RenderError, Upstream, assets, look};

/// Asks for user name and password. The form posts `request`, `csrf`, `username`, `password`, and `cancel` if the
/// person would rather not.
#[derive(Clone, Copy, Debug)]
pub struct Login<'a> {
    /// Who sent the person here; none: they came to a page of ours.
    pub client: Option<Client<'a>>,
    /// Whether they are signed in, and are asked once more.
    pub again: bool,
    /// The user name to begin with: `login_hint`, or what was typed before.
    pub login_hint: Option<&'a str>,
    /// What was wrong with the last try, such as [`Texts::login`].
    pub problem: Option<&'a str>,
    /// The sealed authorization request: the hidden field `request`.
    pub request: &'a str,
    /// The hidden field `csrf`.
    pub csrf: &'a str,
    /// Where the form is posted to.
    pub action: &'a str,
    /// Identity providers to sign in with instead.
    pub upstreams: &'a [Upstream<'a>],
    /// Where their form is posted to.
    pub upstream_action: &'a str,
    /// Its hidden field `csrf`.
    pub upstream_csrf: &'a str,
    /// Whether a user name is of use: for an account here, or to find the provider by.
    pub by_name: bool,
    /// Whether there are passwords here.
    pub password: bool,
    /// Whether nothing works without one.
    pub password_needed: bool,
    /// Where one goes who forgot the password, if there is a way.
    pub forgot: Option<&'a str>,
    /// Where one goes who has no account, if one can be made.
    pub sign_up: Option<&'a str>,
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
