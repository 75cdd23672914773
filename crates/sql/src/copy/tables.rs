//! Which tables are copied, in which order, by which statements.

use std::sync::LazyLock;

use crate::schema;
use crate::statements::Statement;
use crate::value::Value;

/// A table that is copied.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    /// Reads what comes after a key.
    pub(super) page: Statement,
    /// Writes a row, if none of its key is there.
    pub(super) insert: Statement,
    /// The columns of the key; what is put before all others.
    key: &'static [(&'static str, Value)],
    /// Columns whose values the insert wants once more: those that are unique.
    pub(super) again: &'static [&'static str],
}

const FIRST: Value = Value::Int(i64::MIN);
/// No id and no digest is all zeros, except after a first column that has been told apart already.
const ZERO: Value = Value::Key([0; 16]);

macro_rules! tables {
    ($($name:literal: $page:ident, $insert:ident, [$($key:literal from $least:expr),*], [$($again:literal),*];)*) => {
        /// Every table but the list of migrations, which a database has of itself. The deployment comes last: a store without
        /// it is known to be unfinished.
        pub(super) const TABLES: &[Table] = &[$(Table {
            name: $name,
            page: Statement::$page,
            insert: Statement::$insert,
            key: &[$(($key, $least)),*],
            again: &[$($again),*],
        }),*];
    };
}

tables! {
    "clients": ClientsCopy, InsertClient, ["id" from ZERO], ["id", "client_key"];
    "accounts": AccountsCopy, InsertAccount, ["id" from ZERO], ["id"];
    "names": NamesCopy, InsertName, ["namespace" from FIRST, "digest" from ZERO], ["namespace", "digest"];
    "consents": ConsentsCopy, InsertConsent, ["subject_key" from ZERO, "client" from ZERO], ["subject_key", "client"];
    "epochs": EpochsCopy, FirstEpoch, ["kind" from FIRST, "id" from ZERO], ["kind", "id"];
    "flows": FlowsCopy, InsertFlow, ["day" from FIRST, "id" from ZERO], ["day", "id"];
    "grants": GrantsCopy, InsertGrant, ["id" from ZERO], ["id"];
    "sessions": SessionsCopy, InsertSession, ["day" from FIRST, "id" from ZERO], ["day", "id"];
    "revoked_tokens": RevokedTokensCopy, RevokeToken, ["day" from FIRST, "grant_id" from ZERO, "digest" from ZERO],
        ["day", "grant_id", "digest"];
    "once": OnceCopy, InsertOnce, ["day" from FIRST, "namespace" from FIRST, "digest" from ZERO],
        ["day", "namespace", "digest"];
    "resources": ResourcesCopy, InsertResource, ["id" from ZERO], ["id", "resource_key"];
    "session_clients": SessionClientsCopy, JoinSession, ["day" from FIRST, "session" from ZERO, "client" from ZERO],
        ["day", "session", "client"];
    "deliveries": DeliveriesCopy, InsertDelivery, ["day" from FIRST, "id" from ZERO], ["day", "id"];
    "held_tokens": HeldTokensCopy, InsertHeldToken, ["token_key" from ZERO], ["token_key"];
    "held_claims": HeldClaimsCopy, InsertHeldClaims, ["holder_key" from ZERO], ["holder_key"];
    "events": EventsCopy, Append, ["day" from FIRST, "about" from ZERO, "id" from ZERO], ["day", "about", "id"];
    "signing_keys": SigningKeysCopy, InsertSigningKey, ["id" from ZERO], ["id"];
    "seal_keys": SealKeysCopy, InsertSealKey, ["issuer" from FIRST, "number" from FIRST], ["issuer", "number"];
    "deployment": DeploymentCopy, InsertDeployment, ["slot" from FIRST], [];
}

impl Table {
    /// Its columns, in the order of the schema.
    pub(super) fn columns(&self) -> &'static [&'static str] {
        static KNOWN: LazyLock<Vec<schema::Table>> = LazyLock::new(schema::tables);
        KNOWN.iter().find(|table| table.name == self.name).map_or(&[], |table| &table.columns)
    }

    /// A key before all others.
    pub(super) fn beginning(&self) -> Vec<Value> {
        self.key.iter().map(|(_, least)| least.clone()).collect()
    }

    /// The key of a row.
    pub(super) fn key_of(&self, row: &[Value]) -> Vec<Value> {
        self.pick(self.key.iter().map(|(column, _)| *column), row)
    }

    /// The parameters of the statement that writes a row.
    pub(super) fn insert_values(&self, row: &[Value]) -> Vec<Value> {
        let mut values = row.to_vec();
        values.extend(self.pick(self.again.iter().copied(), row));
        values
    }

    fn pick(&self, wanted: impl Iterator<Item = &'static str>, row: &[Value]) -> Vec<Value> {
        let columns = self.columns();
        let of = |wanted| columns.iter().position(|column| *column == wanted).and_then(|place| row.get(place));
        wanted.filter_map(of).cloned().collect()
    }
}

/// The parameters of the statement that reads what comes after a key.
pub(super) fn page_values(after: &[Value]) -> Vec<Value> {
    match after {
        [one, two] => vec![one.clone(), one.clone(), two.clone()],
        [one, two, three] => vec![one.clone(), one.clone(), two.clone(), two.clone(), three.clone()],
        other => other.to_vec(),
    }
}
