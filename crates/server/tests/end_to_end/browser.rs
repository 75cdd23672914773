//! A strict JavaScript client and a headless browser, in `tests/browser`, go through a whole sign-in.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::engines::engine;
use crate::support::server::Server;

#[test]
fn oauth4webapi_and_chromium_sign_a_person_in() {
    let (Some(node), Some(chromium)) = (engine("FIRMAN_TEST_NODE"), engine("FIRMAN_TEST_CHROMIUM")) else { return };
    let server = Server::start("browser");
    let screenshots = Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
    let _ = fs::remove_dir_all(&screenshots);

    let mut script = Command::new(node)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/browser/code-flow.mjs"))
        .arg(&screenshots)
        .env("FIRMAN_TEST_CHROMIUM", chromium)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    script.stdin.take().unwrap().write_all(server.ready_line.as_bytes()).unwrap();
    let output = script.wait_with_output().unwrap();

    let steps = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{steps}\n{}", String::from_utf8_lossy(&output.stderr));
    for page in ["login", "consent", "error"] {
        for look in ["light-desktop", "light-phone", "dark-desktop", "dark-phone"] {
            let picture = screenshots.join(format!("{page}-{look}.png"));
            assert!(picture.is_file(), "{}", picture.display());
        }
    }
}
