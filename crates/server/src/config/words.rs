//! Types of settings about clients and what they ask for.

use firman_engine::registration::StatementIssuer;
use firman_proto::acr::{Class, Classes};
use firman_proto::credentials::AuthMethod;
use firman_proto::routes::Route;
use url::Url;

use super::raw::Raw;
use super::schema::Kind;
use super::value::{Textual, Value};

impl Value for Classes {
    const KIND: Kind = Kind::List;

    fn from_raw(raw: &Raw) -> Result<Self, String> {
        let expected = || "classes such as \"urn:example:mfa = pwd otp\", each name once".to_owned();
        let Raw::List(texts) = raw else { return Err(expected()) };
        let classes = texts.iter().map(|text| Class::parse(text)).collect::<Option<_>>();
        classes.and_then(Self::new).ok_or_else(expected)
    }

    fn to_raw(&self) -> Raw {
        Raw::List(self.iter().map(ToString::to_string).collect())
    }
}

impl Value for Vec<StatementIssuer> {
    const KIND: Kind = Kind::List;

    fn from_raw(raw: &Raw) -> Result<Self, String> {
        let expected = || "for each an issuer, a space, and the https address of its keys".to_owned();
        let Raw::List(texts) = raw else { return Err(expected()) };
        let read = |text: &String| {
            let (issuer, jwks_uri) = text.split_once(' ')?;
            let legal = !issuer.is_empty() && jwks_uri.starts_with("http") && !jwks_uri.contains(' ');
            legal.then(|| StatementIssuer { issuer: issuer.to_owned(), jwks_uri: jwks_uri.to_owned() })
        };
        texts.iter().map(read).collect::<Option<_>>().ok_or_else(expected)
    }

    fn to_raw(&self) -> Raw {
        Raw::List(self.iter().map(|trusted| format!("{} {}", trusted.issuer, trusted.jwks_uri)).collect())
    }
}

impl Value for Vec<AuthMethod> {
    const KIND: Kind = Kind::List;

    fn from_raw(raw: &Raw) -> Result<Self, String> {
        let names: Vec<_> = AuthMethod::ALL.iter().map(|method| method.as_str()).collect();
        let expected = || format!("some of {}", names.join(", "));
        let Raw::List(names) = raw else { return Err(expected()) };
        names.iter().map(|name| AuthMethod::parse(name)).collect::<Option<_>>().ok_or_else(expected)
    }

    fn to_raw(&self) -> Raw {
        Raw::List(self.iter().map(|method| method.as_str().to_owned()).collect())
    }
}

/// The address of a page on the web.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebAddress(Box<str>);

impl WebAddress {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Textual for WebAddress {
    const EXPECTED: &str = "an address such as \"https://id.example/terms\"";

    fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        matches!(url.scheme(), "https" | "http").then(|| Self(text.into()))
    }

    fn text(&self) -> String {
        self.0.to_string()
    }
}

impl Textual for Route {
    const EXPECTED: &str = "a path such as \"/oauth2/token\": letters, digits, - . _ ~ and slashes between";

    fn parse(text: &str) -> Option<Self> {
        Self::parse(text)
    }

    fn text(&self) -> String {
        self.as_str().to_owned()
    }
}

/// Words that a challenge or a list may hold: visible ASCII without quote and backslash.
impl Value for Vec<String> {
    const KIND: Kind = Kind::List;

    fn from_raw(raw: &Raw) -> Result<Self, String> {
        let expected = || "words without spaces and quotes".to_owned();
        let Raw::List(words) = raw else { return Err(expected()) };
        let legal = |b: u8| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        let all = words.iter().all(|word| !word.is_empty() && word.bytes().all(legal));
        if all { Ok(words.clone()) } else { Err(expected()) }
    }

    fn to_raw(&self) -> Raw {
        Raw::List(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(texts: &[&str]) -> Raw {
        Raw::List(texts.iter().map(|text| (*text).to_owned()).collect())
    }

    #[test]
    fn what_is_written_is_what_was_read() {
        let classes = list(&["urn:example:pwd = pwd", "urn:example:mfa = pwd otp"]);
        assert!(Classes::from_raw(&classes).unwrap().to_raw() == classes);
        let issuers = list(&["https://directory.example https://directory.example/jwks"]);
        assert!(Vec::<StatementIssuer>::from_raw(&issuers).unwrap().to_raw() == issuers);
        let methods = list(&["private_key_jwt", "none"]);
        assert!(Vec::<AuthMethod>::from_raw(&methods).unwrap().to_raw() == methods);
        for (wrong, expected) in [
            (Classes::from_raw(&list(&["a = b", "a = c"])).map(|_| ()), "each name once"),
            (Vec::<StatementIssuer>::from_raw(&list(&["https://directory.example"])).map(|_| ()), "issuer"),
            (Vec::<AuthMethod>::from_raw(&list(&["magic"])).map(|_| ()), "private_key_jwt"),
            (Vec::<String>::from_raw(&list(&["a b"])).map(|_| ()), "words"),
        ] {
            assert!(wrong.unwrap_err().contains(expected), "{expected}");
        }
    }

    #[test]
    fn an_address_is_one_of_the_web() {
        assert!(WebAddress::parse("https://id.example/terms").is_some());
        for text in ["", "id.example", "javascript:alert(1)", "file:///etc/passwd"] {
            assert!(WebAddress::parse(text).is_none(), "{text}");
        }
    }
}
