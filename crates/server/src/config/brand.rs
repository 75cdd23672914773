//! Types of settings about how pages look, and what becomes of them.

use std::io;
use std::path::Path;

use url::Url;

use super::value::Textual;
use super::{ConfigError, Settings, check};
use crate::pages::brand::{self, Brand, Colour};

/// The longest line of text, in characters.
const LONGEST_LINE: usize = 120;

/// A line of text for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line(Box<str>);

impl Line {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Textual for Line {
    const EXPECTED: &str = "one line of at most 120 characters";

    fn parse(text: &str) -> Option<Self> {
        let legal = text.chars().count() <= LONGEST_LINE && !text.chars().any(char::is_control);
        (legal && !text.trim().is_empty()).then(|| Self(text.trim().into()))
    }

    fn text(&self) -> String {
        self.0.to_string()
    }
}

/// Where people find help: a page on the web, or an e-mail address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HelpAddress(Box<str>);

impl HelpAddress {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Textual for HelpAddress {
    const EXPECTED: &str = "an address such as \"https://id.example/help\" or \"mailto:help@id.example\"";

    fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        matches!(url.scheme(), "https" | "http" | "mailto").then(|| Self(text.into()))
    }

    fn text(&self) -> String {
        self.0.to_string()
    }
}

impl Textual for Colour {
    const EXPECTED: &str = "a colour as six digits, such as \"#1b5fae\"";

    fn parse(text: &str) -> Option<Self> {
        Self::parse(text)
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl Settings {
    /// Whose pages people see, with the files that belong to it; an error names the file that cannot be used.
    pub fn brand(&self) -> Result<Brand, ConfigError> {
        let brand = &self.brand;
        let line = |line: &Option<Line>| line.as_ref().map(|line| line.as_str().to_owned()).unwrap_or_default();
        let address = |address: &Option<super::WebAddress>| address.as_ref().map(|address| address.as_str().to_owned());
        let logo = brand.logo_file.as_deref().map(|path| self.used("brand.logo_file", path, Brand::logo));
        let extra = brand.css_file.as_deref().map(|path| self.used("brand.css_file", path, style_sheet));
        Ok(Brand {
            name: line(&brand.name),
            footer: line(&brand.footer),
            terms: address(&brand.terms_url),
            privacy: address(&brand.privacy_url),
            support: brand.support_url.as_ref().map(|address| address.as_str().to_owned()),
            logo: logo.transpose()?,
            style: Brand::style(
                brand.accent.as_ref(),
                brand.accent_dark.as_ref(),
                &extra.transpose()?.unwrap_or_default(),
            ),
        })
    }

    fn used<T>(&self, key: &str, path: &Path, read: impl FnOnce(&Path) -> io::Result<T>) -> Result<T, ConfigError> {
        read(path).map_err(|error| {
            let what = format!("{}: {error}", path.display());
            check::problem(self.source(key).clone(), key, &what, "give a file that can be read").into()
        })
    }
}

fn style_sheet(path: &Path) -> io::Result<String> {
    String::from_utf8(brand::read(path)?).map_err(|_| io::Error::other("not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(Line::parse(" Acme ").unwrap().as_str(), "Acme");
        for text in ["", " ", "a\nb", &"x".repeat(121)] {
            assert!(Line::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn help_is_on_the_web_or_by_mail() {
        assert!(HelpAddress::parse("https://id.example/help").is_some());
        assert!(HelpAddress::parse("mailto:help@id.example").is_some());
        for text in ["javascript:alert(1)", "help@id.example", "data:text/html,x"] {
            assert!(HelpAddress::parse(text).is_none(), "{text}");
        }
    }
}
