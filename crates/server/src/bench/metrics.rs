//! Reads and commits per request, counted by the server itself on its metrics listener.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use super::BenchError;
use super::client::{Answer, Connection};
use super::cores::Cores;
use super::load::{Load, Work};
use super::request;
use super::scenario::{Name, Scenario};
use super::site::Site;
use super::stop::Stop;

/// Requests that are counted: so many that what the server does beside them is nothing.
const REQUESTS: u32 = 2_000;
const LONGEST: Duration = Duration::from_mins(1);

/// What a request costs the store.
#[derive(Clone, Copy, Default)]
pub(super) struct Costs {
    pub(super) reads: f64,
    pub(super) commits: f64,
}

/// A server that counts. The counting costs time, so nothing else is measured on it.
pub(super) struct Counter {
    site: Site,
    listener: SocketAddr,
}

impl Counter {
    pub(super) fn start(cores: &Cores, folder: &Path) -> Result<Self, BenchError> {
        // The listener does not say which port it took, so a port is chosen for it that was free a moment ago.
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
        let listener = free.map_err(BenchError::cannot("find a free port"))?;
        let mut site = Site::start(cores, folder, &[("FIRMAN__METRICS__LISTEN", &listener.to_string())])?;
        site.sign_in(folder)?;
        Ok(Self { site, listener })
    }

    pub(super) fn count(&self, name: Name, lanes: usize, stop: &Stop) -> Result<Costs, BenchError> {
        let mut scenario = name.prepare(&self.site, lanes, stop)?;
        scenario.stock(&self.site, Duration::from_secs(1), f64::from(REQUESTS) + 100.0, stop)?;
        let mut load = Load::open(self.site.address, lanes, stop)?;
        load.run(&mut Few { scenario: &mut *scenario, left: 100 }, LONGEST, &mut || Ok(()))?;
        let before = self.read()?;
        let mut few = Few { scenario: &mut *scenario, left: REQUESTS };
        load.run(&mut few, LONGEST, &mut || Ok(()))?;
        let after = self.read()?;
        let requests = f64::from(REQUESTS);
        let per_request = |before: f64, after: f64| (after - before) / requests;
        Ok(Costs { reads: per_request(before.reads, after.reads), commits: per_request(before.commits, after.commits) })
    }

    pub(super) fn stop(self) -> Result<(), BenchError> {
        self.site.child.stop()
    }

    fn read(&self) -> Result<Costs, BenchError> {
        let mut connection = Connection::open(self.listener)?;
        let answer = connection.exchange(&request::get(self.listener, "/metrics", ""))?;
        let text = std::str::from_utf8(answer.body).unwrap_or_default();
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.and_then(|value| value.trim().parse().ok()).ok_or_else(|| answer.unexpected())
        };
        Ok(Costs { reads: value("firman_store_reads_total")?, commits: value("firman_store_commits_total")? })
    }
}

/// A scenario that ends.
struct Few<'a> {
    scenario: &'a mut dyn Scenario,
    left: u32,
}

impl Work for Few<'_> {
    fn ask(&mut self, lane: usize, out: &mut Vec<u8>) -> bool {
        let Some(left) = self.left.checked_sub(1) else { return false };
        self.left = left;
        self.scenario.ask(lane, out)
    }

    fn answered(&mut self, lane: usize, answer: &Answer<'_>) -> Result<(), BenchError> {
        self.scenario.answered(lane, answer)
    }
}
