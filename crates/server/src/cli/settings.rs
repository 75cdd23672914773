//! Where a command finds its settings.

use std::path::{Path, PathBuf};

use super::Common;
use super::output::Failed;
use crate::config::{self, Settings};
use crate::demo;

impl Common {
    /// The folder of a demo, if one was named.
    pub(super) fn folder(&self) -> Option<&Path> {
        self.dir.as_deref()
    }

    /// The settings in force.
    pub(super) fn settings(&self, overrides: &[(&str, String)]) -> Result<Settings, Failed> {
        let Some(dir) = self.folder() else {
            return Ok(Settings::load(self.file().as_deref(), config::from_process(), overrides)?);
        };
        if !dir.is_dir() {
            return Err(Failed::settings(format!(
                "{}: no such folder; `firman serve --demo --dir` makes one",
                dir.display()
            )));
        }
        let unreadable = |error| Failed::settings(format!("{}: {error}", dir.display()));
        let folder = demo::Folder::open(dir).map_err(unreadable)?;
        let master = folder.master_key().map_err(unreadable)?;
        let mut overrides = overrides.to_vec();
        overrides.push(("secrets.master_key", master.to_string()));
        Ok(Settings::load(Some(&folder.settings_file()), config::from_process(), &overrides)?)
    }

    fn file(&self) -> Option<PathBuf> {
        self.config.clone().or_else(|| {
            let here = PathBuf::from("firman.toml");
            here.exists().then_some(here)
        })
    }
}
