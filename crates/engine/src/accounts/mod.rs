//! Local accounts: the `Accounts` port over the store.

mod local;
mod password;

pub use local::LocalAccounts;
pub use password::Passwords;

/// The shortest password an account may be given, in characters.
pub const SHORTEST_PASSWORD: usize = 8;
/// The longest password that is read, in bytes.
pub const LONGEST_PASSWORD: usize = 1024;

/// User names are compared without regard to case and surrounding space.
pub(crate) fn normalized(username: &str) -> String {
    username.trim().to_lowercase()
}
