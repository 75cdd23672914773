//! What a `postgres:` URL says.

use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::{Config, NoTls};

use super::tls::{Tls, trusting};

/// Where to go, as whom, and how.
pub(super) struct Target {
    pub(super) config: Config,
    /// Absent where the connection is not encrypted.
    pub(super) tls: Option<Tls>,
    /// Hosts and database, for people.
    pub(super) place: String,
}

impl Target {
    /// Reads a URL. An error names no part of it that could be a password.
    pub(super) fn parse(url: &str, patience: Duration) -> Result<Self, String> {
        let (rest, options) = take_options(url);
        let mut config: Config = rest.parse().map_err(|error| super::error::text(&error))?;
        if config.get_hosts().is_empty() {
            return Err("no host in it".to_owned());
        }
        if config.get_application_name().is_none() {
            config.application_name("firman");
        }
        // Of several hosts, the one that takes writes; a standby that was promoted is found, one that was not is left alone.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        config.connect_timeout(patience).keepalives_idle(Duration::from_secs(30));
        config.tcp_user_timeout(patience * 2);
        let local = config.get_hosts().iter().all(is_local);
        let tls = match options.mode.as_deref() {
            None if local => None,
            Some("disable") => None,
            None | Some("verify-full") => Some(trusting(options.root.as_deref())?),
            Some(other) => return Err(format!("sslmode={other}: it can be \"verify-full\" or \"disable\"")),
        };
        config.ssl_mode(if tls.is_some() { SslMode::Require } else { SslMode::Disable });
        let place = place(&config);
        Ok(Self { config, tls, place })
    }

    /// A connection, and the task that carries it.
    pub(super) async fn connect(&self) -> Result<tokio_postgres::Client, tokio_postgres::Error> {
        if let Some(tls) = &self.tls {
            let (client, connection) = self.config.connect(tls.clone()).await?;
            tokio::spawn(connection);
            return Ok(client);
        }
        let (client, connection) = self.config.connect(NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }
}

/// What this program reads of a URL itself.
#[derive(Default)]
struct Options {
    mode: Option<String>,
    root: Option<PathBuf>,
}

/// A URL without what this program reads itself.
fn take_options(url: &str) -> (String, Options) {
    let mut options = Options::default();
    let Some((base, query)) = url.split_once('?') else { return (url.to_owned(), options) };
    let mut left = Vec::new();
    for part in query.split('&').filter(|part| !part.is_empty()) {
        match part.split_once('=') {
            Some(("sslmode", mode)) => options.mode = Some(mode.to_owned()),
            Some(("sslrootcert", path)) => options.root = Some(decoded(path).into()),
            _ => left.push(part),
        }
    }
    let rest = if left.is_empty() { base.to_owned() } else { format!("{base}?{}", left.join("&")) };
    (rest, options)
}

/// Percent signs resolved.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether nobody can listen in between.
fn is_local(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            let address = name.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
            name == "localhost" || address.is_ok_and(|address| address.is_loopback())
        }
        Host::Unix(_) => true,
    }
}

fn place(config: &Config) -> String {
    let ports = config.get_ports();
    let host = |(number, host): (usize, &Host)| {
        let port = ports.get(number).or_else(|| ports.first()).copied().unwrap_or(5432);
        match host {
            Host::Tcp(name) => format!("{name}:{port}"),
            Host::Unix(path) => path.display().to_string(),
        }
    };
    let hosts: Vec<String> = config.get_hosts().iter().enumerate().map(host).collect();
    format!("PostgreSQL {}/{}", hosts.join(","), config.get_dbname().or(config.get_user()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> Result<Target, String> {
        Target::parse(url, Duration::from_secs(1))
    }

    #[test]
    fn what_leaves_the_machine_is_encrypted_and_the_certificate_checked() {
        for (url, encrypted) in [
            ("postgres://u:p@127.0.0.1/db", false),
            ("postgresql://u@[::1]:5433/db", false),
            ("postgres://u@localhost/db", false),
            ("postgres://u:p@db.example/db", true),
            ("postgres://u:p@127.0.0.1,10.0.0.1/db", true),
            ("postgres://u:p@db.example/db?sslmode=disable", false),
            ("postgres://u:p@127.0.0.1/db?sslmode=verify-full&connect_timeout=3", true),
        ] {
            assert_eq!(parsed(url).unwrap().tls.is_some(), encrypted, "{url}");
        }
    }

    #[test]
    fn half_measures_are_refused() {
        for mode in ["prefer", "require", "allow", "verify-ca", ""] {
            let error = parsed(&format!("postgres://u:secret@db/x?sslmode={mode}")).err().unwrap();
            assert!(error.contains("verify-full") && !error.contains("secret"), "{error}");
        }
        assert!(parsed("postgres://u@h/db?sslrootcert=%2Fnot%2Fthere").err().unwrap().contains("/not/there"));
    }

    #[test]
    fn the_place_has_no_password() {
        let target = parsed("postgres://me:secret@one:1,two:2/db?sslmode=disable").unwrap();
        assert_eq!(target.place, "PostgreSQL one:1,two:2/db");
        for url in ["postgres://", "postgres://u:secret@h:x/db", "postgres://u:secret@h/db?secret=1"] {
            let error = parsed(url).err().unwrap_or_default();
            assert!(!error.contains("u:secret"), "{error}");
        }
    }
}
