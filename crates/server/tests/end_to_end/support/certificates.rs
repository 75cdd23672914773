//! Certificates of clients, a client that shows them, and what clients serve over TLS.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use rcgen::{CertificateParams, KeyPair};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, Stream};
use serde_json::{Value, json};
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

/// A certificate as DER, and its key as PEM.
pub(crate) struct Made {
    pub(crate) certificate: Vec<u8>,
    pub(crate) key: String,
}

pub(crate) fn self_signed(name: &str) -> Made {
    let key = KeyPair::generate().unwrap();
    let made = CertificateParams::new([name.to_owned()]).unwrap().self_signed(&key).unwrap();
    Made { certificate: made.der().to_vec(), key: key.serialize_pem() }
}

impl Made {
    /// As a client registers it (RFC 8705 §2.2.2): what counts is the certificate.
    pub(crate) fn jwk(&self) -> Value {
        json!({"kty": "EC", "crv": "P-256", "x5c": [BASE64_STANDARD.encode(&self.certificate)],
               "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
               "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})
    }

    /// As a front passes it on (RFC 9440 §2.1).
    pub(crate) fn header(&self) -> String {
        format!(":{}:", BASE64_STANDARD.encode(&self.certificate))
    }
}

/// Speaks TLS with who has this certificate (PEM), and shows another, or none.
pub(crate) fn agent(trusted: &[u8], shown: Option<&Made>) -> ureq::Agent {
    let client = shown.map(|made| {
        let key = PrivateKey::from_pem(made.key.as_bytes()).unwrap();
        ClientCert::new_with_certs(&[Certificate::from_der(&made.certificate).to_owned()], key)
    });
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&[Certificate::from_pem(trusted).unwrap()]))
        .client_cert(client)
        .unversioned_rustls_crypto_provider(Arc::new(default_provider()))
        .build();
    ureq::Agent::config_builder().http_status_as_error(false).proxy(None).tls_config(tls).build().into()
}

/// One JSON document at an address on this machine.
pub(crate) struct File {
    pub(crate) url: String,
    /// Who vouches for that address (PEM).
    pub(crate) authority: String,
    pub(crate) text: Arc<Mutex<String>>,
}

/// Serves a document at this path over TLS.
pub(crate) fn serve_file(path: &str) -> File {
    let shown = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(shown.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![shown.cert.der().clone()], key);
    let config = Arc::new(config.unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let text = Arc::new(Mutex::new(String::new()));
    let said = Arc::clone(&text);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let _ = answer(connection, stream, &said.lock().unwrap());
        }
    });
    File { url: format!("https://localhost:{port}{path}"), authority: shown.cert.pem(), text }
}

fn answer(mut connection: ServerConnection, mut socket: TcpStream, text: &str) -> std::io::Result<()> {
    let mut stream = Stream::new(&mut connection, &mut socket);
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? == 1 {
        head.push(byte[0]);
    }
    let length = text.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(format!("{head}{text}").as_bytes())?;
    stream.conn.send_close_notify();
    stream.flush()
}
