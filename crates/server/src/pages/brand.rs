//! Whose pages they are: a name, a picture, colours, and where people find help.

use std::fmt;
use std::io;
use std::path::Path;

use super::assets::fnv1a;
use super::texts::Texts;

/// The largest file that pages take along, in bytes.
const MOST_BYTES: u64 = 262_144;

/// What tells one operator's pages from another's. Without any of it they are Firman's own.
#[derive(Debug, Default)]
pub struct Brand {
    /// What the service is called; empty: Firman.
    pub name: String,
    /// What the foot of a page says; empty: what it says of itself.
    pub footer: String,
    /// Where the terms of service are.
    pub terms: Option<String>,
    /// Where it is said what becomes of people's data.
    pub privacy: Option<String>,
    /// Where people find help.
    pub support: Option<String>,
    /// The picture in the place of the seal.
    pub logo: Option<File>,
    /// Colours, and whatever else the operator's style sheet says.
    pub style: Option<File>,
}

impl Brand {
    /// The addresses of all files, for the router.
    pub const PATHS: [&str; 2] = ["/assets/brand.css", "/assets/brand-logo"];

    /// The file at this path (without query), if there is one.
    pub fn find(&self, path: &str) -> Option<&File> {
        let [style, logo] = Self::PATHS;
        if path == style {
            self.style.as_ref()
        } else if path == logo {
            self.logo.as_ref()
        } else {
            None
        }
    }

    /// What the service is called on a page.
    pub(super) fn shown_name(&self, texts: &'static Texts) -> &str {
        if self.name.is_empty() { texts.frame.product } else { &self.name }
    }

    /// Whether the foot of a page has links.
    pub(super) fn has_links(&self) -> bool {
        self.terms.is_some() || self.privacy.is_some() || self.support.is_some()
    }

    /// Colours over those of the style sheet, and what the operator's own adds; `None` if there is neither.
    pub fn style(accent: Option<&Colour>, accent_dark: Option<&Colour>, extra: &str) -> Option<File> {
        let mut css = String::new();
        if let Some(colour) = accent {
            css.push_str(&colour.rule(false));
        }
        if let Some(colour) = accent_dark.or(accent) {
            css = format!("{css}@media (prefers-color-scheme: dark) {{\n{}}}\n", colour.rule(true));
        }
        css.push_str(extra);
        let [path, _] = Self::PATHS;
        (!css.is_empty()).then(|| File::new(path, "text/css; charset=utf-8", css.into_bytes()))
    }

    /// A picture as it lies in a file: SVG, PNG, JPEG or WebP, told by its name.
    pub fn logo(path: &Path) -> io::Result<File> {
        let kinds = [
            ("svg", "image/svg+xml"),
            ("png", "image/png"),
            ("jpg", "image/jpeg"),
            ("jpeg", "image/jpeg"),
            ("webp", "image/webp"),
        ];
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
        let kind = kinds.iter().find(|(name, _)| *name == ending).map(|(_, kind)| *kind);
        let kind = kind.ok_or_else(|| io::Error::other("not the name of an SVG, PNG, JPEG or WebP file"))?;
        let [_, address] = Self::PATHS;
        Ok(File::new(address, kind, read(path)?))
    }
}

/// Reads a file that pages take along.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    if std::fs::metadata(path)?.len() > MOST_BYTES {
        return Err(io::Error::other(format!("larger than {MOST_BYTES} bytes")));
    }
    std::fs::read(path)
}

/// A file of the operator's that pages refer to.
pub struct File {
    /// The value of `Content-Type`.
    pub content_type: &'static str,
    /// What is in it.
    pub body: Vec<u8>,
    /// Path and content hash (`?v=…`).
    url: String,
}

impl File {
    fn new(path: &str, content_type: &'static str, body: Vec<u8>) -> Self {
        let url = format!("{path}?v={:016x}", fnv1a(&body));
        Self { content_type, body, url }
    }

    /// Where pages link it.
    pub(super) fn url(&self) -> &str {
        &self.url
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "File({}, {} bytes)", self.url, self.body.len())
    }
}

/// A colour, `#rrggbb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour([u8; 3]);

impl Colour {
    /// Reads `#rrggbb`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
        let value = digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16))?;
        let [_, red, green, blue] = value.ok()?.to_be_bytes();
        Some(Self([red, green, blue]))
    }

    /// What of the style sheet is of this colour. Where it would be too pale to be read on the page, links stay as they are.
    fn rule(self, dark: bool) -> String {
        let (paper, ink) =
            if dark { (Self([0x1f, 0x1b, 0x18]), "1f1b18") } else { (Self([0xff, 0xfd, 0xf8]), "fffdf8") };
        // Text needs a contrast of 4.5, what is no text one of 3 (WCAG 2.2).
        let link = if self.contrast(paper) >= 4.5 { format!("  --link: {self};\n") } else { String::new() };
        let white = Self([0xff; 3]);
        let on = if self.contrast(white) >= 4.5 { "ffffff" } else { "000000" };
        let button = format!("  --press: {self};\n  --on-press: #{on};\n");
        let seal = format!(
            "  --wax: {self};\n  --wax-light: #{};\n",
            if self.contrast(white) >= 3.0 { "ffffff" } else { ink }
        );
        format!(":root {{\n{seal}{button}{link}}}\n")
    }

    /// The contrast of two colours (WCAG 2.2), from 1 to 21.
    fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    fn luminance(self) -> f64 {
        let [red, green, blue] = self.0.map(|channel| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_is_six_digits() {
        assert_eq!(Colour::parse("#1B5FAE").unwrap().to_string(), "#1b5fae");
        for text in ["", "#", "1b5fae", "#1b5fa", "#1b5fae0", "#+b5fae", "red", "#1b5fäe", "#000;}"] {
            assert!(Colour::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_colour_too_pale_to_read_is_no_colour_of_text() {
        let rule = |text| Colour::parse(text).unwrap().rule(false);
        assert!(rule("#1b5fae").contains("--link: #1b5fae") && rule("#1b5fae").contains("--on-press: #ffffff"));
        assert!(!rule("#ffe680").contains("--link") && rule("#ffe680").contains("--on-press: #000000"));
    }

    #[test]
    fn without_colours_and_css_there_is_no_style_sheet() {
        assert!(Brand::style(None, None, "").is_none());
        let style = Brand::style(Colour::parse("#1b5fae").as_ref(), None, "h1 { color: red }").unwrap();
        let text = String::from_utf8(style.body).unwrap();
        assert!(text.contains("dark") && text.ends_with("h1 { color: red }"), "{text}");
    }
}
