//! The built binary with a certificate that it alone has vouched for, and an issuer with a path.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A server that speaks TLS. It does not outlive its test.
pub(crate) struct Secured {
    pub(crate) issuer: String,
    /// Its own certificate (PEM), which nobody trusts without being told to.
    pub(crate) authority: PathBuf,
    folder: PathBuf,
    process: Child,
}

impl Secured {
    pub(crate) fn start(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let shown = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(folder.join("c.pem"), shown.cert.pem()).unwrap();
        fs::write(folder.join("k.pem"), shown.signing_key.serialize_pem()).unwrap();
        // The key of a server that lives for this test alone.
        fs::write(folder.join("master.key"), "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
        // Its own port is part of the issuer.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let issuer = format!("https://localhost:{port}/tenant");
        let settings = format!(
            "[server]\nlisten = \"127.0.0.1:{port}\"\nissuer = \"{issuer}\"\ntls_certificate = \"c.pem\"\ntls_key = \"k.pem\"\n"
        );
        fs::write(folder.join("firman.toml"), settings).unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_firman"))
            .args(["serve", "--json"])
            .current_dir(&folder)
            .env("FIRMAN__SECRETS__MASTER_KEY_FILE", "master.key")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = process.stdout.take().unwrap();
        let server = Self { issuer, authority: folder.join("c.pem"), folder, process };
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "it does not start");
        server
    }
}

impl Drop for Secured {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
