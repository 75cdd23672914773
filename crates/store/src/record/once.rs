use firman_proto::digest::Digest16;
use firman_proto::id::IssuerNumber;
use firman_proto::time::{Day, Timestamp};

/// Something that is taken once: the identifier of a proof or an assertion. A second time it is a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Once {
    /// What kind of thing.
    pub namespace: OnceNamespace,
    /// Its digest, by [`Once::digest`].
    pub digest: Digest16,
    /// When it would be refused for its age: then the record may go. From what is signed, never from configuration, so that
    /// every node looks in the same day.
    pub expires_at: Timestamp,
}

impl Once {
    /// The key of an identifier that somebody (a key's thumbprint, a client, an issuer of assertions) chose.
    pub fn digest(issuer: IssuerNumber, by: &[u8], identifier: &str) -> Digest16 {
        Digest16::of(&[&issuer.0.to_be_bytes(), b"once", by, identifier.as_bytes()])
    }

    /// The day by which it leaves, the first part of its key.
    pub const fn day(&self) -> Day {
        self.expires_at.day()
    }
}

/// What is taken once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum OnceNamespace {
    /// The `jti` of a DPoP proof (RFC 9449 §11.1).
    DpopProof,
    /// The `jti` of an assertion by which a client authenticates (RFC 7523 §3).
    ClientAssertion,
    /// The `jti` of an assertion that is a grant (RFC 7523 §3).
    GrantAssertion,
    /// The `jti` of a logout token (OpenID Connect Back-Channel Logout).
    LogoutToken,
    /// The `jti` of a request object (RFC 9101).
    RequestObject,
    /// The `state` of a sign-in at another identity provider.
    UpstreamState,
    /// A browser that was handed off to a login app, and came back.
    HandOff,
    /// The challenge that a passkey has answered (Web Authentication §13.4.3).
    PasskeyChallenge,
    /// A link of a mail, which proves an address or replaces a password.
    MailLink,
}

impl OnceNamespace {
    /// Every kind there is.
    pub const ALL: &'static [Self] = &[
        Self::DpopProof,
        Self::ClientAssertion,
        Self::GrantAssertion,
        Self::LogoutToken,
        Self::RequestObject,
        Self::UpstreamState,
        Self::HandOff,
        Self::PasskeyChallenge,
        Self::MailLink,
    ];

    /// The number in the database; numbers are never given twice.
    pub const fn number(self) -> u8 {
        match self {
            Self::DpopProof => 1,
            Self::ClientAssertion => 2,
            Self::GrantAssertion => 3,
            Self::LogoutToken => 4,
            Self::RequestObject => 5,
            Self::UpstreamState => 6,
            Self::HandOff => 7,
            Self::PasskeyChallenge => 8,
            Self::MailLink => 9,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_is_given_twice() {
        let mut numbers: Vec<_> = OnceNamespace::ALL.iter().map(|namespace| namespace.number()).collect();
        numbers.dedup();
        assert_eq!(numbers.len(), OnceNamespace::ALL.len());
    }

    #[test]
    fn who_chose_an_identifier_is_part_of_its_key() {
        let digest = |by: &[u8], jti| Once::digest(IssuerNumber(0), by, jti);
        assert_ne!(digest(b"a", "1"), digest(b"b", "1"));
        assert_ne!(digest(b"a", "b1"), digest(b"ab", "1"));
    }
}
