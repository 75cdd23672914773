//! Subjects that each sector of clients knows by another name (OpenID Connect Core §8.1).

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use url::Url;

use crate::client::ClientMetadata;
use crate::id::IssuerNumber;

/// The longest `sector_identifier_uri`, in bytes.
pub const LONGEST_URI: usize = 2048;

/// What the names are made with. Its Debug shows nothing of it.
pub struct PairwiseKey(hmac::Key);

impl PairwiseKey {
    /// From 32 bytes that are the same on every node, for ever.
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// OpenID Connect Core §8.1: how a sector knows somebody. The same for ever; nobody without the key finds out who it is, or
    /// that two sectors know the same person.
    pub fn subject(&self, issuer: IssuerNumber, sector: &str, subject: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.tag(issuer, sector, subject))
    }

    /// Each part says how long it is, so that no two lists of parts are one message.
    fn tag(&self, issuer: IssuerNumber, sector: &str, of: &str) -> [u8; 32] {
        let mut mac = hmac::Context::with_key(&self.0);
        for part in [&issuer.0.to_be_bytes(), sector.as_bytes(), of.as_bytes()] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        let mut tag = [0; 32];
        for (to, from) in tag.iter_mut().zip(mac.sign().as_ref()) {
            *to = *from;
        }
        tag
    }
}

impl fmt::Debug for PairwiseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PairwiseKey")
    }
}

/// Whether a client knows people by names of its sector's own.
pub fn is_pairwise(metadata: &ClientMetadata) -> bool {
    metadata.subject_type.as_deref() == Some("pairwise")
}

/// OpenID Connect Core §8.1: the host of the sector identifier, or else the one host of the redirect URIs; `None` if there is no such one.
pub fn sector_of(metadata: &ClientMetadata) -> Option<String> {
    if let Some(uri) = &metadata.sector_identifier_uri {
        return sector_uri(uri).and_then(|url| url.host_str().map(str::to_owned));
    }
    let mut hosts =
        metadata.redirect_uris.iter().map(|uri| Url::parse(uri.as_str()).ok()?.host_str().map(str::to_owned));
    let first = hosts.next()??;
    hosts.all(|host| host.as_deref() == Some(&first)).then_some(first)
}

/// OpenID Connect Registration §5: an https address; plain http where it stays on this machine, for those who try it there.
pub fn sector_uri(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok().filter(|_| text.len() <= LONGEST_URI)?;
    let loopback = || match url.host() {
        Some(url::Host::Ipv4(host)) => host.is_loopback(),
        Some(url::Host::Ipv6(host)) => host.is_loopback(),
        Some(url::Host::Domain(host)) => host == "localhost",
        None => false,
    };
    let legal = url.scheme() == "https" || (url.scheme() == "http" && loopback());
    (legal && url.username().is_empty() && url.password().is_none()).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::AuthMethod;
    use crate::redirect_uri::RedirectUri;

    const ISSUER: IssuerNumber = IssuerNumber(0);

    // OpenID Connect Core §8.1.
    #[test]
    fn a_sector_knows_somebody_by_one_name_for_ever_and_another_by_another() {
        let key = PairwiseKey::new(&[7; 32]);
        let name = key.subject(ISSUER, "a.example", "somebody");
        assert_eq!(name, PairwiseKey::new(&[7; 32]).subject(ISSUER, "a.example", "somebody"));
        let others = [
            key.subject(ISSUER, "b.example", "somebody"),
            key.subject(ISSUER, "a.example", "somebodyelse"),
            key.subject(ISSUER, "a.examples", "omebody"),
            key.subject(IssuerNumber(1), "a.example", "somebody"),
            PairwiseKey::new(&[8; 32]).subject(ISSUER, "a.example", "somebody"),
        ];
        assert!(!others.contains(&name) && name.len() == 43);
    }

    // OpenID Connect Core §8.1, OpenID Connect Registration §5.
    #[test]
    fn the_sector_is_a_host() {
        let mut metadata = ClientMetadata::new("app", AuthMethod::None);
        assert_eq!(sector_of(&metadata), None);
        let uri = |text| RedirectUri::parse(text).unwrap();
        metadata.redirect_uris = vec![uri("https://A.example/cb"), uri("https://a.example:8443/other")];
        assert_eq!(sector_of(&metadata).as_deref(), Some("a.example"));
        metadata.redirect_uris.push(uri("https://b.example/cb"));
        assert_eq!(sector_of(&metadata), None);
        metadata.sector_identifier_uri = Some("https://Sector.example/list.json".to_owned());
        assert_eq!(sector_of(&metadata).as_deref(), Some("sector.example"));
        for wrong in ["http://sector.example/", "file:///x", "x", "https://u:p@sector.example/", "javascript:1"] {
            assert!(sector_uri(wrong).is_none(), "{wrong}");
        }
        assert!(sector_uri("http://127.0.0.1:9/x").is_some());
    }
}
