//! The page that asks for the code of a device.

use askama::Template;

use super::texts::Texts;
use super::{RenderError, assets, look};

/// Asks for the code that a device shows. The form posts `user_code` and `csrf`.
#[derive(Clone, Copy, Debug)]
pub struct Device<'a> {
    /// The code to begin with: from the address, or what was typed before.
    pub user_code: &'a str,
    /// What was wrong with the last try.
    pub problem: Option<&'a str>,
    /// The address of this page as a picture, to go on with on a telephone.
    pub qr: &'a str,
    /// The hidden field `csrf`.
    pub csrf: &'a str,
    /// Where the form is posted to.
    pub action: &'a str,
}

impl Device<'_> {
    /// The whole document.
    pub fn render(&self) -> Result<String, RenderError> {
        Page { t: look::texts(), v: self }.render()
    }
}

#[derive(Template)]
#[template(path = "device.html")]
struct Page<'a> {
    t: &'static Texts,
    v: &'a Device<'a>,
}
