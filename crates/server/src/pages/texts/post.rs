//! The page that carries an answer back to an application.

use super::Phrase;

/// The page that carries an answer back to an application.
#[derive(Clone, Copy, Debug)]
pub struct Post {
    pub title: &'static str,
    pub lead: Phrase,
    pub submit: &'static str,
}

/// In English.
pub(super) const ENGLISH: Post =
    Post { title: "One more step", lead: Phrase("You are on your way back to {}."), submit: "Continue" };

/// In German.
pub(super) const GERMAN: Post =
    Post { title: "Noch ein Schritt", lead: Phrase("Sie sind auf dem Weg zurück zu {}."), submit: "Weiter" };
