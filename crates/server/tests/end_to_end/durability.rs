//! The system calls tell: what an answer acknowledges is on the disk before the answer is on the wire.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;

use crate::support::client::Tokens;
use crate::support::engines::engine;
use crate::support::server::Server;

const REFRESHES: usize = 30;
const REVOCATIONS: usize = 5;
const CALLS: &str = "trace=fsync,fdatasync,pwrite64,pwritev,write,writev,sendto,sendmsg";

#[test]
fn the_log_is_synced_before_each_acknowledgement() {
    let Some(strace) = engine("FIRMAN_TEST_STRACE") else { return };
    let trace = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("trace-{}", std::process::id()));
    // -D: the server is our child and strace is its, so that signals reach the server.
    let launcher =
        [strace, "-D".into(), "-f".into(), "-y".into(), "-s".into(), "8192".into(), "-e".into(), CALLS.into()];
    let launcher: Vec<OsString> =
        launcher.into_iter().chain(["-o".into(), trace.clone().into_os_string(), "--".into()]).collect();
    let server = Server::start_under("durability", &launcher);
    let (demo, mut browser) = (server.demo(), server.browser());

    // One at a time, so that every commit has a sync and an answer of its own.
    let mut tokens = Tokens::of(&demo.redeem(&browser.sign_in()));
    for _ in 0..REFRESHES {
        tokens = Tokens::of(&demo.refresh(&tokens.refresh));
    }
    let mut redeemed = 1;
    for _ in 0..REVOCATIONS {
        let tokens = Tokens::of(&demo.redeem(&browser.sign_in()));
        assert_eq!(demo.revoke(&tokens.refresh).status, 200);
        redeemed += 1;
    }
    drop(server.stop());

    let text = fs::read_to_string(&trace).unwrap();
    let acknowledged = check(&text);
    assert_eq!(acknowledged, redeemed + REFRESHES + REVOCATIONS, "acknowledgements seen in {}", trace.display());
    fs::remove_file(trace).unwrap();
}

/// Reads a trace and counts the acknowledgements; each must come after a sync of all that was written before it.
fn check(trace: &str) -> usize {
    let mut unfinished = BTreeMap::new();
    let (mut acknowledged, mut synced, mut unsynced) = (0, false, false);
    for line in trace.lines() {
        let (pid, call) = line.split_once(' ').expect("a process id and a call");
        let call = call.trim_start();
        // A call counts as a write or an answer when it begins, as a sync when it ends.
        let begins = !call.starts_with("<...");
        let ended = if begins && call.ends_with("<unfinished ...>") {
            unfinished.insert(pid, call);
            None
        } else if begins {
            Some(call)
        } else {
            unfinished.remove(pid)
        };
        if begins && call.starts_with("pwrite") && call.contains("firman.db-wal>") {
            unsynced = true;
        }
        if begins && is_acknowledgement(call) {
            assert!(synced && !unsynced, "answered before the sync: {line}");
            acknowledged += 1;
            synced = false;
        }
        if ended.is_some_and(|call| call.contains("sync(") && call.contains("firman.db-wal>")) && line.ends_with("= 0")
        {
            synced = true;
            unsynced = false;
        }
    }
    acknowledged
}

/// A token answer with a refresh token, or the empty answer to a revocation.
fn is_acknowledgement(call: &str) -> bool {
    let sends = ["write(", "writev(", "sendto(", "sendmsg("].iter().any(|name| call.starts_with(name));
    let low = call.to_ascii_lowercase();
    sends && low.contains("http/1.1 200") && (low.contains("refresh_token\\\"") || low.contains("content-length: 0"))
}

#[test]
#[should_panic(expected = "answered before the sync")]
fn an_answer_before_its_sync_would_be_noticed() {
    check(concat!(
        "7 pwrite64(5</d/firman.db-wal>, \"x\", 1, 0) = 1\n",
        "7 fdatasync(5</d/firman.db-wal> <unfinished ...>\n",
        "8 write(9<TCP:[1]>, \"HTTP/1.1 200 OK\\r\\ncontent-length: 0\\r\\n\", 40) = 40\n",
        "7 <... fdatasync resumed>) = 0\n",
    ));
}
