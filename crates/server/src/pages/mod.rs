//! What people see in the browser: server-rendered pages that work without a script. Two have one: `form_post` responses press their
//! button by themselves, and passkeys, of which browsers speak to scripts alone, are asked for by another.
//!
//! Each page is a struct of plain data with `render()`, which gives the whole HTML document. Every text in it is
//! escaped; addresses that come from a client are linked only if they are web addresses. The pages need no more than this
//! Content-Security-Policy: `default-src 'none'; style-src 'self'; img-src 'self' data: https:; base-uri 'none';
//! frame-ancestors 'none'`; those with a script also `script-src 'self'`. What people read is in [`texts`] alone.

pub mod account;
pub mod assets;
pub mod brand;
mod check_session;
mod client;
mod consent;
mod device;
mod error;
mod form;
mod home;
pub mod language;
mod login;
mod logout;
pub mod look;
mod message;
mod passkey;
mod post;
mod requests;
mod security;
mod select;
mod signed_out;
pub mod texts;
mod upstream;
pub mod when;

/// Why a page could not be written: in practice never, unless memory is gone.
pub use askama::Error as RenderError;
pub use check_session::CheckSession;
pub use client::Client;
pub use consent::{Consent, ScopeLine, claim_lines};
pub use device::Device;
pub use error::ErrorPage;
pub use form::{Field, FormPage, Link};
pub use home::Home;
pub use login::Login;
pub use logout::Logout;
pub use message::Message;
pub use passkey::PasskeyForm;
pub use post::Post;
pub use requests::{Requests, Waiting};
pub use security::{PasskeyLine, Security, UpstreamLine};
pub use select::Select;
pub use signed_out::SignedOut;
pub use upstream::{Upstream, UpstreamTrouble};

#[cfg(test)]
mod tests;
