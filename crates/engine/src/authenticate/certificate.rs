//! Clients that prove who they are by the certificate of their connection (RFC 8705 §2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use firman_proto::certificate::{Certificate, CertificateName};
use firman_proto::client::ClientMetadata;
use firman_proto::credentials::AuthMethod;
use firman_proto::error::{Denied, invalid_client};
use firman_proto::time::Timestamp;
use firman_store::record::Client;
use serde_json::Value;

use crate::Engine;
use crate::failure::Failure;

/// Verifies that the certificate of the connection is the client's.
pub(super) async fn verify(
    engine: &Engine,
    client: &Client,
    certificate: &Certificate,
    now: Timestamp,
) -> Result<(), Failure> {
    if client.metadata.token_endpoint_auth_method == AuthMethod::TlsClientAuth {
        return Ok(by_name(&client.metadata, certificate)?);
    }
    // RFC 8705 §2.2: one of those that the client has registered, in its JWK set.
    let document = engine.key_sets.document_of(engine, client, None, now).await?;
    if has(&document, certificate) {
        return Ok(());
    }
    let newer = engine.key_sets.document_of(engine, client, Some(now), now).await?;
    if has(&newer, certificate) { Ok(()) } else { Err(invalid_client("the certificate is not registered").into()) }
}

/// RFC 8705 §2.1: an authority vouches for it, and it has the registered name.
fn by_name(metadata: &ClientMetadata, certificate: &Certificate) -> Result<(), Denied> {
    if !certificate.is_trusted() {
        return Err(invalid_client("no authority vouches for the certificate"));
    }
    let name =
        registered_name(metadata).ok_or_else(|| invalid_client("no certificate name is registered, or several"))?;
    if certificate.is_for(&name) { Ok(()) } else { Err(invalid_client("the certificate has another name")) }
}

/// RFC 8705 §2.1.2: exactly one.
pub(crate) fn registered_name(metadata: &ClientMetadata) -> Option<CertificateName<'_>> {
    let tls = &metadata.tls;
    let mut names = [
        tls.tls_client_auth_subject_dn.as_deref().map(CertificateName::Subject),
        tls.tls_client_auth_san_dns.as_deref().map(CertificateName::Dns),
        tls.tls_client_auth_san_uri.as_deref().map(CertificateName::Uri),
        tls.tls_client_auth_san_ip.as_deref().map(CertificateName::Ip),
        tls.tls_client_auth_san_email.as_deref().map(CertificateName::Email),
    ]
    .into_iter()
    .flatten();
    let first = names.next()?;
    names.next().is_none().then_some(first)
}

/// RFC 8705 §2.2.2, RFC 7517 §4.7: the first certificate of an `x5c` is the key's own.
fn has(set: &Value, certificate: &Certificate) -> bool {
    let keys = set.get("keys").and_then(Value::as_array).into_iter().flatten();
    let mut own = keys.filter_map(|key| key.get("x5c")?.get(0)?.as_str());
    own.any(|text| STANDARD.decode(text).is_ok_and(|der| der == certificate.der()))
}
