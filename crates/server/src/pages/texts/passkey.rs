//! The pages of passkeys, and the button for them.

/// The pages of passkeys, and the button for them.
#[derive(Clone, Copy, Debug)]
pub struct Passkey {
    pub submit: &'static str,
    pub failed: &'static str,
    pub refused: &'static str,
    pub section: &'static str,
    pub none: &'static str,
    pub new: &'static str,
    pub title: &'static str,
    pub lead: &'static str,
    pub name: &'static str,
    pub add: &'static str,
    pub added: &'static str,
    pub not_added: &'static str,
    pub rename: &'static str,
    pub renamed: &'static str,
    pub remove: &'static str,
    pub removed: &'static str,
}

/// In English.
pub(super) const ENGLISH: Passkey = Passkey {
    submit: "Use a passkey",
    failed: "Your browser found no passkey for this site, or was not allowed to use it. Try again, or sign in another way.",
    refused: "This passkey was not accepted. Try again, or sign in another way.",
    section: "Passkeys",
    none: "You have no passkey. With one, you sign in by fingerprint, face or PIN of your device, and without a password.",
    new: "Add a passkey",
    title: "Add a passkey",
    lead: "Your device, or a security key, keeps it for this site. Your browser asks you where. It needs JavaScript.",
    name: "Name of the passkey",
    add: "Add",
    added: "The passkey is added. From now on it signs you in.",
    not_added: "This passkey was not accepted. Try again.",
    rename: "Rename",
    renamed: "The passkey has another name.",
    remove: "Remove",
    removed: "The passkey is removed, and signs you in no more. Remove it from your device, too.",
};

/// In German.
pub(super) const GERMAN: Passkey = Passkey {
    submit: "Passkey verwenden",
    failed: "Ihr Browser hat keinen Passkey für diese Seite gefunden oder durfte ihn nicht verwenden. Versuchen Sie es noch einmal, oder melden Sie sich anders an.",
    refused: "Dieser Passkey wurde nicht angenommen. Versuchen Sie es noch einmal, oder melden Sie sich anders an.",
    section: "Passkeys",
    none: "Sie haben keinen Passkey. Mit einem melden Sie sich mit Fingerabdruck, Gesicht oder PIN Ihres Geräts an, ohne Passwort.",
    new: "Passkey hinzufügen",
    title: "Passkey hinzufügen",
    lead: "Ihr Gerät oder ein Sicherheitsschlüssel verwahrt ihn für diese Seite. Ihr Browser fragt Sie, wo. Dazu ist JavaScript nötig.",
    name: "Name des Passkeys",
    add: "Hinzufügen",
    added: "Der Passkey ist hinzugefügt. Ab jetzt können Sie sich mit ihm anmelden.",
    not_added: "Dieser Passkey wurde nicht angenommen. Versuchen Sie es noch einmal.",
    rename: "Umbenennen",
    renamed: "Der Passkey heißt jetzt anders.",
    remove: "Entfernen",
    removed: "Der Passkey ist entfernt; mit ihm können Sie sich nicht mehr anmelden. Entfernen Sie ihn auch von Ihrem Gerät.",
};
