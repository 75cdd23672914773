//! How long a revoked JWT is let through by a guard that follows the feed: with nothing else revoked, and with much. The server is a demo's,
//! the guard is `firman guard`; both are asked as anybody asks them.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use firman_proto::form;
use firman_proto::metadata::path;
use serde::{Deserialize, Serialize};

use super::BenchError;
use super::child::Child;
use super::client::{Answer, Connection};
use super::cores::Cores;
use super::latency::Latencies;
use super::load::{Load, Work};
use super::request::Post;
use super::site::{RESOURCE, Site};
use super::stop::Stop;
use crate::progress::Progress;

/// What progress counts.
pub(super) const STEPS: usize = 3;
/// One token is revoked in this time; no multiple of how often anybody looks.
const PACE: Duration = Duration::from_millis(7);
/// Longer than any revocation takes that is ever heard of.
const PATIENCE: Duration = Duration::from_secs(20);
/// For revoking many.
const LONGEST: Duration = Duration::from_mins(30);
const CONNECTIONS: usize = 64;
/// Expected of a build, in milliseconds.
const EXPECTED: f64 = 1000.0;

/// One measurement.
#[derive(Serialize)]
pub(super) struct Line {
    /// How many revocations stood before.
    outstanding: usize,
    tokens: u64,
    p50_ms: f64,
    p99_ms: f64,
    longest_ms: f64,
    /// Anonymous resident memory.
    guard_rss_anon_kib: u64,
    server_rss_anon_kib: u64,
}

/// What `firman guard` says when it is ready.
#[derive(Deserialize)]
struct Ready {
    listen: SocketAddr,
}

/// What `firman resource add` prints.
#[derive(Deserialize)]
struct Resource {
    secret: String,
}

/// A server, and a guard that follows its feed.
struct Pair<'a> {
    site: Site,
    guard: Child,
    at: SocketAddr,
    stop: &'a Stop,
}

/// Measures with so many tokens: with nothing revoked before, and with so many.
pub(super) fn run(
    cores: &Cores,
    (tokens, outstanding): (usize, usize),
    (progress, stop): (&Progress, &Stop),
) -> Result<Vec<Line>, BenchError> {
    let folder = tempfile::Builder::new().prefix("firman-bench-").tempdir();
    let folder = folder.map_err(BenchError::cannot("make a temporary folder"))?;
    let pair = Pair::start(cores, folder.path(), stop)?;
    // Once the first is refused, the feed is heard.
    pair.refused(1)?;
    progress.say("revoked, with nothing else".to_owned());
    let alone = pair.line(tokens, 0)?;
    progress.step();
    progress.say(format!("revoking {outstanding}"));
    pair.revoke_many(outstanding, progress)?;
    progress.step();
    progress.say(format!("revoked, beside {outstanding} others"));
    let among = pair.line(tokens, outstanding)?;
    progress.step();
    pair.guard.stop()?;
    pair.site.child.stop()?;
    Ok(vec![alone, among])
}

impl<'a> Pair<'a> {
    fn start(cores: &Cores, folder: &Path, stop: &'a Stop) -> Result<Self, BenchError> {
        // No token that is verified at the guard may live longer than is told what was revoked.
        let site = Site::start(cores, folder, &[("FIRMAN__TOKENS__ACCESS_TOKEN_SECONDS", "3600")])?;
        let words = ["resource", "add", RESOURCE, "--token-format", "jwt", "--json", "--dir", "."];
        let made = Child::run(folder, &words)?;
        let made: Resource = serde_json::from_str(&made).map_err(|error| BenchError::Child(error.to_string()))?;
        let beside = folder.join("guard");
        std::fs::create_dir(&beside).map_err(BenchError::cannot("make a folder"))?;
        std::fs::write(beside.join("secret"), made.secret).map_err(BenchError::cannot("write a file"))?;
        let words =
            "guard --json --follow --secret-file secret --behind traefik --scope books.read --listen 127.0.0.1:0";
        let who = ["--issuer", site.issuer(), "--resource", RESOURCE];
        let words: Vec<_> = words.split(' ').chain(who).collect();
        let (guard, ready) = Child::start::<Ready>(cores, &beside, &words, &[])?;
        Ok(Self { site, guard, at: ready.listen, stop })
    }

    fn line(&self, tokens: usize, outstanding: usize) -> Result<Line, BenchError> {
        let latencies = self.refused(tokens)?;
        let millis = |share| latencies.quantile(share) / 1e3;
        Ok(Line {
            outstanding,
            tokens: latencies.count(),
            p50_ms: millis(0.5),
            p99_ms: millis(0.99),
            longest_ms: millis(1.0),
            guard_rss_anon_kib: self.guard.memory()?,
            server_rss_anon_kib: self.site.child.memory()?,
        })
    }

    /// Revokes tokens that the guard lets through; how long after it was asked for each is refused.
    fn refused(&self, tokens: usize) -> Result<Latencies, BenchError> {
        let (mut issuer, mut guard) = (Connection::open(self.site.address)?, Connection::open(self.at)?);
        let (asked, revoked) = (self.ask(), self.site.service(path::REVOKE));
        let mut fresh = Vec::with_capacity(tokens);
        for _ in 0..tokens {
            let answer = issuer.exchange(&asked)?;
            answer.must_be(200)?;
            let token = answer.member("access_token")?;
            let check = format!(
                "GET /auth HTTP/1.1\r\nhost: {at}\r\nauthorization: Bearer {token}\r\nx-forwarded-method: GET\r\n\
                 x-forwarded-uri: /\r\n\r\n",
                at = self.at
            );
            let mut revoke = Vec::new();
            revoked.write(&mut revoke, &["token=", token]);
            guard.exchange(check.as_bytes())?.must_be(200)?;
            fresh.push((revoke, check));
        }
        let (mut latencies, mut waiting) = (Latencies::new(), VecDeque::new());
        let (mut fresh, mut next) = (fresh.into_iter(), Instant::now());
        while fresh.len() > 0 || !waiting.is_empty() {
            self.stop.check()?;
            if Instant::now() >= next
                && let Some((revoke, check)) = fresh.next()
            {
                next += PACE;
                waiting.push_back((Instant::now(), check));
                issuer.exchange(&revoke)?.must_be(200)?;
            }
            let Some((since, check)) = waiting.pop_front() else { continue };
            let answer = guard.exchange(check.as_bytes())?;
            if answer.status == 401 {
                latencies.record(since.elapsed());
            } else if since.elapsed() > PATIENCE {
                return Err(BenchError::Silence(PATIENCE.as_secs()));
            } else {
                answer.must_be(200)?;
                waiting.push_back((since, check));
            }
        }
        Ok(latencies)
    }

    fn revoke_many(&self, count: usize, progress: &Progress) -> Result<(), BenchError> {
        let mut work = GetAndRevoke {
            ask: self.ask(),
            revoke: self.site.service(path::REVOKE),
            held: vec![None; CONNECTIONS],
            left: count,
        };
        Load::open(self.site.address, CONNECTIONS, self.stop)?.run(&mut work, LONGEST, &mut || {
            progress.tick();
            Ok(())
        })?;
        Ok(())
    }

    /// Asks for a token.
    fn ask(&self) -> Vec<u8> {
        let (mut request, mut resource) = (Vec::new(), String::new());
        form::append(&mut resource, "resource", RESOURCE);
        let form = ["grant_type=client_credentials&scope=books.read&", &resource];
        self.site.service(path::TOKEN).write(&mut request, &form);
        request
    }
}

/// Each connection gets a token, and revokes it.
struct GetAndRevoke {
    ask: Vec<u8>,
    revoke: Post,
    held: Vec<Option<String>>,
    left: usize,
}

impl Work for GetAndRevoke {
    fn ask(&mut self, lane: usize, out: &mut Vec<u8>) -> bool {
        if let Some(Some(token)) = self.held.get(lane) {
            self.revoke.write(out, &["token=", token]);
            return true;
        }
        let more = self.left > 0;
        self.left = self.left.saturating_sub(1);
        out.extend_from_slice(if more { &self.ask } else { &[] });
        more
    }

    fn answered(&mut self, lane: usize, answer: &Answer<'_>) -> Result<(), BenchError> {
        answer.must_be(200)?;
        let Some(held) = self.held.get_mut(lane) else { return Ok(()) };
        *held = match held.take() {
            Some(_) => None,
            None => Some(answer.member("access_token")?.to_owned()),
        };
        Ok(())
    }
}

impl Line {
    pub(super) fn cells(&self) -> Vec<String> {
        let millis = |value: f64| format!("{value:.0} ms");
        let mebi = |kib: u64| format!("{} MiB", kib.div_ceil(1024));
        let verdict = if self.p99_ms <= EXPECTED { "at most 1 s" } else { "over 1 s" };
        vec![
            self.outstanding.to_string(),
            self.tokens.to_string(),
            millis(self.p50_ms),
            millis(self.p99_ms),
            millis(self.longest_ms),
            verdict.to_owned(),
            mebi(self.guard_rss_anon_kib),
            mebi(self.server_rss_anon_kib),
        ]
    }
}
