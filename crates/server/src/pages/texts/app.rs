//! The pages of the authenticator app and its recovery codes.

/// The pages of the authenticator app and its recovery codes.
#[derive(Clone, Copy, Debug)]
pub struct App {
    pub section: &'static str,
    pub none: &'static str,
    pub add: &'static str,
    pub remove: &'static str,
    pub removed: &'static str,
    pub title: &'static str,
    pub lead: &'static str,
    pub secret: &'static str,
    pub qr: &'static str,
    pub code: &'static str,
    pub submit: &'static str,
    pub wrong: &'static str,
    pub recovery_left: &'static str,
    pub recovery_new: &'static str,
    pub recovery_title: &'static str,
    pub recovery_lead: &'static str,
}

/// In English.
pub(super) const ENGLISH: App = App {
    section: "Authenticator app",
    none: "Signing in asks for no code.",
    add: "Add an app",
    remove: "Remove the app",
    removed: "The app is removed. From now on your password is enough.",
    title: "Add an authenticator app",
    lead: "Scan the picture with the app, or type the key below into it. Then type the code that it shows.",
    secret: "Key",
    qr: "QR code for an authenticator app",
    code: "Code",
    submit: "Add",
    wrong: "This is not the code of this key. Look at the clock of your device, and try the next code.",
    recovery_left: "Codes left",
    recovery_new: "Make new recovery codes",
    recovery_title: "Your recovery codes",
    recovery_lead: "Each signs you in once, when you do not have the app. Write them down now: they are not shown again.",
};

/// In German.
pub(super) const GERMAN: App = App {
    section: "Authenticator-App",
    none: "Beim Anmelden wird nach keinem Code gefragt.",
    add: "App hinzufügen",
    remove: "App entfernen",
    removed: "Die App ist entfernt. Ab jetzt genügt Ihr Passwort.",
    title: "Authenticator-App hinzufügen",
    lead: "Scannen Sie das Bild mit der App, oder tippen Sie den Schlüssel darunter ein. Geben Sie dann den Code ein, den sie zeigt.",
    secret: "Schlüssel",
    qr: "QR-Code für eine Authenticator-App",
    code: "Code",
    submit: "Hinzufügen",
    wrong: "Das ist nicht der Code zu diesem Schlüssel. Prüfen Sie die Uhr Ihres Geräts und versuchen Sie den nächsten Code.",
    recovery_left: "Übrige Codes",
    recovery_new: "Neue Wiederherstellungscodes erzeugen",
    recovery_title: "Ihre Wiederherstellungscodes",
    recovery_lead: "Mit jedem melden Sie sich einmal an, wenn Sie die App nicht haben. Schreiben Sie sie jetzt auf: Sie werden nicht noch einmal gezeigt.",
};
