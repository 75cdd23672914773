//! MariaDB, and Galera clusters of it; MySQL speaks the same and is untested. `docs/decisions/mysql.md` says why things are so.

mod address;
mod admin;
mod connector;
mod fault;
mod literal;
mod many;
mod open;
mod row;
mod session;
#[cfg(test)]
mod tests;

#[cfg(feature = "bench")]
pub(crate) use open::{READERS_FOR_ONE, connect};
pub(crate) use open::{is_meant, migrations, open};
#[cfg(feature = "bench")]
pub(crate) use session::parameter;
