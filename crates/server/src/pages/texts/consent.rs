//! The page that asks for permission.

use super::Phrase;

/// The page that asks for permission.
#[derive(Clone, Copy, Debug)]
pub struct Consent {
    pub title: Phrase,
    pub asks: &'static str,
    pub signed_in_as: &'static str,
    pub sent_to: &'static str,
    pub user_code: &'static str,
    pub resources: &'static str,
    pub allow: &'static str,
    pub deny: &'static str,
    pub asks_new: &'static str,
    pub known: &'static str,
}

/// In English.
pub(super) const ENGLISH: Consent = Consent {
    title: Phrase("Allow {}?"),
    asks: "This application asks for your permission to",
    signed_in_as: "You are signed in as",
    sent_to: "Either way, you go on to",
    user_code: "Only if your device shows",
    resources: "For use at",
    allow: "Allow",
    deny: "Deny",
    asks_new: "This application now also asks for your permission to",
    known: "What you have allowed it before",
};

/// In German.
pub(super) const GERMAN: Consent = Consent {
    title: Phrase("{} erlauben?"),
    asks: "Diese Anwendung bittet um Ihre Erlaubnis:",
    signed_in_as: "Sie sind angemeldet als",
    sent_to: "In jedem Fall geht es weiter zu",
    user_code: "Nur wenn Ihr Gerät das zeigt",
    resources: "Gilt bei",
    allow: "Erlauben",
    deny: "Ablehnen",
    asks_new: "Diese Anwendung bittet jetzt auch um diese Erlaubnis:",
    known: "Was Sie ihr schon erlaubt haben",
};
