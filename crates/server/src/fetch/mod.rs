//! Documents of others by HTTPS, and requests to them, at addresses that strangers give: the one implementation of the port `Fetch`.

mod address;
mod cache;
mod connect;
mod freshness;
mod resolve;
mod send;
mod target;
#[cfg(test)]
mod tests;

pub use address::{Network, Networks};
pub use resolve::{Resolve, SystemResolver};

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use firman_engine::{Call, Document, Fetch, FetchError, Reply, Wanted};
use firman_proto::time::Timestamp;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::Semaphore;
use tokio_rustls::TlsConnector;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::tls;
use cache::Cache;
use target::Target;

/// More documents than this are not fetched at once, and more requests not sent.
const AT_ONCE: usize = 32;

/// How documents are fetched.
#[derive(Clone, Debug)]
pub struct Options {
    /// For one document, from the name to the last byte.
    pub timeout: Duration,
    /// The largest document, in bytes.
    pub max_bytes: usize,
    /// Networks that may be reached although they are not public.
    pub allowed: Networks,
    /// Whether plain HTTP is allowed to those networks (never to others).
    pub plain_http: bool,
    /// A PEM file of more certificates to trust, beside those of the system.
    pub roots: Option<PathBuf>,
}

/// Fetches and remembers.
pub struct Web {
    options: Options,
    resolver: Arc<dyn Resolve>,
    tls: TlsConnector,
    cache: Cache,
    slots: Semaphore,
    /// Apart from the others, so that neither waits for the other's servers.
    sending: Semaphore,
}

impl Web {
    /// With this resolver. The error says which file is wrong and how.
    pub fn new(options: Options, resolver: Arc<dyn Resolve>) -> Result<Self, String> {
        let tls = TlsConnector::from(Arc::new(trust(options.roots.as_deref())?));
        let (slots, sending) = (Semaphore::new(AT_ONCE), Semaphore::new(AT_ONCE));
        Ok(Self { options, resolver, tls, cache: Cache::default(), slots, sending })
    }
}

#[async_trait]
impl Fetch for Web {
    async fn get(&self, wanted: &Wanted<'_>, now: Timestamp) -> Result<Arc<Document>, FetchError> {
        let target = Target::parse(wanted.url, self.options.plain_http)?;
        let document = self.cache.get(wanted, now, async |known| {
            let failed = |what: &'static str| FetchError::Failed(what.into());
            let _slot = self.slots.acquire().await.map_err(|_| failed("the server stops"))?;
            let attempt = connect::attempt(self, &target, wanted.types, known);
            tokio::time::timeout(self.options.timeout, attempt).await.map_err(|_| failed("it took too long"))?
        });
        let document = document.await?;
        // Somebody else may have asked for the same address as another type.
        if !wanted.types.contains(&document.media_type.as_str()) {
            return Err(FetchError::Failed("its content-type is another".into()));
        }
        Ok(document)
    }

    async fn send(&self, call: &Call<'_>) -> Result<Reply, FetchError> {
        let target = Target::parse(call.url, self.options.plain_http)?;
        let _slot = self.sending.acquire().await.map_err(|_| FetchError::Failed("the server stops".into()))?;
        let attempt = send::attempt(self, &target, call);
        let sent = tokio::time::timeout(self.options.timeout, attempt).await;
        sent.map_err(|_| FetchError::Failed("it took too long".into()))?
    }
}

/// Trusts the system's certificates and those of a file.
pub(crate) fn trust(file: Option<&Path>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for certificate in file.map(certificates).transpose()?.unwrap_or_default() {
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = config.map_err(|error| error.to_string())?.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The same for commands that are clients, with the certificate and the key that they present, if they have one.
pub(crate) fn tls_of_commands(
    file: Option<&Path>,
    presented: Option<(&Path, &Path)>,
) -> Result<rustls::ClientConfig, String> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots.add_parsable_certificates(file.map(certificates).transpose()?.unwrap_or_default());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|error| error.to_string())?.with_root_certificates(roots);
    let Some((certificate, key)) = presented else { return Ok(config.with_no_client_auth()) };
    let (chain, private) = tls::identity(certificate, key)?;
    config.with_client_auth_cert(chain, private).map_err(|error| format!("{}: {error}", certificate.display()))
}

/// The same for the blocking client of the command line.
pub(crate) fn trust_of_commands(file: Option<&Path>) -> Result<TlsConfig, String> {
    let mut roots = rustls_native_certs::load_native_certs().certs;
    roots.extend(file.map(certificates).transpose()?.unwrap_or_default());
    let roots: Vec<_> = roots.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&roots));
    Ok(config.unversioned_rustls_crypto_provider(provider).build())
}

/// The certificates in a PEM file.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |cause: &dyn std::fmt::Display| format!("{}: {cause}", path.display());
    let found = CertificateDer::pem_file_iter(path).map_err(|error| wrong(&error))?;
    found.map(|certificate| certificate.map_err(|error| wrong(&error))).collect()
}
