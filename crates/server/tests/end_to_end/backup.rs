//! Backup beside a running server, restore, move: what people and clients notice of it.

use std::fs;
use std::path::PathBuf;

use crate::support::cli::Cli;
use crate::support::client::Tokens;
use crate::support::database::assert_sound;
use crate::support::server::{Folder, Server};

const PASSPHRASE: &str = "seven words that nobody else ever says\n";
const REFUSED: Option<i32> = Some(5);
const USAGE: Option<i32> = Some(2);

fn backup_in(folder: &Folder) -> PathBuf {
    folder.data().join("monday.backup")
}

fn path(path: &std::path::Path) -> &str {
    path.to_str().unwrap()
}

/// A server with a grant, a backup made while it ran, and then the grant's end; stopped, and its database lost.
fn lost(name: &str) -> (Folder, Tokens) {
    let server = Server::start(name);
    let tokens = Tokens::of(&server.demo().redeem(&server.browser().sign_in()));
    let file = backup_in(server.folder());
    let made = Cli::on(server.folder()).run(&["backup", path(&file), "--passphrase-stdin"], PASSPHRASE);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let made: serde_json::Value = serde_json::from_str(&made.stdout).unwrap();
    assert_eq!(made["tables"]["grants"]["rows"], 1, "{made}");
    assert_eq!(server.demo().revoke(&tokens.refresh).status, 200);
    assert!(!server.demo().is_active(&tokens.access));
    let folder = server.stop();
    fs::remove_file(folder.database()).unwrap();
    (folder, tokens)
}

fn restore(folder: &Folder, flag: &str) {
    let file = backup_in(folder);
    let restored = Cli::on(folder).run(&["restore", path(&file), "--passphrase-stdin", flag], PASSPHRASE);
    assert_eq!(restored.code, Some(0), "{}", restored.stderr);
    assert_sound(&folder.database());
}

#[test]
fn a_restore_that_keeps_tokens_brings_back_what_was_revoked_since() {
    let (folder, tokens) = lost("restore-keep");
    restore(&folder, "--keep-tokens");
    let server = folder.start_again();
    assert!(server.demo().is_active(&tokens.access));
    Tokens::of(&server.demo().refresh(&tokens.refresh));
}

#[test]
fn a_restore_that_revokes_tokens_leaves_people_and_clients_and_nothing_that_was_issued() {
    let (folder, tokens) = lost("restore-revoke");
    restore(&folder, "--revoke-tokens");
    let server = folder.start_again();
    assert!(!server.demo().is_active(&tokens.access));
    assert_eq!(server.demo().refresh(&tokens.refresh).status, 400);
    let fresh = Tokens::of(&server.demo().redeem(&server.browser().sign_in()));
    assert!(server.demo().is_active(&fresh.access));
    Tokens::of(&server.service().client_credentials());
}

#[test]
fn restore_asks_for_the_choice_for_an_empty_database_and_for_the_right_passphrase() {
    let (folder, _) = lost("restore-refused");
    let (cli, file) = (Cli::on(&folder), backup_in(&folder));
    let restore = |more: &[&str], passphrase: &str| {
        let words: Vec<_> = ["restore", path(&file), "--passphrase-stdin"].iter().chain(more).copied().collect();
        cli.run(&words, passphrase)
    };
    let undecided = restore(&[], PASSPHRASE);
    assert_eq!(undecided.code, REFUSED);
    assert!(undecided.stderr.contains("--revoke-tokens") && undecided.stderr.contains("--keep-tokens"));
    assert!(undecided.stderr.contains("revoked"), "it says why: {}", undecided.stderr);
    assert_eq!(restore(&["--keep-tokens", "--revoke-tokens"], PASSPHRASE).code, USAGE);
    assert_eq!(restore(&["--keep-tokens"], "another passphrase than that\n").code, REFUSED);
    assert_eq!(restore(&["--keep-tokens"], PASSPHRASE).code, Some(0), "nothing had been written");
    let again = restore(&["--revoke-tokens"], PASSPHRASE);
    assert_eq!(again.code, REFUSED);
    assert!(again.stderr.contains("not empty"), "{}", again.stderr);
}

#[test]
fn a_backup_wants_one_secret_that_is_worth_it_and_never_the_master_key() {
    let server = Server::start("backup-refused");
    let (cli, file) = (Cli::on(server.folder()), backup_in(server.folder()));
    assert_eq!(cli.run(&["backup", path(&file)], "").code, USAGE);
    assert_eq!(cli.run(&["backup", path(&file), "--passphrase-stdin"], "too short\n").code, REFUSED);
    let master = server.folder().data().join("master.key");
    let refused = cli.run(&["backup", path(&file), "--key-file", path(&master)], "");
    assert_eq!(refused.code, REFUSED);
    assert!(refused.stderr.contains("master key"), "{}", refused.stderr);
    assert!(!file.exists());

    let key = server.folder().data().join("backup.key");
    fs::write(&key, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n").unwrap();
    let made = cli.json(&["backup", path(&file), "--key-file", path(&key)]);
    assert_eq!(made["bytes"], fs::metadata(&file).unwrap().len());
    assert_eq!(cli.run(&["backup", path(&file), "--key-file", path(&key)], "").code, REFUSED, "never over another");
    let bytes = fs::read(&file).unwrap();
    let master = fs::read_to_string(&master).unwrap();
    assert!(!bytes.windows(20).any(|window| window == &master.as_bytes()[..20]));
}

#[test]
fn a_moved_store_goes_on_where_it_was() {
    let server = Server::start("move");
    let tokens = Tokens::of(&server.demo().redeem(&server.browser().sign_in()));
    let folder = server.stop();
    let other = folder.data().join("other.db");
    let to = format!("sqlite:{}", other.display());
    let moved = Cli::on(&folder).json(&["move", "--to", &to]);
    assert_eq!(moved["tables"]["grants"]["rows"], 1, "{moved}");
    assert_eq!(Cli::on(&folder).run(&["move", "--to", &to], "").code, REFUSED, "it is no longer empty");
    fs::rename(&other, folder.database()).unwrap();
    let server = folder.start_again();
    assert!(server.demo().is_active(&tokens.access));
    Tokens::of(&server.demo().refresh(&tokens.refresh));
}
