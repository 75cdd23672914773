//! TLS in the server itself, an issuer with a path, and what cookies look like then.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::engines::engine;

// RFC 6265bis §4.1.3.2, RFC 8414 §3, §3.1, OpenID Connect Discovery §4.
#[test]
fn with_a_certificate_it_speaks_tls_and_its_cookies_are_bound_to_the_host() {
    let (Some(python), Some(openssl)) = (engine("FIRMAN_TEST_PYTHON"), engine("FIRMAN_TEST_OPENSSL")) else { return };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("tls-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    make_certificate(&openssl, &folder);
    // The key of a server that lives for this test alone.
    fs::write(folder.join("master.key"), "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
    fs::write(
        folder.join("firman.toml"),
        "[server]\nissuer = \"https://localhost/tenant\"\ntls_certificate = \"c.pem\"\ntls_key = \"k.pem\"\n",
    )
    .unwrap();
    let mut server = Ended(
        Command::new(env!("CARGO_BIN_EXE_firman"))
            .args(["serve", "--json", "--port", "0"])
            .current_dir(&folder)
            .env("FIRMAN__SECRETS__MASTER_KEY_FILE", "master.key")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut line = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
    let port = ready["listen"].as_str().unwrap().rsplit(':').next().unwrap().to_owned();

    let get = |path: &str| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/interop/tls.py");
        let output = Command::new(&python).arg(script).arg(&port).arg(folder.join("c.pem")).arg(path).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    // RFC 8414 §3.1 and OpenID Connect Discovery §4 put the issuer's path in different places.
    for path in [
        "/.well-known/oauth-authorization-server/tenant",
        "/.well-known/openid-configuration/tenant",
        "/tenant/.well-known/openid-configuration",
    ] {
        assert!(get(path).starts_with("TLSv1.3 200\n"), "{path}");
    }
    let page = get("/tenant/oauth2/authorize");
    assert!(page.starts_with("TLSv1.3 400\n") && page.contains("strict-transport-security: "), "{page}");
    let cookie = page.lines().find_map(|line| line.strip_prefix("set-cookie: __Host-fm_browser=")).unwrap();
    for attribute in ["; Secure", "; HttpOnly", "; SameSite=Lax", "; Path=/"] {
        assert!(cookie.contains(attribute) && !cookie.contains("Domain"), "{cookie}");
    }

    kill_process(Pid::from_child(&server.0), Signal::TERM).unwrap();
    assert!(server.0.wait().unwrap().success());
    fs::remove_dir_all(folder).unwrap();
}

/// A process that does not outlive its test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

fn make_certificate(openssl: &OsStr, folder: &Path) {
    let made = Command::new(openssl)
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-keyout", "k.pem", "-out", "c.pem", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}
