//! Types of single settings.

use std::collections::BTreeMap;
use std::fmt;

use axum::http::HeaderName;
use firman_engine::account::Owners;
use firman_engine::client_document::TrustedHosts;
use firman_engine::registration::Mode;
use firman_engine::sessions::SessionGrants;
use firman_proto::client::GrantType;
use firman_proto::device::Alphabet;
use firman_proto::extra_claims::ExtraClaim;
use firman_proto::issuer::Issuer;
use firman_proto::jws::Algorithm;
use firman_proto::scope::Scope;
use firman_store::record::{RefreshPolicy, ReuseReaction, TokenFormat, WiderScope};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::fetch::{Network, Networks};

use super::raw::Raw;
use super::schema::Kind;
use super::value::{Textual, Value};

/// Which database: `sqlite:` and a path, or `postgres:` or `mysql:` and where. May hold a password, which is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreUrl(Box<str>);

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl StoreUrl {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The database that a text names; `None` if it names none.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::parse(text)
    }

    /// What may be given.
    pub fn expected() -> &'static str {
        Self::EXPECTED
    }
}

impl Textual for StoreUrl {
    const EXPECTED: &str = "\"sqlite:\" and the path of a file, such as \"sqlite:firman.db\", or \
                            \"postgres://user:password@host/database\", or \"mysql://user:password@host/database\"";

    fn parse(text: &str) -> Option<Self> {
        let after = |scheme| text.strip_prefix(scheme).is_some_and(|rest: &str| !rest.is_empty());
        let known = ["sqlite:", "postgres://", "postgresql://", "mysql://", "mariadb://"];
        known.into_iter().any(after).then(|| Self(text.into()))
    }

    /// Asterisks stand for a password: between the user and the host, or as a parameter.
    fn text(&self) -> String {
        let Some((scheme, rest)) = self.0.split_once("://") else { return self.0.to_string() };
        let (address, parameters) =
            rest.split_once('?').map_or((rest, None), |(address, query)| (address, Some(query)));
        // A question mark that belongs to a password, or a password among the parameters: nothing is sure.
        if parameters.is_some_and(|query| query.contains('@')) {
            return format!("{scheme}://***");
        }
        let mut text = match address.rsplit_once('@') {
            Some((user, host)) if user.contains(':') => {
                format!("{scheme}://{}:***@{host}", user.split(':').next().unwrap_or_default())
            }
            _ => format!("{scheme}://{address}"),
        };
        for (place, parameter) in parameters.into_iter().flat_map(|query| query.split('&')).enumerate() {
            text.push(if place == 0 { '?' } else { '&' });
            text.push_str(if parameter.starts_with("password=") { "password=***" } else { parameter });
        }
        text
    }
}

/// Other names for tables and columns: `table` or `table.column` → the name in the database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names(pub BTreeMap<String, String>);

impl Value for Names {
    const KIND: Kind = Kind::Names;

    fn from_raw(raw: &Raw) -> Result<Self, String> {
        let Raw::Names(names) = raw else { return Err("names as key = \"text\"".to_owned()) };
        Ok(Self(names.clone()))
    }

    fn to_raw(&self) -> Raw {
        Raw::Names(self.0.clone())
    }
}

/// A directive of what is logged, known to be well-formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFilter(Box<str>);

impl LogFilter {
    /// As it was written, for `EnvFilter`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Textual for LogFilter {
    const EXPECTED: &str = "error, warn, info, debug or trace, also by module, such as \"info,firman=debug\"";

    fn parse(text: &str) -> Option<Self> {
        // EnvFilter takes any word for a module, and nothing for a level: here, what has no `=` must be a level.
        let level = |part: &str| !part.is_empty() && part.parse::<LevelFilter>().is_ok();
        let plain = |part: &str| part.contains(['=', '[']) || level(part.trim());
        let legal = text.split(',').all(plain) && EnvFilter::try_new(text).is_ok();
        legal.then(|| Self(text.into()))
    }

    fn text(&self) -> String {
        self.0.to_string()
    }
}

/// How a mail server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    /// TLS from the beginning (RFC 8314 §3.3).
    Implicit,
    /// TLS after a word in clear text (RFC 3207).
    StartTls,
    /// None.
    None,
}

impl SmtpTls {
    const ALL: &[Self] = &[Self::Implicit, Self::StartTls, Self::None];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Implicit => "tls",
            Self::StartTls => "starttls",
            Self::None => "none",
        }
    }
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    const ALL: &[Self] = &[Self::Text, Self::Json];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

impl Textual for Alphabet {
    const EXPECTED: &str = "ten to 36 capital letters and digits, each once, such as \"BCDFGHJKLMNPQRSTVWXZ\"";

    fn parse(text: &str) -> Option<Self> {
        Self::new(text)
    }

    fn text(&self) -> String {
        self.as_str().to_owned()
    }
}

/// A setting that is one of a few words.
macro_rules! words {
    ($($type:ty: $expected:literal;)+) => {$(
        impl Textual for $type {
            const EXPECTED: &str = $expected;

            fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|word| word.as_str() == text)
            }

            fn text(&self) -> String {
                self.as_str().to_owned()
            }
        }
    )+};
}

words! {
    LogFormat: "\"text\" or \"json\"";
    Mode: "\"off\", \"token\" or \"open\"";
    RefreshPolicy: "\"rotate\" or \"reuse\"";
    ReuseReaction: "\"grant\", \"subject\" or \"ignore\"";
    SessionGrants: "\"keep\", \"online\" or \"all\"";
    SmtpTls: "\"tls\", \"starttls\" or \"none\"";
    TokenFormat: "\"opaque\" or \"jwt\"";
    WiderScope: "\"refuse\" or \"intersect\"";
}

impl Textual for Issuer {
    const EXPECTED: &str = "an address such as \"https://id.example\": https (http only on loopback), without query, \
                            fragment, user name or slash at the end, in lower case";

    fn parse(text: &str) -> Option<Self> {
        Self::parse(text).ok()
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl Value for Vec<Algorithm> {
    const KIND: Kind = Kind::List;

    fn from_raw(raw: &Raw) -> Result<Self, String> {
        let expected = || "one or more of ES256, RS256, PS256 and EdDSA, each once".to_owned();
        let Raw::List(names) = raw else { return Err(expected()) };
        let mut algorithms = Self::new();
        for name in names {
            let known = Algorithm::parse(name);
            algorithms.push(known.filter(|algorithm| !algorithms.contains(algorithm)).ok_or_else(expected)?);
        }
        if algorithms.is_empty() { Err(expected()) } else { Ok(algorithms) }
    }

    fn to_raw(&self) -> Raw {
        Raw::List(self.iter().map(|algorithm| algorithm.as_str().to_owned()).collect())
    }
}

impl Textual for Scope {
    const EXPECTED: &str = "scopes separated by single spaces";

    fn parse(text: &str) -> Option<Self> {
        Self::parse(text).ok()
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl Value for Vec<GrantType> {
    const KIND: Kind = Kind::List;

    fn from_raw(raw: &Raw) -> Result<Self, String> {
        let names: Vec<_> = GrantType::ALL.iter().map(|grant_type| grant_type.as_str()).collect();
        let expected = || format!("some of {}", names.join(", "));
        let Raw::List(names) = raw else { return Err(expected()) };
        names.iter().map(|name| GrantType::parse(name)).collect::<Option<_>>().ok_or_else(expected)
    }

    fn to_raw(&self) -> Raw {
        Raw::List(self.iter().map(|grant_type| grant_type.as_str().to_owned()).collect())
    }
}

impl Value for Vec<ExtraClaim> {
    const KIND: Kind = Kind::List;

    fn from_raw(raw: &Raw) -> Result<Self, String> {
        let expected = || {
            "texts such as \"tenant = acme\" or \"groups = account.groups if groups\", of claims that the protocol has no \
             meaning for"
                .to_owned()
        };
        let Raw::List(texts) = raw else { return Err(expected()) };
        texts.iter().map(|text| ExtraClaim::parse(text)).collect::<Option<_>>().ok_or_else(expected)
    }

    fn to_raw(&self) -> Raw {
        Raw::List(self.iter().map(ExtraClaim::to_string).collect())
    }
}

impl Value for TrustedHosts {
    const KIND: Kind = Kind::List;

    fn from_raw(raw: &Raw) -> Result<Self, String> {
        let expected = || "host names, \"*.example\" for all names below one, or \"*\" for all".to_owned();
        let Raw::List(hosts) = raw else { return Err(expected()) };
        let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
        let legal = |host: &String| host == "*" || is_name(host.strip_prefix("*.").unwrap_or(host)) && !host.is_empty();
        if hosts.iter().all(legal) { Ok(Self(hosts.clone())) } else { Err(expected()) }
    }

    fn to_raw(&self) -> Raw {
        Raw::List(self.0.clone())
    }
}

impl Value for Owners {
    const KIND: Kind = Kind::List;

    fn from_raw(raw: &Raw) -> Result<Self, String> {
        let expected = || "user names, or \"*\" alone for everybody".to_owned();
        let Raw::List(names) = raw else { return Err(expected()) };
        match names.as_slice() {
            [] => Ok(Self::Nobody),
            [all] if all == "*" => Ok(Self::Everybody),
            names if names.iter().any(|name| name == "*" || name.trim().is_empty()) => Err(expected()),
            names => Ok(Self::Named(names.to_vec())),
        }
    }

    fn to_raw(&self) -> Raw {
        Raw::List(match self {
            Self::Nobody => Vec::new(),
            Self::Everybody => vec!["*".to_owned()],
            Self::Named(names) => names.clone(),
        })
    }
}

impl Textual for HeaderName {
    const EXPECTED: &str = "the name of an HTTP header";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl Value for Networks {
    const KIND: Kind = Kind::List;

    fn from_raw(raw: &Raw) -> Result<Self, String> {
        let expected = || "networks such as \"10.1.0.0/16\" or single addresses".to_owned();
        let Raw::List(texts) = raw else { return Err(expected()) };
        texts.iter().map(|text| Network::parse(text)).collect::<Option<_>>().map(Self).ok_or_else(expected)
    }

    fn to_raw(&self) -> Raw {
        Raw::List(self.0.iter().map(Network::to_string).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_filter_is_levels_and_modules() {
        for text in ["info", "warn,firman=debug", "off", "info,firman_sql::writer=trace"] {
            assert!(LogFilter::parse(text).is_some(), "{text}");
        }
        for text in ["inof", "", "info,loud", "firman=loud"] {
            assert!(LogFilter::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn no_password_of_a_database_is_shown() {
        for (url, shown) in [
            ("sqlite:firman.db", "sqlite:firman.db"),
            ("postgres://me@db/x", "postgres://me@db/x"),
            ("postgres://me:hush@db:1,db:2/x?sslmode=disable", "postgres://me:***@db:1,db:2/x?sslmode=disable"),
            ("mysql://me:hush:hush@[::1]:3306/x", "mysql://me:***@[::1]:3306/x"),
            ("mariadb://me:hu@sh@db/x", "mariadb://me:***@db/x"),
            ("postgresql://db/x?user=me&password=hush", "postgresql://db/x?user=me&password=***"),
            // A question mark that should have been written in percent signs.
            ("mysql://me:hush?hush@db/x", "mysql://***"),
            ("postgres://db/x?password=hu@hush", "postgres://***"),
        ] {
            assert_eq!(format!("{:?}", StoreUrl::from_text(url).unwrap()), shown);
        }
        assert!(StoreUrl::from_text("oracle://me:hush@db/x").is_none());
    }

    #[test]
    fn algorithms_are_known_and_given_once() {
        let read =
            |names: &[&str]| Vec::<Algorithm>::from_raw(&Raw::List(names.iter().map(|n| (*n).to_owned()).collect()));
        assert_eq!(read(&["EdDSA", "PS256"]).unwrap(), [Algorithm::EdDSA, Algorithm::PS256]);
        for names in [&["none"][..], &["es256"], &["ES256", "ES256"], &[]] {
            assert!(read(names).is_err(), "{names:?}");
        }
    }
}
