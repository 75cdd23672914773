//! The commands of `firman` beside a running server: what they print with `--json`, their exit codes, what they change.

use serde_json::Value;
use url::Url;

use crate::support::browser::Place;
use crate::support::cli::{Cli, firman};
use crate::support::client::{Client, Tokens};
use crate::support::server::Server;

/// As `firman --help` lists them.
const USAGE: Option<i32> = Some(2);
const NOT_FOUND: Option<i32> = Some(4);

#[test]
fn a_client_is_created_used_given_a_new_secret_and_deleted() {
    let server = Server::start("cli-client");
    let cli = Cli::on(server.folder());

    let made = cli.json(&["client", "create", "--name", "Books", "--grant-type", "client_credentials"]);
    let (id, secret) = (text(&made, "client_id"), text(&made, "client_secret"));
    assert_eq!(Client::new(&server, &id, &secret).client_credentials().status, 200);
    assert!(entries(&cli.json(&["client", "list"])).iter().any(|client| text(client, "client_id") == id));
    let shown = cli.json(&["client", "show", &id]);
    assert_eq!(text(&shown, "client_name"), "Books");
    assert!(!shown.to_string().contains(&secret), "a secret is shown once, when it is made");

    let rotated = text(&cli.json(&["client", "rotate-secret", &id]), "client_secret");
    assert_ne!(rotated, secret);
    eventually(|| Client::new(&server, &id, &rotated).client_credentials().status == 200);
    eventually(|| Client::new(&server, &id, &secret).client_credentials().status == 401);

    cli.json(&["client", "delete", &id]);
    eventually(|| Client::new(&server, &id, &rotated).client_credentials().status == 401);
    assert_eq!(cli.run(&["client", "show", &id], "").code, NOT_FOUND);
    assert_eq!(cli.run(&["client", "delete", &id], "").code, NOT_FOUND);
}

#[test]
fn a_user_is_created_and_given_another_password() {
    let mut server = Server::start("cli-user");
    let cli = Cli::on(server.folder());

    let made = cli.run(&["user", "create", "reader", "--password-stdin"], "a password of a reader\n");
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    assert!(entries(&cli.json(&["user", "list"])).iter().any(|user| text(user, "username") == "reader"));
    // A name is taken once.
    assert_ne!(cli.run(&["user", "create", "reader", "--password-stdin"], "another password\n").code, Some(0));
    server.ready.username = "reader".to_owned();
    server.ready.password = "a password of a reader".to_owned();
    server.browser().sign_in();

    let set = cli.run(&["user", "set-password", "reader", "--password-stdin"], "the next password\n");
    assert_eq!(set.code, Some(0), "{}", set.stderr);
    server.ready.password = "the next password".to_owned();
    server.browser().sign_in();
    assert_eq!(cli.run(&["user", "set-password", "nobody", "--password-stdin"], "x y z x y z\n").code, NOT_FOUND);
}

#[test]
fn an_operator_helps_a_person_who_cannot_sign_in() {
    let mut server = Server::start("cli-help");
    let cli = Cli::on(server.folder());
    cli.run(&["user", "create", "reader", "--password-stdin"], "a password of a reader\n");
    let set = cli.json(&["user", "set-email", "reader", "Reader@people.example", "--verified"]);
    assert_eq!(set["claims"]["email_verified"], true);
    cli.run(&["user", "create", "other", "--password-stdin"], "a password of another\n");
    let taken = cli.run(&["user", "set-email", "other", "reader@PEOPLE.example", "--verified"], "");
    assert_eq!(taken.code, Some(5), "{}", taken.stderr);
    assert!(cli.json(&["user", "set-email", "reader"])["claims"].get("email").is_none());
    for command in ["remove-app", "recovery-codes"] {
        let none = cli.run(&["user", command, "reader"], "");
        assert_eq!(none.code, Some(5), "{command}: {}", none.stderr);
    }
    assert_eq!(cli.run(&["user", "remove-passkey", "reader", "a-key"], "").code, Some(5));
    assert!(entries(&cli.json(&["user", "passkeys", "reader"])).is_empty());
    assert_eq!(text(&cli.json(&["user", "unlock", "reader"]), "username"), "reader");
    for command in ["set-email", "reset-link", "remove-app", "recovery-codes", "passkeys", "unlock"] {
        assert_eq!(cli.run(&["user", command, "nobody"], "").code, NOT_FOUND, "{command}");
    }
    // A link by which its person chooses another password.
    let made = cli.json(&["user", "reset-link", "reader"]);
    let link = text(&made, "link");
    let mut browser = server.browser();
    let place = browser.open(&Url::parse(&link).unwrap());
    let Place::Page { url, answer } = place else { panic!("not a page of ours") };
    let typed = ["new", "again"].map(|field| (field, "the next password".to_owned()));
    let Place::Page { url, .. } = browser.press(&url, &answer, "reset-submit", &typed) else { panic!("sent away") };
    assert!(url.path().ends_with("/login"), "{url}");
    server.ready.username = "reader".to_owned();
    server.ready.password = "the next password".to_owned();
    server.browser().sign_in();
}

#[test]
fn a_purge_deletes_what_has_ended_and_a_dry_run_only_counts_it() {
    let server = Server::start("cli-purge");
    server.browser().sign_in();
    let cli = Cli::on(server.folder());
    assert_eq!(cli.json(&["purge", "--dry-run"])["total"], 0);
    let database = rusqlite::Connection::open(server.folder().database()).unwrap();
    assert_eq!(database.execute("UPDATE sessions SET expires_at = 1000", []).unwrap(), 1);

    for _ in 0..2 {
        let counted = cli.json(&["purge", "--dry-run"]);
        assert_eq!((&counted["total"], &counted["rows"]["sessions"]), (&1.into(), &1.into()), "{counted}");
    }
    assert_eq!(cli.json(&["purge", "--rate", "100"])["rows"]["sessions"], 1);
    assert_eq!(cli.json(&["purge"])["total"], 0);
    assert_eq!(cli.run(&["purge", "--rate", "0"], "").code, USAGE);
}

#[test]
fn migrate_says_what_the_schema_is_and_that_nothing_is_missing() {
    let server = Server::start("cli-migrate");
    let cli = Cli::on(server.folder());
    for word in ["status", "plan", "up"] {
        let found = cli.json(&["migrate", word]);
        assert_eq!(entries(&found["pending"]).len(), 0, "{found}");
        assert_eq!(entries(&found["applied"]).last().unwrap()["version"], found["known"], "{found}");
    }
    std::fs::rename(server.folder().database(), server.folder().data().join("elsewhere.db")).unwrap();
    let plan = cli.json(&["migrate", "plan"]);
    assert!(entries(&plan["pending"])[0].as_str().unwrap().starts_with("CREATE TABLE"), "{plan}");
    assert!(!server.folder().database().exists(), "a plan changes nothing");
    assert_eq!(entries(&cli.json(&["migrate", "up"])["pending"]).len(), 0);
    assert!(server.folder().database().exists());
}

#[test]
fn a_rotated_key_signs_at_once_and_the_old_one_still_verifies() {
    let server = Server::start("cli-key");
    let cli = Cli::on(server.folder());
    let before = published(&server);
    let current =
        |keys: &Value| entries(keys).iter().filter(|key| text(key, "state").eq_ignore_ascii_case("current")).count();
    assert!(current(&cli.json(&["key", "list"])) > 0);

    cli.json(&["key", "rotate"]);

    eventually(|| published(&server).iter().any(|kid| !before.contains(kid)));
    assert!(before.iter().all(|kid| published(&server).contains(kid)));
    let listed = cli.json(&["key", "list"]);
    assert!(!listed.to_string().contains("\"d\""), "{listed}");
}

fn published(server: &Server) -> Vec<String> {
    let keys = server.http.get(&server.url("/oauth2/jwks")).json();
    keys["keys"].as_array().unwrap().iter().map(|key| text(key, "kid")).collect()
}

#[test]
fn a_grant_is_listed_with_its_generation_and_revoked() {
    let server = Server::start("cli-grant");
    let (cli, demo) = (Cli::on(server.folder()), server.demo());
    let mut tokens = Tokens::of(&demo.redeem(&server.browser().sign_in()));
    let listed = || {
        let list = cli.json(&["grant", "list"]);
        let found = entries(&list).iter().find(|grant| text(grant, "client_id") == server.ready.client_id).cloned();
        found.unwrap_or_else(|| panic!("no grant of the demo client: {list}"))
    };
    let begun = listed()["generation"].as_u64().unwrap();
    for step in 1..=3 {
        tokens = Tokens::of(&demo.refresh(&tokens.refresh));
        assert_eq!(listed()["generation"].as_u64(), Some(begun + step));
    }

    cli.json(&["grant", "revoke", &text(&listed(), "id")]);

    assert!(!demo.is_active(&tokens.access));
    assert_eq!(demo.refresh(&tokens.refresh).refusal(), (400, "invalid_grant".into()));
    assert_eq!(cli.run(&["grant", "revoke", "00000000-0000-7000-8000-000000000000"], "").code, NOT_FOUND);
}

#[test]
fn a_token_is_explained_and_revoked_alone() {
    let server = Server::start("cli-token");
    let (cli, demo) = (Cli::on(server.folder()), server.demo());
    let first = Tokens::of(&demo.redeem(&server.browser().sign_in()));
    let second = Tokens::of(&demo.refresh(&first.refresh));

    let explained = cli.json(&["token", "inspect", &second.access]);
    assert_eq!(explained["active"], true, "{explained}");
    assert!(!explained.to_string().contains(&second.access));
    cli.json(&["token", "revoke", &second.access]);

    assert!(!demo.is_active(&second.access));
    assert!(demo.is_active(&first.access));
    assert_eq!(cli.json(&["token", "inspect", &second.access])["active"], false);
    assert_ne!(cli.run(&["token", "inspect", "fm_at_nonsense"], "").code, Some(0));
}

#[test]
fn wrong_words_get_the_usage_code_and_help_lists_the_codes() {
    for words in [["client", "devour"], ["nonsense", "list"], ["serve", "--prot"]] {
        let outcome = firman(&words.map(Into::into), "");
        assert_eq!(outcome.code, USAGE, "{words:?}: {}", outcome.stderr);
        assert!(outcome.stdout.is_empty());
    }
    let help = firman(&["--help".into()], "");
    assert_eq!(help.code, Some(0));
    assert!(help.stdout.to_lowercase().contains("exit codes"), "{}", help.stdout);
    for noun in ["serve", "client", "user", "key", "token", "grant", "login", "config", "bench"] {
        assert!(help.stdout.contains(noun), "{noun}");
        let outcome = firman(&[noun.into(), "--help".into()], "");
        assert_eq!(outcome.code, Some(0), "{noun}: {}", outcome.stderr);
    }
}

#[test]
fn demo_mode_refuses_to_listen_beyond_loopback() {
    let folder = Server::start("cli-demo").stop();
    let outcome = Cli::on(&folder).run(&["serve", "--demo", "--listen", "0.0.0.0:0"], "");
    assert_ne!(outcome.code, Some(0));
    assert!(outcome.stderr.contains("loopback"), "{}", outcome.stderr);
}

fn text(value: &Value, member: &str) -> String {
    value[member].as_str().unwrap_or_default().to_owned()
}

/// The entries of a list, alone or in a page.
fn entries(value: &Value) -> Vec<Value> {
    let list = value.as_array().or_else(|| value.as_object()?.values().find_map(Value::as_array));
    list.unwrap_or_else(|| panic!("no list: {value}")).clone()
}

/// Client and key state may be cached for a stated moment (a second by default).
fn eventually(mut holds: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !holds() {
        assert!(begun.elapsed().as_secs() < 10, "it does not come true");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}
