//! The certificate a client shows when it connects (RFC 8705).

use std::fmt;
use std::net::IpAddr;

use x509_cert::Certificate as X509;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::der::asn1::Any;
use x509_cert::der::{Decode as _, Tag, Tagged as _};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};

use crate::digest::sha256;
use crate::seal::Thumbprint;
use crate::time::Timestamp;

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

    /// When it ends.
    pub fn expires_at(&self) -> Option<Timestamp> {
        let certificate = X509::from_der(&self.der).ok()?;
        let end = certificate.tbs_certificate().validity().not_after.to_unix_duration();
        i64::try_from(end.as_secs()).ok().map(Timestamp::from_seconds)
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
            return text.parse::<Name>().is_ok_and(|wanted| is_same(wanted.as_ref(), certificate.subject().as_ref()));
        }
        let Ok(Some((_, alternative))) = certificate.get_extension::<SubjectAltName>() else { return false };
        alternative.0.iter().any(|known| matches(known, name))
    }
}

/// RFC 5280 §7.1: part by part. Which kind of string an authority has put a text into makes no difference; case does, which is
/// stricter than it has to be.
fn is_same(one: &RdnSequence, other: &RdnSequence) -> bool {
    let is_in = |part: &AttributeTypeAndValue, parts: &RelativeDistinguishedName| {
        parts.iter().any(|known| {
            known.oid == part.oid && text(&known.value).is_some_and(|known| Some(known) == text(&part.value))
        })
    };
    one.len() == other.len()
        && one
            .iter()
            .zip(other.iter())
            .all(|(one, other)| one.len() == other.len() && one.iter().all(|part| is_in(part, other)))
}

/// The text of a part of a name, if it has one.
fn text(value: &Any) -> Option<&str> {
    match value.tag() {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String => std::str::from_utf8(value.value()).ok(),
        _ => None,
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
