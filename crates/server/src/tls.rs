//! TLS from two PEM files.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::client_certificate::AskAndTakeAny;

/// Reads certificate chain and key; clients may be asked for certificates of theirs. The error names the file and what is
/// wrong with it.
pub fn acceptor(certificate: &Path, key: &Path, ask_clients: bool) -> Result<TlsAcceptor, String> {
    let (chain, private) = identity(certificate, key)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let config = if ask_clients {
        config.with_client_cert_verifier(Arc::new(AskAndTakeAny(provider)))
    } else {
        config.with_no_client_auth()
    };
    let mut config = config
        .with_single_cert(chain, private)
        .map_err(|error| format!("{} and {}: {error}", certificate.display(), key.display()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// A certificate with its chain, and its key.
type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// Reads a certificate chain and its key; the error names the file.
pub(crate) fn identity(certificate: &Path, key: &Path) -> Result<Identity, String> {
    let wrong = |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| wrong(certificate, &error))?;
    if chain.is_empty() {
        return Err(wrong(certificate, &"no certificate in it; a PEM file with the whole chain is needed"));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, &error))?;
    Ok((chain, private))
}
