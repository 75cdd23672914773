//! Writing a backup, and reading it again before anybody relies on it.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use firman_engine::{Entropy, random};
use firman_proto::digest::sha256;
use firman_proto::time::Timestamp;
use firman_sql::{SqlStore, Tally};
use serde::{Deserialize, Serialize};

use super::chunks::{NotWritten, Sealing};
use super::key::{Lock, Secret};
use super::{BackupError, MAGIC, VERSION, crypto, describe, frame, verify};

/// What stands at the beginning, for everybody to read.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Head {
    /// When, in seconds since 1970.
    pub(super) created_at: i64,
    /// Which version of the program.
    pub(super) program: String,
    /// What opens it.
    pub(super) lock: Lock,
    /// Random: what the key is derived with.
    pub(super) salt: [u8; 32],
}

/// A backup that was written and read again.
#[derive(Debug)]
pub struct Written {
    /// What is in it.
    pub tally: Tally,
    /// Its length, in bytes.
    pub bytes: u64,
}

/// Writes everything in a store as of now into a new file, then reads the file and compares. `each` is told of rows, twice: as
/// they are written and as they are read again.
pub async fn write(
    store: &SqlStore,
    path: &Path,
    secret: &Secret,
    entropy: &dyn Entropy,
    now: Timestamp,
    mut each: impl FnMut(u64) + Send,
) -> Result<Written, BackupError> {
    if path.exists() {
        return Err(BackupError::Exists(path.to_owned()));
    }
    // Under its name there is never half a backup.
    let partial = Partial::new(path);
    let tally = fill(store, &partial.0, secret, entropy, now, &mut each).await?;
    if verify(&partial.0, secret, &mut each)? != tally {
        return Err(BackupError::Different("the file"));
    }
    let failed = |cause| BackupError::File { path: path.to_owned(), cause };
    let bytes = fs::metadata(&partial.0).map_err(failed)?.len();
    // Unlike renaming, linking never takes the place of a file that came meanwhile.
    fs::hard_link(&partial.0, path).map_err(|cause| match cause.kind() {
        ErrorKind::AlreadyExists => BackupError::Exists(path.to_owned()),
        _ => failed(cause),
    })?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    Ok(Written { tally, bytes })
}

async fn fill(
    store: &SqlStore,
    path: &Path,
    secret: &Secret,
    entropy: &dyn Entropy,
    now: Timestamp,
    each: &mut (impl FnMut(u64) + Send),
) -> Result<Tally, BackupError> {
    let failed = |cause| BackupError::File { path: path.to_owned(), cause };
    let not_written = |error: NotWritten| match error {
        NotWritten::Io(cause) => failed(cause),
        NotWritten::Crypto => crypto().into(),
    };
    let head = Head {
        created_at: now.seconds(),
        program: env!("CARGO_PKG_VERSION").to_owned(),
        lock: secret.lock(),
        salt: random::bytes(entropy)?,
    };
    let key = secret.key_of(head.lock, &head.salt)?;
    let head = head_bytes(&head)?;
    let mut out = BufWriter::new(new_file(path).map_err(failed)?);
    out.write_all(&head).map_err(failed)?;
    let mut out = Sealing::new(out, key, sha256(&head));

    let (mut snapshot, mut tally) = (store.snapshot().await?, Tally::default());
    while let Some(rows) = snapshot.next().await? {
        tally.add(&rows);
        put(&mut out, frame::ROWS, &rows.to_bytes()).map_err(not_written)?;
        each(rows.len() as u64);
    }
    put(&mut out, frame::END, describe(&tally).to_string().as_bytes()).map_err(not_written)?;
    let out = out.finish().map_err(not_written)?;
    let file = out.into_inner().map_err(|error| failed(error.into_error()))?;
    file.sync_all().map_err(failed)?;
    Ok(tally)
}

/// Magic, version, length, JSON.
fn head_bytes(head: &Head) -> Result<Vec<u8>, BackupError> {
    let json = serde_json::to_vec(head).map_err(|_| crypto())?;
    let length = u32::try_from(json.len()).map_err(|_| crypto())?;
    Ok([&MAGIC[..], &[VERSION], &length.to_be_bytes(), &json].concat())
}

fn put(out: &mut Sealing<BufWriter<File>>, kind: u8, payload: &[u8]) -> Result<(), NotWritten> {
    let length = u32::try_from(payload.len()).ok().filter(|length| *length as usize <= frame::LONGEST);
    out.write(&[kind])?;
    out.write(&length.ok_or(NotWritten::Crypto)?.to_be_bytes())?;
    out.write(payload)
}

/// For its owner alone.
fn new_file(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A file under another name, which goes when it is done with.
struct Partial(PathBuf);

impl Partial {
    fn new(path: &Path) -> Self {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{}.partial", std::process::id()));
        Self(name.into())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
