//! What people do with their own account's password, authenticator app, recovery codes and passkeys, and with where else they sign in.

mod app;
mod owner;
mod passkeys;
mod password;
mod upstream;

pub(crate) use app::make_recovery_codes;
pub use app::{Enrolled, Enrolment, begin_app, confirm_app, new_recovery_codes, remove_app};
pub use owner::{Fresh, Owner, owner};
pub use passkeys::{Added, add_passkey, begin_passkey, remove_passkey, rename_passkey};
pub use password::{Changed, change_password};
pub use upstream::{may_be_unlinked, unlink};

/// The page for it, below the issuer: mails lead there.
pub const PATH: &str = "/account/security";
