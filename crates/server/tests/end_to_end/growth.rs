//! Storage grows with the number of grants, never with the number of tokens.

use crate::support::client::Tokens;
use crate::support::database::count_rows;
use crate::support::server::Server;

const REFRESHES: usize = 10_000;
const TOKENS: usize = 500;

#[test]
fn ten_thousand_refreshes_of_one_grant_add_no_row_to_any_table() {
    let server = Server::start("growth");
    let demo = server.demo();
    let mut tokens = Tokens::of(&demo.redeem(&server.browser().sign_in()));
    let before = count_rows(&server.folder().database());

    for _ in 0..REFRESHES {
        tokens = Tokens::of(&demo.refresh(&tokens.refresh));
    }

    assert_eq!(count_rows(&server.folder().database()), before);
    assert!(demo.is_active(&tokens.access));
}

#[test]
fn client_credentials_and_introspection_write_nothing() {
    let server = Server::start("standing");
    let service = server.service();
    let first = Tokens::of(&service.client_credentials());
    let before = count_rows(&server.folder().database());

    for _ in 0..TOKENS {
        let tokens = Tokens::of(&service.client_credentials());
        assert!(service.is_active(&tokens.access));
        assert_ne!(tokens.access, first.access);
    }

    assert_eq!(count_rows(&server.folder().database()), before);
}
