//! Many requests with the same credential at the same time, through HTTP.

use std::collections::BTreeSet;

use crate::support::client::Tokens;
use crate::support::crowd::all_at_once;
use crate::support::server::Server;

const CROWD: usize = 64;

// RFC 6749 §4.1.2.
#[test]
fn of_64_redemptions_of_one_code_one_succeeds_and_its_grant_is_dead_afterwards() {
    let server = Server::start("redemptions");
    let code = server.browser().sign_in();

    let answers = all_at_once(CROWD, |_| server.demo().redeem(&code));

    let (successes, others): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert_eq!(successes.len(), 1);
    for other in &others {
        assert_eq!(other.refusal(), (400, "invalid_grant".into()), "{other:?}");
    }
    // RFC 6749 §4.1.2: what the first use of a replayed code got is revoked.
    let tokens = Tokens::of(&successes[0]);
    assert!(!server.demo().is_active(&tokens.access));
    assert!(!server.demo().is_active(&tokens.refresh));
    assert_eq!(server.demo().refresh(&tokens.refresh).refusal(), (400, "invalid_grant".into()));
}

#[test]
fn of_64_refreshes_with_one_token_all_get_the_same_successor() {
    let server = Server::start("refreshes");
    let first = Tokens::of(&server.demo().redeem(&server.browser().sign_in()));

    let answers = all_at_once(CROWD, |_| Tokens::of(&server.demo().refresh(&first.refresh)));

    let successors: BTreeSet<&str> = answers.iter().map(|tokens| &*tokens.refresh).collect();
    assert_eq!(successors.len(), 1, "{successors:#?}");
    let second = &answers[0];
    assert_ne!(second.refresh, first.refresh);
    for tokens in &answers {
        assert!(server.demo().is_active(&tokens.access));
    }
    // One step, not 64: the successor is the newest, so that using it is a first use with a successor of its own.
    let third = Tokens::of(&server.demo().refresh(&second.refresh));
    assert!(!successors.contains(&*third.refresh));
}

#[test]
fn a_retry_after_a_restart_gets_the_same_successor() {
    let server = Server::start("retry");
    let first = Tokens::of(&server.demo().redeem(&server.browser().sign_in()));
    let second = Tokens::of(&server.demo().refresh(&first.refresh));

    let server = server.stop().start_again();

    let retried = Tokens::of(&server.demo().refresh(&first.refresh));
    assert_eq!(retried.refresh, second.refresh);
}

#[test]
fn a_refresh_token_revoked_among_refreshes_is_dead_and_got_at_most_one_successor() {
    let server = Server::start("revocation");
    let demo = server.demo();
    let first = Tokens::of(&demo.redeem(&server.browser().sign_in()));

    let answers = all_at_once(CROWD, |number| {
        if number % 2 == 0 { server.demo().refresh(&first.refresh) } else { server.demo().revoke(&first.refresh) }
    });

    assert_eq!(demo.refresh(&first.refresh).refusal(), (400, "invalid_grant".into()));
    let (refreshes, revocations): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| !answer.body.is_empty());
    assert!(revocations.iter().all(|answer| answer.status == 200), "{revocations:#?}");
    let (given, refused): (Vec<_>, Vec<_>) = refreshes.iter().partition(|answer| answer.status == 200);
    for answer in refused {
        assert_eq!(answer.refusal(), (400, "invalid_grant".into()));
    }
    let successors: BTreeSet<String> = given.into_iter().map(|answer| Tokens::of(answer).refresh).collect();
    assert!(successors.len() <= 1, "{successors:#?}");
    // A revocation that found the token live ends the grant, whoever rotated it meanwhile. One that found it rotated
    // leaves its successor alone. Either way the grant is dead or alive as a whole.
    let lives = successors.first().is_some_and(|successor| demo.is_active(successor));
    assert_eq!(demo.is_active(&first.access), lives);
}
