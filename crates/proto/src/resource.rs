//! Resource indicators (RFC 8707): how a resource is named, and which names are the same one's.

use std::borrow::Cow;

use url::Url;

use crate::error::{Denied, ErrorCode};
use crate::form::Form;

/// The longest that is taken, in bytes: several must fit into an access token.
pub const LONGEST: usize = 512;

/// How many a request may name.
pub const MOST: usize = 8;

/// Why a text names no resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IndicatorError {
    /// RFC 8707 §2: an absolute URI.
    #[error("must be an absolute URI such as https://api.example")]
    NotAbsolute,
    /// RFC 8707 §2.
    #[error("must not have a fragment (#)")]
    Fragment,
    /// User name or password before the host.
    #[error("must not carry a user name or password")]
    UserInfo,
    /// White space, control characters, quotes, backslash, or too long.
    #[error("has characters that a URI cannot have, or is longer than {LONGEST} bytes")]
    Characters,
}

/// Whether this is a resource indicator (RFC 8707 §2).
pub fn check(text: &str) -> Result<(), IndicatorError> {
    let legal = |b: u8| b.is_ascii_graphic() && !matches!(b, b'\\' | b'"' | b'<' | b'>');
    if text.len() > LONGEST || !text.bytes().all(legal) {
        return Err(IndicatorError::Characters);
    }
    let url = Url::parse(text).map_err(|_| IndicatorError::NotAbsolute)?;
    // RFC 8707 §2: must not include a fragment component.
    if text.contains('#') {
        return Err(IndicatorError::Fragment);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(IndicatorError::UserInfo);
    }
    Ok(())
}

/// The one text of all names of a resource: clients write the case of a host, its usual port and the slash at the end as they
/// like, and mean the same.
pub fn canonical(text: &str) -> Cow<'_, str> {
    let Ok(url) = Url::parse(text) else { return Cow::Borrowed(text) };
    if url.cannot_be_a_base() {
        return Cow::Borrowed(text);
    }
    let mut text = String::from(url);
    if text.ends_with('/') && !text.contains('?') {
        text.pop();
    }
    Cow::Owned(text)
}

/// What a request names, each once.
pub fn requested(form: &Form<'_>) -> Result<Vec<String>, Denied> {
    let mut named: Vec<String> = Vec::new();
    for text in form.all("resource") {
        // RFC 8707 §2: invalid_target also for what is malformed.
        check(text).map_err(|why| invalid_target(format!("resource: {why}")))?;
        if named.iter().any(|known| canonical(known) == canonical(text)) {
            continue;
        }
        if named.len() >= MOST {
            return Err(invalid_target(format!("resource: more than {MOST}")));
        }
        named.push(text.to_owned());
    }
    Ok(named)
}

/// `invalid_target` (RFC 8707 §2).
pub fn invalid_target(text: impl Into<Cow<'static, str>>) -> Denied {
    Denied::new(ErrorCode::InvalidTarget, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_named_by_an_absolute_uri_without_fragment() {
        for text in ["https://api.example", "https://api.example/v1?x=y", "urn:example:api", "http://127.0.0.1:1/mcp"] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        for (text, error) in [
            ("", IndicatorError::NotAbsolute),
            ("/v1", IndicatorError::NotAbsolute),
            ("api.example", IndicatorError::NotAbsolute),
            ("https://api.example/#", IndicatorError::Fragment),
            ("https://a@api.example", IndicatorError::UserInfo),
            ("https://api.example/ä", IndicatorError::Characters),
            ("https://api.example/a b", IndicatorError::Characters),
            ("https://api.example/\"", IndicatorError::Characters),
            ("https://api.example\\@evil.example", IndicatorError::Characters),
        ] {
            assert_eq!(check(text), Err(error), "{text}");
        }
        assert_eq!(check(&format!("https://a.example/{}", "a".repeat(LONGEST))), Err(IndicatorError::Characters));
    }

    #[test]
    fn case_of_the_host_usual_port_and_last_slash_make_no_other_resource() {
        let one = canonical("https://mcp.example");
        for same in
            ["https://MCP.example", "https://mcp.example/", "HTTPS://mcp.example:443", "https://mcp.example:443/"]
        {
            assert_eq!(canonical(same), one, "{same}");
        }
        for other in ["http://mcp.example", "https://mcp.example/a", "https://mcp.example:8443", "https://mcp.example?"]
        {
            assert_ne!(canonical(other), one, "{other}");
        }
        assert_eq!(canonical("https://mcp.example/a/"), canonical("https://mcp.example/a"));
        assert_ne!(canonical("https://mcp.example/A"), canonical("https://mcp.example/a"));
        assert_ne!(canonical("https://mcp.example/?x=/"), canonical("https://mcp.example/?x="));
        assert_eq!(canonical("urn:example:API/"), "urn:example:API/");
    }

    #[test]
    fn a_request_names_each_resource_once_and_only_so_many() {
        let parse = |query: &str| requested(&Form::parse(query.as_bytes()).unwrap());
        assert_eq!(parse("").unwrap(), Vec::<String>::new());
        assert_eq!(parse("resource=https://a.example&resource=https://A.example/").unwrap(), ["https://a.example"]);
        let many: Vec<_> = (0..9).map(|n| format!("resource=urn:a:{n}")).collect();
        for wrong in ["resource=a", "resource=https://a.example%23", &many.join("&")] {
            let denied = parse(wrong).unwrap_err();
            assert_eq!(denied.code.as_str(), "invalid_target", "{wrong}");
            assert!(denied.text.starts_with("resource: "), "{wrong}");
        }
    }
}
