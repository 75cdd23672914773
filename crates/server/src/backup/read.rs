//! Reading a backup.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;

use firman_proto::digest::sha256;
use firman_sql::{Rows, Tally};
use serde_json::Value;

use super::chunks::Opening;
use super::key::Secret;
use super::write::Head;
use super::{BackupError, MAGIC, VERSION, describe, frame};

/// The longest head, in bytes.
const LONGEST_HEAD: usize = 64 * 1024;

/// A backup that is being read.
pub struct Reader {
    chunks: Opening<BufReader<File>>,
    tally: Tally,
    ended: bool,
}

impl Reader {
    /// Reads the head and makes the key.
    pub fn open(path: &Path, secret: &Secret) -> Result<Self, BackupError> {
        let failed = |cause| BackupError::File { path: path.to_owned(), cause };
        let mut file = BufReader::new(File::open(path).map_err(failed)?);
        let short = |_| BackupError::NotABackup;
        let mut start = [0; 13];
        file.read_exact(&mut start).map_err(short)?;
        let Some((MAGIC, [version, length @ ..])) = start.split_first_chunk().map(|(magic, rest)| (*magic, rest))
        else {
            return Err(BackupError::NotABackup);
        };
        if *version != VERSION {
            return Err(BackupError::Newer(*version));
        }
        let length = length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        if length > LONGEST_HEAD {
            return Err(BackupError::NotABackup);
        }
        let mut json = vec![0; length];
        file.read_exact(&mut json).map_err(short)?;
        let head: Head = serde_json::from_slice(&json).map_err(|_| BackupError::Damaged("its head cannot be read"))?;
        let key = secret.key_of(head.lock, &head.salt)?;
        let bound = sha256(&[&start[..], &json].concat());
        Ok(Self { chunks: Opening::new(file, key, bound), tally: Tally::default(), ended: false })
    }

    /// The next rows; `None` at the end, which is there and says that everything was.
    pub fn next_rows(&mut self) -> Result<Option<Rows>, BackupError> {
        if self.ended {
            return Ok(None);
        }
        let head = self.chunks.take(5)?;
        let Some((kind, length)) = head.split_first() else { return Err(BackupError::Damaged("it is cut short")) };
        let length = length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        if length > frame::LONGEST {
            return Err(BackupError::Damaged("a part is too long"));
        }
        let payload = self.chunks.take(length)?;
        match *kind {
            frame::ROWS => {
                let rows = Rows::from_bytes(&payload)?;
                self.tally.add(&rows);
                Ok(Some(rows))
            }
            frame::END => {
                let counted: Value =
                    serde_json::from_slice(&payload).map_err(|_| BackupError::Damaged("its end cannot be read"))?;
                if counted != describe(&self.tally) {
                    return Err(BackupError::Damaged("it does not hold what it says at its end"));
                }
                self.chunks.must_be_at_end()?;
                self.ended = true;
                Ok(None)
            }
            _ => Err(BackupError::Damaged("a part is of an unknown kind")),
        }
    }

    /// What was read so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }
}

/// Reads a whole backup and counts; nothing of it is damaged or missing.
pub fn verify(path: &Path, secret: &Secret, mut each: impl FnMut(u64)) -> Result<Tally, BackupError> {
    let mut reader = Reader::open(path, secret)?;
    while let Some(rows) = reader.next_rows()? {
        each(rows.len() as u64);
    }
    Ok(reader.tally().clone())
}
