//! The form that asks for a passkey, wherever it stands.

/// Asks the browser for a passkey. The form posts `question`, `answer`, `csrf`, what is hidden in it, and `name` for a new one. It
/// stays hidden where there is no script, or where the browser has no passkeys.
#[derive(Clone, Copy, Debug)]
pub struct PasskeyForm<'a> {
    /// `get` one that is there, or `create` a new one.
    pub kind: &'a str,
    /// What the script gives to the browser, in JSON.
    pub options: &'a str,
    /// The hidden field `question`.
    pub question: &'a str,
    /// Hidden fields: names and values.
    pub hidden: &'a [(&'a str, &'a str)],
    /// The hidden field `csrf`.
    pub csrf: &'a str,
    /// Where the form is posted to.
    pub action: &'a str,
}

impl PasskeyForm<'_> {
    /// Whether it is for a new passkey.
    pub fn is_new(&self) -> bool {
        self.kind == "create"
    }
}
