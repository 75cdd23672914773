//! Addresses that something is sent to.

use url::{Host, Url};

use crate::error::{Breach, Error};

/// Whether a URL leads to this machine itself.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Reads an address: https, or plain http to this machine itself; no user name, no fragment (RFC 6749 §3.2).
pub(crate) fn read(text: &str) -> Result<Url, Error> {
    let wrong = |why| Error::breach(crate::error::shown(text), Breach::Address(why));
    let url = Url::parse(text).map_err(|_| wrong("is not an address"))?;
    if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(&url)) {
        return Err(wrong("is not an https address"));
    }
    // RFC 6749 §3.1, §3.2: no fragment.
    if url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("has a user name or a fragment"));
    }
    Ok(url)
}

/// Reads an issuer identifier (RFC 8414 §2): an address without query.
pub(crate) fn issuer(text: &str) -> Result<Url, Error> {
    let url = read(text)?;
    if url.query().is_some() || text.contains(['?', '#', '@']) {
        return Err(Error::breach(crate::error::shown(text), Breach::Address("is not an issuer: it has a query")));
    }
    Ok(url)
}

/// Whether an issuer's document may name this address: nobody far away sends us to servers of this machine.
pub(crate) fn may_name(issuer: &Url, text: &str) -> bool {
    read(text).is_ok_and(|url| url.scheme() == "https" || is_loopback(issuer))
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 6749 §3.1, §3.2, RFC 8414 §2.
    #[test]
    fn only_https_and_this_machine_are_sent_to() {
        for text in [
            "https://as.example",
            "https://as.example/t/?x=1",
            "http://127.0.0.1:8080/",
            "http://[::1]:1",
            "http://localhost",
        ] {
            assert!(read(text).is_ok(), "{text}");
        }
        for text in
            ["http://as.example", "ftp://as.example", "https://u@as.example", "https://as.example/#", "as.example", ""]
        {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(issuer("https://as.example/t/").is_ok() && issuer("https://as.example?x").is_err());
    }

    #[test]
    fn nobody_far_away_names_servers_of_this_machine() {
        let (far, here) = (read("https://as.example").unwrap(), read("http://127.0.0.1:1").unwrap());
        assert!(may_name(&far, "https://keys.example/") && may_name(&here, "http://127.0.0.1:1/jwks"));
        assert!(!may_name(&far, "http://127.0.0.1:1/jwks"));
    }
}
