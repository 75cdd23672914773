//! The file: lines that say themselves whether they are whole.

use std::fs::{self, OpenOptions};
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use firman_proto::digest::Digest16;
use firman_store::StoreError;

use crate::{Entry, fault};

/// A journal, open at its end.
pub(crate) struct File {
    file: fs::File,
    /// Where the last line that is on the disk ends, in bytes.
    end: u64,
}

impl File {
    /// Opens or makes a journal, and reads what is in it.
    ///
    /// A crash may leave the last line unfinished: nobody was told that it happened, and it is cut off. Anything else that
    /// is not whole is damage.
    pub(crate) fn open(path: &Path) -> Result<(Self, Vec<Result<Entry, StoreError>>), StoreError> {
        let broke = |error: std::io::Error| fault("open the journal", error, false);
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(broke)?;
        file.try_lock().map_err(|error| fault("open the journal", error, true))?;
        sync_folder(path).map_err(broke)?;

        let length = file.metadata().map_err(broke)?.len();
        let (mut entries, mut end) = (Vec::new(), 0);
        let mut lines = BufReader::new(&file);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).map_err(broke)? > 0 {
            let after = end + line.len() as u64;
            match read(&line) {
                Some(entry) => entries.push(Ok(entry)),
                None if after == length => break,
                None => return Err(fault("open the journal", format!("damaged at byte {end}; restore a copy"), false)),
            }
            end = after;
            line.clear();
        }
        file.set_len(end).and_then(|()| file.sync_all()).map_err(broke)?;
        Ok((Self { file, end }, entries))
    }

    /// Appends lines and waits until they are on the disk: all of them, or none.
    ///
    /// The error says whether the file is as it was before.
    pub(crate) fn append(&mut self, entries: &[Entry]) -> Result<(), NotWritten> {
        let mut lines = Vec::new();
        for entry in entries {
            write(entry, &mut lines).map_err(|error| NotWritten { error: error.into(), taken_back: true })?;
        }
        let written = self.file.write_all(&lines).and_then(|()| self.file.sync_data());
        match written {
            Ok(()) => {
                self.end += lines.len() as u64;
                Ok(())
            }
            Err(error) => Err(NotWritten { error, taken_back: self.take_back().is_ok() }),
        }
    }

    fn take_back(&mut self) -> std::io::Result<()> {
        self.file.set_len(self.end)?;
        self.file.seek(SeekFrom::End(0))?;
        self.file.sync_all()
    }
}

/// Lines could not be written.
pub(crate) struct NotWritten {
    pub(crate) error: std::io::Error,
    /// Whether the file is as it was before.
    pub(crate) taken_back: bool,
}

/// A digest, a space, JSON (which has no line end in it), a line end.
fn write(entry: &Entry, lines: &mut Vec<u8>) -> serde_json::Result<()> {
    let json = serde_json::to_vec(entry)?;
    lines.extend(hex(&Digest16::of(&[&json])).as_bytes());
    lines.push(b' ');
    lines.extend(json);
    lines.push(b'\n');
    Ok(())
}

/// What a line says, if it is whole.
fn read(line: &[u8]) -> Option<Entry> {
    let (digest, json) = line.strip_suffix(b"\n")?.split_at_checked(33)?;
    let digest = std::str::from_utf8(digest.strip_suffix(b" ")?).ok()?;
    (digest == hex(&Digest16::of(&[json]))).then(|| serde_json::from_slice(json).ok()).flatten()
}

fn hex(digest: &Digest16) -> String {
    digest.0.iter().fold(String::with_capacity(32), |text, byte| text + &format!("{byte:02x}"))
}

/// A new file is there after a crash only if its folder was synced.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::File::open(folder)?.sync_all()
}
