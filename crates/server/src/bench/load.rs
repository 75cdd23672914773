//! The load: many keep-alive connections from one thread, each with one request on its way.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{Timespec, epoll};

use super::BenchError;
use super::client::{Answer, Connection};
use super::latency::Latencies;
use super::stop::Stop;

/// Longer than any answer takes that still comes.
const PATIENCE: u64 = 20;
/// How often there is something else to do.
const TICK: Duration = Duration::from_millis(100);

/// What is asked on each connection, and what is learnt from the answers.
pub(super) trait Work {
    /// Appends the next request of a connection; `false` if it has none.
    fn ask(&mut self, lane: usize, out: &mut Vec<u8>) -> bool;

    /// Looks at the answer to it.
    fn answered(&mut self, lane: usize, answer: &Answer<'_>) -> Result<(), BenchError>;
}

/// Open connections to one server.
pub(super) struct Load<'a> {
    epoll: OwnedFd,
    lanes: Vec<Lane>,
    stop: &'a Stop,
}

struct Lane {
    connection: Connection,
    sent_at: Instant,
}

/// What came of it.
pub(super) struct Run {
    pub(super) latencies: Latencies,
    pub(super) elapsed: Duration,
}

impl Run {
    /// Answers per second.
    #[allow(clippy::cast_precision_loss, reason = "a rate")]
    pub(super) fn rate(&self) -> f64 {
        self.latencies.count() as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }
}

impl<'a> Load<'a> {
    pub(super) fn open(address: SocketAddr, connections: usize, stop: &'a Stop) -> Result<Self, BenchError> {
        let failed = |error: rustix::io::Errno| BenchError::cannot("watch connections")(error.into());
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(failed)?;
        let mut lanes = Vec::with_capacity(connections);
        for number in 0..connections {
            let connection = Connection::open(address)?;
            let data = epoll::EventData::new_u64(number as u64);
            epoll::add(&epoll, &connection, data, epoll::EventFlags::IN).map_err(failed)?;
            lanes.push(Lane { connection, sent_at: Instant::now() });
        }
        Ok(Self { epoll, lanes, stop })
    }

    /// Asks until the time is over or there is nothing more to ask, then waits for what is on its way.
    pub(super) fn run(
        &mut self,
        work: &mut dyn Work,
        time: Duration,
        tick: &mut dyn FnMut() -> Result<(), BenchError>,
    ) -> Result<Run, BenchError> {
        let started = Instant::now();
        let (deadline, mut latencies) = (started + time, Latencies::new());
        let (mut request, mut events) = (Vec::with_capacity(4096), Vec::with_capacity(self.lanes.len().max(1)));
        let (mut open, mut ticked, mut heard) = (0, started, started);
        for (number, lane) in self.lanes.iter_mut().enumerate() {
            open += usize::from(lane.ask(number, work, &mut request, started)?);
        }
        while open > 0 {
            self.wait(&mut events)?;
            for event in events.drain(..) {
                let number = usize::try_from(event.data.u64()).unwrap_or(usize::MAX);
                let Some(lane) = self.lanes.get_mut(number) else { continue };
                let Some(answer) = lane.connection.receive()? else { continue };
                work.answered(number, &answer)?;
                heard = Instant::now();
                latencies.record(heard - lane.sent_at);
                if heard >= deadline || !lane.ask(number, work, &mut request, heard)? {
                    open -= 1;
                }
            }
            let now = Instant::now();
            if now - ticked >= TICK {
                ticked = now;
                self.stop.check()?;
                tick()?;
                if (now - heard).as_secs() >= PATIENCE {
                    return Err(BenchError::Silence(PATIENCE));
                }
            }
        }
        Ok(Run { latencies, elapsed: heard - started })
    }

    fn wait(&self, events: &mut Vec<epoll::Event>) -> Result<(), BenchError> {
        let tick = Timespec { tv_sec: 0, tv_nsec: i64::from(TICK.subsec_nanos()) };
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(events), Some(&tick)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(BenchError::cannot("wait for answers")(error.into())),
        }
    }
}

impl Lane {
    fn ask(
        &mut self,
        number: usize,
        work: &mut dyn Work,
        request: &mut Vec<u8>,
        now: Instant,
    ) -> Result<bool, BenchError> {
        request.clear();
        if !work.ask(number, request) {
            return Ok(false);
        }
        self.sent_at = now;
        self.connection.send(request).map(|()| true)
    }
}
