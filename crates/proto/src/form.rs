//! Form parameters, read strictly: `application/x-www-form-urlencoded` as RFC 6749 Appendix B has it.

use std::borrow::Cow;
use std::fmt;

use crate::error::{Denied, invalid_request};

/// More parameters than any request of ours has.
const MOST: usize = 64;

/// RFC 8707 §2, RFC 8693 §2.1: the only parameters that may be repeated.
const REPEATABLE: [&str; 2] = ["resource", "audience"];

/// The parameters of one request, each at most once; an empty value is an absent one (RFC 6749 §3.1).
///
/// Its Debug shows names and no values: among them are passwords, secrets and codes.
#[derive(Clone, Default)]
pub struct Form<'a> {
    parameters: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    repeated: Option<Denied>,
}

impl<'a> Form<'a> {
    /// Reads a form body or a query string. Refuses bad escapes, bytes that are no UTF-8, NUL and repeated parameters.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Denied> {
        let form = Self::parse_redirectable(bytes)?;
        form.must_not_repeat()?;
        Ok(form)
    }

    /// The same for a request whose errors may be sent to a redirect URI: that a parameter is repeated can be told there, by
    /// [`Form::must_not_repeat`]. A repeated parameter has no value.
    pub fn parse_redirectable(bytes: &'a [u8]) -> Result<Self, Denied> {
        let mut form = Self::default();
        for pair in bytes.split(|b| *b == b'&').filter(|pair| !pair.is_empty()) {
            let (name, value) = split_once(pair, b'=');
            let name = decode(name).ok_or_else(|| invalid_request("a parameter name is not properly encoded"))?;
            let value = decode(value)
                .ok_or_else(|| invalid_request(format!("{}: the value is not properly encoded", brief(&name))))?;
            form.insert(name, value)?;
        }
        Ok(form)
    }

    /// The parameters of something else than a form, such as a request object (RFC 9101). Refuses NUL and what is repeated.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Form<'static>, Denied> {
        let mut form = Form::default();
        for (name, value) in pairs {
            if name.contains('\0') || value.contains('\0') {
                return Err(invalid_request(format!("{}: has a character that no parameter has", brief(&name))));
            }
            form.insert(Cow::Owned(name), Cow::Owned(value))?;
        }
        form.must_not_repeat().map(|()| form)
    }

    /// RFC 6749 §3.1: parameters must not be included more than once.
    pub fn must_not_repeat(&self) -> Result<(), Denied> {
        self.repeated.clone().map_or(Ok(()), Err)
    }

    fn insert(&mut self, name: Cow<'a, str>, value: Cow<'a, str>) -> Result<(), Denied> {
        if self.parameters.len() >= MOST {
            return Err(invalid_request("too many parameters"));
        }
        let before = self.parameters.iter_mut().find(|(known, _)| *known == name);
        match before {
            // Whether empty or not, and whichever of the two was meant: neither counts.
            Some((_, first)) if !REPEATABLE.contains(&&*name) => {
                *first = Cow::Borrowed("");
                self.repeated.get_or_insert(invalid_request(format!("{}: given more than once", brief(&name))));
            }
            _ => self.parameters.push((name, value)),
        }
        Ok(())
    }

    /// The value of a parameter; `None` if it is absent or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// The value of a parameter that must be there.
    pub fn required(&self, name: &str) -> Result<&str, Denied> {
        self.get(name).ok_or_else(|| invalid_request(format!("{name}: missing")))
    }

    /// Every non-empty value of a parameter that may be repeated.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        // RFC 6749 §3.1: parameters sent without a value are treated as if they were omitted.
        self.parameters
            .iter()
            .filter(move |(known, value)| *known == name && !value.is_empty())
            .map(|(_, value)| &**value)
    }

    /// Every parameter that has a value, in the order sent.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (&**name, &**value))
    }
}

impl fmt::Debug for Form<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Form")?;
        f.debug_list().entries(self.parameters.iter().map(|(name, _)| brief(name))).finish()
    }
}

fn split_once(pair: &[u8], at: u8) -> (&[u8], &[u8]) {
    let mut parts = pair.splitn(2, |b| *b == at);
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}

/// Undoes the encoding of one name or value; `None` for a bad escape, bytes that are no UTF-8, or NUL.
pub fn decode(text: &[u8]) -> Option<Cow<'_, str>> {
    let decoded = if text.iter().any(|b| matches!(b, b'%' | b'+')) {
        Cow::Owned(String::from_utf8(unescape(text)?).ok()?)
    } else {
        Cow::Borrowed(std::str::from_utf8(text).ok()?)
    };
    (!decoded.contains('\0')).then_some(decoded)
}

fn unescape(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => hex(*bytes.next()?)? << 4 | hex(*bytes.next()?)?,
            other => other,
        });
    }
    Some(out)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Appends `name=value` to a query or form under construction.
pub fn append(out: &mut String, name: &str, value: &str) {
    if !(out.is_empty() || out.ends_with(['?', '&', '#'])) {
        out.push('&');
    }
    encode(out, name);
    out.push('=');
    encode(out, value);
}

/// Percent-encodes everything outside the unreserved characters (RFC 3986 §2.3).
pub fn encode(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for digit in [byte >> 4, byte & 15] {
                out.push(char::from_digit(u32::from(digit), 16).unwrap_or('0').to_ascii_uppercase());
            }
        }
    }
}

/// A name fit for an error text: what a stranger sends is not echoed at length.
fn brief(name: &str) -> &str {
    if name.len() <= 40 && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')) {
        name
    } else {
        "a parameter"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &[u8]) -> String {
        Form::parse(body).unwrap_err().text.into_owned()
    }

    // RFC 6749 §3.1.
    #[test]
    fn a_parameter_sent_twice_is_refused_and_named() {
        assert_eq!(refused(b"scope=a&scope=b"), "scope: given more than once");
        assert_eq!(refused(b"scope=&scope=b"), "scope: given more than once");
        assert_eq!(refused(b"sc%6fpe=a&scope=b"), "scope: given more than once");
    }

    #[test]
    fn a_repeated_parameter_has_no_value_even_where_its_error_may_be_redirected() {
        let form = Form::parse_redirectable(b"state=a&scope=x&state=b").unwrap();
        assert_eq!((form.get("state"), form.get("scope")), (None, Some("x")));
        assert_eq!(form.must_not_repeat().unwrap_err().text, "state: given more than once");
    }

    // RFC 6749 §3.1.
    #[test]
    fn an_empty_parameter_is_an_absent_one() {
        let form = Form::parse(b"scope=&state=x").unwrap();
        assert_eq!(form.get("scope"), None);
        assert_eq!(form.required("scope").unwrap_err().text, "scope: missing");
        assert_eq!(form.get("state"), Some("x"));
    }

    // RFC 8707 §2, RFC 8693 §2.1.
    #[test]
    fn resource_may_be_repeated() {
        let form = Form::parse(b"resource=a&resource=b").unwrap();
        assert_eq!(form.all("resource").collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn bad_encodings_are_refused() {
        for body in [&b"a=%"[..], b"a=%4", b"a=%zz", b"a=%ff", b"a=\xff", b"a=%00"] {
            assert_eq!(refused(body), "a: the value is not properly encoded", "{body:?}");
        }
        assert_eq!(refused(b"%ff=a"), "a parameter name is not properly encoded");
    }

    #[test]
    fn debug_shows_names_and_no_values() {
        let shown = format!("{:?}", Form::parse(b"username=a&password=hidden").unwrap());
        assert_eq!(shown, r#"Form["username", "password"]"#);
    }

    #[test]
    fn too_many_parameters_are_refused() {
        let pairs: Vec<_> = (0..65).map(|n| format!("p{n}=x")).collect();
        assert_eq!(refused(pairs.join("&").as_bytes()), "too many parameters");
    }

    // RFC 3986 §2.3.
    #[test]
    fn what_is_encoded_decodes_to_itself() {
        let mut out = String::new();
        append(&mut out, "a b", "c&d=e+f/ä%");
        append(&mut out, "n", "");
        assert_eq!(out, "a%20b=c%26d%3De%2Bf%2F%C3%A4%25&n=");
        assert_eq!(Form::parse(out.as_bytes()).unwrap().get("a b"), Some("c&d=e+f/ä%"));
    }
}
