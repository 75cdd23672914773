//! A strict JavaScript client and a headless browser, in `tests/browser`, go through a whole sign-in.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::admin::operations;
use crate::support::engines::engine;
use crate::support::mailbox::{Mailbox, Speech};
use crate::support::script;
use crate::support::server::Server;

#[test]
fn oauth4webapi_and_chromium_sign_a_person_in() {
    let (Some(node), Some(_)) = (engine("FIRMAN_TEST_NODE"), engine("FIRMAN_TEST_CHROMIUM")) else { return };
    let server = Server::start("browser");
    let screenshots = Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
    let _ = fs::remove_dir_all(&screenshots);

    script::run(node, "code-flow.mjs", &[screenshots.to_str().unwrap()], &server.ready_line);
    for page in ["login", "consent", "error"] {
        for look in ["light-desktop", "light-phone", "dark-desktop", "dark-phone"] {
            let picture = screenshots.join(format!("{page}-{look}.webp"));
            assert!(picture.is_file(), "{}", picture.display());
        }
    }
}

// RFC 6238 §5.2.
#[test]
fn chromium_signs_in_with_an_app_and_with_a_passkey() {
    let (Some(node), Some(_)) = (engine("FIRMAN_TEST_NODE"), engine("FIRMAN_TEST_CHROMIUM")) else { return };
    // Passkeys belong to names.
    let server = Server::start_at_a_name("security");
    let screenshots = Path::new(env!("CARGO_TARGET_TMPDIR")).join("security");
    let _ = fs::remove_dir_all(&screenshots);

    script::run(node, "security.mjs", &[screenshots.to_str().unwrap()], &server.ready_line);
    for page in ["app", "recovery-codes", "second-step", "passkey-new", "security", "login-with-passkey"] {
        let picture = screenshots.join(format!("{page}-dark-phone.webp"));
        assert!(picture.is_file(), "{}", picture.display());
    }
}

#[path = "../../examples/pages/main.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "an example has a main of its own")]
mod samples;

#[test]
fn axe_finds_nothing_serious_on_any_page() {
    let (Some(node), Some(_)) = (engine("FIRMAN_TEST_NODE"), engine("FIRMAN_TEST_CHROMIUM")) else { return };
    let folder = tempfile::tempdir().unwrap();
    samples::write(folder.path()).unwrap();
    let steps = script::run(node, "pictures.mjs", &[folder.path().to_str().unwrap()], "");
    assert!(steps.lines().count() > 20, "{steps}");
}

#[test]
fn chromium_decides_withdraws_and_makes_api_keys() {
    let (Some(node), Some(_)) = (engine("FIRMAN_TEST_NODE"), engine("FIRMAN_TEST_CHROMIUM")) else { return };
    let settings = [("FIRMAN__ACCOUNT__API_KEY_SCOPE", "profile"), ("FIRMAN__DEVICE__INTERVAL_SECONDS", "1")];
    let server = Server::start_with("account", &settings);
    script::run(node, "account.mjs", &[], &server.ready_line);
}

#[test]
fn chromium_signs_out_in_every_way_and_clients_are_told() {
    let (Some(node), Some(_)) = (engine("FIRMAN_TEST_NODE"), engine("FIRMAN_TEST_CHROMIUM")) else { return };
    let shown = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let authority = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("logout-{}.pem", std::process::id()));
    fs::write(&authority, shown.cert.pem()).unwrap();
    let settings = [
        ("FIRMAN__REGISTRATION__MODE", "open"),
        ("FIRMAN__OUTBOX__FIRST_PAUSE_SECONDS", "1"),
        ("FIRMAN__FETCH__ALLOW_NETWORKS", "127.0.0.1"),
        ("FIRMAN__FETCH__CA_FILE", authority.to_str().unwrap()),
    ];
    let server = Server::start_with("logout", &settings);
    let mut ready: Value = serde_json::from_str(&server.ready_line).unwrap();
    ready["certificate"] = shown.cert.pem().into();
    ready["key"] = shown.signing_key.serialize_pem().into();
    ready["operator"] = operations(&server).into();
    script::run(node, "logout.mjs", &[], &ready.to_string());
    fs::remove_file(authority).unwrap();
}

// OpenID Connect Session Management §3.
#[test]
fn chromium_tells_clients_by_a_frame_that_somebody_has_signed_in_or_out() {
    let (Some(node), Some(_)) = (engine("FIRMAN_TEST_NODE"), engine("FIRMAN_TEST_CHROMIUM")) else { return };
    let settings = [("FIRMAN__REGISTRATION__MODE", "open"), ("FIRMAN__LOGIN__SESSION_MANAGEMENT", "true")];
    let server = Server::start_with("session-management", &settings);
    script::run(node, "session.mjs", &[], &server.ready_line);
}

// Initiating User Registration §4.1.1.
#[test]
fn chromium_makes_an_account_and_replaces_its_forgotten_password_by_mail() {
    let (Some(node), Some(_)) = (engine("FIRMAN_TEST_NODE"), engine("FIRMAN_TEST_CHROMIUM")) else { return };
    let folder = tempfile::tempdir().unwrap();
    let mails = folder.path().join("mails");
    fs::create_dir(&mails).unwrap();
    let mailbox = Mailbox::open_at(Speech::StartTls, Some(mails.clone()));
    let (ca, port) = (folder.path().join("ca.pem"), mailbox.port.to_string());
    fs::write(&ca, &mailbox.certificate).unwrap();
    let settings = [
        ("FIRMAN__SMTP__HOST", "localhost"),
        ("FIRMAN__SMTP__PORT", &*port),
        ("FIRMAN__SMTP__CA_FILE", ca.to_str().unwrap()),
        ("FIRMAN__SMTP__FROM", "Firman <id@login.example>"),
        ("FIRMAN__LOGIN__SIGN_UP", "true"),
    ];
    let server = Server::start_with("mail", &settings);
    let screenshots = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mail");
    let _ = fs::remove_dir_all(&screenshots);
    let arguments = [mails.to_str().unwrap(), screenshots.to_str().unwrap()];
    script::run(node, "mail.mjs", &arguments, &server.ready_line);
    assert!(mailbox.next().tls);
}
