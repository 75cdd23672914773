//! The page of somebody who is signed out.

use askama::Template;

use super::texts::Texts;
use super::{RenderError, assets, look};

/// How long clients have that the browser tells, in seconds, where it runs no script: with it, until they have all answered.
const WAIT_SECONDS: u32 = 5;

/// Says that nobody is signed in any more, and tells clients of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct SignedOut<'a> {
    /// What of the request could not be used.
    pub problem: Option<&'a str>,
    /// The addresses that the browser loads so that clients learn of it (OpenID Connect Front-Channel Logout).
    pub frames: &'a [&'a str],
    /// Where the browser goes when they have: the address, and its host for people.
    pub to: Option<(&'a str, &'a str)>,
    /// The identity provider at which the person is still signed in: they read that before they go on by themselves.
    pub stays: Option<&'a str>,
}

impl SignedOut<'_> {
    /// The whole document.
    pub fn render(&self) -> Result<String, RenderError> {
        Page { t: look::texts(), v: self, wait: WAIT_SECONDS }.render()
    }
}

#[derive(Template)]
#[template(path = "signed_out.html")]
struct Page<'a> {
    t: &'static Texts,
    v: &'a SignedOut<'a>,
    wait: u32,
}
