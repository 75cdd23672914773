//! How people prove who they are: a password, then perhaps a second step. All of it ends in one sign-in (`authorize::login`).

mod known;
pub(crate) mod password;
pub(crate) mod recovery;
mod second;
mod shared;
pub(crate) mod totp;

pub(crate) use known::is_own;
pub use known::{goes_by, known_to};
pub use second::{SecondStep, Ways, by_passkey, request_of, second_step, second_step_by_passkey, second_step_of};

pub(crate) use second::{half, has_second, step_up};
pub(crate) use shared::succeeded as forget_failures;
