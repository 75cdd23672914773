//! What is said of an application wherever one is shown.

use super::Phrase;

/// What is said of an application wherever one is shown.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    /// Names the list of links to a screen reader.
    pub links: Phrase,
    pub site: &'static str,
    pub policy: &'static str,
    pub terms: &'static str,
    pub checked: &'static str,
    pub verified: &'static str,
    pub unverified: &'static str,
}

/// In English.
pub(super) const ENGLISH: Client = Client {
    links: Phrase("About {}"),
    site: "Website",
    policy: "Privacy policy",
    terms: "Terms of service",
    checked: "Who it is",
    verified: "Verified by this service",
    unverified: "Not verified: it says so itself",
};

/// In German.
pub(super) const GERMAN: Client = Client {
    links: Phrase("Über {}"),
    site: "Website",
    policy: "Datenschutzerklärung",
    terms: "Nutzungsbedingungen",
    checked: "Wer das ist",
    verified: "Von diesem Dienst geprüft",
    unverified: "Nicht geprüft: eigene Angabe",
};
