//! The page that asks which account.

use super::Phrase;

/// The page that asks which account.
#[derive(Clone, Copy, Debug)]
pub struct Select {
    pub title: &'static str,
    pub same: Phrase,
    pub another: &'static str,
}

/// In English.
pub(super) const ENGLISH: Select =
    Select { title: "Choose an account", same: Phrase("Continue as {}"), another: "Use another account" };

/// In German.
pub(super) const GERMAN: Select =
    Select { title: "Konto wählen", same: Phrase("Weiter als {}"), another: "Anderes Konto verwenden" };
