/// Why something signed, or a key, is not taken. For the log: it holds names and rules, nothing of what was presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// More bytes than any honest one has.
    #[error("it is too long")]
    TooLong,
    /// RFC 7515 §7.1: three parts and two dots.
    #[error("it is not a compact JWS")]
    Shape,
    /// RFC 7515 §2: base64url without padding, white space or stray bits.
    #[error("a part is not canonical base64url")]
    Base64,
    /// Not one JSON object, or a member is there twice (RFC 7515 §4, RFC 7519 §4).
    #[error("a part is not a JSON object whose members are there once")]
    Json,
    /// A header parameter that is never trusted, understood or allowed here.
    #[error("the header has {0}")]
    Header(&'static str),
    /// No algorithm of ours, or one that is not allowed for this purpose.
    #[error("the algorithm is not allowed here")]
    Algorithm,
    /// Not a type that is taken here (RFC 8725 §3.11).
    #[error("the typ is another")]
    Typ,
    /// A key that may not be used: malformed, weak, private, or for another use.
    #[error("the key is not taken: {0}")]
    Key(&'static str),
    /// No key that suits. A set that is fetched may have a new one.
    #[error("no key of the set suits")]
    UnknownKey,
    /// More than one key suits, and no `kid` chooses.
    #[error("more than one key of the set suits, and no kid chooses")]
    AmbiguousKey,
    /// The signature does not verify.
    #[error("the signature is wrong")]
    Signature,
    /// A claim is missing or of the wrong type.
    #[error("the claim {0} is missing or malformed")]
    Claim(&'static str),
    /// RFC 7516 §7.1: five parts and four dots.
    #[error("it is not a compact JWE")]
    NotJwe,
    /// It is for another key, or was damaged; which of the two is not told (RFC 7516 §11.5).
    #[error("it cannot be decrypted")]
    Decryption,
    /// The library refused to encrypt.
    #[error("it cannot be encrypted")]
    Encryption,
    /// For somebody else.
    #[error("the audience is another")]
    Audience,
    /// `now` is at or after `exp`.
    #[error("it has expired")]
    Expired,
    /// `nbf` or `iat` lies ahead of us.
    #[error("it is not valid yet")]
    NotYet,
    /// It would be good for longer than is allowed.
    #[error("it would be good for too long")]
    TooLongLived,
    /// It has claims that only an ID token has.
    #[error("it is an ID token")]
    IdToken,
}
