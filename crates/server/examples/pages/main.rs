//! Writes a sample of every page into a folder, in every language, to be looked at: `cargo run --example pages -- FOLDER`.

mod account;
mod asked;
mod mail;
mod security;

use std::path::Path;
use std::sync::Arc;

use firman_proto::authorization_details::Described;

use firman::pages::texts::SPOKEN;
use firman::pages::{assets, look};

pub(crate) const LOGO: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 56 56'%3E%3Crect width='56' \
                    height='56' rx='10' fill='%23215c5c'/%3E%3Cpath d='M16 14h8v22h16v8H16z' fill='%23fff'/%3E%3C/svg%3E";

/// Pages by their names.
pub(crate) type Samples = Vec<(&'static str, String)>;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("say which folder: cargo run --example pages -- FOLDER")?;
    write(Path::new(&folder))
}

/// Writes every sample, and what it refers to. The first language is in no name: `login.html`, `login.de.html`.
pub(crate) fn write(folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    std::fs::create_dir_all(folder.join("assets"))?;
    for asset in assets::paths().into_iter().filter_map(assets::find) {
        std::fs::write(folder.join(asset.path.trim_start_matches('/')), asset.body)?;
    }
    for (nth, texts) in SPOKEN.iter().copied().enumerate() {
        let suffix = if nth == 0 { String::new() } else { format!(".{}", texts.lang) };
        for (name, html) in look::within_sync(texts, Arc::default(), samples)? {
            // Opened as files, there is no root to link from.
            let html = html.replace("\"/assets/", "\"assets/");
            std::fs::write(folder.join(format!("{name}{suffix}.html")), shown(&html))?;
        }
    }
    Ok(())
}

/// As it is where the script has run that asks for passkeys.
fn shown(html: &str) -> String {
    let Some((before, form)) = html.split_once("<form id=\"passkey-form\"") else { return html.to_owned() };
    format!("{before}<form id=\"passkey-form\"{}", form.replacen(" hidden>", ">", 1))
}

fn samples() -> Result<Samples, Box<dyn std::error::Error>> {
    Ok([asked::samples()?, account::samples()?, security::samples()?, mail::samples()?].concat())
}

pub(crate) fn details() -> Vec<Described> {
    let facts = [("actions", "initiate"), ("Amount: currency", "EUR"), ("Amount: value", "12.50")];
    let facts = facts.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    vec![Described { title: "Make a payment".to_owned(), facts }]
}
