//! Whether somebody who signed in elsewhere is still there, asked at a refresh.

use std::sync::Arc;

use firman_engine::upstream::{Providers, UpstreamPolicy};
use firman_proto::error::ErrorCode::{InvalidGrant, InvalidScope, TemporarilyUnavailable};
use firman_proto::time::Timestamp;
use firman_proto::token::TokenResponse;
use firman_store::Page;
use firman_store::record::{Account, EventKind, RevokeReason};
use serde_json::{Value, json};

use crate::support::{App, Ask, IDP, Idp, Op, When, World, at, refresh_token, refused, seconds, world_of};

/// Somebody of the provider `uni`, and the refresh token of what they allowed.
struct Guest {
    idp: Arc<Idp>,
    world: World,
    app: App,
    token: String,
}

const SCOPE: &str = "offline_access openid read write";

/// Asked every minute, and good for four more while there is no answer.
async fn guest(settings: &Value, claims: &Value) -> Guest {
    guest_of(Idp::new(), settings, claims).await
}

async fn guest_of(idp: Arc<Idp>, settings: &Value, claims: &Value) -> Guest {
    let mut all = json!({"recheck_seconds": 60, "outage_seconds": 240, "groups": "roles"});
    all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    let world = world_of(&idp, &all).await;
    let app = world.app("app").await;
    let code = world.code_of_guest(&idp, &Ask::new(&app, SCOPE), claims, at(0)).await;
    let token = refresh_token(&world.redeem(&app, &code, at(1)).await.unwrap());
    Guest { idp, world, app, token }
}

impl Guest {
    async fn refresh(&mut self, now: Timestamp) -> TokenResponse {
        let response = self.world.refresh(&self.app, &self.token, now).await.unwrap();
        self.token = refresh_token(&response);
        response
    }

    async fn refused(&self, now: Timestamp) -> firman_proto::error::ErrorCode {
        refused(self.world.refresh(&self.app, &self.token, now).await)
    }

    /// The provider says this from now on, with another refresh token.
    fn says(&self, claims: &Value, token: &str, now: Timestamp) {
        let mut all = Idp::claims("alice", "of no sign-in", now);
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        let id_token = self.idp.signer.sign(&all);
        self.idp.set_reply(200, &json!({"access_token": "at", "id_token": id_token, "refresh_token": token}));
    }

    /// With which refresh tokens it was asked.
    fn asked_with(&self) -> Vec<String> {
        self.idp.heard().iter().filter_map(|heard| heard.parameter("refresh_token")).collect()
    }

    async fn account(&self) -> Account {
        self.world.engine.store().accounts(self.world.engine.number(), Page::first(1)).await.unwrap().remove(0)
    }

    async fn is_revoked(&self) -> bool {
        self.world.grant(&self.app).await.record.revoked_at.is_some()
    }
}

// RFC 6749 §6, OpenID Connect Core §12.2.
#[tokio::test]
async fn it_is_asked_when_it_is_time_with_the_token_that_it_gave_last() {
    let mut guest = guest(&json!({}), &json!({})).await;
    let sealed = guest.account().await.upstreams.links[0].refresh_token.clone().unwrap();
    assert!(!sealed.contains("rt") || sealed.len() > 20, "it is sealed: {sealed}");
    guest.refresh(at(59)).await;
    assert!(guest.asked_with().is_empty(), "what it said at the sign-in counts for a minute");
    guest.says(&json!({"name": "Alice B."}), "rt 2", at(61));
    guest.refresh(at(61)).await;
    guest.refresh(at(120)).await;
    guest.says(&json!({}), "rt 3", at(122));
    guest.refresh(at(122)).await;
    assert_eq!(guest.asked_with(), ["rt", "rt 2"]);
    assert_eq!(guest.account().await.upstreams.links[0].checked_at, at(122));
}

// RFC 6749 §6, §3.3.
#[tokio::test]
async fn scopes_follow_the_groups_of_a_person() {
    let settings = json!({"scopes": {"write": ["staff"], "read": ["staff", "guests"]}});
    let mut guest = guest(&settings, &json!({"roles": ["staff"]})).await;
    assert_eq!(guest.refresh(at(2)).await.scope.as_str(), SCOPE);
    guest.says(&json!({"roles": ["guests"]}), "rt 2", at(60));
    assert_eq!(guest.refresh(at(60)).await.scope.as_str(), "offline_access openid read");
    let narrow = guest.world.token(&guest.app, crate::support::refreshment(&guest.token, Some("write")), at(61)).await;
    assert_eq!(refused(narrow), InvalidScope);
    guest.says(&json!({"roles": []}), "rt 3", at(120));
    assert_eq!(guest.refresh(at(120)).await.scope.as_str(), "offline_access openid");
    guest.says(&json!({"roles": ["staff"]}), "rt 4", at(180));
    assert_eq!(guest.refresh(at(180)).await.scope.as_str(), SCOPE, "the grant is what it was");
}

#[tokio::test]
async fn who_is_in_no_group_that_is_let_in_gets_nothing_until_they_are_again() {
    let mut guest = guest(&json!({"allowed_groups": ["staff"]}), &json!({"roles": ["staff"]})).await;
    guest.says(&json!({"roles": ["guests"]}), "rt 2", at(60));
    assert_eq!(guest.refused(at(60)).await, InvalidGrant);
    assert!(!guest.is_revoked().await);
    guest.says(&json!({"roles": ["staff"]}), "rt 3", at(120));
    guest.refresh(at(120)).await;
}

// RFC 6749 §5.2 invalid_grant.
#[tokio::test]
async fn who_is_not_there_any_more_is_refused_and_the_grant_is_kept_or_revoked() {
    for revoke in [false, true] {
        let on_refusal = if revoke { "revoke" } else { "keep" };
        let mut guest = guest(&json!({"on_refusal": on_refusal}), &json!({})).await;
        guest.idp.set_reply(400, &json!({"error": "invalid_grant"}));
        assert_eq!(guest.refused(at(60)).await, InvalidGrant);
        assert_eq!(guest.is_revoked().await, revoke);
        if revoke {
            let grant = guest.world.grant(&guest.app).await.record;
            assert_eq!(grant.reason, Some(RevokeReason::Upstream));
            let event = guest.world.events(EventKind::GrantRevoked).await.remove(0);
            assert_eq!((&event.details["reason"], &event.details["upstream"]), (&json!("upstream"), &json!("uni")));
            continue;
        }
        // It is not asked again at once; when it is, it may say yes.
        guest.says(&json!({}), "rt 2", at(90));
        assert_eq!(guest.refused(at(89)).await, InvalidGrant);
        assert_eq!(guest.asked_with().len(), 1);
        guest.refresh(at(90)).await;
    }
}

// OpenID Connect Core §12.2.
#[tokio::test]
async fn an_answer_about_somebody_else_is_a_no() {
    let guest = guest(&json!({}), &json!({})).await;
    guest.says(&json!({"sub": "mallory"}), "rt 2", at(60));
    assert_eq!(guest.refused(at(60)).await, InvalidGrant);
}

#[tokio::test]
async fn while_it_gives_no_answer_refreshes_go_on_for_a_bounded_time() {
    for error in [(503, json!({})), (401, json!({"error": "invalid_client"})), (200, json!({"id_token": "none"}))] {
        let mut guest = guest(&json!({"on_refusal": "revoke"}), &json!({})).await;
        guest.idp.set_reply(error.0, &error.1);
        guest.refresh(at(60)).await;
        guest.refresh(at(89)).await;
        assert_eq!(guest.asked_with().len(), 1, "it is left alone for a while");
        guest.refresh(at(90)).await;
        guest.refresh(at(299)).await;
        assert_eq!(guest.refused(at(300)).await, TemporarilyUnavailable);
        assert!(!guest.is_revoked().await, "nobody said no");
        guest.says(&json!({}), "rt 2", at(330));
        guest.refresh(at(330)).await;
    }
    let mut guest = guest(&json!({}), &json!({})).await;
    guest.idp.set_down(true);
    guest.refresh(at(60)).await;
    assert_eq!(guest.refused(at(300)).await, TemporarilyUnavailable);
}

#[tokio::test]
async fn where_it_gave_nothing_to_ask_with_its_word_ends_and_who_signs_in_again_goes_on() {
    let mut guest = guest(&json!({}), &json!({})).await;
    let mut account = guest.account().await;
    let revision = account.revision;
    account.upstreams.links[0].refresh_token = None;
    let record = firman_store::Editable::Account(Box::new(account));
    guest.world.commit(firman_store::Change::Replace { record, if_revision: revision }).await;
    guest.refresh(at(299)).await;
    assert_eq!(guest.refused(at(300)).await, InvalidGrant);
    assert!(guest.asked_with().is_empty() && !guest.is_revoked().await);
    guest.world.code_of_guest(&guest.idp, &Ask::new(&guest.app, "openid"), &json!({}), at(301)).await;
    guest.refresh(at(302)).await;
}

// OpenID Connect Core §5.3.2.
#[tokio::test]
async fn userinfo_alone_tells_what_is_new() {
    let settings = json!({"userinfo": true, "scopes": {"write": ["staff"]}});
    let idp = Idp::new();
    idp.set_userinfo(json!({"sub": "alice"}));
    let mut guest = guest_of(idp, &settings, &json!({"roles": ["staff"], "name": "Alice"})).await;
    guest.idp.set_reply(200, &json!({"access_token": "at 2"}));
    guest.idp.set_userinfo(json!({"sub": "alice", "nickname": "Al"}));
    assert_eq!(guest.refresh(at(60)).await.scope.as_str(), SCOPE, "what it does not tell stays");
    guest.idp.set_userinfo(json!({"sub": "alice", "roles": []}));
    assert_eq!(guest.refresh(at(120)).await.scope.as_str(), "offline_access openid read");
    let claims = &guest.account().await.upstreams.links[0].claims;
    assert_eq!((&claims["name"], &claims["nickname"], &claims["groups"]), (&json!("Alice"), &json!("Al"), &json!([])));
    assert_eq!(guest.asked_with(), ["rt", "rt"], "it gave no other");
}

#[tokio::test]
async fn one_asks_and_the_others_go_on_with_what_is_known() {
    let mut guest = guest(&json!({}), &json!({})).await;
    guest.says(&json!({}), "rt 2", at(60));
    // Somebody else edits the account between the question and its answer: both are kept.
    let store = Arc::clone(&guest.world.store);
    let id = guest.account().await.id;
    guest.world.store.interrupt(When::After, Op::Commit, move || async move {
        let mut account = firman_store::Store::account(&*store, id).await.unwrap().unwrap();
        assert_eq!(account.upstreams.links[0].asked_at, Some(at(60)));
        let if_revision = account.revision;
        account.username = "renamed".to_owned();
        let record = firman_store::Editable::Account(Box::new(account));
        let changes = vec![firman_store::Change::Replace { record, if_revision }];
        let transaction = firman_store::Transaction { id: firman_store::CommitId([9; 16]), changes };
        firman_store::Store::commit(&*store, transaction).await.unwrap();
    });
    guest.refresh(at(60)).await;
    let account = guest.account().await;
    assert_eq!((account.username.as_str(), account.upstreams.links[0].checked_at), ("renamed", at(60)));
    guest.refresh(at(61)).await;
    assert_eq!(guest.asked_with(), ["rt"]);
    guest.says(&json!({}), "rt 3", at(120));
    guest.refresh(at(120)).await;
    assert_eq!(guest.asked_with(), ["rt", "rt 2"]);
}

#[tokio::test]
async fn a_provider_that_is_none_any_more_vouches_for_nobody() {
    let guest = guest(&json!({"recheck_seconds": 0}), &json!({})).await;
    let gone = UpstreamPolicy { providers: Providers::default(), ..UpstreamPolicy::default() };
    let later = guest.world.neighbour_with(at(2), |parts| parts.policy.upstream = gone).await.unwrap();
    assert_eq!(refused(later.refresh(&guest.app, &guest.token, at(2)).await), InvalidGrant);
    guest.world.refresh(&guest.app, &guest.token, at(3)).await.unwrap();
}

// OpenID Connect Core §11.
#[tokio::test]
async fn offline_access_is_asked_for_with_consent() {
    let idp = Idp::new();
    let world = world_of(&idp, &json!({"scope": "openid offline_access"})).await;
    let app = world.app("app").await;
    let away = world.off(&Ask::new(&app, "openid"), at(0)).await;
    assert_eq!(away.parameter("prompt").as_deref(), Some("consent"));
    assert!(away.departure.to.starts_with(IDP) && away.departure.lifetime == seconds(600));
}
