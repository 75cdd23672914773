//! Signing in at other providers.

use super::Phrase;

/// Signing in at other providers.
#[derive(Clone, Copy, Debug)]
pub struct Upstream {
    /// Names the list of buttons to a screen reader.
    pub label: &'static str,
    pub with: Phrase,
    pub only: &'static str,
    pub title: Phrase,
    pub unreachable: &'static str,
    pub refused: &'static str,
    pub unproved: &'static str,
    pub not_admitted: &'static str,
    pub again: &'static str,
    pub choose: &'static str,
    pub leave: &'static str,
    pub section: &'static str,
    pub as_person: Phrase,
    pub since: Phrase,
    pub unlink: &'static str,
    pub unlinked: &'static str,
    pub kept_there: &'static str,
}

/// In English.
pub(super) const ENGLISH: Upstream = Upstream {
    label: "Other ways to sign in",
    with: Phrase("Sign in with {}"),
    only: "Nobody signs in here with a password. Choose where you have your account.",
    title: Phrase("{} did not sign you in"),
    unreachable: "It cannot be reached at the moment. Try again in a minute; what you began here waits.",
    refused: "It refused, or you cancelled there.",
    unproved: "Its answer could not be verified, so it is not taken. Try again; if it happens again, tell the people who run this server.",
    not_admitted: "It knows you, but your account there gives no access here. Ask the people who run this server.",
    again: "Try again",
    choose: "Sign in another way",
    leave: "Back to the application",
    section: "Sign-ins elsewhere",
    as_person: Phrase(" as {}"),
    since: Phrase(", since {}"),
    unlink: "Do not sign me in there any more",
    unlinked: "From now on you do not sign in there any more.",
    kept_there: "Your account is kept there.",
};

/// In German.
pub(super) const GERMAN: Upstream = Upstream {
    label: "Andere Wege, sich anzumelden",
    with: Phrase("Mit {} anmelden"),
    only: "Niemand meldet sich hier mit einem Passwort an. Wählen Sie, wo Sie Ihr Konto haben.",
    title: Phrase("{} hat Sie nicht angemeldet"),
    unreachable: "Der Dienst ist gerade nicht zu erreichen. Versuchen Sie es in einer Minute noch einmal; was Sie hier begonnen haben, wartet.",
    refused: "Der Dienst hat abgelehnt, oder Sie haben dort abgebrochen.",
    unproved: "Die Antwort ließ sich nicht prüfen und gilt deshalb nicht. Versuchen Sie es noch einmal; wenn es wieder geschieht, sagen Sie es den Leuten, die diesen Server betreiben.",
    not_admitted: "Der Dienst kennt Sie, aber Ihr Konto dort gibt hier keinen Zugang. Fragen Sie die Leute, die diesen Server betreiben.",
    again: "Noch einmal versuchen",
    choose: "Anders anmelden",
    leave: "Zurück zur Anwendung",
    section: "Anmeldungen anderswo",
    as_person: Phrase(" als {}"),
    since: Phrase(", seit {}"),
    unlink: "Mich dort nicht mehr anmelden",
    unlinked: "Von jetzt an melden Sie sich dort nicht mehr an.",
    kept_there: "Ihr Konto wird dort geführt.",
};
