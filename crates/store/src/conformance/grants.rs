//! Rotation and revocation.

use firman_proto::seal::Salt;
use firman_proto::time::Timestamp;

use super::fixtures::*;
use crate::record::{Epochs, Grant, RevokeReason, RevokedToken, TokenTrace};
use crate::{Change, Rotation, Store};
use firman_proto::digest::Digest16;

async fn read(store: &dyn Store, grant: &Grant) -> Grant {
    store.grant(grant.id, None).await.unwrap().unwrap().record
}

fn rotate(grant: &Grant, from: u64, at: Timestamp) -> Change {
    Change::Rotate(Box::new(rotation(grant, from, at)))
}

fn revoke(grant: &Grant, reason: RevokeReason, now: Timestamp) -> Change {
    Change::RevokeGrant { id: grant.id, reason, now }
}

pub async fn rotation_moves_the_chain(store: Shared) {
    let grant = grant();
    done(&store, vec![insert_grant(&grant)]).await;
    let steps: Vec<_> = (0..3).map(|from| rotation(&grant, from, later(10 + i64::try_from(from).unwrap()))).collect();
    for step in &steps {
        done(&store, vec![Change::Rotate(Box::new(step.clone()))]).await;
    }
    let read = read(&*store, &grant).await;
    let chain = read.refresh.clone().unwrap();
    assert_eq!(chain.generation, 3);
    assert_eq!(chain.current, steps[2].to);
    assert_eq!(chain.before.as_ref(), Some(&steps[1].to));
    assert_eq!(chain.earlier.as_ref(), Some(&steps[0].to));
    assert_eq!((chain.seal_key, chain.last_access), (2, steps[2].last_access));
    assert_eq!(Grant { refresh: grant.refresh.clone(), ..read }, grant);
}

pub async fn a_rotation_may_move_the_expiry(store: Shared) {
    let grant = grant();
    done(&store, vec![insert_grant(&grant)]).await;
    let moving = |from, to| Change::Rotate(Box::new(Rotation { expires_at: to, ..rotation(&grant, from, later(10)) }));
    for (from, to, expected) in
        [(0, Some(later(7200)), later(7200)), (1, None, later(7200)), (2, Some(later(5)), later(5))]
    {
        done(&store, vec![moving(from, to)]).await;
        assert_eq!(read(&*store, &grant).await.expires_at, expected);
    }
    conflict(&store, moving(3, Some(later(7200)))).await;
}

pub async fn an_expiry_is_moved_once_from_where_it_was_seen(store: Shared) {
    let grant = grant();
    let seen = grant.expires_at;
    let moving = |from, to, now| Change::MoveExpiry { id: grant.id, from, to, now };
    conflict(&store, moving(seen, later(7200), NOW)).await;
    done(&store, vec![insert_grant(&grant)]).await;
    conflict(&store, moving(later(1), later(7200), NOW)).await;
    conflict(&store, moving(seen, later(7200), seen)).await;
    done(&store, vec![moving(seen, later(7200), NOW)]).await;
    conflict(&store, moving(seen, later(9000), NOW)).await;
    let moved = read(&*store, &grant).await;
    assert_eq!(moved, Grant { expires_at: later(7200), ..grant.clone() });
    done(&store, vec![revoke(&grant, RevokeReason::Client, NOW)]).await;
    conflict(&store, moving(later(7200), later(9000), NOW)).await;
}

pub async fn rotation_needs_the_generation_seen(store: Shared) {
    let grant = grant();
    conflict(&store, rotate(&grant, 0, NOW)).await;
    done(&store, vec![insert_grant(&grant)]).await;
    conflict(&store, rotate(&grant, 1, NOW)).await;
    done(&store, vec![rotate(&grant, 0, NOW)]).await;
    conflict(&store, rotate(&grant, 0, NOW)).await;
    let standing = standing_grant(id());
    done(&store, vec![insert_grant(&standing)]).await;
    conflict(&store, rotate(&standing, 0, NOW)).await;
}

pub async fn a_revoked_grant_is_not_rotated(store: Shared) {
    let grant = grant();
    done(&store, vec![insert_grant(&grant), revoke(&grant, RevokeReason::Client, NOW)]).await;
    conflict(&store, rotate(&grant, 0, NOW)).await;
}

pub async fn an_expired_grant_is_not_rotated(store: Shared) {
    let grant = grant();
    done(&store, vec![insert_grant(&grant)]).await;
    conflict(&store, rotate(&grant, 0, grant.expires_at)).await;
    done(&store, vec![rotate(&grant, 0, Timestamp::from_millis(grant.expires_at.millis() - 1))]).await;
}

pub async fn revoking_twice_keeps_the_first_reason(store: Shared) {
    let grant = grant();
    done(&store, vec![insert_grant(&grant)]).await;
    done(&store, vec![revoke(&grant, RevokeReason::CodeReplayed, later(1))]).await;
    done(&store, vec![revoke(&grant, RevokeReason::Operator, later(2))]).await;
    let read = read(&*store, &grant).await;
    assert_eq!((read.revoked_at, read.reason), (Some(later(1)), Some(RevokeReason::CodeReplayed)));
}

pub async fn revoking_what_is_absent_is_done(store: Shared) {
    let grant = grant();
    done(&store, vec![revoke(&grant, RevokeReason::Subject, NOW)]).await;
    assert_eq!(store.grant(grant.id, None).await.unwrap(), None);
}

pub async fn a_closed_retry_window_opens_with_the_next_rotation(store: Shared) {
    let grant = grant();
    done(&store, vec![insert_grant(&grant), rotate(&grant, 0, NOW)]).await;
    conflict(&store, Change::CloseRetry { id: grant.id, generation: 0 }).await;
    done(&store, vec![Change::CloseRetry { id: grant.id, generation: 1 }]).await;
    assert!(read(&*store, &grant).await.refresh.unwrap().retry_closed);
    done(&store, vec![rotate(&grant, 1, NOW)]).await;
    assert!(!read(&*store, &grant).await.refresh.unwrap().retry_closed);
}

pub async fn a_new_salt_is_for_live_grants(store: Shared) {
    let (live, dead, new) = (grant(), grant(), salt());
    done(&store, vec![insert_grant(&live), insert_grant(&dead), revoke(&dead, RevokeReason::Client, NOW)]).await;
    let epochs = Epochs { everything: 1, client: 2, subject: 3 };
    let resalt = |grant: &Grant| {
        let (from, to) = (grant.salt.clone(), new.clone());
        Change::ResaltGrant { id: grant.id, from, to, epochs }
    };
    done(&store, vec![resalt(&live)]).await;
    conflict(&store, resalt(&dead)).await;
    conflict(&store, resalt(&grant())).await;
    let resalted = read(&*store, &live).await;
    assert_eq!((resalted.salt, resalted.epochs), (new.clone(), epochs));
}

pub async fn a_grant_is_never_used_earlier(store: Shared) {
    let (grant, revoked) = (grant(), grant());
    done(&store, vec![insert_grant(&grant), insert_grant(&revoked)]).await;
    done(&store, vec![Change::RevokeGrant { id: revoked.id, reason: RevokeReason::Client, now: NOW }]).await;
    for (id, seconds) in [(grant.id, 60), (grant.id, 30), (revoked.id, 60), (id(), 60)] {
        done(&store, vec![Change::TouchGrant { id, now: later(seconds) }]).await;
    }
    let used = |id| {
        let store = store.clone();
        async move { store.grant(id, None).await.unwrap().unwrap().record.last_used_at }
    };
    assert_eq!((used(grant.id).await, used(revoked.id).await), (Some(later(60)), None));
}

pub async fn a_grant_is_renewed_once_per_salt(store: Shared) {
    let (grant, epochs) = (grant(), Epochs::default());
    let (first, second) = (salt(), salt());
    done(&store, vec![insert_grant(&grant)]).await;
    let resalt =
        |from: &Salt, to: &Salt| Change::ResaltGrant { id: grant.id, from: from.clone(), to: to.clone(), epochs };
    done(&store, vec![resalt(&grant.salt, &first)]).await;
    conflict(&store, resalt(&grant.salt, &second)).await;
    assert_eq!(read(&*store, &grant).await.salt, first);
    done(&store, vec![resalt(&first, &second)]).await;
    assert_eq!(read(&*store, &grant).await.salt, second);
}

pub async fn revoking_a_token_twice_is_done(store: Shared) {
    let grant = grant();
    let token = RevokedToken { day: NOW.day(), grant: grant.id, digest: Digest16([7; 16]), expires_at: later(300) };
    done(&store, vec![insert_grant(&grant), Change::RevokeToken(token)]).await;
    done(&store, vec![Change::RevokeToken(token)]).await;
    let trace = TokenTrace { day: token.day, digests: vec![token.digest] };
    assert!(store.grant(grant.id, Some(trace)).await.unwrap().unwrap().token_revoked);
}
