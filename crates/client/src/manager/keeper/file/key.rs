//! The key of a folder of tokens: in the desktop's keyring, or in a file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use zeroize::Zeroizing;

use super::keyring::Keyring;
use super::{fault, lasting};
use crate::manager::keeper::KeepError;
use crate::private_file;
use crate::world::Entropy;

/// Where the key lies that tokens are sealed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPlace<'a> {
    /// Where it is. For a new folder: in the keyring where there is one, else in a file beside the tokens.
    Usual,
    /// In the keyring; a key that lies in the file beside the tokens is moved there.
    Keyring,
    /// In this file, made if it is not there.
    File(&'a Path),
}

/// What the file has that is no key, before the name of the key in the keyring.
const IN_KEYRING: &[u8] = b"in the keyring: ";

type Key = Zeroizing<[u8; 32]>;

/// What a file says of the key.
enum Said {
    Key(Key),
    InKeyring(String),
}

pub(super) struct Keys<'a> {
    pub(super) keyring: &'a Keyring,
    pub(super) entropy: &'a dyn Entropy,
}

impl Keys<'_> {
    /// Reads the key, or makes it; and what whoever makes it should know. `usual` is the file beside the tokens.
    pub(super) fn find(&self, usual: &Path, place: KeyPlace<'_>) -> Result<(Key, Option<String>), KeepError> {
        let path = if let KeyPlace::File(path) = place { path } else { usual };
        let notice = match (read(path)?, place) {
            (Some(Said::Key(key)), KeyPlace::Keyring) => {
                self.move_to_keyring(path, &key)?;
                return Ok((key, None));
            }
            (Some(said), _) => return Ok((self.follow(path, said)?, None)),
            (None, KeyPlace::File(_)) => {
                self.make(path, &*self.new_key(path)?)?;
                None
            }
            (None, _) => self.make_in_keyring(path, place == KeyPlace::Keyring)?,
        };
        // Of those who make it at once one does.
        let said = read(path)?.ok_or_else(|| lasting(path, "it went away".to_owned()))?;
        Ok((self.follow(path, said)?, notice))
    }

    fn follow(&self, path: &Path, said: Said) -> Result<Key, KeepError> {
        let name = match said {
            Said::Key(key) => return Ok(key),
            Said::InKeyring(name) => name,
        };
        self.keyring.find(&name).map_err(|why| {
            let text = format!(
                "the key is in the keyring of the desktop, and that does not give it out ({why}): unlock it, or sign in again \
                 with another folder or a key file"
            );
            lasting(path, text)
        })
    }

    /// Puts a new key into the keyring, and its name into the file; where that fails, and need not succeed, the key itself.
    fn make_in_keyring(&self, path: &Path, must: bool) -> Result<Option<String>, KeepError> {
        let (key, name) = (self.new_key(path)?, self.new_name(path)?);
        match self.keyring.store(&name, &key) {
            Ok(()) => {
                if !self.make(path, &[IN_KEYRING, name.as_bytes()].concat())? {
                    self.keyring.forget(&name);
                }
                Ok(None)
            }
            Err(why) if must => Err(lasting(path, format!("there is no keyring here ({why})"))),
            Err(why) => {
                self.make(path, &*key)?;
                let text = format!("No keyring is here ({why}): the key of the tokens lies in {}.", path.display());
                Ok(Some(text))
            }
        }
    }

    fn move_to_keyring(&self, path: &Path, key: &Key) -> Result<(), KeepError> {
        let name = self.new_name(path)?;
        let stored = self.keyring.store(&name, key);
        stored.map_err(|why| lasting(path, format!("there is no keyring here ({why}): the key stays in this file")))?;
        let new = path.with_extension(&name);
        let replace = || {
            write_new(&new, &[IN_KEYRING, name.as_bytes()].concat())?;
            fs::rename(&new, path)?;
            sync_folder(path)
        };
        replace().map_err(|error| fault(path, &error))
    }

    fn new_key(&self, path: &Path) -> Result<Key, KeepError> {
        let mut key = Zeroizing::new([0; 32]);
        self.entropy.fill(&mut *key).map_err(|error| lasting(path, error.to_string()))?;
        Ok(key)
    }

    fn new_name(&self, path: &Path) -> Result<String, KeepError> {
        let mut name = [0; 8];
        self.entropy.fill(&mut name).map_err(|error| lasting(path, error.to_string()))?;
        Ok(format!("{:016x}", u64::from_be_bytes(name)))
    }

    /// Makes the file; `false` if somebody was first.
    fn make(&self, path: &Path, content: &[u8]) -> Result<bool, KeepError> {
        let new = path.with_extension(self.new_name(path)?);
        let write = || {
            write_new(&new, content)?;
            // A link is refused where somebody was first: nobody's key is replaced.
            let linked = fs::hard_link(&new, path);
            fs::remove_file(&new)?;
            match linked {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
                Err(error) => Err(error),
                Ok(()) => sync_folder(path).map(|()| true),
            }
        };
        write().map_err(|error| fault(path, &error))
    }
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn sync_folder(of: &Path) -> io::Result<()> {
    of.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

fn read(path: &Path) -> Result<Option<Said>, KeepError> {
    // Nothing is kept under a key that others know.
    let mut file = match private_file::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fault(path, &error)),
    };
    let mut bytes = Zeroizing::new(Vec::new());
    (&mut file).take(64).read_to_end(&mut bytes).map_err(|error| fault(path, &error))?;
    // It is 32 bytes long too; no key is that by chance.
    if let Some(name) = bytes.strip_prefix(IN_KEYRING) {
        return Ok(Some(Said::InKeyring(String::from_utf8_lossy(name).trim().to_owned())));
    }
    let key: Option<[u8; 32]> = bytes.as_slice().try_into().ok();
    key.map(|key| Some(Said::Key(Zeroizing::new(key))))
        .ok_or_else(|| lasting(path, "it is no key: it has not 32 bytes".to_owned()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::world::System;

    /// A keyring of the test's own: a program with a file for each key, whose first line says how it behaves.
    fn keyring(folder: &Path, behaviour: &str) -> Keyring {
        let program = folder.join("secret-tool");
        let script = format!(
            "{behaviour}\nfor name; do :; done\ncase $1 in\nstore) cat >{folder}/ring-$name;;\n\
             lookup) cat {folder}/ring-$name 2>/dev/null;;\nclear) rm {folder}/ring-$name;;\nesac\n",
            folder = folder.display()
        );
        fs::write(&program, script).unwrap();
        let command = vec!["/bin/sh".to_owned(), program.display().to_string()];
        Keyring { command, patience: Duration::from_secs(30) }
    }

    fn find(keyring: &Keyring, path: &Path, place: KeyPlace<'_>) -> Result<(Key, Option<String>), KeepError> {
        Keys { keyring, entropy: &System }.find(path, place)
    }

    fn kept(folder: &Path) -> usize {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().starts_with("ring-")).count()
    }

    #[test]
    fn where_there_is_a_keyring_the_key_is_in_it_and_in_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let (ring, path) = (keyring(folder.path(), ""), folder.path().join("k"));
        let (key, notice) = find(&ring, &path, KeyPlace::Usual).unwrap();
        assert_eq!((notice, kept(folder.path())), (None, 1));
        let file = fs::read(&path).unwrap();
        assert!(file.starts_with(IN_KEYRING) && !file.windows(8).any(|part| key.starts_with(part)));
        for place in [KeyPlace::Usual, KeyPlace::Keyring, KeyPlace::File(&path)] {
            assert_eq!(find(&ring, &path, place).unwrap(), (key.clone(), None), "{place:?}");
        }
        // One that is locked, or gone, is told; nobody makes another key in its place.
        let locked = keyring(folder.path(), "echo locked >&2; exit 1");
        let refused = find(&locked, &path, KeyPlace::Usual).unwrap_err().to_string();
        assert!(refused.contains("locked") && refused.contains("unlock it"), "{refused}");
        assert_eq!(fs::read(&path).unwrap(), file);
    }

    #[test]
    fn where_there_is_no_keyring_the_key_is_in_a_file_and_that_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("k");
        let none = Keyring { command: vec!["/nonexistent/secret-tool".to_owned()], patience: Duration::from_secs(30) };
        let refused = find(&none, &path, KeyPlace::Keyring).unwrap_err();
        assert!(refused.to_string().contains("no keyring here") && !path.exists(), "{refused}");
        let (key, notice) = find(&none, &path, KeyPlace::Usual).unwrap();
        assert!(notice.unwrap().contains(&path.display().to_string()));
        assert_eq!(fs::read(&path).unwrap(), key.as_slice());
        assert_eq!(find(&none, &path, KeyPlace::Usual).unwrap(), (key.clone(), None));
        // It can be moved later, and what is sealed under it is read as before.
        assert!(find(&none, &path, KeyPlace::Keyring).is_err());
        let ring = keyring(folder.path(), "");
        assert_eq!(find(&ring, &path, KeyPlace::Keyring).unwrap(), (key.clone(), None));
        assert!(fs::read(&path).unwrap().starts_with(IN_KEYRING));
        assert_eq!(find(&ring, &path, KeyPlace::Usual).unwrap(), (key, None));
    }

    #[test]
    fn a_file_that_is_named_gets_the_key_whatever_keyring_there_is() {
        let folder = tempfile::tempdir().unwrap();
        let (ring, named) = (keyring(folder.path(), ""), folder.path().join("named"));
        let (key, notice) = find(&ring, &folder.path().join("k"), KeyPlace::File(&named)).unwrap();
        assert_eq!((fs::read(&named).unwrap(), notice, kept(folder.path())), (key.to_vec(), None, 0));
    }

    #[test]
    fn a_keyring_that_does_not_answer_is_not_waited_for_long() {
        let folder = tempfile::tempdir().unwrap();
        let ring = Keyring { patience: Duration::from_millis(50), ..keyring(folder.path(), "exec sleep 600") };
        let (_, notice) = find(&ring, &folder.path().join("k"), KeyPlace::Usual).unwrap();
        assert!(notice.unwrap().contains("has not answered"));
    }

    #[test]
    fn of_those_who_make_a_key_at_once_one_does() {
        let folder = tempfile::tempdir().unwrap();
        for behaviour in ["", "exit 1"] {
            let (ring, path) = (keyring(folder.path(), behaviour), folder.path().join(format!("k{behaviour}")));
            let keys: Vec<_> = std::thread::scope(|scope| {
                let make = || find(&ring, &path, KeyPlace::Usual).unwrap().0;
                let makers: Vec<_> = (0..16).map(|_| scope.spawn(make)).collect();
                makers.into_iter().map(|maker| maker.join().unwrap()).collect()
            });
            assert!(keys.windows(2).all(|pair| pair[0] == pair[1]));
        }
        assert_eq!(kept(folder.path()), 1, "the others took theirs out again");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4, "no draft is left behind");
    }
}
