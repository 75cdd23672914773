//! Typed caveats: what a holder may add to a token to weaken it, each with one text form.

use std::collections::BTreeSet;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::path::PathPrefix;
use crate::authorization_details::Details;
use crate::scope::Scope;
use crate::time::Timestamp;

/// One condition on the use of a token. Its text is ASCII, `name = value`, and there is one text for each caveat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caveat {
    /// `scope = books.read books.write`: no scope but these, in alphabetical order.
    Scope(Scope),
    /// `aud = https://api.example`: no audience but these, in alphabetical order.
    Audience(Words),
    /// `before = 1790000000`: not at this second or later.
    Before(Seconds),
    /// `method = GET POST`: no HTTP method but these, in alphabetical order.
    Method(Words),
    /// `path = /v1/books`: this path and what lies below it.
    Path(PathPrefix),
    /// `cnf.jkt = …`: only with a proof by the key of this thumbprint (RFC 9449 §6.1).
    Key(Thumbprint),
    /// `cnf.x5t#S256 = …`: only over TLS with the certificate of this thumbprint (RFC 8705 §3.1).
    Certificate(Thumbprint),
    /// `authorization_details = […]`: no details but these (RFC 9396 §6), as canonical JSON in ASCII.
    Details(Details),
}

/// The kinds of caveat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CaveatKind {
    /// [`Caveat::Scope`]
    Scope,
    /// [`Caveat::Audience`]
    Audience,
    /// [`Caveat::Before`]
    Before,
    /// [`Caveat::Method`]
    Method,
    /// [`Caveat::Path`]
    Path,
    /// [`Caveat::Key`]
    Key,
    /// [`Caveat::Certificate`]
    Certificate,
    /// [`Caveat::Details`]
    Details,
}

impl Caveat {
    /// Reads the text of a caveat; `None` for an unknown name, an illegal value, or another spelling of a legal one.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, value) = text.split_once(" = ")?;
        let caveat = match CaveatKind::from_name(name)? {
            CaveatKind::Scope => Self::Scope(Scope::parse(value).ok()?),
            CaveatKind::Audience => Self::Audience(Words::parse(value)?),
            CaveatKind::Before => Self::Before(Seconds::parse(value)?),
            CaveatKind::Method => Self::Method(Words::parse(value)?),
            CaveatKind::Path => Self::Path(PathPrefix::parse(value)?),
            CaveatKind::Key => Self::Key(Thumbprint::parse(value)?),
            CaveatKind::Certificate => Self::Certificate(Thumbprint::parse(value)?),
            CaveatKind::Details => Self::Details(Details::from_json(value)?),
        };
        (caveat.to_string() == text).then_some(caveat)
    }

    /// Its kind.
    pub const fn kind(&self) -> CaveatKind {
        match self {
            Self::Scope(_) => CaveatKind::Scope,
            Self::Audience(_) => CaveatKind::Audience,
            Self::Before(_) => CaveatKind::Before,
            Self::Method(_) => CaveatKind::Method,
            Self::Path(_) => CaveatKind::Path,
            Self::Key(_) => CaveatKind::Key,
            Self::Certificate(_) => CaveatKind::Certificate,
            Self::Details(_) => CaveatKind::Details,
        }
    }
}

impl CaveatKind {
    const ALL: [Self; 8] = [
        Self::Scope,
        Self::Audience,
        Self::Before,
        Self::Method,
        Self::Path,
        Self::Key,
        Self::Certificate,
        Self::Details,
    ];

    /// The kinds that the standard members of an introspection answer express (RFC 7662 §2.2 `scope`, `aud`, `exp`;
    /// RFC 9449 §6.2 and RFC 8705 §3.2 `cnf`; RFC 9396 §9.2 `authorization_details`).
    pub const STANDARD: &'static [Self] =
        &[Self::Scope, Self::Audience, Self::Before, Self::Key, Self::Certificate, Self::Details];

    /// What stands before the ` = `.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scope => "scope",
            Self::Audience => "aud",
            Self::Before => "before",
            Self::Method => "method",
            Self::Path => "path",
            Self::Key => "cnf.jkt",
            Self::Certificate => "cnf.x5t#S256",
            Self::Details => "authorization_details",
        }
    }

    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether only the one who serves the request can tell if it is met: no standard member carries it.
    pub const fn is_contextual(self) -> bool {
        matches!(self, Self::Method | Self::Path)
    }
}

impl fmt::Display for Caveat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = ", self.kind().name())?;
        match self {
            Self::Scope(scope) => scope.fmt(f),
            Self::Audience(words) | Self::Method(words) => words.fmt(f),
            Self::Before(seconds) => seconds.0.fmt(f),
            Self::Path(prefix) => f.write_str(prefix.as_str()),
            Self::Key(print) | Self::Certificate(print) => print.fmt(f),
            Self::Details(details) => f.write_str(&details.to_ascii()),
        }
    }
}

impl Serialize for Caveat {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Caveat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).ok_or_else(|| de::Error::custom("not a caveat"))
    }
}

/// A set of audiences or methods: visible ASCII without quote and backslash; the empty set allows nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(BTreeSet<Box<str>>);

impl Words {
    /// A set of words; `None` if one of them cannot be written.
    pub fn new<'w>(words: impl IntoIterator<Item = &'w str>) -> Option<Self> {
        let legal =
            |word: &str| !word.is_empty() && word.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e));
        words.into_iter().map(|word| legal(word).then(|| Box::from(word))).collect::<Option<_>>().map(Self)
    }

    /// Whether this word is in the set, letter for letter.
    pub fn contains(&self, word: &str) -> bool {
        self.0.contains(word)
    }

    fn parse(text: &str) -> Option<Self> {
        if text.is_empty() { Some(Self::default()) } else { Self::new(text.split(' ')) }
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, word) in self.0.iter().enumerate() {
            f.write_str(if position > 0 { " " } else { "" })?;
            f.write_str(word)?;
        }
        Ok(())
    }
}

/// A time in whole seconds, as it stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seconds(i64);

impl Seconds {
    /// The second `time` falls in; a caveat never lasts longer than it was asked to. Before 1970 is 1970.
    pub const fn of(time: Timestamp) -> Self {
        let seconds = time.seconds();
        Self(if seconds < 0 { 0 } else { seconds })
    }

    /// Its first millisecond.
    pub const fn time(self) -> Timestamp {
        Timestamp::from_seconds(self.0)
    }

    fn parse(text: &str) -> Option<Self> {
        let seconds = Self(text.parse().ok()?);
        // What does not fit into milliseconds has no time of its own.
        (Self::of(seconds.time()) == seconds).then_some(seconds)
    }
}

/// The SHA-256 thumbprint of a key (RFC 7638) or of a certificate (RFC 8705 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Thumbprint([u8; 32]);

impl Thumbprint {
    /// From the 32 bytes of the hash.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes of the hash.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads 43 characters of base64url.
    pub fn parse(text: &str) -> Option<Self> {
        // Looked at before decoding, so that a long text costs nothing.
        (text.len() == 43).then_some(())?;
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl Serialize for Thumbprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Thumbprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).ok_or_else(|| de::Error::custom("not a SHA-256 thumbprint"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

    #[test]
    fn a_caveat_has_one_text() {
        for text in [
            "scope = books.read books.write",
            "scope = ",
            "aud = https://api.example",
            "aud = ",
            "before = 1790000000",
            "before = 0",
            "method = GET POST",
            "method = ",
            "path = /v1/books",
            "path = /",
            &format!("cnf.jkt = {PRINT}"),
            &format!("cnf.x5t#S256 = {PRINT}"),
            r#"authorization_details = [{"a":[1,0.5],"type":"x\u00e9"}]"#,
            "authorization_details = []",
        ] {
            let caveat = Caveat::parse(text).expect(text);
            assert_eq!(caveat.to_string(), text);
            assert_eq!(Caveat::parse(&caveat.to_string()), Some(caveat));
        }
    }

    #[test]
    fn any_other_text_is_refused() {
        for text in [
            "",
            "scope",
            "scope = b a",
            "scope = a a",
            "scope = a  b",
            "scope =  a",
            "scope = a ",
            "scope =a",
            "scope= a",
            "Scope = a",
            " scope = a",
            "aud = b a",
            "aud = é",
            "before = ",
            "before = 01",
            "before = +1",
            "before = -1",
            "before = 1.0",
            "before = 9223372036854775807",
            "before = 9223372036854776",
            "method = POST GET",
            "path = ",
            "path = v1",
            "path = /v1/",
            "path = /v1/../admin",
            "cnf.jkt = ",
            "cnf.jkt = 0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4J",
            "cnf.jkt = 0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I=",
            "authorization_details = [ ]",
            "authorization_details = {}",
            r#"authorization_details = [{"type":"x","a":1}]"#,
            r#"authorization_details = [{"type":"é"}]"#,
            r#"authorization_details = [{"type":"\u0041"}]"#,
            r#"authorization_details = [{"a":1,"a":1}]"#,
            "colour = blue",
            "scope = a\n",
            "scope = a\u{0}",
        ] {
            assert_eq!(Caveat::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_time_is_never_rounded_up() {
        let caveat = Caveat::Before(Seconds::of(Timestamp::from_millis(1_999)));
        assert_eq!(caveat.to_string(), "before = 1");
        let latest = Caveat::Before(Seconds::of(Timestamp::NEVER));
        assert_eq!(Caveat::parse(&latest.to_string()), Some(latest));
    }
}
