//! The page of those who ask while they are used elsewhere.

use super::Phrase;

/// The page of those who ask while they are used elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct Requests {
    pub title: &'static str,
    pub lead: &'static str,
    pub none: &'static str,
    pub asks: Phrase,
    pub message: &'static str,
    pub allowed: &'static str,
    pub denied: &'static str,
}

/// In English.
pub(super) const ENGLISH: Requests = Requests {
    title: "Waiting for you",
    lead: "Applications that ask for your permission while you use them elsewhere. Allow only what you have just begun yourself.",
    none: "Nothing waits for you.",
    asks: Phrase("{} asks to"),
    message: "Only if it shows you",
    allowed: "You allowed it. The application goes on by itself in a few seconds.",
    denied: "You denied it. The application has no access.",
};

/// In German.
pub(super) const GERMAN: Requests = Requests {
    title: "Wartet auf Sie",
    lead: "Anwendungen, die um Ihre Erlaubnis bitten, während Sie sie anderswo verwenden. Erlauben Sie nur, was Sie gerade selbst begonnen haben.",
    none: "Nichts wartet auf Sie.",
    asks: Phrase("{} bittet um diese Erlaubnis:"),
    message: "Nur wenn es Ihnen das zeigt",
    allowed: "Sie haben es erlaubt. Die Anwendung macht in wenigen Sekunden von selbst weiter.",
    denied: "Sie haben es abgelehnt. Die Anwendung hat keinen Zugriff.",
};
