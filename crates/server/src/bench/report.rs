//! What a run found, for people and for scripts.

use serde::Serialize;

use super::measure::{Options, Sample};
use super::metrics::Costs;
use super::scenario::Name;

/// How busy the server's core must have been for a ratio to say something about the server.
const BUSY: f64 = 0.95;
/// Expected of a build, in KiB.
const IDLE_MEMORY: u64 = 32 * 1024;
/// Expected of a build, in KiB.
const LOAD_MEMORY: u64 = 64 * 1024;
/// Expected of a build, in milliseconds.
const START: f64 = 200.0;

/// A whole run.
#[derive(Serialize)]
pub(crate) struct Report {
    version: &'static str,
    connections: usize,
    seconds: f64,
    rounds: usize,
    /// Milliseconds from the start of the process to ready, on an initialised folder.
    start_to_ready_ms: f64,
    /// Anonymous resident memory after the start.
    idle_rss_anon_kib: u64,
    /// The most anonymous resident memory at any moment of the load.
    load_rss_anon_kib: u64,
    scenarios: Vec<Line>,
}

/// What was measured of one scenario: medians over the rounds.
#[derive(Serialize)]
pub(crate) struct Line {
    pub(super) name: Name,
    requests_per_second: f64,
    p50_us: f64,
    p99_us: f64,
    reads_per_request: f64,
    commits_per_request: f64,
    ceiling_requests_per_second: f64,
    ratio: f64,
    expected_ratio: Option<f64>,
    /// Share of the time in which the server had a core, in the measurement and in the ceiling.
    server_busy: f64,
    ceiling_busy: f64,
    /// Share of the time in which that core had anything to do.
    core_busy: f64,
    ceiling_core_busy: f64,
    /// Whether both were busy enough for the ratio to count.
    counts: bool,
}

impl Line {
    pub(super) fn new(name: Name, ceilings: &[Sample], samples: &[Sample]) -> Self {
        let of = |samples: &[Sample], field: fn(&Sample) -> f64| median(samples.iter().map(field));
        let rate = of(samples, |sample| sample.rate);
        let ceiling = of(ceilings, |sample| sample.rate);
        let busy = |samples| of(samples, |sample| sample.busy.process);
        let core = |samples| of(samples, |sample| sample.busy.core);
        Self {
            name,
            requests_per_second: rate,
            p50_us: of(samples, |sample| sample.p50),
            p99_us: of(samples, |sample| sample.p99),
            reads_per_request: 0.0,
            commits_per_request: 0.0,
            ceiling_requests_per_second: ceiling,
            ratio: rate / ceiling.max(1e-9),
            expected_ratio: name.expected(),
            server_busy: busy(samples),
            ceiling_busy: busy(ceilings),
            core_busy: core(samples),
            ceiling_core_busy: core(ceilings),
            counts: busy(samples) >= BUSY && busy(ceilings) >= BUSY,
        }
    }

    pub(super) fn cost(&mut self, costs: Costs) {
        (self.reads_per_request, self.commits_per_request) = (costs.reads, costs.commits);
    }

    fn cells(&self) -> Vec<String> {
        let verdict = match self.expected_ratio {
            _ if !self.counts => "does not count: not busy".to_owned(),
            Some(expected) if self.ratio < expected => format!("short of {expected}"),
            Some(expected) => format!("at least {expected}"),
            None => String::new(),
        };
        vec![
            self.name.text().to_owned(),
            format!("{:.0}", self.requests_per_second),
            format!("{:.2} ms", self.p50_us / 1e3),
            format!("{:.2} ms", self.p99_us / 1e3),
            format!("{:.2}", self.reads_per_request),
            format!("{:.2}", self.commits_per_request),
            format!("{:.0}", self.ceiling_requests_per_second),
            format!("{:.3}", self.ratio),
            format!("{:.0} % / {:.0} %", self.server_busy * 1e2, self.ceiling_busy * 1e2),
            verdict,
        ]
    }
}

impl Report {
    pub(super) fn new(options: &Options, lines: Vec<Line>, start: f64, idle: u64, load: u64) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            connections: options.connections,
            seconds: options.time.as_secs_f64(),
            rounds: options.rounds,
            start_to_ready_ms: start,
            idle_rss_anon_kib: idle,
            load_rss_anon_kib: load,
            scenarios: lines,
        }
    }

    /// The scenarios whose ratio says nothing, because the server's core was not busy enough.
    pub(crate) fn not_counted(&self) -> Vec<&'static str> {
        self.scenarios.iter().filter(|line| !line.counts).map(|line| line.name.text()).collect()
    }

    /// The head and the rows of a table.
    pub(crate) fn rows(&self) -> ([&'static str; 10], Vec<Vec<String>>) {
        let head = ["SCENARIO", "REQ/S", "P50", "P99", "READS", "COMMITS", "CEILING", "RATIO", "BUSY", "EXPECTED"];
        (head, self.scenarios.iter().map(Line::cells).collect())
    }

    /// What stands below the table.
    pub(crate) fn notes(&self) -> String {
        let at_most = |is: bool, bound: String| if is { format!("at most {bound}") } else { format!("over {bound}") };
        let memory = |kib: u64, bound: u64| {
            format!("{} MiB ({})", kib.div_ceil(1024), at_most(kib <= bound, format!("{} MiB", bound / 1024)))
        };
        format!(
            "\
{connections} keep-alive connections, {rounds} rounds of {seconds} s each, server and load on one core each; medians.
SQLite, every acknowledged commit synced. READS and COMMITS of the store are per request; CEILING is the same HTTP stack
answering a constant to the same request; BUSY is the share of the time in which the server ran, measurement / ceiling.
Start to ready      {start:.0} ms ({start_bound})
RssAnon, idle       {idle}
RssAnon, load       {load}",
            connections = self.connections,
            rounds = self.rounds,
            seconds = self.seconds,
            start = self.start_to_ready_ms,
            start_bound = at_most(self.start_to_ready_ms <= START, format!("{START} ms")),
            idle = memory(self.idle_rss_anon_kib, IDLE_MEMORY),
            load = memory(self.load_rss_anon_kib, LOAD_MEMORY),
        )
    }
}

/// The middle one; of two middle ones their mean.
pub(super) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    let at = |place: usize| values.get(place).copied().unwrap_or_default();
    if values.len() % 2 == 1 { at(half) } else { f64::midpoint(at(half.saturating_sub(1)), at(half)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert!((median([3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median([4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < f64::EPSILON);
    }
}
