//! Local accounts: the `Accounts` port over the store.

mod edit;
mod local;
mod password;
mod rules;
mod username;

pub use local::LocalAccounts;
pub use password::{HashCost, Passwords, Verdict};
pub use rules::{LONGEST_PASSWORD, PasswordRules, SHORTEST_PASSWORD};
pub use username::LONGEST_USERNAME;

pub(crate) use edit::{Edited, edit, noted};
pub(crate) use username::{acceptable, digest_of, look_of, mixes_scripts, normalized};
