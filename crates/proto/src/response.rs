//! Authorization responses: what is in them (response types), how they travel (response modes), and what is sent.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::form;
use crate::redirect_uri::RedirectUri;

/// What an authorization response brings (Multiple Response Types §3 and §5); `none` is nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ResponseType {
    /// An authorization code.
    pub code: bool,
    /// An access token.
    pub token: bool,
    /// An ID token.
    pub id_token: bool,
}

impl ResponseType {
    /// A code and nothing else.
    pub const CODE: Self = Self { code: true, token: false, id_token: false };

    /// Every response type, in the order in which they are listed.
    pub const ALL: [Self; 8] = [
        Self::CODE,
        Self { code: false, token: false, id_token: false },
        Self { code: false, token: false, id_token: true },
        Self { code: false, token: true, id_token: false },
        Self { code: false, token: true, id_token: true },
        Self { code: true, token: false, id_token: true },
        Self { code: true, token: true, id_token: false },
        Self { code: true, token: true, id_token: true },
    ];

    /// Reads a response type; the order of its words does not matter (Multiple Response Types §3).
    pub fn parse(text: &str) -> Option<Self> {
        let none = Self { code: false, token: false, id_token: false };
        if text == "none" {
            return Some(none);
        }
        let mut read = none;
        for word in text.split(' ') {
            let part = match word {
                "code" => &mut read.code,
                "token" => &mut read.token,
                "id_token" => &mut read.id_token,
                _ => return None,
            };
            if std::mem::replace(part, true) {
                return None;
            }
        }
        Some(read)
    }

    /// Its words in the order in which the specifications write them.
    pub const fn as_str(self) -> &'static str {
        match (self.code, self.id_token, self.token) {
            (false, false, false) => "none",
            (true, false, false) => "code",
            (false, true, false) => "id_token",
            (false, false, true) => "token",
            (false, true, true) => "id_token token",
            (true, true, false) => "code id_token",
            (true, false, true) => "code token",
            (true, true, true) => "code id_token token",
        }
    }

    /// Whether tokens travel through the browser: implicit and hybrid (RFC 9700 §2.1.2 advises against it).
    pub const fn is_front_channel(self) -> bool {
        self.token || self.id_token
    }
}

impl Default for ResponseType {
    fn default() -> Self {
        Self::CODE
    }
}

impl From<ResponseType> for String {
    fn from(of: ResponseType) -> Self {
        of.as_str().to_owned()
    }
}

impl TryFrom<String> for ResponseType {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("no response type")
    }
}

/// What carries a response back to the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Carrier {
    /// The query of the redirect URI (RFC 6749 §4.1.2).
    #[default]
    Query,
    /// Its fragment (RFC 6749 §4.2.2).
    Fragment,
    /// A form that the browser posts (OAuth 2.0 Form Post Response Mode).
    FormPost,
}

/// How a response travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ResponseMode {
    /// What carries it.
    pub carrier: Carrier,
    /// Its members are the claims of one signed JWT (JARM).
    #[serde(default)]
    pub signed: bool,
}

impl ResponseMode {
    /// Every mode that is listed.
    pub const ALL: [&'static str; 7] =
        ["query", "fragment", "form_post", "jwt", "query.jwt", "fragment.jwt", "form_post.jwt"];

    /// Reads a mode for a response of this type; `None` if there is no such mode, or if it does not go with the type.
    pub fn parse(text: &str, of: ResponseType) -> Option<Self> {
        let (plain, signed) = match text.strip_suffix(".jwt") {
            Some(plain) => (plain, true),
            None => (text, text == "jwt"),
        };
        let carrier = match plain {
            // JARM §2.3.4: jwt alone is the default of the response type.
            "jwt" if text == "jwt" => Self::default_of(of).carrier,
            // Multiple Response Types §5, JARM §2.3.1: tokens do not travel in a query.
            "query" if of.is_front_channel() => return None,
            "query" => Carrier::Query,
            "fragment" => Carrier::Fragment,
            "form_post" => Carrier::FormPost,
            _ => return None,
        };
        Some(Self { carrier, signed })
    }

    /// Multiple Response Types §2.1: the default is the fragment where tokens travel, and otherwise the query.
    pub const fn default_of(of: ResponseType) -> Self {
        let carrier = if of.is_front_channel() { Carrier::Fragment } else { Carrier::Query };
        Self { carrier, signed: false }
    }
}

/// A response on its way to a client. Its Debug shows no value.
#[derive(Clone, PartialEq, Eq)]
pub enum Delivery {
    /// The browser is sent to this address.
    Redirect(String),
    /// The browser posts these members to this address.
    Form {
        /// Where to.
        action: String,
        /// Names and values.
        members: Vec<(&'static str, String)>,
    },
}

impl Delivery {
    /// Makes a response of its members.
    pub fn new(to: &RedirectUri, carrier: Carrier, members: Vec<(&'static str, String)>) -> Self {
        let encoded = || {
            let mut text = String::new();
            for (name, value) in &members {
                form::append(&mut text, name, value);
            }
            text
        };
        match carrier {
            Carrier::Query => Self::Redirect(to.with_query(&encoded())),
            Carrier::Fragment => Self::Redirect(format!("{}#{}", to.as_str(), encoded())),
            Carrier::FormPost => Self::Form { action: to.as_str().to_owned(), members },
        }
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Redirect(_) => "Redirect(..)",
            Self::Form { .. } => "Form(..)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Multiple Response Types §3, §5.
    #[test]
    fn the_words_of_a_response_type_have_no_order_and_no_double() {
        for of in ResponseType::ALL {
            assert_eq!(ResponseType::parse(of.as_str()), Some(of));
        }
        assert_eq!(ResponseType::parse("token id_token code").map(ResponseType::as_str), Some("code id_token token"));
        for text in ["", "code code", "none code", "Code", "code  token", "code ", "device"] {
            assert_eq!(ResponseType::parse(text), None, "{text:?}");
        }
    }

    // Multiple Response Types §5, JARM §2.3.1, §2.3.4.
    #[test]
    fn a_mode_goes_with_its_type_or_not_at_all() {
        let of = |text| ResponseType::parse(text).unwrap();
        let mode = |text, response| ResponseMode::parse(text, of(response)).map(|mode| (mode.carrier, mode.signed));
        assert_eq!(mode("query", "code"), Some((Carrier::Query, false)));
        assert_eq!(mode("jwt", "code"), Some((Carrier::Query, true)));
        assert_eq!(mode("jwt", "code id_token"), Some((Carrier::Fragment, true)));
        assert_eq!(mode("form_post.jwt", "none"), Some((Carrier::FormPost, true)));
        // Tokens are not written into logs and histories.
        assert_eq!(mode("query", "code token"), None);
        assert_eq!(mode("query.jwt", "id_token"), None);
        for text in ["", "web_message", "jwt.jwt", ".jwt", "Query", "fragment.jwt.jwt"] {
            assert_eq!(mode(text, "code"), None, "{text:?}");
        }
        assert!(ResponseMode::ALL.iter().all(|text| ResponseMode::parse(text, ResponseType::CODE).is_some()));
    }

    // RFC 6749 §4.1.2, §4.2.2.
    #[test]
    fn a_response_travels_as_its_mode_says() {
        let to = RedirectUri::parse("https://app.example/cb?a=1").unwrap();
        let members = || vec![("code", "x y".to_owned()), ("state", "&".to_owned())];
        let made = |carrier| Delivery::new(&to, carrier, members());
        assert_eq!(
            made(Carrier::Query),
            Delivery::Redirect("https://app.example/cb?a=1&code=x%20y&state=%26".to_owned())
        );
        assert_eq!(
            made(Carrier::Fragment),
            Delivery::Redirect("https://app.example/cb?a=1#code=x%20y&state=%26".to_owned())
        );
        assert_eq!(
            made(Carrier::FormPost),
            Delivery::Form { action: "https://app.example/cb?a=1".to_owned(), members: members() }
        );
    }
}
