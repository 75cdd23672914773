//! A child of this program: started on the server's core, watched, and stopped with whatever holds it.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{self, Command, Stdio};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

use super::client::Connection;
use super::cores::Cores;
use super::{BenchError, process as kernel, request};

/// For a child to end by itself before it is killed.
const PATIENCE: Duration = Duration::from_secs(15);

/// A running child.
pub(super) struct Child {
    process: process::Child,
    core: usize,
}

/// CPU time at one moment.
pub(super) struct Moment {
    process: Duration,
    core: Duration,
    at: Instant,
}

/// Shares of the time between two moments.
#[derive(Clone, Copy)]
pub(super) struct Busy {
    /// In which the server ran.
    pub(super) process: f64,
    /// In which its core had anything to do.
    pub(super) core: f64,
}

impl Child {
    /// Starts this program with these words, its log in `folder`; gives the line of JSON that it prints when it is ready.
    pub(super) fn start<T: DeserializeOwned>(
        cores: &Cores,
        folder: &Path,
        words: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<(Self, T), BenchError> {
        let program = std::env::current_exe().map_err(BenchError::cannot("find this program"))?;
        let log = folder.join("log");
        let file = File::create(&log).map_err(BenchError::cannot("make a log file"))?;
        let mut command = Command::new(program);
        // Settings of the caller's environment are not the benchmark's.
        command.args(words).current_dir(folder).env_clear().envs(environment.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(file);
        let started = cores.on_server_core(|| command.spawn())?.map_err(BenchError::cannot("start the server"))?;
        let mut child = Self { process: started, core: cores.number };
        let mut line = String::new();
        if let Some(out) = child.process.stdout.take() {
            BufReader::new(out).read_line(&mut line).map_err(BenchError::cannot("hear from the server"))?;
        }
        if let Ok(ready) = serde_json::from_str(&line) {
            return Ok((child, ready));
        }
        let log = std::fs::read_to_string(&log).unwrap_or_default();
        let last = log.lines().next_back().unwrap_or("it says nothing");
        Err(BenchError::Child(format!("the server does not start: {last}")))
    }

    /// Runs this program with these words to its end; gives what it prints.
    pub(super) fn run(folder: &Path, words: &[&str]) -> Result<String, BenchError> {
        let program = std::env::current_exe().map_err(BenchError::cannot("find this program"))?;
        let mut command = Command::new(program);
        let ended = command.args(words).current_dir(folder).env_clear().stdin(Stdio::null()).output();
        let output = ended.map_err(BenchError::cannot("run this program"))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(BenchError::Child(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }

    /// Waits until it says that it is ready to serve.
    pub(super) fn wait_ready(address: SocketAddr) -> Result<(), BenchError> {
        let probe = request::get(address, "/health/ready", "");
        Connection::open(address)?.exchange(&probe)?.must_be(200)
    }

    pub(super) fn now(&self) -> Result<Moment, BenchError> {
        let process = kernel::cpu_time(self.process.id())?;
        Ok(Moment { process, core: kernel::core_time(self.core)?, at: Instant::now() })
    }

    /// How busy it was since.
    pub(super) fn busy_since(&self, before: &Moment) -> Result<Busy, BenchError> {
        let now = self.now()?;
        let share = |time: Duration| time.as_secs_f64() / (now.at - before.at).as_secs_f64().max(1e-9);
        Ok(Busy {
            process: share(now.process.saturating_sub(before.process)),
            core: share(now.core.saturating_sub(before.core)),
        })
    }

    /// Anonymous resident memory, in KiB.
    pub(super) fn memory(&self) -> Result<u64, BenchError> {
        kernel::anonymous_memory(self.process.id())
    }

    /// Asks it to stop, as an operator would, and waits until it has.
    pub(super) fn stop(mut self) -> Result<(), BenchError> {
        self.terminate();
        let asked = Instant::now();
        while asked.elapsed() < PATIENCE {
            match self.process.try_wait().map_err(BenchError::cannot("wait for the server"))? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(BenchError::Child(format!("the server ended with {status}"))),
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        }
        Err(BenchError::Child("the server does not stop".to_owned()))
    }

    fn terminate(&self) {
        if let Some(pid) = i32::try_from(self.process.id()).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
    }
}

impl Drop for Child {
    /// Whatever happened: nothing of ours keeps running.
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
