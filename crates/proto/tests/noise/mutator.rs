//! Damaged inputs: valid ones with a few bytes changed, cut, doubled or put in; and ones that are far too long.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// How many inputs each reader gets, if `FIRMAN_NOISE` does not say another number.
const ROUNDS: usize = 10_000;
/// No reader may take longer over one input. They take microseconds; this is what a reader takes that has lost its way.
const LONGEST: Duration = Duration::from_secs(2);
/// The most memory that a whole run may ever hold, in KiB: readers keep no more than they are given.
const MOST_MEMORY: u64 = 1024 * 1024;

/// A small generator with a fixed seed: a failure is the same every time.
pub(crate) struct Noise(u64);

impl Noise {
    pub(crate) fn new(seed: &str) -> Self {
        // FNV-1a; never 0, where the generator would stay.
        Self(
            seed.bytes()
                .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)),
        )
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).unwrap()
    }

    /// One of these, damaged in one to five places.
    pub(crate) fn damage(&mut self, corpus: &[impl AsRef<[u8]>]) -> Vec<u8> {
        let mut bytes = corpus[self.below(corpus.len())].as_ref().to_vec();
        for _ in 0..=self.below(5) {
            self.hurt(&mut bytes, corpus);
        }
        bytes
    }

    fn hurt(&mut self, bytes: &mut Vec<u8>, corpus: &[impl AsRef<[u8]>]) {
        // What means something to one reader or another, and bytes that mean nothing.
        const TELLING: &[u8] = b"abzAZ019-_.~=&+%{}[]\",:;\\/?#@'<> \t\r\n\0\x7f\x80\xc3\xff";
        let (at, byte) = (self.below(bytes.len() + 1), TELLING[self.below(TELLING.len())]);
        match self.below(8) {
            0 if at < bytes.len() => bytes[at] = byte,
            1 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
            2 if at < bytes.len() => drop(bytes.remove(at)),
            3 => bytes.truncate(at),
            4 => drop(bytes.drain(..at)),
            5 => {
                let end = (at + self.below(32)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            6 => {
                let other = corpus[self.below(corpus.len())].as_ref();
                let start = self.below(other.len() + 1);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[start..]);
            }
            _ => bytes.insert(at, byte),
        }
    }
}

/// How many inputs each reader gets.
pub(crate) fn rounds() -> usize {
    #[expect(clippy::disallowed_methods, reason = "a test has no settings; the environment says how long it may take")]
    let said = std::env::var("FIRMAN_NOISE");
    said.map_or(ROUNDS, |text| text.parse().unwrap())
}

/// Gives a reader each of the corpus, so many damaged ones of it, and some that are far too long.
pub(crate) fn each(name: &str, corpus: &[impl AsRef<[u8]>], mut read: impl FnMut(&[u8])) {
    let mut noise = Noise::new(name);
    for whole in corpus {
        read(whole.as_ref());
    }
    for _ in 0..rounds() {
        within(name, &noise.damage(corpus), &mut read);
    }
    for whole in corpus {
        for piece in
            [&b"a"[..], b"=", b"&", b"a&", b"%41", b".", b"[", b"{\"a\":", b"\"", b"/", b"../", b" ", b"\0", b"\xff"]
        {
            let whole = whole.as_ref();
            let (head, tail) = whole.split_at(whole.len() / 2);
            within(name, &[head, &piece.repeat((1 << 18) / piece.len()), tail].concat(), &mut read);
        }
    }
    assert!(peak_memory().is_none_or(|peak| peak < MOST_MEMORY), "{name}: {:?} KiB", peak_memory());
}

#[expect(clippy::disallowed_methods, reason = "this is how long a reader takes, not what time it is")]
fn within(name: &str, input: &[u8], read: &mut impl FnMut(&[u8])) {
    let begun = Instant::now();
    read(input);
    assert!(begun.elapsed() < LONGEST, "{name} takes {:?} over {}", begun.elapsed(), shown(input));
}

/// The beginning of an input, in the characters of a source.
pub(crate) fn shown(input: &[u8]) -> String {
    let mut text: String = input.iter().take(2000).flat_map(|byte| byte.escape_ascii()).map(char::from).collect();
    let _ = write!(text, " ({} bytes)", input.len());
    text
}

/// What this process has held at most, in KiB, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.trim().parse().ok())
}
