//! Pages that are little more than a form.

use askama::Template;

use super::texts::Texts;
use super::{PasskeyForm, RenderError, assets, look};

/// A heading, a sentence, perhaps something to look at, and a form.
#[derive(Clone, Debug, Default)]
pub struct FormPage<'a> {
    /// Names the form and its parts: `{id}-form`, `{id}-submit`, `{id}-problem`.
    pub id: &'a str,
    /// The heading, also the title of the document.
    pub title: &'a str,
    /// What it is about.
    pub lead: &'a str,
    /// What was wrong with the last try.
    pub problem: Option<&'a str>,
    /// A picture to scan: its address, and what it is to a screen reader.
    pub picture: Option<(&'a str, &'a str)>,
    /// What is shown to be written down, and what it is called.
    pub shown: Option<(&'a str, &'a [String])>,
    /// Hidden fields: names and values.
    pub hidden: &'a [(&'a str, &'a str)],
    /// Fields to fill in.
    pub fields: &'a [Field<'a>],
    /// What the button says; empty: there is nothing to send.
    pub submit: &'a str,
    /// The hidden field `csrf`.
    pub csrf: &'a str,
    /// Where the form is posted to.
    pub action: &'a str,
    /// Asks for a passkey, beside it.
    pub passkey: Option<PasskeyForm<'a>>,
    /// Where else one can go.
    pub links: &'a [Link<'a>],
}

/// One field of a form.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    /// Its id, and the name under which it is sent.
    pub name: &'a str,
    /// What it is called.
    pub label: &'a str,
    /// `text`, `password` or `email`.
    pub kind: &'a str,
    /// What browsers fill it in with.
    pub autocomplete: &'a str,
    /// What is in it to begin with.
    pub value: &'a str,
    /// The most that it takes.
    pub longest: usize,
    /// Whether it is where one types first.
    pub first: bool,
}

/// A way to another page.
#[derive(Clone, Copy, Debug)]
pub struct Link<'a> {
    /// Its id.
    pub id: &'a str,
    /// Where to.
    pub href: &'a str,
    /// What it says.
    pub text: &'a str,
}

impl<'a> Field<'a> {
    /// A password.
    pub const fn password(name: &'a str, label: &'a str, autocomplete: &'a str) -> Self {
        Self { name, label, kind: "password", autocomplete, value: "", longest: 1024, first: false }
    }

    /// A text.
    pub const fn text(name: &'a str, label: &'a str, autocomplete: &'a str, value: &'a str) -> Self {
        Self { name, label, kind: "text", autocomplete, value, longest: 255, first: false }
    }

    /// The same, where one types first.
    #[must_use]
    pub const fn first(self) -> Self {
        Self { first: true, ..self }
    }
}

impl FormPage<'_> {
    /// The whole document.
    pub fn render(&self) -> Result<String, RenderError> {
        Page { t: look::texts(), v: self }.render()
    }
}

#[derive(Template)]
#[template(path = "form.html")]
struct Page<'a> {
    t: &'static Texts,
    v: &'a FormPage<'a>,
}
