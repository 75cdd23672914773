//! The run: start, alternate ceiling and measurement, count, stop.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::BenchError;
use super::ceiling::Again;
use super::child::{Busy, Child};
use super::cores::Cores;
use super::load::{Load, Work};
use super::metrics::Counter;
use super::report::{Line, Report, median};
use super::scenario::{Name, Scenario};
use super::site::Site;
use super::stop::Stop;
use crate::progress::Progress;

/// Before each measurement, not counted: connections, caches, branch predictors.
const WARM: Duration = Duration::from_millis(300);
/// How often the start of the server is timed.
const STARTS: usize = 5;
/// Nobody knows yet how quick an exchange is: enough codes for the first warm-up.
const FIRST_GUESS: f64 = 3_000.0;

/// What to run.
pub(crate) struct Options {
    /// Which scenarios.
    pub(crate) names: Vec<Name>,
    /// How long each measurement takes.
    pub(crate) time: Duration,
    /// Keep-alive connections, each with one request on its way.
    pub(crate) connections: usize,
    /// How often ceiling and measurement alternate.
    pub(crate) rounds: usize,
    /// Whether to show how far it is.
    pub(crate) progress: bool,
}

/// One measurement.
#[derive(Clone, Copy)]
pub(super) struct Sample {
    /// Answers per second.
    pub(super) rate: f64,
    /// Microseconds.
    pub(super) p50: f64,
    /// Microseconds.
    pub(super) p99: f64,
    pub(super) busy: Busy,
}

/// Runs the benchmark. Its children are stopped however it ends.
pub(crate) fn run(options: &Options) -> Result<Report, BenchError> {
    let stop = Stop::listen()?;
    let cores = Cores::take()?;
    let folder = tempfile::Builder::new().prefix("firman-bench-").tempdir();
    let folder = folder.map_err(BenchError::cannot("make a temporary folder"))?;
    let steps = options.names.len() * (options.rounds * 2 + 1) + STARTS + 1;
    let progress = Progress::new(steps as u64, options.progress);

    let home = subfolder(folder.path(), "server")?;
    let (site, starts) = start_repeatedly(&cores, &home, &progress, &stop)?;
    let idle = site.child.memory()?;
    let mut bench = Bench {
        options,
        stop: &stop,
        progress: &progress,
        site,
        ceiling: ceiling(&cores, folder.path())?,
        memory: idle,
    };
    bench.site.sign_in(&home)?;
    let mut lines = Vec::new();
    for name in &options.names {
        lines.push(bench.measure(*name)?);
    }
    let memory = bench.memory;
    bench.site.child.stop()?;
    bench.ceiling.0.stop()?;

    let counter = Counter::start(&cores, &home)?;
    for line in &mut lines {
        progress.say(format!("{}: reads and commits", line.name.text()));
        line.cost(counter.count(line.name, options.connections, &stop)?);
        progress.step();
    }
    counter.stop()?;
    let ready = median(starts.iter().map(|start| start.as_secs_f64() * 1e3));
    Ok(Report::new(options, lines, ready, idle, memory))
}

fn subfolder(folder: &Path, name: &str) -> Result<PathBuf, BenchError> {
    let path = folder.join(name);
    std::fs::create_dir(&path).map_err(BenchError::cannot("make a folder"))?;
    Ok(path)
}

/// Initialises the folder, then times starts on it; the last server keeps running.
fn start_repeatedly(
    cores: &Cores,
    folder: &Path,
    progress: &Progress,
    stop: &Stop,
) -> Result<(Site, Vec<Duration>), BenchError> {
    progress.say("making a database, keys and a user");
    let mut site = Site::start(cores, folder, &[])?;
    let mut starts = Vec::with_capacity(STARTS);
    progress.say("starting and stopping");
    for _ in 0..STARTS {
        site.child.stop()?;
        stop.check()?;
        site = Site::start(cores, folder, &[])?;
        starts.push(site.start);
        progress.step();
    }
    Ok((site, starts))
}

#[derive(Deserialize)]
struct Listening {
    listen: SocketAddr,
}

fn ceiling(cores: &Cores, folder: &Path) -> Result<(Child, SocketAddr), BenchError> {
    let folder = subfolder(folder, "ceiling")?;
    let (child, ready) = Child::start::<Listening>(cores, &folder, &["bench-ceiling"], &[])?;
    Child::wait_ready(ready.listen)?;
    Ok((child, ready.listen))
}

struct Bench<'a> {
    options: &'a Options,
    stop: &'a Stop,
    progress: &'a Progress,
    site: Site,
    ceiling: (Child, SocketAddr),
    /// The most that the server had at any moment, in KiB.
    memory: u64,
}

impl Bench<'_> {
    /// Alternates the ceiling and a scenario.
    fn measure(&mut self, name: Name) -> Result<Line, BenchError> {
        self.progress.say(format!("{}: preparing", name.text()));
        let mut scenario = name.prepare(&self.site, self.options.connections, self.stop)?;
        let mut rate = self.calibrate(&mut *scenario)?;
        // The calibration may have used everything up.
        scenario.stock(&self.site, WARM, rate, self.stop)?;
        let mut again = Again::of(&mut *scenario)?;
        let (mut ceilings, mut samples) = (Vec::new(), Vec::new());
        for round in 1..=self.options.rounds {
            self.progress.say(format!("{}: ceiling, round {round}", name.text()));
            let (child, address) = &self.ceiling;
            ceilings.push(self.sample(child, *address, &mut again, &mut || Ok(()))?);
            self.progress.step();

            self.progress.say(format!("{}: preparing round {round}", name.text()));
            scenario.stock(&self.site, WARM + self.options.time, rate * 1.3, self.stop)?;
            self.progress.say(format!("{}: round {round}", name.text()));
            let mut memory = self.memory;
            let mut watch = || {
                memory = memory.max(self.site.child.memory()?);
                Ok(())
            };
            let sample = self.sample(&self.site.child, self.site.address, &mut *scenario, &mut watch)?;
            self.memory = memory;
            rate = rate.max(sample.rate);
            samples.push(sample);
            self.progress.step();
        }
        Ok(Line::new(name, &ceilings, &samples))
    }

    /// About how many answers per second to expect.
    fn calibrate(&self, scenario: &mut dyn Scenario) -> Result<f64, BenchError> {
        scenario.stock(&self.site, WARM, FIRST_GUESS, self.stop)?;
        let mut load = Load::open(self.site.address, self.options.connections, self.stop)?;
        Ok(load.run(scenario, WARM, &mut || Ok(()))?.rate())
    }

    fn sample(
        &self,
        child: &Child,
        address: SocketAddr,
        work: &mut dyn Work,
        watch: &mut dyn FnMut() -> Result<(), BenchError>,
    ) -> Result<Sample, BenchError> {
        // New connections each time: the server closes those that were idle while the other was measured.
        let mut load = Load::open(address, self.options.connections, self.stop)?;
        load.run(work, WARM, &mut || Ok(()))?;
        let before = child.now()?;
        let run = load.run(work, self.options.time, &mut || {
            self.progress.tick();
            watch()
        })?;
        let busy = child.busy_since(&before)?;
        let quantile = |share| run.latencies.quantile(share);
        Ok(Sample { rate: run.rate(), p50: quantile(0.5), p99: quantile(0.99), busy })
    }
}
