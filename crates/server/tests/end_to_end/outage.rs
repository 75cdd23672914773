//! A database that cannot be written.

use rusqlite::Connection;

use crate::support::client::Tokens;
use crate::support::server::Server;

#[test]
fn a_locked_database_gets_503_and_nothing_half_written() {
    let server = Server::start("locked");
    let demo = server.demo();
    let first = Tokens::of(&demo.redeem(&server.browser().sign_in()));
    let other = Connection::open(server.folder().database()).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();

    let answer = demo.refresh(&first.refresh);
    assert_eq!(answer.refusal(), (503, "temporarily_unavailable".into()), "{answer:?}");
    assert_eq!(answer.header("retry-after"), "1");
    // Reading goes on.
    assert!(demo.is_active(&first.access));

    other.execute_batch("ROLLBACK").unwrap();
    let second = Tokens::of(&demo.refresh(&first.refresh));
    assert_eq!(Tokens::of(&demo.refresh(&first.refresh)).refresh, second.refresh);
    let log = std::fs::read_to_string(server.folder().log_path()).unwrap();
    assert!(log.contains("ERROR") && log.contains("locked"), "{log}");
}
