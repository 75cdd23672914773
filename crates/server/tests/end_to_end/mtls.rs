//! Clients that prove who they are by a certificate, over TLS.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};

use crate::support::certificates::{Made, agent, self_signed};
use crate::support::server::free_port;

/// An authority for clients, a client of it, two that nobody vouches for, and what the server shows.
pub(crate) struct World {
    pub(crate) folder: PathBuf,
    pub(crate) issuer: String,
    pub(crate) issued: Made,
    own: Made,
    pub(crate) stranger: Made,
    _server: Process,
}

/// A process that does not outlive its test.
pub(crate) struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn firman(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_firman"));
    command.args(words).current_dir(folder).env("FIRMAN__SECRETS__MASTER_KEY_FILE", "master.key");
    command
}

impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

impl World {
    pub(crate) fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        fs::write(folder.join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        let issuer = Issuer::new(params, key);
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "The client");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let issued =
            Made { certificate: params.signed_by(&key, &issuer).unwrap().der().to_vec(), key: key.serialize_pem() };
        let (own, stranger) = (self_signed("client.example"), self_signed("client.example"));

        let shown = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(folder.join("server.pem"), shown.cert.pem()).unwrap();
        fs::write(folder.join("server.key"), shown.signing_key.serialize_pem()).unwrap();
        // The key of a server that lives for this test alone.
        fs::write(folder.join("master.key"), "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
        // Its own port is part of the issuer.
        let port = free_port();
        let issuer = format!("https://localhost:{port}");
        let settings = format!(
            "[server]\nlisten = \"127.0.0.1:{port}\"\nissuer = \"{issuer}\"\ntls_certificate = \"server.pem\"\ntls_key = \"server.key\"\n\
             [mtls]\nrequest = true\nca_file = \"ca.pem\"\n"
        );
        fs::write(folder.join("firman.toml"), settings).unwrap();
        let mut server = Process(firman(&folder, &["serve", "--json"]).stdout(Stdio::piped()).spawn().unwrap());
        let mut line = String::new();
        BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "it does not start");
        Self { folder, issuer, issued, own, stranger, _server: server }
    }

    pub(crate) fn apply(&self, clients: &Value) {
        fs::write(self.folder.join("clients.json"), json!({"clients": clients}).to_string()).unwrap();
        let output = firman(&self.folder, &["client", "apply", "clients.json"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Posts a form by TLS with this certificate, or none.
    pub(crate) fn post(&self, path: &str, shown: Option<&Made>, form: &str) -> (u16, Value) {
        let trusted = fs::read(self.folder.join("server.pem")).unwrap();
        let mut answer = agent(&trusted, shown)
            .post(format!("{}{path}", self.issuer))
            .header("content-type", "application/x-www-form-urlencoded")
            .send(form)
            .unwrap();
        let body = answer.body_mut().read_to_string().unwrap();
        (answer.status().as_u16(), serde_json::from_str(&body).unwrap_or_default())
    }

    fn token(&self, client_id: &str, shown: Option<&Made>) -> (u16, Value) {
        self.post("/oauth2/token", shown, &format!("grant_type=client_credentials&client_id={client_id}"))
    }
}

// RFC 8705 §2.1, §2.2, §3, §3.1, §3.2, §3.4.
#[test]
fn a_client_is_known_by_its_certificate_and_its_tokens_are_bound_to_it() {
    let world = World::new("mtls");
    let own = world.own.jwk();
    let client = |id: &str, method: &str, more: Value| {
        let mut client = json!({"client_id": id, "client_name": id, "grant_types": ["client_credentials"], "scope": "read",
                                "token_endpoint_auth_method": method, "tls_client_certificate_bound_access_tokens": true});
        client.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        client
    };
    world.apply(&json!([
        client("named", "tls_client_auth", json!({"tls_client_auth_subject_dn": "CN=The client"})),
        client("registered", "self_signed_tls_client_auth", json!({"jwks": {"keys": [own]}})),
    ]));
    for (id, right, wrong) in [
        ("named", &world.issued, [Some(&world.own), Some(&world.stranger), None]),
        ("registered", &world.own, [Some(&world.issued), Some(&world.stranger), None]),
    ] {
        for shown in wrong {
            let (status, answer) = world.token(id, shown);
            assert_eq!((status, &answer["error"]), (401, &json!("invalid_client")), "{id}: {answer}");
        }
        let (status, tokens) = world.token(id, Some(right));
        assert_eq!(status, 200, "{id}: {tokens}");
        let token = tokens["access_token"].as_str().unwrap();
        let form = format!("client_id={id}&token={token}");
        let (_, told) = world.post("/oauth2/introspect", Some(right), &form);
        assert!(told["active"] == true && told["cnf"]["x5t#S256"].is_string(), "{told}");
    }
}
