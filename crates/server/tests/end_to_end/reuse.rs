//! An old refresh token after its time, through HTTP. The times themselves are proved by the engine's tests, under a clock.

use crate::support::client::Tokens;
use crate::support::server::Server;

// RFC 9700 §4.14.2.
#[test]
fn an_old_refresh_token_after_window_and_skew_revokes_the_grant_and_it_stays_revoked_after_a_restart() {
    // No window, no patience: what is old is old at once.
    let impatient = ["env", "FIRMAN__TOKENS__RETRY_WINDOW_SECONDS=0", "FIRMAN__TOKENS__LATE_SECONDS=0"].map(Into::into);
    let server = Server::start_under("reuse", &impatient);
    let first = Tokens::of(&server.demo().redeem(&server.browser().sign_in()));
    let second = Tokens::of(&server.demo().refresh(&first.refresh));
    assert!(server.demo().is_active(&second.access));

    assert_eq!(server.demo().refresh(&first.refresh).refusal(), (400, "invalid_grant".into()));

    let assert_dead = |server: &Server| {
        assert!(!server.demo().is_active(&second.access));
        assert!(!server.demo().is_active(&second.refresh));
        assert_eq!(server.demo().refresh(&second.refresh).refusal(), (400, "invalid_grant".into()));
    };
    assert_dead(&server);
    assert_dead(&server.stop().start_again());
}
