//! Where the servers are and how to talk to them: `mysql://user:password@host:port,host:port/database?ssl-mode=…`.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

/// Several hosts are the nodes of one cluster, in the order in which they are tried.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) hosts: Vec<(String, u16)>,
    pub(super) user: String,
    pub(super) password: Option<String>,
    pub(super) database: String,
    /// Encrypted, with a certificate for the name of the host by an authority we trust. Nothing in between: what is encrypted with
    /// whoever answers is encrypted with whoever stands in between.
    pub(super) tls: bool,
    /// Certificates of the authorities to trust instead of the usual ones.
    pub(super) authority: Option<PathBuf>,
}

/// Without the password.
impl fmt::Debug for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<_> = self.hosts.iter().map(|(host, port)| format!("{host}:{port}")).collect();
        write!(out, "mysql://{}@{}/{}", self.user, hosts.join(","), self.database)
    }
}

/// What begins an address of this kind.
pub(super) const SCHEMES: [&str; 2] = ["mysql://", "mariadb://"];

impl Address {
    /// Reads an address; the error says what is wrong with it and never shows the password.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let rest = SCHEMES.iter().find_map(|scheme| url.strip_prefix(scheme)).ok_or("not \"mysql://\"")?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        if query.contains('@') {
            return Err("in a password ? is written %3F, and in a parameter @ is written %40".to_owned());
        }
        let (authority, database) = rest.rsplit_once('/').ok_or("the name of the database is missing")?;
        let (who, hosts) = authority.rsplit_once('@').ok_or("the name of the user is missing")?;
        let (user, password) = who.split_once(':').map_or((who, None), |(user, password)| (user, Some(password)));
        let hosts = hosts.split(',').map(host).collect::<Result<Vec<_>, _>>()?;
        let mut address = Self {
            tls: !hosts.iter().all(|(host, _)| is_loopback(host)),
            hosts,
            user: decoded(user)?,
            password: password.map(decoded).transpose()?,
            database: decoded(database)?,
            authority: None,
        };
        if address.user.is_empty() || address.database.is_empty() {
            return Err("the name of the user or of the database is missing".to_owned());
        }
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            address.set(pair)?;
        }
        Ok(address)
    }

    fn set(&mut self, pair: &str) -> Result<(), String> {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        match key {
            "ssl-mode" => self.tls = tls(value)?,
            "ssl-ca" => self.authority = Some(decoded(value)?.into()),
            _ => return Err(format!("unknown parameter {key}; known are ssl-mode and ssl-ca")),
        }
        Ok(())
    }
}

/// MySQL's words.
fn tls(value: &str) -> Result<bool, String> {
    match value.to_ascii_lowercase().replace('_', "-").as_str() {
        "disabled" => Ok(false),
        "verify-identity" => Ok(true),
        _ => Err("ssl-mode is verify-identity, or disabled".to_owned()),
    }
}

/// A name, an IPv4 address or an IPv6 address in brackets; then perhaps a port.
fn host(text: &str) -> Result<(String, u16), String> {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let port =
        port.map_or(Ok(3306), str::parse).map_err(|_| format!("{text}: the port is not a number below 65536"))?;
    if host.is_empty() {
        return Err("the name of a host is missing".to_owned());
    }
    Ok((decoded(host)?, port))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// RFC 3986 §2.1: the bytes behind the percent signs.
fn decoded(text: &str) -> Result<String, String> {
    let wrong = || "a % must be followed by two hexadecimal digits, and all be UTF-8".to_owned();
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2).ok_or_else(wrong)?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| wrong())?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 3986 §2.1.
    #[test]
    fn an_address_names_every_node() {
        let address = Address::parse("mysql://u%40x:p%2Fw@127.0.0.1:1,[::1]:2,localhost/db").unwrap();
        let hosts = [("127.0.0.1", 1), ("::1", 2), ("localhost", 3306)].map(|(host, port)| (host.to_owned(), port));
        assert_eq!(address.hosts, hosts);
        assert_eq!((address.user.as_str(), address.password.as_deref()), ("u@x", Some("p/w")));
        assert_eq!((address.database.as_str(), address.tls), ("db", false));
    }

    #[test]
    fn beyond_loopback_the_name_in_the_certificate_is_checked() {
        let tls = |url| Address::parse(url).unwrap().tls;
        assert!(tls("mysql://u:p@db.example/firman") && tls("mariadb://u:p@127.0.0.1,10.0.0.1/firman"));
        assert!(tls("mysql://u:p@127.0.0.1/firman?ssl-mode=VERIFY_IDENTITY&ssl-ca=/ca.pem"));
        assert!(!tls("mysql://u:p@db.example/firman?ssl-mode=disabled"));
    }

    #[test]
    fn a_wrong_address_is_refused_without_its_password() {
        for url in [
            "mysql://u:hush@h",
            "mysql://h/db",
            "mysql://u:hush@/db",
            "mysql://u:hush@h:x/db",
            "mysql://u:hush@h/",
            "mysql://:hush@h/db",
            "mysql://u:hush%2@h/db",
            "mysql://u:hush%zz@h/db",
            "mysql://u:hush@h/db?ssl-mode=preferred",
            "mysql://u:hush@h/db?ssl-mode=verify-ca",
            "mysql://u:hush@h/db?compress=1",
            "mysql://u:p@q/x?hush@h/db",
        ] {
            let refused = Address::parse(url).unwrap_err();
            assert!(!refused.contains("hush"), "{url}: {refused}");
        }
    }

    #[test]
    fn no_password_is_shown() {
        let address = Address::parse("mysql://u:hush@h:1,i:2/db").unwrap();
        assert_eq!(format!("{address:?}"), "mysql://u@h:1,i:2/db");
    }
}
