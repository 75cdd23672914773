//! `firman bench guard`: what a guarded route costs beside the same route unguarded, in one run; and how long a revoked
//! token is let through.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::BenchError;
use super::child::Child;
use super::client::Answer;
use super::cores::Cores;
use super::load::{Load, Work};
use super::report::median;
use super::revocation;
use super::stop::Stop;
use crate::progress::Progress;

/// Before each measurement, not counted: connections, caches, branch predictors, and tokens that nobody has seen yet.
const WARM: Duration = Duration::from_millis(500);
/// How busy the server's core must have been for a ratio to say something about the guard.
const BUSY: f64 = 0.95;
/// Expected of what was looked at before.
const EXPECTED: f64 = 0.85;

/// What to run.
pub(crate) struct Options {
    /// How long each measurement takes.
    pub(crate) time: Duration,
    /// Keep-alive connections, each with one request on its way.
    pub(crate) connections: usize,
    /// How often unguarded and guarded alternate.
    pub(crate) rounds: usize,
    /// How many tokens are revoked one after the other.
    pub(crate) tokens: usize,
    /// How many other revocations stand when that is done again.
    pub(crate) revocations: usize,
    /// Whether to show how far it is.
    pub(crate) progress: bool,
}

/// What the guarded server says when it is ready: where it listens, and tokens for each of its routes.
#[derive(Serialize, Deserialize)]
pub(crate) struct Ready {
    pub(crate) listen: SocketAddr,
    pub(crate) tokens: BTreeMap<String, Vec<String>>,
}

/// What was measured.
#[derive(Serialize)]
pub(crate) struct Report {
    connections: usize,
    seconds: f64,
    rounds: usize,
    routes: Vec<Line>,
    feed: Vec<revocation::Line>,
}

/// One kind of token: medians over the rounds.
#[derive(Serialize)]
struct Line {
    route: String,
    requests_per_second: f64,
    p99_us: f64,
    unguarded_requests_per_second: f64,
    ratio: f64,
    /// Of the server, for each request; on a machine that is busy with other things these tell more than the rates.
    cpu_us: f64,
    unguarded_cpu_us: f64,
    server_busy: f64,
    counts: bool,
}

struct Sample {
    rate: f64,
    p99: f64,
    busy: f64,
}

/// Runs the benchmark. Its child is stopped however it ends.
pub(crate) fn run(options: &Options) -> Result<Report, BenchError> {
    let stop = Stop::listen()?;
    let cores = Cores::take()?;
    let folder = tempfile::Builder::new().prefix("firman-bench-").tempdir();
    let folder = folder.map_err(BenchError::cannot("make a temporary folder"))?;
    let (child, ready) = Child::start::<Ready>(&cores, folder.path(), &["bench-guarded"], &[])?;
    let progress =
        Progress::new((ready.tokens.len() * options.rounds * 2 + revocation::STEPS) as u64, options.progress);
    let mut routes = Vec::new();
    for (route, tokens) in &ready.tokens {
        let (mut open, mut guarded) = (Vec::new(), Vec::new());
        for round in 1..=options.rounds {
            progress.say(format!("{route}: round {round}"));
            for (target, samples) in [("/open", &mut open), (route.as_str(), &mut guarded)] {
                let mut work = Gets::new(ready.listen, target, tokens);
                samples.push(sample(&child, ready.listen, &mut work, options, (&progress, &stop))?);
                progress.step();
            }
        }
        routes.push(Line::new(route, &open, &guarded));
    }
    child.stop()?;
    let feed = revocation::run(&cores, (options.tokens, options.revocations), (&progress, &stop))?;
    let seconds = options.time.as_secs_f64();
    Ok(Report { connections: options.connections, seconds, rounds: options.rounds, routes, feed })
}

fn sample(
    child: &Child,
    address: SocketAddr,
    work: &mut Gets,
    options: &Options,
    (progress, stop): (&Progress, &Stop),
) -> Result<Sample, BenchError> {
    let mut load = Load::open(address, options.connections, stop)?;
    load.run(work, WARM, &mut || Ok(()))?;
    let before = child.now()?;
    let run = load.run(work, options.time, &mut || {
        progress.tick();
        Ok(())
    })?;
    let busy = child.busy_since(&before)?.process;
    Ok(Sample { rate: run.rate(), p99: run.latencies.quantile(0.99), busy })
}

/// The same route with one token after the other.
struct Gets {
    requests: Vec<Vec<u8>>,
    turn: usize,
}

impl Gets {
    fn new(address: SocketAddr, target: &str, tokens: &[String]) -> Self {
        let request = |token: &String| {
            format!("GET {target} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\r\n").into_bytes()
        };
        Self { requests: tokens.iter().map(request).collect(), turn: 0 }
    }
}

impl Work for Gets {
    fn ask(&mut self, _: usize, out: &mut Vec<u8>) -> bool {
        self.turn = (self.turn + 1) % self.requests.len().max(1);
        let Some(request) = self.requests.get(self.turn) else { return false };
        out.extend_from_slice(request);
        true
    }

    fn answered(&mut self, _: usize, answer: &Answer<'_>) -> Result<(), BenchError> {
        answer.must_be(200)
    }
}

impl Line {
    fn new(route: &str, open: &[Sample], guarded: &[Sample]) -> Self {
        let of = |samples: &[Sample], field: fn(&Sample) -> f64| median(samples.iter().map(field));
        let (rate, unguarded) = (of(guarded, |it| it.rate), of(open, |it| it.rate));
        let busy = of(guarded, |it| it.busy).min(of(open, |it| it.busy));
        let cpu = |samples| of(samples, |it| it.busy / it.rate.max(1e-9) * 1e6);
        Self {
            route: route.to_owned(),
            requests_per_second: rate,
            p99_us: of(guarded, |it| it.p99),
            unguarded_requests_per_second: unguarded,
            ratio: rate / unguarded.max(1e-9),
            cpu_us: cpu(guarded),
            unguarded_cpu_us: cpu(open),
            server_busy: busy,
            counts: busy >= BUSY,
        }
    }

    fn cells(&self) -> Vec<String> {
        let verdict = match self.route.ends_with("-cached") {
            _ if !self.counts => "does not count: not busy".to_owned(),
            true if self.ratio < EXPECTED => format!("short of {EXPECTED}"),
            true => format!("at least {EXPECTED}"),
            false => String::new(),
        };
        vec![
            self.route.trim_start_matches('/').to_owned(),
            format!("{:.0}", self.requests_per_second),
            format!("{:.2} ms", self.p99_us / 1e3),
            format!("{:.0}", self.unguarded_requests_per_second),
            format!("{:.3}", self.ratio),
            format!("{:.1} / {:.1} µs", self.cpu_us, self.unguarded_cpu_us),
            format!("{:.0} %", self.server_busy * 1e2),
            verdict,
        ]
    }
}

impl Report {
    /// The routes whose ratio says nothing, because the server's core was not busy enough.
    pub(crate) fn not_counted(&self) -> Vec<&str> {
        self.routes.iter().filter(|line| !line.counts).map(|line| line.route.as_str()).collect()
    }

    /// The head and the rows of a table.
    pub(crate) fn rows(&self) -> ([&'static str; 8], Vec<Vec<String>>) {
        let head = ["TOKEN", "REQ/S", "P99", "UNGUARDED", "RATIO", "CPU", "BUSY", "EXPECTED"];
        (head, self.routes.iter().map(Line::cells).collect())
    }

    /// The same of what was revoked.
    pub(crate) fn feed_rows(&self) -> ([&'static str; 8], Vec<Vec<String>>) {
        let head = ["REVOKED BEFORE", "TOKENS", "P50", "P99", "LONGEST", "EXPECTED", "GUARD", "SERVER"];
        (head, self.feed.iter().map(revocation::Line::cells).collect())
    }
}
