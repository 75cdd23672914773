//! The pages of API keys.

use super::Phrase;

/// The pages of API keys.
#[derive(Clone, Copy, Debug)]
pub struct ApiKeys {
    pub title: &'static str,
    pub lead: &'static str,
    pub none: &'static str,
    pub key: &'static str,
    pub new: &'static str,
    pub new_lead: &'static str,
    pub days: &'static str,
    pub resources: &'static str,
    pub revoke: &'static str,
    pub revoked: &'static str,
    pub may: &'static str,
    pub made: Phrase,
}

/// In English.
pub(super) const ENGLISH: ApiKeys = ApiKeys {
    title: "API keys",
    lead: "Keys for programs of your own. Whoever has one can do what it is for, as you.",
    none: "You have no API keys.",
    key: "API key",
    new: "New API key",
    new_lead: "Let it do no more than it needs to.",
    days: "Ends after so many days",
    resources: "None chosen: for this service itself.",
    revoke: "Revoke",
    revoked: "The key is revoked. Nobody can use it any more.",
    may: "It may",
    made: Phrase("Your key {}"),
};

/// In German.
pub(super) const GERMAN: ApiKeys = ApiKeys {
    title: "API-Schlüssel",
    lead: "Schlüssel für eigene Programme. Wer einen hat, kann in Ihrem Namen tun, wofür er ist.",
    none: "Sie haben keine API-Schlüssel.",
    key: "API-Schlüssel",
    new: "Neuer API-Schlüssel",
    new_lead: "Lassen Sie ihn nicht mehr tun, als er muss.",
    days: "Endet nach so vielen Tagen",
    resources: "Nichts gewählt: für diesen Dienst selbst.",
    revoke: "Widerrufen",
    revoked: "Der Schlüssel ist widerrufen. Niemand kann ihn mehr verwenden.",
    may: "Er darf",
    made: Phrase("Ihr Schlüssel {}"),
};
