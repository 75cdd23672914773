//! The pages of one's own clients.

/// The pages of one's own clients.
#[derive(Clone, Copy, Debug)]
pub struct Clients {
    pub title: &'static str,
    pub may_ask: &'static str,
    pub lead: &'static str,
    pub none: &'static str,
    pub new: &'static str,
    pub id: &'static str,
    pub page: &'static str,
    pub confidential: &'static str,
    pub redirects: &'static str,
    pub secret: &'static str,
    pub secret_made: &'static str,
    pub rotate: &'static str,
    pub rotate_text: &'static str,
    pub delete: &'static str,
    pub delete_text: &'static str,
    pub deleted: &'static str,
    pub saved: &'static str,
    pub held: &'static str,
    pub held_none: &'static str,
}

/// In English.
pub(super) const ENGLISH: Clients = Clients {
    title: "Your clients",
    may_ask: "It may ask people for",
    lead: "Applications of your own that sign people in here.",
    none: "You have no clients.",
    new: "New client",
    id: "Client ID",
    page: "Its page on the web, if it has one",
    confidential: "It runs on a server and keeps a secret",
    redirects: "Where people are sent back to, one address a line",
    secret: "Client secret",
    secret_made: "The secret of your client",
    rotate: "New secret",
    rotate_text: "The client gets a new secret. The old one goes on working for a day.",
    delete: "Delete this client",
    delete_text: "Everything that people have allowed it ends at once. This cannot be undone.",
    deleted: "The client is deleted.",
    saved: "Saved.",
    held: "What people have allowed it",
    held_none: "Nobody has allowed it anything.",
};

/// In German.
pub(super) const GERMAN: Clients = Clients {
    title: "Ihre Clients",
    may_ask: "Um das darf er Menschen bitten",
    lead: "Eigene Anwendungen, bei denen man sich über diesen Dienst anmeldet.",
    none: "Sie haben keine Clients.",
    new: "Neuer Client",
    id: "Client-ID",
    page: "Seine Seite im Web, falls es eine gibt",
    confidential: "Er läuft auf einem Server und bewahrt ein Geheimnis",
    redirects: "Wohin Menschen zurückgeschickt werden, eine Adresse pro Zeile",
    secret: "Client-Geheimnis",
    secret_made: "Das Geheimnis Ihres Clients",
    rotate: "Neues Geheimnis",
    rotate_text: "Der Client bekommt ein neues Geheimnis. Das alte gilt noch einen Tag.",
    delete: "Diesen Client löschen",
    delete_text: "Alles, was Menschen ihm erlaubt haben, endet sofort. Das lässt sich nicht rückgängig machen.",
    deleted: "Der Client ist gelöscht.",
    saved: "Gespeichert.",
    held: "Was Menschen ihm erlaubt haben",
    held_none: "Niemand hat ihm etwas erlaubt.",
};
