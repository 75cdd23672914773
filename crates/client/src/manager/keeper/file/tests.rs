use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use super::*;
use crate::flow::introspection::TokenFacts;
use crate::flow::token::TokenType;
use crate::world::System;

fn open(folder: &Path) -> Result<FileKeeper, KeepError> {
    FileKeeper::open(folder, KeyPlace::File(&folder.join(FileKeeper::KEY)), (Arc::new(System), Arc::new(System)))
}

fn held(kind: Kind, token: &str) -> Held {
    let facts = TokenFacts { client_id: Some("app".into()), sub: Some("alice".into()), ..TokenFacts::default() };
    let issuer = "https://as.example".to_owned();
    Held { kind, token: token.into(), token_type: TokenType::Bearer, issuer, facts, updated_at: System.now() }
}

#[allow(clippy::unused_async, reason = "the suite awaits it")]
async fn make() -> Option<(Arc<dyn Keeper>, tempfile::TempDir)> {
    let folder = tempfile::tempdir().unwrap();
    Some((Arc::new(open(folder.path()).unwrap()), folder))
}

crate::keeper_conformance!(where_there make);

#[tokio::test]
async fn what_one_handle_keeps_another_finds_and_nobody_reads() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (open(folder.path()).unwrap(), open(folder.path()).unwrap());
    one.put_token(held(Kind::Access, "a very secret access token")).await.unwrap();
    one.put_id_token("https://as.example", "alice", &"a.secret.id".into(), System.now()).await.unwrap();
    one.edit_note("key", |_| Some("a secret note".into())).await.unwrap();
    let found = other.token(Kind::Access, &"a very secret access token".into(), System.now()).await.unwrap();
    assert!(found.is_some() && other.note("key").await.unwrap() == Some("a secret note".into()));
    for entry in fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        for secret in [&b"secret"[..], b"alice", b"as.example"] {
            assert!(!bytes.windows(secret.len()).any(|part| part == secret), "{}", path.display());
        }
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0, "{}", path.display());
    }
    other.edit_note("key", |_| None).await.unwrap();
    assert_eq!(one.note("key").await.unwrap(), None);
}

#[tokio::test]
async fn what_one_puts_on_the_shelf_another_finds_there() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (open(folder.path()).unwrap(), open(folder.path()).unwrap());
    assert_eq!(other.look("keys of https://as.example").await.unwrap(), None);
    for text in ["{}", "[]"] {
        one.put("keys of https://as.example", text.to_owned()).await;
        assert_eq!(other.look("keys of https://as.example").await.unwrap().as_deref(), Some(text));
    }
    fs::write(folder.path().join(FileKeeper::TOKENS), "not ours").unwrap();
    let refused = other.look("keys of https://as.example").await.unwrap_err().to_string();
    assert!(refused.contains("tokens.refused-1"), "{refused}");
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_refused_and_kept_aside() {
    let folder = tempfile::tempdir().unwrap();
    let tokens = folder.path().join(FileKeeper::TOKENS);
    let keeper = open(folder.path()).unwrap();
    keeper.put_token(held(Kind::Refresh, "r")).await.unwrap();
    let good = fs::read(&tokens).unwrap();
    let mut harmed = good.clone();
    *harmed.last_mut().unwrap() ^= 1;
    let foreign = json!({"tokens": []}).to_string().into_bytes();
    for (number, bad) in [harmed, good[..40].to_vec(), foreign, Vec::new()].into_iter().enumerate() {
        fs::write(&tokens, &bad).unwrap();
        let error = keeper.put_token(held(Kind::Access, "a")).await.unwrap_err();
        let KeepError::Refused { aside, .. } = &error else { panic!("{error}") };
        assert_eq!(aside, &folder.path().join(format!("tokens.refused-{}", number + 1)).display().to_string());
        assert_eq!(fs::read(aside).unwrap(), bad, "it is kept as it was");
        assert_eq!(error.advice(), crate::error::Advice::AskThePerson);
    }
    // The next begins anew; and what was sealed under another key is not lost either.
    keeper.put_token(held(Kind::Access, "a")).await.unwrap();
    fs::remove_file(folder.path().join(FileKeeper::KEY)).unwrap();
    let stranger = open(folder.path()).unwrap();
    let now = System.now();
    assert!(matches!(stranger.token(Kind::Access, &"a".into(), now).await, Err(KeepError::Refused { .. })));
    assert_eq!(stranger.token(Kind::Access, &"a".into(), now).await.unwrap(), None);
}

#[tokio::test]
async fn what_would_be_too_large_to_be_read_again_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let keeper = open(folder.path()).unwrap();
    keeper.put_token(held(Kind::Access, "a")).await.unwrap();
    let error = keeper.edit_note("large", |_| Some("x".repeat(17 << 20).as_str().into())).await.unwrap_err();
    assert!(error.to_string().contains("16 MiB"), "{error}");
    assert!(keeper.token(Kind::Access, &"a".into(), System.now()).await.unwrap().is_some());
}

#[test]
fn a_key_that_others_can_read_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).unwrap();
    let key = folder.path().join(FileKeeper::KEY);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    let error = open(folder.path()).unwrap_err();
    assert!(error.to_string().contains("chmod 600"), "{error}");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&key, b"short").unwrap();
    assert!(open(folder.path()).unwrap_err().to_string().contains("32 bytes"));
}

#[tokio::test]
async fn two_handles_do_not_hold_one_lease() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (open(folder.path()).unwrap(), open(folder.path()).unwrap());
    let what = Digest16::of(&[b"x"]);
    let lease = one.lease(what, Lifetime::ZERO).await.unwrap().unwrap();
    assert!(other.lease(what, Lifetime::ZERO).await.unwrap().is_none());
    lease.release().await;
    assert!(other.lease(what, Lifetime::from_seconds(5)).await.unwrap().is_some());
}
