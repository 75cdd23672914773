//! The private key that a client signs its assertions with (RFC 7523 §2.2), in a file of its own.

use std::fmt::Display;
use std::io::Read as _;
use std::path::Path;

use firman_client::flow::metadata::ServerMetadata;
use firman_client::private_file;
use firman_proto::jws::{Algorithm, HeldKey};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::output::Failed;

/// No key is longer, in bytes.
const LONGEST: u64 = 64 * 1024;

/// What the file holds.
enum Content {
    Jwk(Map<String, Value>),
    Pem(PrivateKeyDer<'static>),
}

impl Content {
    fn read(file: &Path) -> Result<Self, String> {
        let mut bytes = Zeroizing::new(Vec::new());
        let read = private_file::open(file).and_then(|file| file.take(LONGEST).read_to_end(&mut bytes));
        read.map_err(|error| error.to_string())?;
        if bytes.trim_ascii_start().starts_with(b"{") {
            return serde_json::from_slice(&bytes).map(Self::Jwk).map_err(|_| "it is no JSON".to_owned());
        }
        let none = "it has no private key: neither a JWK nor one in PEM without a passphrase";
        PrivateKeyDer::from_pem_slice(&bytes).map(Self::Pem).map_err(|_| none.to_owned())
    }

    fn key(&self, algorithm: Algorithm) -> Option<HeldKey> {
        match self {
            Self::Jwk(jwk) => HeldKey::from_jwk(algorithm, jwk).ok(),
            Self::Pem(der) => HeldKey::from_der(algorithm, der.secret_der()).ok(),
        }
    }
}

/// The key in a file, for the first of its algorithms that the server takes, under the name by which the client has registered it.
pub(super) fn read(file: &Path, kid: Option<&str>, server: &ServerMetadata) -> Result<HeldKey, Failed> {
    let wrong = |why: &dyn Display| Failed::settings(format!("--client-key {}: {why}", file.display()));
    let content = Content::read(file).map_err(|why| wrong(&why))?;
    let mut able = Algorithm::ALL.iter().filter_map(|algorithm| content.key(*algorithm)).peekable();
    if able.peek().is_none() {
        return Err(wrong(
            &"it is no private key to sign with: that is one on P-256 or Ed25519, or an RSA key of 2048 bits or more",
        ));
    }
    // RFC 8414 §2: what signs assertions at the token endpoint; where nothing is said, it may be anything.
    let taken = &server.token_endpoint_auth_signing_alg_values_supported;
    let key = able.find(|key| taken.is_empty() || taken.iter().any(|name| name == key.algorithm().as_str()));
    let key = key.ok_or_else(|| wrong(&format!("{} takes signatures by {} alone", server.issuer, taken.join(", "))))?;
    Ok(if let Some(kid) = kid { key.named(kid) } else { key })
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use rcgen::{PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256};

    use super::*;

    fn written(text: &str, mode: u32, kid: Option<&str>, taken: &[&str]) -> Result<HeldKey, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("client.key");
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        let taken = taken.iter().map(|&name| name.to_owned()).collect();
        let server =
            ServerMetadata { token_endpoint_auth_signing_alg_values_supported: taken, ..ServerMetadata::default() };
        read(&file, kid, &server).map_err(|failed| format!("{failed:?}"))
    }

    fn pem(algorithm: &'static rcgen::SignatureAlgorithm) -> String {
        rcgen::KeyPair::generate_for(algorithm).unwrap().serialize_pem()
    }

    // RFC 8414 §2, RFC 7523 §2.2.
    #[test]
    fn a_key_signs_by_an_algorithm_that_the_server_takes() {
        let rsa = pem(&PKCS_RSA_SHA256);
        for (text, taken, chosen) in [
            (&pem(&PKCS_ECDSA_P256_SHA256), &[][..], Algorithm::ES256),
            (&pem(&PKCS_ED25519), &["ES256", "EdDSA"], Algorithm::EdDSA),
            (&rsa, &[], Algorithm::RS256),
            (&rsa, &["PS256"], Algorithm::PS256),
        ] {
            assert_eq!(written(text, 0o600, None, taken).unwrap().algorithm(), chosen);
        }
        let refused = written(&rsa, 0o600, None, &["ES256", "EdDSA"]).unwrap_err();
        assert!(refused.contains("ES256, EdDSA alone"), "{refused}");
        assert_eq!(written(&rsa, 0o400, Some("mine"), &[]).unwrap().jwk().kid, "mine");
    }

    #[test]
    fn a_file_that_others_can_read_or_that_has_no_fit_key_is_refused_and_told() {
        let good = pem(&PKCS_ECDSA_P256_SHA256);
        for (text, mode, told) in [
            (good.as_str(), 0o640, "chmod 600"),
            (&pem(&PKCS_ECDSA_P384_SHA384), 0o600, "P-256 or Ed25519"),
            (r#"{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}"#, 0o600, "P-256 or Ed25519"),
            ("{", 0o600, "no JSON"),
            ("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n", 0o600, "passphrase"),
            ("", 0o600, "no private key"),
        ] {
            let refused = written(text, mode, None, &[]).unwrap_err();
            assert!(refused.contains(told) && refused.contains("client.key"), "{told}: {refused}");
        }
        let absent = read(Path::new("/nonexistent/key"), None, &ServerMetadata::default()).unwrap_err();
        assert!(format!("{absent:?}").contains("/nonexistent/key"));
    }
}
