//! What a backup brings back, and what is done with one that is not whole.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use firman_engine::SystemEntropy;
use firman_sql::{Options, SqlStore};
use firman_store::conformance::fixtures::*;
use firman_store::record::{EpochKey, Session};
use firman_store::{Change, Editable, Store};
use tempfile::TempDir;
use zeroize::Zeroizing;

use super::*;

async fn store() -> Arc<SqlStore> {
    SqlStore::open(Options::new("sqlite::memory:")).await.unwrap()
}

fn key(byte: u8) -> Secret {
    Secret::Key(Zeroizing::new([byte; 32]))
}

fn passphrase(text: &str) -> Secret {
    Secret::Passphrase(Zeroizing::new(text.to_owned()))
}

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("firman.backup");
    (folder, path)
}

/// A store with a grant, its client, a session, keys, and enough else to fill many chunks.
struct Filled {
    store: Arc<SqlStore>,
    grant: firman_store::record::Grant,
    session: Session,
}

async fn filled() -> Filled {
    let store = store().await;
    let shared = Arc::clone(&store) as Arc<dyn Store>;
    let client = client();
    let (grant, session) = (grant_of(client.id, &subject()), session());
    let grant = firman_store::record::Grant { epochs: firman_store::record::Epochs::default(), ..grant };
    done(&shared, vec![insert_client(&client), insert_grant(&grant), Change::InsertSession(Box::new(session.clone()))])
        .await;
    done(
        &shared,
        vec![
            Change::Insert(Editable::Deployment(deployment())),
            Change::Insert(Editable::SealKey(Box::new(seal_key(1)))),
        ],
    )
    .await;
    done(&shared, (0..600).map(|_| insert_flow(&flow())).collect()).await;
    Filled { store, grant, session }
}

async fn backed_up(store: &SqlStore, path: &std::path::Path, secret: &Secret) -> Written {
    write(store, path, secret, &SystemEntropy::default(), NOW, |_| ()).await.unwrap()
}

async fn restored(path: &std::path::Path, tokens: Tokens) -> Arc<SqlStore> {
    let to = store().await;
    let entropy = SystemEntropy::default();
    restore(&to, path, &key(1), tokens, (&entropy, later(60)), |_| ()).await.unwrap();
    to
}

#[tokio::test]
async fn tokens_that_are_kept_are_as_good_as_they_were() {
    let (_folder, path) = place();
    let from = filled().await;
    let mut rows = 0;
    let entropy = SystemEntropy::default();
    let written = write(&from.store, &path, &key(1), &entropy, NOW, |more| rows += more).await.unwrap();
    assert_eq!(rows, 2 * written.tally.total(), "written, and read again");
    assert_eq!(written.bytes, fs::metadata(&path).unwrap().len());
    let to = restored(&path, Tokens::Keep).await;
    assert!(to.grant(from.grant.id, None).await.unwrap().unwrap().is_live(NOW));
    assert_eq!(to.keys().await.unwrap(), from.store.keys().await.unwrap());
    assert_eq!(to.snapshot().await.unwrap().tally().await.unwrap(), written.tally);
}

#[tokio::test]
async fn tokens_that_are_revoked_are_dead_and_the_deployment_is_another() {
    let (_folder, path) = place();
    let from = filled().await;
    backed_up(&from.store, &path, &key(1)).await;
    let to = restored(&path, Tokens::Revoke).await;
    assert!(!to.grant(from.grant.id, None).await.unwrap().unwrap().is_live(NOW));
    let session = to.session(from.session.id, None).await.unwrap().unwrap();
    assert!(!session.is_live(NOW, firman_proto::time::Lifetime::from_days(1)));
    assert_eq!(to.epochs(None, None).await.unwrap().everything, 1);
    let (before, after) = (from.store.keys().await.unwrap(), to.keys().await.unwrap());
    assert_ne!(before.deployment.unwrap().id, after.deployment.unwrap().id);
    assert_eq!(before.seal, after.seal);
}

#[tokio::test]
async fn only_an_empty_database_is_filled() {
    let (_folder, path) = place();
    let from = filled().await;
    backed_up(&from.store, &path, &key(1)).await;
    let to = store().await;
    let shared = Arc::clone(&to) as Arc<dyn Store>;
    done(&shared, vec![Change::AdvanceEpoch(EpochKey::Everything)]).await;
    let entropy = SystemEntropy::default();
    let refused = restore(&to, &path, &key(1), Tokens::Keep, (&entropy, NOW), |_| ()).await;
    assert!(matches!(refused, Err(BackupError::NotEmpty)));
    assert!(matches!(move_to(&from.store, &to, |_| ()).await, Err(BackupError::NotEmpty)));
    assert_eq!(to.snapshot().await.unwrap().tally().await.unwrap().total(), 1);
}

#[tokio::test]
async fn a_move_keeps_everything() {
    let (from, to) = (filled().await, store().await);
    let tally = move_to(&from.store, &to, |_| ()).await.unwrap();
    assert_eq!(to.snapshot().await.unwrap().tally().await.unwrap(), tally);
    assert_eq!(to.keys().await.unwrap(), from.store.keys().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_moves_to_postgresql_and_a_backup_of_it_fills_sqlite() {
    let Some(server) = firman_test_servers::Postgres::shared() else { return };
    let (_folder, path) = place();
    let from = filled().await;
    let there = SqlStore::open(Options { migrate: true, ..Options::new(server.fresh()) }).await.unwrap();
    let moved = move_to(&from.store, &there, |_| ()).await.unwrap();
    assert_eq!(backed_up(&there, &path, &key(1)).await.tally, moved);
    let back = restored(&path, Tokens::Keep).await;
    assert_eq!(back.snapshot().await.unwrap().tally().await.unwrap(), moved);
    assert!(back.grant(from.grant.id, None).await.unwrap().unwrap().is_live(NOW));
}

#[tokio::test]
async fn a_move_from_a_store_that_is_written_to_is_not_finished() {
    let (from, to) = (filled().await, store().await);
    let busy = Arc::clone(&from.store);
    let (wake, woken) = std::sync::mpsc::channel();
    let writer = tokio::task::spawn_blocking(move || {
        woken.recv().unwrap();
        let shared = busy as Arc<dyn Store>;
        tokio::runtime::Handle::current().block_on(done(&shared, vec![insert_grant(&grant())]));
    });
    let mut writer = Some(writer);
    let moved = move_to(&from.store, &to, |_| {
        if let Some(writer) = writer.take() {
            wake.send(()).unwrap();
            while !writer.is_finished() {
                std::thread::yield_now();
            }
        }
    });
    assert!(matches!(moved.await, Err(BackupError::Changed)));
    assert!(to.keys().await.unwrap().deployment.is_none(), "nobody takes it for a whole one");
}

#[tokio::test]
async fn a_file_that_is_there_is_never_written_over() {
    let (folder, path) = place();
    let from = filled().await;
    fs::write(&path, "mine").unwrap();
    let entropy = SystemEntropy::default();
    let refused = write(&from.store, &path, &key(1), &entropy, NOW, |_| ()).await;
    assert!(matches!(refused, Err(BackupError::Exists(_))));
    assert_eq!(fs::read(&path).unwrap(), b"mine");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
}

#[tokio::test]
async fn a_backup_is_its_owners_alone_and_shows_nothing_of_what_is_in_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, path) = place();
    let from = filled().await;
    backed_up(&from.store, &path, &key(1)).await;
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let bytes = fs::read(&path).unwrap();
    for part in [&b"client-"[..], b"app.example", b"openid", from.grant.salt.expose()] {
        assert!(!bytes.windows(part.len()).any(|window| window == part));
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
}

#[tokio::test]
async fn a_passphrase_opens_what_it_locked_and_nothing_else_does() {
    let (_folder, path) = place();
    let from = filled().await;
    let written = backed_up(&from.store, &path, &passphrase("seven words that nobody else ever says")).await;
    let read = |secret: &Secret| verify(&path, secret, |_| ());
    assert_eq!(read(&passphrase("seven words that nobody else ever says")).unwrap(), written.tally);
    assert!(matches!(read(&passphrase("seven words")), Err(BackupError::Locked)));
    assert!(matches!(read(&key(1)), Err(BackupError::OtherSecret(_))));
    let (_folder, path) = place();
    backed_up(&from.store, &path, &key(1)).await;
    assert!(matches!(verify(&path, &key(2), |_| ()), Err(BackupError::Locked)));
    assert!(matches!(verify(&path, &passphrase("x"), |_| ()), Err(BackupError::OtherSecret(_))));
}

/// Where the chunks of a backup begin.
fn chunks(bytes: &[u8]) -> Vec<usize> {
    let head = u32::from_be_bytes(bytes[9..13].try_into().unwrap()) as usize;
    let (mut starts, mut at) = (Vec::new(), 13 + head);
    while at < bytes.len() {
        starts.push(at);
        at += 5 + u32::from_be_bytes(bytes[at + 1..at + 5].try_into().unwrap()) as usize;
    }
    starts
}

#[tokio::test]
async fn what_is_changed_cut_short_reordered_or_put_together_does_not_open() {
    let (folder, path) = place();
    let from = filled().await;
    backed_up(&from.store, &path, &key(1)).await;
    let whole = fs::read(&path).unwrap();
    let starts = chunks(&whole);
    assert!(starts.len() > 4, "{} chunks", starts.len());
    let chunk = |number: usize| &whole[starts[number]..starts.get(number + 1).copied().unwrap_or(whole.len())];
    let (head, end) = (&whole[..starts[0]], starts.len() - 1);
    let other = folder.path().join("other.backup");
    backed_up(&from.store, &other, &key(1)).await;
    let other = fs::read(&other).unwrap();
    let foreign = &other[chunks(&other)[1]..chunks(&other)[2]];
    let all = |numbers: &[usize]| numbers.iter().flat_map(|number| chunk(*number)).copied().collect::<Vec<_>>();
    let order: Vec<_> = (0..=end).collect();
    let mut swapped = order.clone();
    swapped.swap(1, 2);
    let mut bent = [
        ("a chunk is left out", [head, &all(&order[..1]), &all(&order[2..])].concat()),
        ("two chunks are swapped", [head, &all(&swapped)].concat()),
        ("the last chunk is missing", [head, &all(&order[..end])].concat()),
        ("a chunk comes twice", [head, &all(&order[..2]), &all(&order[1..])].concat()),
        ("a chunk is another file's", [head, &all(&order[..1]), foreign, &all(&order[2..])].concat()),
        ("something comes after the end", [&whole[..], b"x"].concat()),
        ("the end is claimed early", [&whole[..starts[2]], &[1], &whole[starts[2] + 1..starts[3]]].concat()),
        ("nothing but the head is there", head.to_vec()),
        ("it is empty", Vec::new()),
    ]
    .to_vec();
    for at in [0, 8, 20, starts[0] - 3, starts[0] + 1, starts[0] + 40, starts[3] + 40, whole.len() - 1] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bent.push(("a bit is changed", bytes));
    }
    for (what, bytes) in bent {
        fs::write(&path, bytes).unwrap();
        let error = verify(&path, &key(1), |_| ()).expect_err(what);
        assert!(!matches!(error, BackupError::File { .. } | BackupError::Store(_)), "{what}: {error}");
        let to = store().await;
        let entropy = SystemEntropy::default();
        restore(&to, &path, &key(1), Tokens::Keep, (&entropy, NOW), |_| ()).await.expect_err(what);
        assert!(to.is_empty().await.unwrap(), "{what}: nothing was written");
    }
}

#[tokio::test]
async fn a_head_that_asks_for_too_much_is_refused() {
    let (_folder, path) = place();
    let from = filled().await;
    backed_up(&from.store, &path, &passphrase("a passphrase")).await;
    let bytes = fs::read(&path).unwrap();
    let needle = b"\"memory_kib\":65536";
    let at = bytes.windows(needle.len()).position(|window| window == needle).unwrap();
    let mut greedy = bytes.clone();
    greedy[at..at + needle.len()].copy_from_slice(b"\"memory_kib\":99999999"[..needle.len()].try_into().unwrap());
    greedy.splice(at + needle.len()..at + needle.len(), *b"999");
    let length = u32::from_be_bytes(bytes[9..13].try_into().unwrap()) + 3;
    greedy[9..13].copy_from_slice(&length.to_be_bytes());
    fs::write(&path, greedy).unwrap();
    assert!(matches!(verify(&path, &passphrase("a passphrase"), |_| ()), Err(BackupError::Damaged(_))));
}
