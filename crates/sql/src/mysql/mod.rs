//! MariaDB, and Galera clusters of it; MySQL speaks the same and is untested. `docs/decisions/mysql.md` says why things are so.

mod address;
mod admin;
mod connector;
mod fault;
mod literal;
mod open;
mod row;
mod session;
#[cfg(test)]
mod tests;

pub(crate) use open::{is_meant, migrations, open};
