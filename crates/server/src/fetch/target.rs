use firman_engine::FetchError;
use url::{Host, Url};

/// Longer addresses than this are nobody's.
const LONGEST: usize = 2048;

/// An address that may be asked for, if it turns out to be in a network that may be reached.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) host: Host<String>,
    pub(super) port: u16,
    /// Path and query.
    pub(super) path: String,
    pub(super) tls: bool,
}

impl Target {
    pub(super) fn parse(text: &str, plain_http: bool) -> Result<Self, FetchError> {
        let refused = |why: &'static str| FetchError::Refused(why.into());
        if text.len() > LONGEST {
            return Err(refused("the address is too long"));
        }
        let url = Url::parse(text).map_err(|_| refused("it is no address"))?;
        let tls = match url.scheme() {
            "https" => true,
            "http" if plain_http => false,
            _ => return Err(refused("the address must be https")),
        };
        // Passwords in addresses end in logs; a fragment never leaves.
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(refused("the address has a user or a fragment"));
        }
        let host = url.host().ok_or_else(|| refused("the address has no host"))?.to_owned();
        let port = url.port_or_known_default().ok_or_else(|| refused("the address has no port"))?;
        let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        Ok(Self { host, port, path, tls })
    }

    /// RFC 9110 §7.2: the `Host` header, with a port that is not the scheme's own.
    pub(super) fn authority(&self) -> String {
        let own = if self.tls { 443 } else { 80 };
        if self.port == own { self.host.to_string() } else { format!("{}:{}", self.host, self.port) }
    }
}
