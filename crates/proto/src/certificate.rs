//! The certificate a client shows when it connects (RFC 8705).

use std::fmt;
use std::net::IpAddr;

use x509_cert::Certificate as X509;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

use crate::digest::sha256;
use crate::seal::Thumbprint;

/// A client's certificate. Whoever made this has seen that the client holds its private key.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    /// Whether it was issued by an authority that may vouch for clients, is for clients, and is valid now.
    trusted: bool,
}

/// What a client has registered of the certificate it will show (RFC 8705 §2.1.2): one name, no more and no less.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateName<'a> {
    /// The distinguished name of its subject, as RFC 4514 writes it.
    Subject(&'a str),
    /// A DNS name in it.
    Dns(&'a str),
    /// A URI in it.
    Uri(&'a str),
    /// An IP address in it.
    Ip(&'a str),
    /// An e-mail address in it.
    Email(&'a str),
}

impl Certificate {
    /// The largest certificate that is looked at, in bytes.
    pub const LONGEST: usize = 16 * 1024;

    /// From DER; `None` if it is none, or too large.
    pub fn new(der: &[u8], trusted: bool) -> Option<Self> {
        let is_one = der.len() <= Self::LONGEST && X509::from_der(der).is_ok();
        is_one.then(|| Self { der: der.to_vec(), trusted })
    }

    /// RFC 8705 §3.1: SHA-256 of the DER, which tokens are bound to.
    pub fn thumbprint(&self) -> Thumbprint {
        Thumbprint::from_bytes(sha256(&self.der))
    }

    /// Its DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Whether an authority vouches for it.
    pub fn is_trusted(&self) -> bool {
        self.trusted
    }

    /// RFC 8705 §2.1: whether it is for this name.
    pub fn is_for(&self, name: &CertificateName<'_>) -> bool {
        let Ok(certificate) = X509::from_der(&self.der) else { return false };
        let certificate = certificate.tbs_certificate();
        if let CertificateName::Subject(text) = name {
            // RFC 4514 §2: the last name stands first; compared as names, not as texts.
            return text.parse::<Name>().is_ok_and(|wanted| wanted == *certificate.subject());
        }
        let Ok(Some((_, alternative))) = certificate.get_extension::<SubjectAltName>() else { return false };
        alternative.0.iter().any(|known| matches(known, name))
    }
}

fn matches(known: &GeneralName, name: &CertificateName<'_>) -> bool {
    match (known, name) {
        // RFC 5280 §4.2.1.6, §7.2: DNS names without regard to case; wildcards are for servers.
        (GeneralName::DnsName(known), CertificateName::Dns(wanted)) => known.as_str().eq_ignore_ascii_case(wanted),
        // RFC 5280 §7.4, §7.5: paths, and what stands before the @, have case.
        (GeneralName::UniformResourceIdentifier(known), CertificateName::Uri(wanted))
        | (GeneralName::Rfc822Name(known), CertificateName::Email(wanted)) => known.as_str() == *wanted,
        (GeneralName::IpAddress(known), CertificateName::Ip(wanted)) => match wanted.parse() {
            Ok(IpAddr::V4(wanted)) => known.as_bytes() == wanted.octets(),
            Ok(IpAddr::V6(wanted)) => known.as_bytes() == wanted.octets(),
            Err(_) => false,
        },
        _ => false,
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({}, trusted: {})", self.thumbprint(), self.trusted)
    }
}
