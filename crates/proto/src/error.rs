//! What a request can be refused with: one table from error code to HTTP status and specification.

use std::borrow::Cow;
use std::fmt;

macro_rules! error_codes {
    ($($(#[doc = $doc:literal])* $variant:ident = $code:literal, $status:literal, $section:literal;)*) => {
        /// An error code of OAuth 2.0, OpenID Connect or one of their extensions.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorCode { $($(#[doc = $doc])* $variant,)* }

        impl ErrorCode {
            /// Every code there is, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code on the wire.
            pub const fn as_str(self) -> &'static str { match self { $(Self::$variant => $code,)* } }

            /// The HTTP status of an answer (not of a redirect) that carries this code.
            pub const fn status(self) -> u16 { match self { $(Self::$variant => $status,)* } }

            /// Where the code is defined.
            pub const fn section(self) -> &'static str { match self { $(Self::$variant => $section,)* } }
        }
    };
}

error_codes! {
    /// A parameter is missing, repeated or malformed.
    InvalidRequest = "invalid_request", 400, "RFC 6749 §5.2";
    /// The client could not be authenticated.
    InvalidClient = "invalid_client", 401, "RFC 6749 §5.2";
    /// The code or refresh token does not allow what was asked.
    InvalidGrant = "invalid_grant", 400, "RFC 6749 §5.2";
    /// The client may not do this.
    UnauthorizedClient = "unauthorized_client", 400, "RFC 6749 §5.2";
    /// No such grant type here.
    UnsupportedGrantType = "unsupported_grant_type", 400, "RFC 6749 §5.2";
    /// The scope is malformed or more than what may be had.
    InvalidScope = "invalid_scope", 400, "RFC 6749 §5.2";
    /// The resource is malformed, not known, or more than was granted.
    InvalidTarget = "invalid_target", 400, "RFC 8707 §2";
    /// The person, or a policy, said no.
    AccessDenied = "access_denied", 400, "RFC 6749 §4.1.2.1";
    /// No such response type here.
    UnsupportedResponseType = "unsupported_response_type", 400, "RFC 6749 §4.1.2.1";
    /// Something broke on our side.
    ServerError = "server_error", 500, "RFC 6749 §4.1.2.1";
    /// We cannot serve now; the same request may succeed later.
    TemporarilyUnavailable = "temporarily_unavailable", 503, "RFC 6749 §4.1.2.1";
    /// Nobody is signed in and asking was forbidden.
    LoginRequired = "login_required", 400, "OpenID Connect Core §3.1.2.6";
    /// Consent is needed and asking was forbidden.
    ConsentRequired = "consent_required", 400, "OpenID Connect Core §3.1.2.6";
    /// Some page is needed and showing one was forbidden.
    InteractionRequired = "interaction_required", 400, "OpenID Connect Core §3.1.2.6";
    /// The request that a `request_uri` stands for is not there, or no longer.
    InvalidRequestUri = "invalid_request_uri", 400, "RFC 9101 §7";
    /// The request object is not one that this client has signed for us.
    InvalidRequestObject = "invalid_request_object", 400, "RFC 9101 §7";
    /// The `registration` parameter is not taken.
    RegistrationNotSupported = "registration_not_supported", 400, "OpenID Connect Core §3.1.2.6";
    /// The person cannot prove who they are in the way that was asked for.
    UnmetAuthenticationRequirements = "unmet_authentication_requirements", 400, "OpenID Connect Unmet Authentication Requirements §2";
    /// `authorization_details` that are malformed, unknown, or more than what may be had.
    InvalidAuthorizationDetails = "invalid_authorization_details", 400, "RFC 9396 §5";
    /// Nobody has answered the device's request yet.
    AuthorizationPending = "authorization_pending", 400, "RFC 8628 §3.5";
    /// The device asks too often.
    SlowDown = "slow_down", 400, "RFC 8628 §3.5";
    /// The device code has expired.
    ExpiredToken = "expired_token", 400, "RFC 8628 §3.5";
    /// Nobody here is whom the client means.
    UnknownUserId = "unknown_user_id", 400, "OpenID Connect CIBA Core §13";
    /// The message that both places show is too long, or has characters that would not look the same.
    InvalidBindingMessage = "invalid_binding_message", 400, "OpenID Connect CIBA Core §13";
    /// The DPoP proof is missing, not good, or was used before.
    InvalidDpopProof = "invalid_dpop_proof", 400, "RFC 9449 §5";
    /// The DPoP proof must repeat a nonce of ours.
    UseDpopNonce = "use_dpop_nonce", 400, "RFC 9449 §8";
    /// The access token is not (or no longer) good.
    InvalidToken = "invalid_token", 401, "RFC 6750 §3.1";
    /// The access token is good but does not reach this far.
    InsufficientScope = "insufficient_scope", 403, "RFC 6750 §3.1";
    /// The access token is good, but its person signed in too long ago or not well enough.
    InsufficientUserAuthentication = "insufficient_user_authentication", 401, "RFC 9470 §3";
    /// Client metadata that cannot be registered.
    InvalidClientMetadata = "invalid_client_metadata", 400, "RFC 7591 §3.2.2";
    /// A redirect URI that cannot be registered.
    InvalidRedirectUri = "invalid_redirect_uri", 400, "RFC 7591 §3.2.2";
    /// A software statement that is malformed, or was not made by who it says.
    InvalidSoftwareStatement = "invalid_software_statement", 400, "RFC 7591 §3.2.2";
    /// A software statement of somebody who is not trusted.
    UnapprovedSoftwareStatement = "unapproved_software_statement", 400, "RFC 7591 §3.2.2";
    /// Tokens of this type cannot be revoked here.
    UnsupportedTokenType = "unsupported_token_type", 400, "RFC 7009 §2.2.1";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A refusal: a code and a safe text for the client, and a reason for the log.
///
/// The text never holds a secret, and only characters that RFC 6749 §5.2 allows in an `error_description`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// What the client is told in one word.
    pub code: ErrorCode,
    /// What the client is told in a sentence.
    pub text: Cow<'static, str>,
    /// What the log is told; defaults to the text.
    pub why: Cow<'static, str>,
}

impl Denied {
    /// A refusal whose reason may be told to everybody.
    pub fn new(code: ErrorCode, text: impl Into<Cow<'static, str>>) -> Self {
        let text = printable(text.into());
        Self { code, why: text.clone(), text }
    }

    /// Adds what only the log may know.
    #[must_use]
    pub fn because(self, why: impl Into<Cow<'static, str>>) -> Self {
        Self { why: why.into(), ..self }
    }
}

/// RFC 6749 §5.2: `error_description` has only %x20-21, %x23-5B and %x5D-7E.
fn printable(text: Cow<'static, str>) -> Cow<'static, str> {
    let legal = |c: char| matches!(c, '\x20' | '\x21' | '\x23'..='\x5b' | '\x5d'..='\x7e');
    if text.chars().all(legal) {
        return text;
    }
    Cow::Owned(text.chars().map(|c| if legal(c) { c } else { '\'' }).collect())
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.why)
    }
}

impl std::error::Error for Denied {}

/// `invalid_request`: the text names the parameter.
pub fn invalid_request(text: impl Into<Cow<'static, str>>) -> Denied {
    Denied::new(ErrorCode::InvalidRequest, text)
}

/// `invalid_grant`: clients learn one sentence, the log learns why, so that guessing teaches nothing.
pub fn invalid_grant(why: impl Into<Cow<'static, str>>) -> Denied {
    Denied::new(
        ErrorCode::InvalidGrant,
        "the code or token is not valid, has expired or was revoked, or belongs to another client",
    )
    .because(why)
}

/// `invalid_client`: one public sentence for every reason.
pub fn invalid_client(why: impl Into<Cow<'static, str>>) -> Denied {
    Denied::new(ErrorCode::InvalidClient, "client authentication failed").because(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 6749 §5.2.
    #[test]
    fn a_description_has_only_the_characters_the_rfc_allows() {
        assert_eq!(invalid_request("a\"b\\c\nd\u{e4}").text, "a'b'c'd'");
    }

    #[test]
    fn codes_are_told_apart_and_have_error_statuses() {
        for (position, code) in ErrorCode::ALL.iter().enumerate() {
            assert!((400..600).contains(&code.status()) && !code.section().is_empty());
            assert!(ErrorCode::ALL[position + 1..].iter().all(|other| other.as_str() != code.as_str()));
        }
    }
}
