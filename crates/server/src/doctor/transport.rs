//! How the server is reached: TLS, its certificate, and what happens without.

use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::Arc;

use firman_proto::certificate::Certificate;
use firman_proto::time::{Lifetime, Timestamp};
use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use url::{Host, Url};

use super::Report;
use super::wire::{PATIENCE, Wire};

/// A certificate with less time left should have been renewed.
const SOON: Lifetime = Lifetime::from_days(14);

pub(super) fn look(report: &mut Report, issuer: &Url, wire: &Wire, clock: &dyn Fn() -> Timestamp) {
    let is_loopback = match issuer.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match issuer.scheme() {
        "https" => {
            shake_hands(report, issuer, wire, clock());
            without_tls(report, issuer, wire);
        }
        "http" if is_loopback => report.good("tls", "plain http, on this machine alone"),
        _ => report.wrong(
            "tls",
            "the issuer is not https: codes, tokens and passwords can be read on the way",
            "put TLS in front of the server or into it (server.tls_certificate), and make server.issuer https",
        ),
    }
}

fn shake_hands(report: &mut Report, issuer: &Url, wire: &Wire, now: Timestamp) {
    match chain(issuer, wire) {
        Err(why) => report.wrong(
            "tls",
            format!("no TLS connection: {why}"),
            "give the server a certificate for this name, with all intermediates, from an authority that clients trust; \
             --ca-file names one of your own",
        ),
        Ok((version, expires_at)) => {
            report.good("tls", version);
            let left = expires_at.map(|end| end.since(now));
            match left {
                Some(left) if left > SOON => {
                    report.good("certificate", format!("good for {} days more", left.seconds() / 86_400));
                }
                Some(left) => report.warn(
                    "certificate",
                    format!("expires in {} hours", left.seconds() / 3600),
                    "renew the certificate, and find out why that did not happen by itself",
                ),
                None => report.warn("certificate", "its end cannot be read", "look at the certificate"),
            }
        }
    }
}

/// What was agreed on, and when the certificate ends.
fn chain(issuer: &Url, wire: &Wire) -> Result<(String, Option<Timestamp>), String> {
    let (host, port) = (issuer.host_str().unwrap_or_default(), issuer.port_or_known_default().unwrap_or(443));
    let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned()).map_err(|error| error.to_string())?;
    let address = (host.trim_matches(['[', ']']), port).to_socket_addrs().map_err(|error| error.to_string())?.next();
    let address = address.ok_or("the name has no address")?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(|error| error.to_string())?;
    let patient = stream.set_read_timeout(Some(PATIENCE)).and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
    patient.map_err(|error| error.to_string())?;
    let mut tls = ClientConnection::new(Arc::clone(&wire.tls), name).map_err(|error| error.to_string())?;
    while tls.is_handshaking() {
        tls.complete_io(&mut stream).map_err(|error| error.to_string())?;
    }
    let version = tls.protocol_version().and_then(|version| version.as_str()).unwrap_or("TLS");
    let own = tls.peer_certificates().and_then(<[_]>::first);
    let expires_at = own.and_then(|der| Certificate::new(der, false)).and_then(|certificate| certificate.expires_at());
    Ok((version.replace('_', "."), expires_at))
}

/// Whoever types the name without https must be brought to https, or find nobody.
fn without_tls(report: &mut Report, issuer: &Url, wire: &Wire) {
    if issuer.port().is_some() {
        return report
            .good("plain-http", "the issuer has a port of its own: nobody comes there without TLS by accident");
    }
    let mut plain = issuer.clone();
    if plain.set_scheme("http").is_err() {
        return;
    }
    let cure = "let port 80 answer nothing but a redirect (301 or 308) to the https address";
    match wire.get(plain.as_str()) {
        Err(_) => report.good("plain-http", "nobody answers on port 80"),
        Ok(answer) if (300..400).contains(&answer.status) => {
            let to = answer.header("location");
            let leads_home = Url::parse(to).is_ok_and(|to| to.scheme() == "https" && to.host() == issuer.host());
            report.expect(leads_home, "plain-http", format!("port 80 leads to {to:?}"), cure);
        }
        Ok(answer) => report.wrong("plain-http", format!("port 80 answers {} without TLS", answer.status), cure),
    }
}
