//! Clients that prove themselves to `firman login`'s server with a private key, and tokens of their own that are bound to one.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;

use aws_lc_rs::encoding::AsBigEndian as _;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firman_proto::jws::{Algorithm, HeldKey};
use rcgen::{KeyPair, PKCS_ED25519, PKCS_RSA_SHA256, SignatureAlgorithm};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::held::{begin, code, firman, said, said_by};
use crate::support::browser::AuthorizationRequest;
use crate::support::cli::Cli;
use crate::support::server::{Folder, Server};

/// A server with clients, and a folder for tokens and keys.
struct World {
    server: Server,
    folder: TempDir,
}

impl World {
    fn new(name: &str) -> Self {
        let folder = Folder::with_settings(name, &[("FIRMAN__KEYS__ALGORITHMS", "ES256")]);
        Self { server: folder.start_again(), folder: tempfile::tempdir().unwrap() }
    }

    fn apply(&self, clients: &Value) {
        let file = self.folder.path().join("clients.json");
        fs::write(&file, json!({"clients": clients}).to_string()).unwrap();
        Cli::on(self.server.folder()).json(&["client", "apply", file.to_str().unwrap()]);
    }

    /// A file that its owner alone can read.
    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path
    }

    fn tokens(&self) -> PathBuf {
        self.folder.path().join("tokens")
    }

    /// `firman token --own` of a client with its key.
    fn own(&self, client: &str, key: &Path, more: &[&str]) -> Output {
        let key = key.to_str().unwrap();
        let words =
            ["token", "--own", "--issuer", &self.server.ready.issuer, "--client-id", client, "--client-key", key];
        firman(&self.tokens(), &[&words, more].concat()).output().unwrap()
    }
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap().trim_end().to_owned()
}

fn refused(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8(output.stderr.clone()).unwrap())
}

/// A key as `openssl genpkey` writes one, and its public half.
fn pem(made: &'static SignatureAlgorithm, algorithm: Algorithm) -> (String, Value) {
    let pair = KeyPair::generate_for(made).unwrap();
    let held = HeldKey::from_pkcs8(algorithm, &pair.serialize_der()).unwrap();
    (pair.serialize_pem(), serde_json::to_value(held.jwk()).unwrap())
}

/// A key as a JWK with a name of its owner's, and its public half.
fn jwk(kid: &str) -> (String, Value) {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let held = HeldKey::from_pkcs8(Algorithm::ES256, pair.to_pkcs8v1().unwrap().as_ref()).unwrap();
    let mut public = serde_json::to_value(held.jwk()).unwrap();
    public["kid"] = kid.into();
    let mut private = public.clone();
    private["d"] = URL_SAFE_NO_PAD.encode(pair.private_key().as_be_bytes().unwrap().as_ref()).into();
    (private.to_string(), public)
}

fn client(id: &str, key: &Value) -> Value {
    json!({"client_id": id, "client_name": id, "grant_types": ["client_credentials"], "scope": "read",
        "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [key]}})
}

// RFC 7523 §2.2, §3, RFC 7518 §3.1, RFC 8037 §3.1.
#[test]
fn a_client_proves_itself_with_a_key_in_a_file() {
    let world = World::new("held-keys");
    let [es, ed, rs] = [jwk("mine"), pem(&PKCS_ED25519, Algorithm::EdDSA), pem(&PKCS_RSA_SHA256, Algorithm::RS256)];
    let mut named = rs.1.clone();
    named["kid"] = "theirs".into();
    world.apply(&json!([
        client("es", &es.1),
        client("ed", &ed.1),
        client("rs", &rs.1),
        client("named", &named),
        client("late", &es.1)
    ]));
    let files = [("es", &es.0), ("ed", &ed.0), ("rs", &rs.0)];
    let [es, ed, rs] = files.map(|(name, text)| world.file(name, text));
    for (id, key) in [("es", &es), ("ed", &ed), ("rs", &rs)] {
        let token = printed(&world.own(id, key, &[]));
        assert_eq!(printed(&world.own(id, key, &[])), token, "it is kept");
        let facts = world.server.service().introspect(&token);
        assert_eq!((&facts["active"], &facts["client_id"]), (&json!(true), &json!(id)), "{facts}");
    }
    // A key that is registered under another name is told by that.
    let (code, text) = refused(&world.own("named", &rs, &[]));
    assert!(code == Some(5) && text.contains("invalid_client"), "{text}");
    printed(&world.own("named", &rs, &["--client-key-id", "theirs"]));

    // The key of another client; one that is not there, that others can read, or that is none.
    let (code, text) = refused(&world.own("late", &ed, &[]));
    assert!(code == Some(5) && text.contains("invalid_client"), "{text}");
    let wrong = |key: &Path, told: &str| {
        let (code, text) = refused(&world.own("late", key, &[]));
        assert!(code == Some(3) && text.contains(told) && text.contains(key.to_str().unwrap()), "{text}");
    };
    wrong(&world.folder.path().join("absent"), "No such file");
    wrong(&world.file("none", "no key"), "no private key");
    fs::set_permissions(&es, Permissions::from_mode(0o644)).unwrap();
    wrong(&es, "chmod 600");
}

// RFC 7523 §2.2, RFC 7009 §2.1.
#[test]
fn who_signs_in_by_a_client_with_a_key_renews_and_signs_out_by_it() {
    let world = World::new("held-keys-login");
    let (text, public) = jwk("mine");
    let key = world.file("app.jwk", &text);
    world.apply(&json!([{"client_id": "app", "client_name": "App", "redirect_uris": ["http://127.0.0.1/callback"],
        "grant_types": ["authorization_code", "refresh_token"], "scope": "openid offline_access",
        "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [public]}}]));
    let (tokens, issuer, server) = (world.tokens(), world.server.ready.issuer.as_str(), &world.server);
    let words = ["--issuer", issuer, "--client-key", key.to_str().unwrap()];
    let (code_of, told) = code(&tokens, &[&["login"], &words[..]].concat());
    assert!(code_of == Some(2) && told.contains("--client-id"), "{told}");
    let (much, told) = code(&tokens, &["login", "--issuer", issuer, "--clock-skew", "301"]);
    assert!(much == Some(2) && told.contains("301"), "{told}");
    let words =
        [&words[..], &["--client-id", "app", "--scope", "openid offline_access", "--clock-skew", "300"]].concat();
    let (login, address) = begin(&tokens, &words);
    let request = AuthorizationRequest { url: address, ..AuthorizationRequest::new(server) };
    assert_eq!(server.http.get(server.browser().authorize(&request).as_str()).status, 200);
    let signed_in: Value = serde_json::from_str(&said_by(login)).unwrap();
    let first = signed_in["access_token"].as_str().unwrap();

    // Nothing but where the key lies was kept: it is read where it is needed.
    assert_eq!(said(&tokens, &["token"]), first);
    let away = key.with_extension("away");
    fs::rename(&key, &away).unwrap();
    assert_eq!(said(&tokens, &["token"]), first);
    assert_eq!(code(&tokens, &["token", "--not", first]).0, Some(3));
    fs::rename(&away, &key).unwrap();
    let next = said(&tokens, &["token", "--not", first]);
    assert!(next != first && server.service().is_active(&next));
    said(&tokens, &["logout"]);
    assert!(!server.service().is_active(&next));
}

// RFC 9449 §5, §7.1.
#[test]
fn a_clients_own_tokens_are_bound_to_a_key_that_is_kept() {
    let world = World::new("held-keys-dpop");
    let (text, public) = jwk("mine");
    let key = world.file("job.jwk", &text);
    world.apply(&json!([client("job", &public)]));
    let plain = printed(&world.own("job", &key, &[]));
    assert!(world.server.service().introspect(&plain)["cnf"].is_null());

    let all: Vec<_> = std::thread::scope(|scope| {
        let ask = || printed(&world.own("job", &key, &["--dpop", "--json"]));
        let asking: Vec<_> = (0..10).map(|_| scope.spawn(ask)).collect();
        asking.into_iter().map(|one| serde_json::from_str::<Value>(&one.join().unwrap()).unwrap()).collect()
    });
    let bound = all[0]["access_token"].as_str().unwrap();
    assert!(all.iter().all(|one| one["access_token"] == bound && one["token_type"] == "DPoP"), "{all:?}");
    let thumbprint = world.server.service().introspect(bound)["cnf"]["jkt"].clone();
    assert!(thumbprint.is_string());
    let next = printed(&world.own("job", &key, &["--dpop", "--not", bound]));
    assert_eq!(world.server.service().introspect(&next)["cnf"]["jkt"], thumbprint, "by the same key");
    assert_eq!(printed(&world.own("job", &key, &[])), plain, "who does not ask for that gets the other");

    let at = world.server.url("/oauth2/userinfo");
    let headers = printed(&world.own("job", &key, &["--dpop", "--for", "GET", &at])).to_lowercase();
    assert!(headers.contains(&format!("authorization: dpop {}", next.to_lowercase())) && headers.contains("dpop: "));
    let (wrong, _) = code(&world.tokens(), &["token", "--dpop"]);
    assert_eq!(wrong, Some(2), "who signs in says so at the sign-in");
}
