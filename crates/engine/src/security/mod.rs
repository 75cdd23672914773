//! What people do with their own account's password, authenticator app, recovery codes and passkeys.

mod app;
mod owner;
mod password;

pub use app::{Enrolled, Enrolment, begin_app, confirm_app, new_recovery_codes, remove_app};
pub use owner::{Fresh, Owner, owner};
pub use password::{Changed, change_password};
