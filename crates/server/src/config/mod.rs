//! Configuration: defaults, then a TOML file, then the environment, then the command line; the later wins.
//!
//! `table/` is the one place that says which keys there are. A key `section.key` is written `key` under `[section]` in
//! the file and `FIRMAN__SECTION__KEY` in the environment; a secret may also come from the file that
//! `FIRMAN__SECTION__KEY_FILE` names (one newline at its end is not part of it). Nothing unknown is ignored, and all
//! problems are told at once, each with its place, its key and its cure.

mod brand;
mod check;
mod describe;
mod details;
mod environment;
mod error;
mod file;
mod layers;
mod nearest;
mod raw;
mod routes;
mod schema;
mod secret;
mod table;
mod types;
mod units;
mod value;
mod words;

use std::path::Path;

pub use brand::{HelpAddress, Line};
pub use environment::from_process;
pub use error::{ConfigError, Problem, Source};
pub use schema::{Key, Kind, Section};
pub use secret::{Secret, key_from_text};
pub use table::{
    Account, Backchannel, BrandSettings, Claims, Clients, Details, Fetch, Keys, Log, Login, Metadata, Metrics, Mtls,
    Registration, Retention, Routes, SECTIONS, Secrets, Server, Settings, Store, Tokens,
};
pub use types::{LogFilter, LogFormat, Names, SmtpTls, StoreUrl};
pub use units::{Days, Milliseconds, Seconds};
pub use words::WebAddress;

use layers::Layers;

impl Settings {
    /// Reads the effective settings: defaults, `file`, `env` (pairs that are not ours are left alone), then
    /// `overrides` (pairs of `section.key` and text, from the command line). Every problem found is in the error.
    ///
    /// The issuer and the master key may still be missing: [`Settings::issuer`] and [`Settings::master_key`] ask for them.
    pub fn load(
        file: Option<&Path>,
        env: impl Iterator<Item = (String, String)>,
        overrides: &[(&str, String)],
    ) -> Result<Self, ConfigError> {
        let mut layers = Layers::default();
        if let Some(path) = file {
            file::read(path, &mut layers);
        }
        environment::read(env, &mut layers);
        layers.override_with(overrides);
        let settings = Self::read(&mut layers);
        let mut problems = layers.finish();
        if let Some(settings) = &settings {
            problems.extend(check::together(settings));
        }
        match settings {
            Some(settings) if problems.is_empty() => Ok(settings),
            _ => Err(ConfigError { problems }),
        }
    }
}

#[cfg(test)]
mod tests;
