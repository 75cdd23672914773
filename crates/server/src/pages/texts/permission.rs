//! What may be asked for, in words.

use super::Phrase;

/// What may be asked for, in words.
#[derive(Clone, Copy, Debug)]
pub struct Permission {
    /// The standard scopes (OpenID Connect Core §5.4, §11) in words.
    pub scopes: &'static [(&'static str, &'static str)],
    pub scope_unknown: Phrase,
    pub scope_none: &'static str,
    /// The claims that may be asked for one by one (OpenID Connect Core §5.1) in words.
    pub claims: &'static [(&'static str, &'static str)],
}

/// In English.
pub(super) const ENGLISH: Permission = Permission {
    scopes: &[
        ("openid", "Know that it is you"),
        ("profile", "See your name and the rest of your profile"),
        ("email", "See your e-mail address"),
        ("address", "See your postal address"),
        ("phone", "See your telephone number"),
        ("offline_access", "Keep this permission while you are away"),
    ],
    scope_unknown: Phrase("Use the permission {}"),
    scope_none: "Act for you, without any permission in particular",
    claims: &[
        ("name", "See your full name"),
        ("family_name", "See your family name"),
        ("given_name", "See your given name"),
        ("middle_name", "See your middle name"),
        ("nickname", "See your nickname"),
        ("preferred_username", "See the user name that you prefer"),
        ("profile", "See the address of your profile page"),
        ("picture", "See your picture"),
        ("website", "See the address of your website"),
        ("gender", "See your gender"),
        ("birthdate", "See your date of birth"),
        ("zoneinfo", "See your time zone"),
        ("locale", "See your language and region"),
        ("updated_at", "See when your profile was last changed"),
        ("email", "See your e-mail address"),
        ("email_verified", "See whether your e-mail address is verified"),
        ("address", "See your postal address"),
        ("phone_number", "See your telephone number"),
        ("phone_number_verified", "See whether your telephone number is verified"),
    ],
};

/// In German.
pub(super) const GERMAN: Permission = Permission {
    scopes: &[
        ("openid", "Wissen, dass Sie es sind"),
        ("profile", "Ihren Namen und Ihr übriges Profil sehen"),
        ("email", "Ihre E-Mail-Adresse sehen"),
        ("address", "Ihre Postanschrift sehen"),
        ("phone", "Ihre Telefonnummer sehen"),
        ("offline_access", "Diese Erlaubnis behalten, während Sie nicht da sind"),
    ],
    scope_unknown: Phrase("Die Berechtigung {} verwenden"),
    scope_none: "Für Sie handeln, ohne bestimmte Berechtigung",
    claims: &[
        ("name", "Ihren vollen Namen sehen"),
        ("family_name", "Ihren Nachnamen sehen"),
        ("given_name", "Ihren Vornamen sehen"),
        ("middle_name", "Ihren zweiten Vornamen sehen"),
        ("nickname", "Ihren Spitznamen sehen"),
        ("preferred_username", "Den Benutzernamen sehen, den Sie bevorzugen"),
        ("profile", "Die Adresse Ihrer Profilseite sehen"),
        ("picture", "Ihr Bild sehen"),
        ("website", "Die Adresse Ihrer Website sehen"),
        ("gender", "Ihr Geschlecht sehen"),
        ("birthdate", "Ihr Geburtsdatum sehen"),
        ("zoneinfo", "Ihre Zeitzone sehen"),
        ("locale", "Ihre Sprache und Region sehen"),
        ("updated_at", "Sehen, wann Ihr Profil zuletzt geändert wurde"),
        ("email", "Ihre E-Mail-Adresse sehen"),
        ("email_verified", "Sehen, ob Ihre E-Mail-Adresse bestätigt ist"),
        ("address", "Ihre Postanschrift sehen"),
        ("phone_number", "Ihre Telefonnummer sehen"),
        ("phone_number_verified", "Sehen, ob Ihre Telefonnummer bestätigt ist"),
    ],
};
