//! Kept in a sealed file, which any number of processes share.

mod key;
mod keyring;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use firman_proto::digest::Digest16;
use firman_proto::time::{Lifetime, Timestamp};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::data::{Data, Text};
use super::memory::{Leases, Taken};
use super::{ClaimsAt, Held, KeepError, Keeper, Kind, Lease, SealingKey, Whose};
use crate::error::Error;
use crate::secret::Secret;
use crate::wire::Shelf;
use crate::world::{Clock, Entropy};
pub use key::KeyPlace;
use key::Keys;
use keyring::Keyring;

/// What a file of ours begins with; also what its seal is bound to.
const MAGIC: &[u8] = b"firman-held 1\n";
/// A file that is larger is not ours.
const LARGEST: u64 = 16 * 1024 * 1024;

/// Keeps everything in one file of a folder, sealed (AES-256-GCM) under a key that lies in the desktop's keyring or in another file; only
/// their owner can read either. Every write is a new file in the place of the old, durable before it is acknowledged. A clone keeps the same.
#[derive(Clone)]
pub struct FileKeeper {
    inner: Arc<Inner>,
    /// Those of this process come first, so that only one of them waits for other processes.
    leases: Arc<Leases>,
}

struct Inner {
    folder: PathBuf,
    key: SealingKey,
    entropy: Arc<dyn Entropy>,
    clock: Arc<dyn Clock>,
    notice: Option<String>,
}

impl std::fmt::Debug for FileKeeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FileKeeper({})", self.inner.folder.display())
    }
}

impl FileKeeper {
    /// The file in the folder.
    pub const TOKENS: &'static str = "tokens";
    /// The key in the folder, or what says where in the keyring it is.
    pub const KEY: &'static str = "tokens.key";

    /// Opens the keeper of a folder, which is made if it is not there, and so is the key. Who has a keyring may be asked to unlock it.
    ///
    /// # Errors
    ///
    /// The folder or the key cannot be read or made, or others can read the key.
    pub fn open(
        folder: &Path,
        place: KeyPlace<'_>,
        (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>),
    ) -> Result<Self, KeepError> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| fault(folder, &error))?;
        let path = folder.join(Self::KEY);
        let (bytes, notice) = Keys { keyring: &Keyring::default(), entropy: &*entropy }.find(&path, place)?;
        let key = SealingKey::from_bytes(&bytes).map_err(|error| lasting(&path, error.to_string()))?;
        let inner = Inner { folder: folder.to_owned(), key, entropy, clock, notice };
        Ok(Self { inner: Arc::new(inner), leases: Arc::default() })
    }

    /// Where the key is now, where it was just made and a keyring was looked for in vain: for whoever has made the folder.
    pub fn notice(&self) -> Option<&str> {
        self.inner.notice.as_deref()
    }

    /// Something that its owner notes beside the tokens: a registration, a key.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub async fn note(&self, name: &str) -> Result<Option<Secret>, KeepError> {
        let name = name.to_owned();
        self.read(move |data| data.notes.get(&name).map(|text| text.0.clone())).await
    }

    /// Edits a note, writes the first, or removes it, in one step.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub async fn edit_note(
        &self,
        name: &str,
        edit: impl FnOnce(Option<Secret>) -> Option<Secret> + Send + 'static,
    ) -> Result<(), KeepError> {
        let name = name.to_owned();
        self.write(move |data| {
            let before = data.notes.remove(&name).map(|text| text.0);
            data.notes.extend(edit(before).map(|after| (name, Text(after))));
        })
        .await
    }

    async fn read<T: Send + 'static>(&self, look: impl FnOnce(&Data) -> T + Send + 'static) -> Result<T, KeepError> {
        let inner = Arc::clone(&self.inner);
        blocking(move || {
            if let Some(data) = inner.load()? {
                return Ok(look(&data));
            }
            // Somebody else may have cured it, or moved it away.
            let _lock = inner.lock("tokens.lock")?;
            inner.load_locked().map(|data| look(&data))
        })
        .await
    }

    async fn write(&self, edit: impl FnOnce(&mut Data) + Send + 'static) -> Result<(), KeepError> {
        let inner = Arc::clone(&self.inner);
        blocking(move || {
            let _lock = inner.lock("tokens.lock")?;
            let mut data = inner.load_locked()?;
            data.purge(inner.clock.now());
            edit(&mut data);
            inner.save(&data)
        })
        .await
    }
}

impl Inner {
    fn path(&self) -> PathBuf {
        self.folder.join(FileKeeper::TOKENS)
    }

    /// Waits for the lock of this name. It ends with the process that holds it, however that ends.
    fn lock(&self, name: &str) -> Result<File, KeepError> {
        let path = self.folder.join(name);
        let opened = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = opened.map_err(|error| fault(&path, &error))?;
        file.lock().map_err(|error| fault(&path, &error))?;
        Ok(file)
    }

    /// What is in the file; `None` if that cannot be read.
    fn load(&self) -> Result<Option<Data>, KeepError> {
        let path = self.path();
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Some(Data::default())),
            Err(error) => return Err(fault(&path, &error)),
        };
        let mut bytes = Vec::new();
        (&mut file).take(LARGEST).read_to_end(&mut bytes).map_err(|error| fault(&path, &error))?;
        Ok(self.parse(&bytes))
    }

    /// The same for who has the lock: a file that cannot be read is moved aside.
    fn load_locked(&self) -> Result<Data, KeepError> {
        self.load()?.ok_or_else(|| set_aside(&self.path()))
    }

    fn parse(&self, bytes: &[u8]) -> Option<Data> {
        let plain = self.key.open(MAGIC, bytes.strip_prefix(MAGIC)?)?;
        serde_json::from_slice(&plain).ok()
    }

    /// The old file is there until the new one is, whole and durable.
    fn save(&self, data: &Data) -> Result<(), KeepError> {
        let path = self.path();
        let plain = serde_json::to_vec(data).map(Zeroizing::new).map_err(|error| lasting(&path, error.to_string()))?;
        let sealed = self.key.seal(MAGIC, &plain, &*self.entropy).map_err(|error| lasting(&path, error.to_string()))?;
        // What would not be read again is not written in the place of what is.
        if u64::try_from(MAGIC.len() + sealed.len()).map_or(true, |size| size >= LARGEST) {
            let why = format!("it would be larger than {} MiB: keep so much in a database", LARGEST >> 20);
            return Err(lasting(&path, why));
        }
        let new = self.folder.join("tokens.new");
        let write = || {
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
            file.write_all(MAGIC)?;
            file.write_all(&sealed)?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
            File::open(&self.folder)?.sync_all()
        };
        write().map_err(|error| fault(&path, &error))
    }
}

/// Moves a file away that cannot be read, to a name that nothing has: it may be worth something to whoever has its key.
fn set_aside(path: &Path) -> KeepError {
    for number in 1..10_000 {
        let aside = path.with_extension(format!("refused-{number}"));
        match fs::hard_link(path, &aside) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return fault(path, &error),
            Ok(()) => {
                let (place, kept) = (path.display().to_string(), aside.display().to_string());
                return match fs::remove_file(path) {
                    Ok(()) => KeepError::Refused { place, aside: kept },
                    Err(error) => fault(path, &error),
                };
            }
        }
    }
    lasting(path, "it cannot be read, and there are too many others like it".to_owned())
}

fn fault(path: &Path, error: &io::Error) -> KeepError {
    let temporary = matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::StorageFull);
    KeepError::Fault { place: path.display().to_string(), why: error.to_string(), temporary }
}

fn lasting(path: &Path, why: String) -> KeepError {
    KeepError::Fault { place: path.display().to_string(), why, temporary: false }
}

/// Runs what waits for a disk or a lock on a thread of its own. A process may end while it waits.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, KeepError> + Send + 'static,
) -> Result<T, KeepError> {
    let (done, outcome) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || done.send(work()).ok());
    let gone = |_| KeepError::Fault { place: "a thread".to_owned(), why: "it ended".to_owned(), temporary: true };
    outcome.await.map_err(gone)?
}

/// A lease of all processes.
struct Both {
    _file: File,
    _own: Taken,
}

#[async_trait]
impl Lease for Both {
    async fn release(self: Box<Self>) {}
}

#[async_trait]
impl Keeper for FileKeeper {
    async fn token(&self, kind: Kind, token: &Secret, now: Timestamp) -> Result<Option<Held>, KeepError> {
        let token = token.clone();
        self.read(move |data| data.token(kind, &token, now)).await
    }

    async fn tokens(&self, kind: Kind, issuer: &str, whose: Whose<'_>, now: Timestamp) -> Result<Vec<Held>, KeepError> {
        let issuer = issuer.to_owned();
        match whose {
            Whose::Subject(name) => {
                let name = name.to_owned();
                self.read(move |data| data.tokens(kind, &issuer, Whose::Subject(&name), now)).await
            }
            Whose::Client(name) => {
                let name = name.to_owned();
                self.read(move |data| data.tokens(kind, &issuer, Whose::Client(&name), now)).await
            }
        }
    }

    async fn put_token(&self, held: Held) -> Result<(), KeepError> {
        self.write(move |data| data.put_token(held)).await
    }

    async fn delete_token(&self, kind: Kind, token: &Secret) -> Result<(), KeepError> {
        let token = token.clone();
        self.write(move |data| data.delete_token(kind, &token)).await
    }

    async fn exchange(&self, spent: Option<&Secret>, gained: Vec<Held>) -> Result<(), KeepError> {
        let spent = spent.cloned();
        self.write(move |data| data.exchange(spent.as_ref(), gained)).await
    }

    async fn claims(&self, issuer: &str, subject: &str) -> Result<Option<ClaimsAt>, KeepError> {
        let (issuer, subject) = (issuer.to_owned(), subject.to_owned());
        self.read(move |data| data.claims(&issuer, &subject)).await
    }

    async fn put_claims(
        &self,
        issuer: &str,
        subject: &str,
        claims: Map<String, Value>,
        now: Timestamp,
    ) -> Result<(), KeepError> {
        let (issuer, subject) = (issuer.to_owned(), subject.to_owned());
        self.write(move |data| data.put_claims(&issuer, &subject, claims, now)).await
    }

    async fn id_token(&self, issuer: &str, subject: &str) -> Result<Option<Secret>, KeepError> {
        let (issuer, subject) = (issuer.to_owned(), subject.to_owned());
        self.read(move |data| data.id_token(&issuer, &subject)).await
    }

    async fn put_id_token(
        &self,
        issuer: &str,
        subject: &str,
        id_token: &Secret,
        now: Timestamp,
    ) -> Result<(), KeepError> {
        let (issuer, subject, id_token) = (issuer.to_owned(), subject.to_owned(), id_token.clone());
        self.write(move |data| data.put_id_token(&issuer, &subject, &id_token, now)).await
    }

    async fn delete_person(&self, issuer: &str, subject: &str) -> Result<(), KeepError> {
        let (issuer, subject) = (issuer.to_owned(), subject.to_owned());
        self.write(move |data| data.delete_person(&issuer, &subject)).await
    }

    async fn lease(&self, what: Digest16, patience: Lifetime) -> Result<Option<Box<dyn Lease>>, KeepError> {
        let Some(own) = self.leases.take(what, patience).await else { return Ok(None) };
        let inner = Arc::clone(&self.inner);
        let waiting = blocking(move || inner.lock(&format!("renewal-{what}.lock")));
        // At least long enough to find a lock free.
        let patience = Duration::from_millis(patience.millis().unsigned_abs().max(50));
        match tokio::time::timeout(patience, waiting).await {
            Ok(file) => Ok(Some(Box::new(Both { _file: file?, _own: own }))),
            Err(_) => Ok(None),
        }
    }
}

/// Documents of servers are notes too: what keys they sign with is nobody's here to change.
#[async_trait]
impl Shelf for FileKeeper {
    async fn look(&self, name: &str) -> Result<Option<String>, Error> {
        let note = self.note(name).await.map_err(|error| Error::Local(error.to_string()))?;
        Ok(note.map(|note| note.reveal().to_owned()))
    }

    async fn put(&self, name: &str, document: String) {
        // Asked for again where this fails.
        drop(self.edit_note(name, |_| Some(document.into())).await);
    }
}

#[cfg(test)]
mod tests;
