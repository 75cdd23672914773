//! What is known of people, and ending it.

use super::*;

#[tokio::test]
async fn who_a_token_is_about_is_asked_where_nobody_says() {
    let stage = stage(Settings::default());
    let target = Target::default();
    let held = stage.manager.register(&stage.desk, &tokens(&[("scope", Value::Null)]), &target, None).await.unwrap();
    assert_eq!((held.facts.sub.as_deref(), held.facts.scope.as_deref()), (Some("alice"), Some("a b")));
    assert_eq!(stage.get().await.unwrap(), "at-0");
    *stage.rotating.told.lock().unwrap() = json!({"active": false});
    let dead = stage.manager.register(&stage.desk, &tokens(&[("access_token", json!("x"))]), &target, None).await;
    assert!(dead.is_err());
}

// OpenID Connect Core §12.2.
#[tokio::test]
async fn an_id_token_of_another_person_spoils_what_came_with_it_and_no_more() {
    let stage = Stage::signed_in().await;
    stage.hand.forward(300);
    *stage.rotating.id_token_of.lock().unwrap() = Some("mallory");
    assert!(stage.get().await.is_err());
    *stage.rotating.id_token_of.lock().unwrap() = Some("alice");
    assert_eq!(stage.get().await.unwrap(), "at-2", "the refresh token was kept");
    assert!(stage.manager.id_token(&stage.desk, "alice").await.unwrap().is_some());
    assert!(stage.manager.id_token(&stage.desk, "mallory").await.unwrap().is_none());
}

#[tokio::test]
async fn a_token_whose_id_token_cannot_be_verified_for_a_reason_of_ours_is_given_out() {
    let Stage { rotating, server, desk, .. } = stage(Settings::default());
    let (wire, hand) = wire(&server);
    let manager =
        Manager::new(Arc::new(wire.with_shelf(Arc::new(Broken))), Arc::<MemoryKeeper>::default(), Settings::default());
    manager.register(&desk, &tokens(&[]), &Target::default(), Some("alice")).await.unwrap();
    *rotating.id_token_of.lock().unwrap() = Some("alice");
    hand.forward(300);
    assert_eq!(manager.get(&desk, &Need::of(alice())).await.unwrap().token.reveal(), "at-1");
    assert!(manager.id_token(&desk, "alice").await.unwrap().is_none());
}

// OpenID Connect Core §10.2.
#[tokio::test]
async fn an_id_token_that_is_encrypted_for_the_client_is_kept_as_it_was_signed() {
    let stage = stage(Settings::default());
    let desk = Desk { client: encrypted::tests::app(), ..stage.desk.clone() };
    let signed = stage.rotating.id_token("alice", &[("zoneinfo", json!("UTC"))]);
    let sealed = encrypted::tests::encrypted(&signed);
    assert_eq!(stage.manager.register_id_token(&desk, &sealed.as_str().into()).await.unwrap(), "alice");
    assert_eq!(stage.manager.id_token(&desk, "alice").await.unwrap().unwrap().reveal(), signed);
    let refused = stage.manager.register_id_token(&stage.desk, &sealed.into()).await.unwrap_err();
    assert!(refused.to_string().contains("cannot be decrypted"), "{refused}");
}

// OpenID Connect Core §2, §5.3.
#[tokio::test]
async fn claims_come_of_userinfo_and_id_token_and_the_later_holds() {
    let stage = Stage::signed_in().await;
    let old = stage
        .rotating
        .id_token("alice", &[("email", json!("old@example.org")), ("zoneinfo", json!("UTC")), ("acr", json!("1"))]);
    stage.manager.register_id_token(&stage.desk, &old.into()).await.unwrap();
    let claims = stage.manager.claims(&stage.desk, "alice").await.unwrap();
    assert_eq!(
        (&claims["email"], &claims["zoneinfo"], claims.get("acr")),
        (&json!("new@example.org"), &json!("UTC"), None)
    );
    stage.hand.forward(29);
    let later =
        stage.rotating.id_token("alice", &[("email", json!("newest@example.org")), ("iat", json!(NOW.seconds() + 29))]);
    stage.manager.register_id_token(&stage.desk, &later.into()).await.unwrap();
    let claims = stage.manager.claims(&stage.desk, "alice").await.unwrap();
    assert_eq!((&claims["email"], &claims["name"]), (&json!("newest@example.org"), &json!("Alice")));
    assert_eq!(stage.server.asked("/userinfo"), 1);
    stage.hand.forward(1);
    stage.manager.claims(&stage.desk, "alice").await.unwrap();
    assert_eq!(stage.server.asked("/userinfo"), 2);
    let stranger = key().sign(&json!({"iss": ISSUER})).unwrap();
    assert!(stage.manager.register_id_token(&stage.desk, &stranger.into()).await.is_err());
}

// RFC 6750 §3.1.
#[tokio::test]
async fn userinfo_that_refuses_a_token_gets_another_once() {
    let stage = stage(Settings::default());
    stage.sign_in(&[("access_token", json!("refused"))]).await;
    assert_eq!(stage.manager.claims(&stage.desk, "alice").await.unwrap()["sub"], "alice");
    assert_eq!((stage.server.asked("/userinfo"), stage.server.asked("/token")), (2, 1));
}

// RFC 7009 §2.1.
#[tokio::test]
async fn all_of_a_person_is_forgotten_and_ended_refresh_tokens_first() {
    let stage = Stage::signed_in().await;
    stage.manager.claims(&stage.desk, "alice").await.unwrap();
    stage.manager.delete_all(&stage.desk, &alice()).await.unwrap();
    let ended: Vec<_> = stage.server.requests().iter().filter_map(|request| sent(request, "token")).collect();
    assert_eq!(ended, ["rt-0", "at-0"]);
    assert!(matches!(stage.get().await, Err(ManagerError::Nothing { .. })));
    assert!(stage.manager.keeper().claims(ISSUER, "alice").await.unwrap().is_none());

    stage.sign_in(&[]).await;
    stage.rotating.down.store(true, Ordering::Relaxed);
    assert!(stage.manager.delete_all(&stage.desk, &alice()).await.is_err());
    assert!(matches!(stage.get().await, Err(ManagerError::Nothing { .. })), "forgotten all the same");
}

// RFC 7009 §2.1.
#[tokio::test]
async fn one_token_is_ended_or_only_forgotten_as_it_is_set() {
    let ended = |stage: &Stage| stage.server.asked("/revoke");
    let stage = Stage::signed_in().await;
    let held = stage.manager.get(&stage.desk, &Need::of(alice())).await.unwrap();
    stage.manager.revoke(&stage.desk, &held).await.unwrap();
    assert_eq!((ended(&stage), stage.get().await.unwrap().as_str()), (1, "at-0"), "what is kept stays");
    stage.manager.delete(&stage.desk, &held).await.unwrap();
    assert_eq!((ended(&stage), stage.get().await.unwrap().as_str()), (2, "at-1"));

    let quiet = super::stage(Settings { revoke_on_delete: false, ..Settings::default() });
    quiet.sign_in(&[]).await;
    quiet.manager.delete_all(&quiet.desk, &alice()).await.unwrap();
    assert_eq!(ended(&quiet), 0);
    assert!(matches!(quiet.get().await, Err(ManagerError::Nothing { .. })));
}
