//! Certificates of clients (RFC 8705): of our own TLS connections, or passed on by a front that we trust.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use firman_engine::Clock;
use firman_proto::certificate::Certificate;
use firman_proto::form;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};

use crate::fetch::Networks;

/// Who is at the other end of a connection.
#[derive(Clone, Debug)]
pub struct Peer {
    /// From where.
    pub address: SocketAddr,
    /// The certificate it has shown that it holds, and those that lead from it to an authority; empty if it showed none.
    pub chain: Vec<CertificateDer<'static>>,
}

/// Where certificates of clients come from, and who vouches for them.
pub struct Source {
    /// Vouch for certificates by which clients authenticate; without them only registered certificates do.
    pub authorities: Option<Arc<dyn ClientCertVerifier>>,
    /// The header in which a front passes the client's certificate on, and where such fronts are.
    pub front: Option<(HeaderName, Networks)>,
    /// Certificates are valid for a time.
    pub clock: Arc<dyn Clock>,
}

/// Puts the client's certificate beside its request.
pub async fn attach(State(source): State<Arc<Source>>, mut request: Request, next: Next) -> Response {
    if let Some(certificate) = source.certificate(&request) {
        request.extensions_mut().insert(Arc::new(certificate));
    }
    next.run(request).await
}

impl Source {
    fn certificate(&self, request: &Request) -> Option<Certificate> {
        let peer = request.extensions().get::<Peer>()?;
        let passed_on = match &self.front {
            // Anybody else could write this header too: from them it means nothing.
            Some((name, fronts)) if fronts.contain(canonical(peer.address)) => {
                let mut values = request.headers().get_all(name).iter();
                // Two would let the client's own stand beside the front's.
                match (values.next(), values.next()) {
                    (Some(value), None) => vec![from_header(value)?],
                    _ => Vec::new(),
                }
            }
            _ => Vec::new(),
        };
        let chain = if passed_on.is_empty() { &peer.chain } else { &passed_on };
        let (own, others) = chain.split_first()?;
        Certificate::new(own, self.vouched_for(own, others))
    }

    fn vouched_for(&self, own: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> bool {
        let Some(authorities) = &self.authorities else { return false };
        let seconds = u64::try_from(self.clock.now().seconds()).unwrap_or_default();
        let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        authorities.verify_client_cert(own, others, now).is_ok()
    }
}

fn canonical(address: SocketAddr) -> IpAddr {
    address.ip().to_canonical()
}

/// As RFC 9440 §2.1 has it (`:base64 of DER:`), or PEM with URL escapes as most fronts write it.
fn from_header(value: &HeaderValue) -> Option<CertificateDer<'static>> {
    let text = value.to_str().ok()?.trim();
    if let Some(encoded) = text.strip_prefix(':').and_then(|rest| rest.strip_suffix(':')) {
        return STANDARD.decode(encoded).ok().map(CertificateDer::from);
    }
    // A plus is base64 here, not a space.
    let escaped = text.replace('+', "%2B");
    let pem = form::decode(escaped.as_bytes())?;
    CertificateDer::from_pem_slice(pem.as_bytes()).ok()
}

/// Those who vouch, from a PEM file. The error names the file and what is wrong with it.
pub fn authorities(file: &Path) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let wrong = |cause: &dyn std::fmt::Display| format!("{}: {cause}", file.display());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| wrong(&error))? {
        roots.add(certificate.map_err(|error| wrong(&error))?).map_err(|error| wrong(&error))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().map_err(|error| wrong(&error))
}

/// Asks for a certificate and takes any, or none: the handshake proves that its owner is there, and whether that means anything
/// is decided where the client is known.
#[derive(Debug)]
pub struct AskAndTakeAny(pub Arc<CryptoProvider>);

impl ClientCertVerifier for AskAndTakeAny {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {

    use axum::Router;
    use axum::body::Body;
    use axum::http::request::Builder;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use firman_engine::SystemClock;
    use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};

    use rustls::pki_types::{PrivateKeyDer, ServerName};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};
    use tokio_rustls::TlsConnector;

    use super::*;
    use crate::fetch::Network;
    use crate::listen::{Limits, serve};

    const HEADER: HeaderName = HeaderName::from_static("client-cert");

    /// An authority, a certificate it issued for a client, and one that nobody issued.
    struct Made {
        folder: tempfile::TempDir,
        issued: CertificateDer<'static>,
        issued_key: KeyPair,
        own: rcgen::Certificate,
    }

    fn made() -> Made {
        let folder = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let authority = params.self_signed(&key).unwrap();
        std::fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        let issuer = Issuer::new(params, key);
        let mut client = CertificateParams::new(["client.example".to_owned()]).unwrap();
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let issued_key = KeyPair::generate().unwrap();
        let issued = client.signed_by(&issued_key, &issuer).unwrap().der().clone();
        let own = CertificateParams::new([]).unwrap().self_signed(&KeyPair::generate().unwrap()).unwrap();
        Made { folder, issued, issued_key, own }
    }

    fn source(made: &Made) -> Source {
        let fronts = Networks(vec![Network::parse("10.0.0.0/24").unwrap()]);
        Source {
            authorities: Some(authorities(&made.folder.path().join("ca.pem")).unwrap()),
            front: Some((HEADER, fronts)),
            clock: Arc::new(SystemClock),
        }
    }

    fn request(builder: Builder, from: &str, chain: Vec<CertificateDer<'static>>) -> Request {
        let mut request = builder.body(Body::empty()).unwrap();
        request.extensions_mut().insert(Peer { address: format!("{from}:4711").parse().unwrap(), chain });
        request
    }

    // RFC 8705 §2.1.
    #[test]
    fn an_authority_vouches_for_what_it_issued_and_for_nothing_else() {
        let made = made();
        let source = source(&made);
        let of = |chain| source.certificate(&request(Request::get("/"), "192.0.2.1", chain));
        assert!(of(vec![made.issued.clone()]).unwrap().is_trusted());
        assert!(!of(vec![made.own.der().clone()]).unwrap().is_trusted());
        assert_eq!(of(Vec::new()), None);
        assert_eq!(of(vec![CertificateDer::from(b"garbage".to_vec())]), None);
    }

    // RFC 9440 §2.1.
    #[test]
    fn the_header_of_a_front_counts_and_that_of_anybody_else_does_not() {
        let made = made();
        let source = source(&made);
        let structured = format!(":{}:", STANDARD.encode(&made.issued));
        let pem = made.own.pem();
        let escaped = pem.bytes().fold(String::new(), |text, byte| text + &format!("%{byte:02X}"));
        let half_escaped = pem.replace('\n', "%0A").replace(' ', "%20");
        let of = |value: &str, from: &str| {
            source.certificate(&request(Request::get("/").header(HEADER, value), from, Vec::new()))
        };
        for from in ["10.0.0.7", "[::ffff:10.0.0.7]"] {
            assert!(of(&structured, from).unwrap().is_trusted());
            for value in [&escaped, &half_escaped] {
                assert_eq!(of(value, from).unwrap().der(), &**made.own.der());
            }
        }
        for from in ["10.0.1.7", "127.0.0.1", "[::1]"] {
            assert_eq!(of(&structured, from), None, "{from}");
        }
        for value in ["", ":", "::", ":!:", "-----BEGIN CERTIFICATE-----", "%ZZ"] {
            assert_eq!(of(value, "10.0.0.7"), None, "{value}");
        }
        let twice = Request::get("/").header(HEADER, &structured).header(HEADER, &structured);
        assert_eq!(source.certificate(&request(twice, "10.0.0.7", Vec::new())), None, "a client may have added one");
    }

    /// What a client with this certificate, or none, is taken for over a real connection.
    async fn shown_over_tls(made: &Made, client: Option<(CertificateDer<'static>, KeyPair)>) -> String {
        let server = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (chain, key) = (made.folder.path().join("chain.pem"), made.folder.path().join("key.pem"));
        std::fs::write(&chain, server.cert.pem()).unwrap();
        std::fs::write(&key, server.signing_key.serialize_pem()).unwrap();
        let source = Arc::new(Source { front: None, ..source(made) });
        let show = |request: Request| async move {
            let shown = request.extensions().get::<Arc<Certificate>>();
            shown.map_or_else(|| "nobody".to_owned(), |shown| format!("{} {}", shown.thumbprint(), shown.is_trusted()))
        };
        let routes = Router::new().route("/", get(show)).layer(from_fn_with_state(source, attach));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let limits = Limits {
            header: Duration::from_secs(5),
            request: Duration::from_secs(5),
            shutdown: Duration::ZERO,
            connections: 4,
        };
        let acceptor = crate::tls::acceptor(&chain, &key, true).unwrap();
        let serving = tokio::spawn(serve(listener, Some(acceptor), routes, limits, std::future::pending()));

        let mut roots = RootCertStore::empty();
        roots.add(server.cert.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config =
            rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(roots);
        let config = match client {
            None => config.with_no_client_auth(),
            Some((own, key)) => {
                let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
                config.with_client_auth_cert(vec![own], key).unwrap()
            }
        };
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        serving.abort();
        answer.rsplit("\r\n").next().unwrap().to_owned()
    }

    #[tokio::test]
    async fn a_certificate_comes_over_a_real_connection_and_none_has_to() {
        let made = made();
        let thumbprint = |der: &CertificateDer<'_>| Certificate::new(der, false).unwrap().thumbprint().to_string();
        assert_eq!(shown_over_tls(&made, None).await, "nobody");
        let key = KeyPair::generate().unwrap();
        let own = CertificateParams::new([]).unwrap().self_signed(&key).unwrap().der().clone();
        let expected = format!("{} false", thumbprint(&own));
        assert_eq!(shown_over_tls(&made, Some((own, key))).await, expected);
        let issued = (made.issued.clone(), KeyPair::try_from(made.issued_key.serialize_der().as_slice()).unwrap());
        let expected = format!("{} true", thumbprint(&made.issued));
        assert_eq!(shown_over_tls(&made, Some(issued)).await, expected);
    }
}
