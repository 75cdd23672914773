//! What a request shows: the token, and what proves that its sender may use it.

use std::fmt;

use firman_proto::seal::Thumbprint;
use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::refusal::Refusal;

/// The longest token that is looked at, in bytes.
const LONGEST: usize = 16 * 1024;

/// What is said where no token can be read.
pub(super) const NO_TOKEN: &str = "the Authorization header holds no token";

/// A request, as far as the guard looks at it. Its Debug shows neither token nor proof.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    /// The method.
    pub method: &'a str,
    /// The path as it was sent, without the query: all of it, also where a router has taken a part off.
    pub path: &'a str,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The certificate of the connection, whose key its sender has proved to hold.
    pub certificate: Option<Thumbprint>,
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shown({} {})", self.method, self.path)
    }
}

/// How a token is presented (RFC 6750 §2.1, RFC 9449 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// By itself, or beside the certificate of the connection.
    Bearer,
    /// With a proof of the key it is bound to.
    Dpop,
}

/// A token and how it is presented.
#[derive(Clone, Copy)]
pub(super) struct Presented<'a> {
    pub(super) scheme: Scheme,
    pub(super) token: &'a str,
}

impl<'a> Shown<'a> {
    /// The token of the request, if it has one; of which letters is for [`is_legal`]. Tokens in queries and forms are not looked for: they end up in logs.
    pub(super) fn token(&self) -> Result<Option<Presented<'a>>, Refusal> {
        let mut values = self.headers.get_all(AUTHORIZATION).iter();
        let Some(value) = values.next() else { return Ok(None) };
        // RFC 6750 §2: clients must not use more than one way to present a token.
        if values.next().is_some() {
            return Err(Refusal::malformed("more than one Authorization header"));
        }
        // What is no text is no token either.
        let value = std::str::from_utf8(value.as_bytes()).unwrap_or_default();
        let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
        // RFC 9110 §11.1: schemes without regard to case.
        let scheme = if scheme.eq_ignore_ascii_case("Bearer") {
            Scheme::Bearer
        } else if scheme.eq_ignore_ascii_case("DPoP") {
            Scheme::Dpop
        } else {
            return Ok(None);
        };
        let token = token.trim_matches(' ');
        if token.is_empty() || token.len() > LONGEST {
            return Err(Refusal::malformed(NO_TOKEN));
        }
        Ok(Some(Presented { scheme, token }))
    }

    /// The one proof of the request (RFC 9449 §4.3 (1)).
    pub(super) fn proof(&self) -> Result<&'a str, Refusal> {
        let mut values = self.headers.get_all("dpop").iter();
        match (values.next().map(|value| value.to_str()), values.next()) {
            (Some(Ok(proof)), None) => Ok(proof),
            (None, _) => Err(Refusal::proof("no DPoP header beside the token")),
            _ => Err(Refusal::proof("not one DPoP header")),
        }
    }
}

/// RFC 6750 §2.1: b64token. Looked at when a token is read for the first time: what is remembered was legal.
pub(super) fn is_legal(token: &str) -> bool {
    let legal =
        |b| matches!(b, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=');
    token.bytes().all(legal)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn token(values: &[&'static str]) -> Result<Option<(Scheme, String)>, Refusal> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_static(value));
        }
        let shown = Shown { method: "GET", path: "/", headers: &headers, certificate: None };
        shown.token().map(|found| found.map(|it| (it.scheme, it.token.to_owned())))
    }

    // RFC 6750 §2.1, §2; RFC 9110 §11.1; RFC 9449 §7.1.
    #[test]
    fn one_token_in_the_header_is_taken_and_nothing_else() {
        assert_eq!(token(&["bearer a.b-c"]).unwrap(), Some((Scheme::Bearer, "a.b-c".to_owned())));
        assert_eq!(token(&["DPOP x"]).unwrap(), Some((Scheme::Dpop, "x".to_owned())));
        assert_eq!(token(&[]).unwrap(), None);
        assert_eq!(token(&["Basic abc"]).unwrap(), None);
        for wrong in [&["Bearer"][..], &["Bearer "], &["Bearer a", "Bearer a"]] {
            assert_eq!(token(wrong).unwrap_err().status(), 400, "{wrong:?}");
        }
        for (text, legal) in [("a.b-c_d~e+f/g=", true), ("a b", false), ("a,b", false), ("a\"b", false), ("ä", false)]
        {
            assert_eq!(is_legal(text), legal, "{text}");
        }
    }
}
