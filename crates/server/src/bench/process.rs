//! What the kernel knows of a process and of a core (proc(5)).

use std::fs;
use std::time::Duration;

use super::BenchError;

/// One clock tick of proc(5): `USER_HZ` is 100 wherever Linux shows it.
const TICK: Duration = Duration::from_millis(10);

/// CPU time that a process has used, in all its threads.
pub(super) fn cpu_time(process: u32) -> Result<Duration, BenchError> {
    let text = read(&format!("/proc/{process}/stat"))?;
    // The second field is a name in brackets and may have anything in it; utime and stime are the 14th and 15th.
    let fields = text.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u32>().ok()).sum();
    Ok(TICK * ticks)
}

/// Time for which a core had something to do: the process, its interrupts, and everybody else's.
pub(super) fn core_time(number: usize) -> Result<Duration, BenchError> {
    let text = read("/proc/stat")?;
    let name = format!("cpu{number}");
    let line = text.lines().find(|line| line.split_whitespace().next() == Some(&*name)).unwrap_or_default();
    let fields = line.split_whitespace().skip(1).take(8).map(|field| field.parse::<u32>().unwrap_or_default());
    // The 4th and 5th are idle and waiting for a disk, which is idle too.
    let ticks = fields.enumerate().filter(|(place, _)| !matches!(place, 3 | 4)).map(|(_, ticks)| ticks).sum();
    Ok(TICK * ticks)
}

/// Anonymous resident memory of a process, in KiB.
pub(super) fn anonymous_memory(process: u32) -> Result<u64, BenchError> {
    let text = read(&format!("/proc/{process}/status"))?;
    let value = text.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap_or_default();
    value.trim().trim_end_matches("kB").trim().parse().map_err(|_| BenchError::Child("no RssAnon in /proc".to_owned()))
}

fn read(path: &str) -> Result<String, BenchError> {
    fs::read_to_string(path).map_err(BenchError::cannot("read /proc"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_runs_on_a_core() {
        let me = std::process::id();
        assert!(anonymous_memory(me).unwrap() > 0);
        assert!(cpu_time(me).unwrap() < Duration::from_hours(1));
        assert!(core_time(0).unwrap() > Duration::ZERO);
    }
}
