//! What differs between the databases, and nothing else.

/// A database's way of writing the same statements.
#[derive(Debug)]
pub(crate) struct Dialect {
    /// Stands around names.
    pub(crate) quote: char,
    /// Placeholders are `$1`, `$2`, … instead of `?`.
    pub(crate) numbered: bool,
    /// What a `SELECT` without a table is read from, with a space before it.
    pub(crate) from_nothing: &'static str,
    /// Signed 64-bit integers.
    pub(crate) int: &'static str,
    /// 16 bytes: ids and digests.
    pub(crate) key: &'static str,
    /// Bytes.
    pub(crate) bytes: &'static str,
    /// Text that is compared or indexed, byte by byte, of at most 255 bytes.
    pub(crate) name: &'static str,
    /// Text of any length, compared byte by byte.
    pub(crate) text: &'static str,
    /// What stands after a text column in an index.
    pub(crate) indexed_text: &'static str,
    /// What stands after the columns of a table.
    pub(crate) options: &'static str,
    /// Begins a transaction that will write.
    pub(crate) begin: &'static str,
    /// `{?..}` says of each placeholder what it is: the types of a `SELECT` from nothing are not taken from where it goes.
    pub(crate) typed: bool,
    /// What stands around the day by which a table is split into partitions; none where there are none.
    pub(crate) by_day: Option<(&'static str, &'static str)>,
    /// Table names that begin so, in any case, belong to the database.
    pub(crate) reserved_prefix: &'static str,
}

/// SQLite 3.37 or later.
///
/// `WITHOUT ROWID`: a table is clustered by its key. `STRICT`: a column holds what it says. Text is compared byte by byte
/// unless told otherwise (`COLLATE BINARY`).
pub(crate) const SQLITE: Dialect = Dialect {
    quote: '"',
    numbered: false,
    from_nothing: "",
    int: "INTEGER",
    key: "BLOB",
    bytes: "BLOB",
    name: "TEXT",
    text: "TEXT",
    indexed_text: "",
    options: " WITHOUT ROWID, STRICT",
    begin: "BEGIN IMMEDIATE",
    typed: false,
    by_day: None,
    reserved_prefix: "sqlite_",
};

/// PostgreSQL 13 or later.
///
/// `COLLATE "C"`: text is compared byte by byte, whatever the language of the database.
pub(crate) const POSTGRES: Dialect = Dialect {
    quote: '"',
    numbered: true,
    from_nothing: "",
    int: "BIGINT",
    key: "BYTEA",
    bytes: "BYTEA",
    name: "TEXT COLLATE \"C\"",
    text: "TEXT COLLATE \"C\"",
    indexed_text: "",
    options: "",
    begin: "BEGIN",
    typed: true,
    by_day: Some((" PARTITION BY RANGE (", ")")),
    reserved_prefix: "pg_",
};

/// MariaDB 10.6 or later; MySQL 8.0 or later, untested.
///
/// Tables lie in the order of their key, as InnoDB's do. `BINARY` keeps all 16 bytes, zeros at the end too. Text is compared by
/// its characters' numbers, which is the order of UTF-8 bytes, except that blanks at the end do not count; nothing compares
/// such text. `TEXT` itself would end at 64 KiB.
pub(crate) const MYSQL: Dialect = Dialect {
    quote: '`',
    numbered: false,
    from_nothing: " FROM DUAL",
    int: "BIGINT",
    key: "BINARY(16)",
    bytes: "MEDIUMBLOB",
    name: "VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    text: "MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    indexed_text: "(255)",
    options: " ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    begin: "START TRANSACTION",
    typed: false,
    by_day: Some((" PARTITION BY RANGE (", ") (PARTITION rest VALUES LESS THAN MAXVALUE)")),
    reserved_prefix: "",
};
