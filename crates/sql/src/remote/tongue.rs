//! How a database on the network speaks of its schema: what is not a statement of the store and differs between databases.

use crate::dialect::Dialect;

/// The words of one database. In the texts `{table}` and `{part}` stand for quoted names.
#[derive(Debug)]
pub(crate) struct Tongue {
    /// Types and placeholders.
    pub(crate) dialect: &'static Dialect,
    /// Lists the tables of the schema in which ours are, whether or not we may read them.
    pub(crate) tables: &'static str,
    /// Waits until nobody else migrates these tables.
    pub(crate) lock: &'static str,
    /// Lets others migrate.
    pub(crate) unlock: &'static str,
    /// Begins and ends a migration that happens all or not at all; none where every such statement commits by itself.
    pub(crate) transaction: Option<(&'static str, &'static str)>,
    /// Tables split by day.
    pub(crate) days: Days,
}

/// Tables split by day.
#[derive(Debug)]
pub(crate) struct Days {
    /// Makes the part for the days that have none of their own; none where the table has it from the beginning.
    pub(crate) rest: Option<&'static str>,
    /// Lists the parts that have a day of their own: their name, and the day. `{name}` is the bare name of the table.
    pub(crate) list: &'static str,
    /// Makes the part of the day `{day}`; `{next}` is the day after.
    pub(crate) make: &'static str,
    /// Drops a part with all that is in it.
    pub(crate) drop: &'static str,
    /// What stands after FROM to read one part.
    pub(crate) from: &'static str,
}

impl Tongue {
    /// A name, quoted. A valid name has no quote in it.
    pub(crate) fn quoted(&self, name: &str) -> String {
        let quote = self.dialect.quote;
        format!("{quote}{name}{quote}")
    }

    /// A text with the names of a table and of one of its parts in it.
    pub(crate) fn filled(&self, text: &str, table: &str, part: &str) -> String {
        text.replace("{table}", &self.quoted(table)).replace("{part}", &self.quoted(part)).replace("{name}", table)
    }
}
