//! What stands around every page.

use super::Phrase;

/// What stands around every page.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    pub product: &'static str,
    pub footer: &'static str,
    /// Names the links at the foot to a screen reader.
    pub foot_links: Phrase,
    pub foot_terms: &'static str,
    pub foot_privacy: &'static str,
    pub foot_support: &'static str,
    /// Begins the title of a page on which something went wrong.
    pub problem_mark: &'static str,
    /// Leads past the menu, for who cannot see where it ends.
    pub skip: &'static str,
}

/// In English.
pub(super) const ENGLISH: Frame = Frame {
    product: "Firman",
    footer: "Signed and sealed by Firman",
    foot_links: Phrase("About {}"),
    foot_terms: "Terms",
    foot_privacy: "Privacy",
    foot_support: "Help",
    problem_mark: "Problem:",
    skip: "Skip the menu",
};

/// In German.
pub(super) const GERMAN: Frame = Frame {
    product: "Firman",
    footer: "Unterzeichnet und besiegelt von Firman",
    foot_links: Phrase("Über {}"),
    foot_terms: "Nutzungsbedingungen",
    foot_privacy: "Datenschutz",
    foot_support: "Hilfe",
    problem_mark: "Problem:",
    skip: "Menü überspringen",
};
