//! What went wrong, whose fault it is, and what to do: ask again, ask the person, or change the settings.

use firman_proto::jose::Refused;
use firman_proto::time::Lifetime;

use crate::exchange::Unreachable;

/// Why a server gave nothing usable. The text says what happened and what cures it, and holds no secret.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// There is no answer.
    #[error("{0}; look at the network, the address and the proxy between")]
    Network(#[from] Unreachable),
    /// The server is broken, busy, or not asked now because it was.
    #[error("{url}: {trouble}; it is the server's trouble, and the same request may succeed later")]
    Server {
        /// The address.
        url: String,
        /// What it said.
        trouble: ServerTrouble,
        /// How long to wait at least, if that is known.
        wait: Option<Lifetime>,
    },
    /// The server understood, and said no.
    #[error("{url}: {refusal}; {cure}", cure = refusal.cure())]
    Permission {
        /// The address.
        url: String,
        /// What it said.
        refusal: Refusal,
    },
    /// Something of this machine: no randomness, no key, a setting.
    #[error("here: {0}")]
    Local(String),
    /// What came is not what the protocol says, or not from whom it should be.
    #[error("{url}: {breach}; {cure}", cure = breach.cure())]
    Protocol {
        /// The address.
        url: String,
        /// What was wrong.
        breach: Breach,
    },
}

/// What to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Ask again, not before so long from now; zero where only a wait of one's own is needed ([`crate::backoff::Backoff`]).
    AskAgain(Lifetime),
    /// A person must sign in, or say yes.
    AskThePerson,
    /// Nothing helps but other settings, here or at the server.
    ChangeSettings,
}

/// What is wrong with a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServerTrouble {
    /// RFC 9110 §15.6; 429 too.
    #[error("answered {0}")]
    Status(u16),
    /// It failed so often that it is left alone for a while.
    #[error("is left alone after {0} failures in a row")]
    Resting(u32),
}

/// The no of a server (RFC 6749 §5.2, RFC 6750 §3.1): only characters that can be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The error code.
    pub code: String,
    /// What it says to people, shortened.
    pub text: String,
    /// Where it says more, if it does.
    pub uri: Option<String>,
}

/// How an answer breaks the protocol.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Breach {
    /// Something else than JSON came.
    #[error("answered with {0} instead of JSON")]
    NotJson(String),
    /// JSON, but not what belongs there.
    #[error("answered JSON that is not what belongs there: {0}")]
    Malformed(String),
    /// A status that means nothing here.
    #[error("answered {0}")]
    Status(u16),
    /// It sent us somewhere else, and nobody follows there with secrets.
    #[error("redirects to {0}")]
    Redirect(String),
    /// RFC 8414 §3.3, OpenID Connect Discovery §4.3, RFC 9207 §2.4.
    #[error("says that it is of the issuer {said}, and not of {expected}")]
    ForeignIssuer {
        /// Whose it says it is.
        said: String,
        /// Whose it must be.
        expected: String,
    },
    /// RFC 9207 §3: the issuer says that all its responses have it.
    #[error("came without iss, though its issuer puts it in every response")]
    NoIssuer,
    /// RFC 6749 §10.12.
    #[error("is not the answer to this sign-in")]
    WrongState,
    /// A signature or a signed claim is wrong.
    #[error("what it signed is not taken: {0}")]
    Signed(Refused),
    /// The ID token is not one for this sign-in (OpenID Connect Core §3.1.3.7).
    #[error("the ID token is not taken: {0}")]
    IdToken(String),
    /// A token of a type that nobody here can use.
    #[error("gave a token of the type {0}")]
    TokenType(String),
    /// What the server does not offer.
    #[error("its metadata has no {0}")]
    Missing(&'static str),
    /// An address that nothing is sent to.
    #[error("{0}")]
    Address(&'static str),
}

impl Error {
    /// What to do.
    pub fn advice(&self) -> Advice {
        match self {
            Self::Network(_) => Advice::AskAgain(Lifetime::ZERO),
            Self::Server { wait, .. } => Advice::AskAgain(wait.unwrap_or(Lifetime::ZERO)),
            Self::Permission { refusal, .. } => refusal.advice(),
            Self::Protocol { breach, .. } => breach.advice(),
            Self::Local(_) => Advice::ChangeSettings,
        }
    }

    /// Whether the failure says something about the server's health, and so counts for [`crate::backoff::Breaker`].
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Network(_) | Self::Server { .. })
    }

    /// The error code of the server's no, if that is what it is.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Permission { refusal, .. } => Some(&refusal.code),
            _ => None,
        }
    }

    pub(crate) fn breach(url: impl Into<String>, breach: Breach) -> Self {
        Self::Protocol { url: url.into(), breach }
    }
}

/// The longest text of a server that is repeated, in characters.
const LONGEST_TEXT: usize = 200;

impl Refusal {
    /// A refusal, shortened to what can be shown.
    pub(crate) fn new(status: u16, code: &str, text: &str, uri: Option<&str>) -> Self {
        let uri = uri.map(shown).filter(|uri| !uri.is_empty());
        Self { status, code: shown(code), text: shown(text), uri }
    }

    fn advice(&self) -> Advice {
        match self.code.as_str() {
            // RFC 8628 §3.5, RFC 9449 §8.
            "authorization_pending" | "slow_down" | "use_dpop_nonce" => Advice::AskAgain(Lifetime::ZERO),
            // RFC 6749 §5.2, §4.1.2.1, RFC 8628 §3.5, RFC 6750 §3.1, RFC 9470 §3, OpenID Connect Core §3.1.2.6.
            "invalid_grant"
            | "access_denied"
            | "expired_token"
            | "invalid_token"
            | "insufficient_scope"
            | "insufficient_user_authentication"
            | "unmet_authentication_requirements"
            | "login_required"
            | "consent_required"
            | "interaction_required"
            | "account_selection_required" => Advice::AskThePerson,
            _ => Advice::ChangeSettings,
        }
    }

    fn cure(&self) -> &'static str {
        match self.code.as_str() {
            "authorization_pending" | "slow_down" => "wait, and ask again",
            "use_dpop_nonce" => "repeat the nonce that it gave",
            "invalid_grant" | "invalid_token" | "expired_token" => {
                "what was allowed has ended or was taken back: sign in again"
            }
            "access_denied" => "the person or a policy said no: ask them, or sign in as somebody else",
            "invalid_client" | "unauthorized_client" => {
                "compare the client's id, secret and rights with what the server has"
            }
            "invalid_scope" | "insufficient_scope" => "ask for a scope that the client and the person have",
            "invalid_target" => "ask for a resource that the server knows",
            _ if self.advice() == Advice::AskThePerson => "sign in again",
            _ => "compare the request and the client's registration with what the server's documentation asks for",
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "refused with {}", self.code)?;
        if !self.text.is_empty() {
            write!(f, ": {}", self.text)?;
        }
        self.uri.iter().try_for_each(|uri| write!(f, " ({uri})"))
    }
}

impl Breach {
    fn advice(&self) -> Advice {
        match self {
            Self::WrongState | Self::IdToken(_) => Advice::AskThePerson,
            _ => Advice::ChangeSettings,
        }
    }

    fn cure(&self) -> &'static str {
        match self {
            Self::NotJson(_) | Self::Status(_) => {
                "look whether the address is right, and whether a proxy or a sign-in page of the network answers in its place"
            }
            Self::Redirect(_) => "use the address that it names, if that is the server's own",
            Self::ForeignIssuer { .. } | Self::NoIssuer => {
                "nothing was sent there: write the issuer exactly as the server does, or find out who answers in its place"
            }
            Self::WrongState => "begin the sign-in again, in one browser",
            Self::Signed(_) | Self::IdToken(_) => {
                "sign in again; if it stays so, compare the clocks, the client id and the server's keys"
            }
            Self::Malformed(_) | Self::TokenType(_) => "report it to whoever runs the server",
            Self::Missing(_) => "use another way that the server offers",
            Self::Address(_) => "nothing is sent there: correct the address",
        }
    }
}

/// What of a foreign text can be shown on a terminal and in a log: no control characters, not too long.
pub(crate) fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: &str) -> Error {
        Error::Permission { url: "https://as.example/token".into(), refusal: Refusal::new(400, code, "", None) }
    }

    // RFC 6749 §4.1.2.1, §5.2, RFC 6750 §3.1, RFC 8628 §3.5, RFC 9449 §8, RFC 9470 §3, OpenID Connect Core §3.1.2.6.
    #[test]
    fn an_error_says_whether_to_ask_again_or_whom() {
        let again = |seconds| Advice::AskAgain(Lifetime::from_seconds(seconds));
        assert_eq!(refused("invalid_grant").advice(), Advice::AskThePerson);
        assert_eq!(refused("login_required").advice(), Advice::AskThePerson);
        assert_eq!(refused("invalid_client").advice(), Advice::ChangeSettings);
        assert_eq!(refused("slow_down").advice(), again(0));
        let busy = Error::Server {
            url: "u".into(),
            trouble: ServerTrouble::Status(503),
            wait: Some(Lifetime::from_seconds(9)),
        };
        assert_eq!(busy.advice(), again(9));
        assert!(busy.is_outage() && !refused("invalid_grant").is_outage());
        let slow = Error::from(Unreachable::Slow { url: "https://as.example".into(), millis: 10_000 });
        assert_eq!((slow.advice(), slow.is_outage()), (again(0), true));
        let page = Error::breach("u", Breach::NotJson("text/html".into()));
        assert_eq!(page.advice(), Advice::ChangeSettings);
    }

    #[test]
    fn an_error_tells_a_cure_and_repeats_little_of_what_came() {
        let text = refused("invalid_grant").to_string();
        assert!(text.contains("https://as.example/token") && text.contains("sign in again"), "{text}");
        let refusal = Refusal::new(400, "a\u{1b}[2Jb\nc", &"x".repeat(1000), Some("\u{7}"));
        assert_eq!((refusal.code.as_str(), refusal.text.len(), refusal.uri), ("a[2Jbc", 200, None));
    }
}
