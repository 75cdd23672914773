//! A stream of bytes in encrypted chunks. A chunk that is changed, left out, repeated, moved or taken from another file does
//! not open, and a file without its last chunk is known to be short.

use std::io::{self, Read, Write};

use aws_lc_rs::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce};
use zeroize::Zeroizing;

use super::{BackupError, crypto};

/// The plain length of every chunk but the last, in bytes.
const CHUNK: usize = 64 * 1024;
/// The tag of AES-256-GCM, in bytes.
const TAG: usize = 16;

/// The number of the chunk, and whether it is the last: no two chunks of a file have the same nonce, and no two files the
/// same key.
fn nonce(number: u64, last: bool) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    for (to, from) in nonce.iter_mut().zip(number.to_be_bytes().into_iter().chain([u8::from(last)])) {
        *to = from;
    }
    Nonce::assume_unique_for_key(nonce)
}

/// Why a chunk could not be written.
pub(super) enum NotWritten {
    Io(io::Error),
    Crypto,
}

impl From<io::Error> for NotWritten {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Encrypts what is written.
pub(super) struct Sealing<W> {
    out: W,
    key: LessSafeKey,
    /// The digest of the head: every chunk is bound to it.
    head: [u8; 32],
    number: u64,
    plain: Zeroizing<Vec<u8>>,
}

impl<W: Write> Sealing<W> {
    pub(super) fn new(out: W, key: LessSafeKey, head: [u8; 32]) -> Self {
        Self { out, key, head, number: 0, plain: Zeroizing::new(Vec::with_capacity(CHUNK + TAG)) }
    }

    pub(super) fn write(&mut self, mut bytes: &[u8]) -> Result<(), NotWritten> {
        while !bytes.is_empty() {
            if self.plain.len() == CHUNK {
                self.seal(false)?;
            }
            let (now, later) = bytes.split_at(bytes.len().min(CHUNK - self.plain.len()));
            self.plain.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    /// Writes the last chunk; what comes out is the file.
    pub(super) fn finish(mut self) -> Result<W, NotWritten> {
        self.seal(true)?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn seal(&mut self, last: bool) -> Result<(), NotWritten> {
        let aad = Aad::from(self.head);
        self.key
            .seal_in_place_append_tag(nonce(self.number, last), aad, &mut *self.plain)
            .map_err(|_| NotWritten::Crypto)?;
        self.number += 1;
        let length = u32::try_from(self.plain.len()).map_err(|_| NotWritten::Crypto)?;
        self.out.write_all(&[u8::from(last)])?;
        self.out.write_all(&length.to_be_bytes())?;
        self.out.write_all(&self.plain)?;
        self.plain.clear();
        Ok(())
    }
}

/// Decrypts what is read.
pub(super) struct Opening<R> {
    from: R,
    key: LessSafeKey,
    head: [u8; 32],
    number: u64,
    plain: Zeroizing<Vec<u8>>,
    /// How much of it was read.
    read: usize,
    last: bool,
}

impl<R: Read> Opening<R> {
    pub(super) fn new(from: R, key: LessSafeKey, head: [u8; 32]) -> Self {
        Self { from, key, head, number: 0, plain: Zeroizing::new(Vec::new()), read: 0, last: false }
    }

    /// So many bytes.
    pub(super) fn take(&mut self, length: usize) -> Result<Zeroizing<Vec<u8>>, BackupError> {
        // What a damaged length claims is not set aside before it is there.
        let mut taken = Zeroizing::new(Vec::with_capacity(length.min(16 * CHUNK)));
        while taken.len() < length {
            if self.read == self.plain.len() {
                self.next_chunk()?;
            }
            let left = self.plain.get(self.read..).unwrap_or_default();
            let (now, _) = left.split_at(left.len().min(length - taken.len()));
            taken.extend_from_slice(now);
            self.read += now.len();
        }
        Ok(taken)
    }

    /// Makes sure that nothing comes after what was read.
    pub(super) fn must_be_at_end(&mut self) -> Result<(), BackupError> {
        if !self.last || self.read != self.plain.len() {
            return Err(BackupError::Damaged("something comes after its end"));
        }
        match self.from.read(&mut [0; 1]) {
            Ok(0) => Ok(()),
            _ => Err(BackupError::Damaged("something comes after its end")),
        }
    }

    fn next_chunk(&mut self) -> Result<(), BackupError> {
        if self.last {
            return Err(BackupError::Damaged("it ends too early"));
        }
        let cut = |_| BackupError::Damaged("it is cut short");
        let mut head = [0; 5];
        self.from.read_exact(&mut head).map_err(cut)?;
        let [last, length @ ..] = head;
        let (last, length) = (last == 1, u32::from_be_bytes(length) as usize);
        if !(TAG..=CHUNK + TAG).contains(&length) {
            return Err(BackupError::Damaged("a chunk has a wrong length"));
        }
        self.plain.clear();
        self.plain.resize(length, 0);
        self.from.read_exact(&mut self.plain).map_err(cut)?;
        let opened = self.key.open_in_place(nonce(self.number, last), Aad::from(self.head), &mut self.plain);
        let length = match opened {
            Ok(plain) => plain.len(),
            Err(_) if self.number == 0 => return Err(BackupError::Locked),
            Err(_) => return Err(BackupError::Damaged("a chunk was changed, left out or moved")),
        };
        self.plain.truncate(length);
        (self.read, self.last) = (0, last);
        self.number = self.number.checked_add(1).ok_or_else(crypto)?;
        Ok(())
    }
}
