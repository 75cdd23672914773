//! One statement for many rows: the hot ones of a batch, each parameter an array with one place for each row.
//!
//! Made from the text of the store's statement: `$3` becomes the third column of the arrays side by side, and RETURNING says which
//! rows it was. Columns are called by numbers, which no column of a table can be called.

use tokio_postgres::types::Type;

use crate::dialect::POSTGRES;
use crate::names::Names;
use crate::statements::Statement;
use crate::template::{TemplateError, compile};

/// The statements that have such a form, and how each says which rows it was.
#[derive(Debug)]
pub(super) struct Arrays(Vec<(Statement, Form)>);

/// What a statement for many rows does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Changes rows; gives the places of those it changed, counted from 1.
    Update,
    /// Inserts rows, but those that are there; gives the column, quoted, by which its last parameter is known.
    Insert {
        /// The quoted name of that column.
        id: String,
    },
    /// Inserts rows; one that is there is an error.
    InsertAll,
}

impl Arrays {
    /// For these names.
    pub(super) fn compile(names: &Names) -> Result<Self, TemplateError> {
        let insert = |id| compile(id, names, &POSTGRES).map(|id| Form::Insert { id });
        Ok(Self(vec![
            (Statement::Rotate, Form::Update),
            (Statement::ClaimFlow, Form::Update),
            (Statement::InsertFlow, insert("{flows.id}")?),
            (Statement::InsertGrant, insert("{grants.id}")?),
            (Statement::InsertOnce, insert("{once.digest}")?),
            (Statement::Append, insert("{events.id}")?),
            (Statement::InsertClaimedGrant, Form::InsertAll),
        ]))
    }

    /// The form of a statement, if it has one.
    pub(super) fn form(&self, statement: Statement) -> Option<&Form> {
        self.0.iter().find(|(known, _)| *known == statement).map(|(_, form)| form)
    }
}

impl Form {
    /// Whether it is also better for one row: an insert that looks at no partition but the one it goes to, and loses to whoever
    /// inserts the same row at the same time without an error.
    pub(super) fn for_one(&self) -> bool {
        matches!(self, Self::Insert { .. })
    }

    /// How many parameters it takes, of a text for one row with so many: the key of the guard comes after the row.
    pub(super) fn parameters(&self, single: &str, all: usize) -> usize {
        match self {
            Self::Insert { .. } => single.split_once(" WHERE ").map_or(all, |(row, _)| row.matches("::").count()),
            Self::Update | Self::InsertAll => all,
        }
    }
}

/// The text for many rows, of the text for one and the types of its parameters.
pub(super) fn text(single: &str, types: &[Type], form: &Form) -> String {
    let (before, after) = single.split_once(" WHERE ").unwrap_or((single, ""));
    let arrays: Vec<String> = types.iter().zip(1..).map(|(ty, number)| format!("${number}::{}[]", ty.name())).collect();
    let columns: Vec<String> = (1..=types.len()).map(|number| format!("\"{number}\"")).collect();
    let rows = format!(
        "{} FROM unnest({}) WITH ORDINALITY AS \"0\"({}, \"0\")",
        columned(before),
        arrays.join(", "),
        columns.join(", ")
    );
    match form {
        Form::Update => format!("{rows} WHERE {} RETURNING \"0\".\"0\"", columned(after)),
        // What the guard looks for is the primary key.
        Form::Insert { id } => format!("{rows} ON CONFLICT DO NOTHING RETURNING {id}"),
        Form::InsertAll => rows,
    }
}

/// Every `$3` outside names as `"0"."3"`.
fn columned(text: &str) -> String {
    let (mut out, mut quoted, mut number) = (String::with_capacity(2 * text.len()), false, false);
    for c in text.chars() {
        if number && !c.is_ascii_digit() {
            out.push('"');
            number = false;
        }
        match c {
            '$' if !quoted => {
                out.push_str("\"0\".\"");
                number = true;
            }
            _ => out.push(c),
        }
        quoted ^= c == '"';
    }
    if number {
        out.push('"');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_for_one_row_becomes_one_for_many() {
        let single = "UPDATE \"a\" SET \"x$1\" = $1 WHERE \"id\" = $2 AND \"n\" > $11";
        assert_eq!(
            text(single, &[Type::INT8, Type::BYTEA], &Form::Update),
            "UPDATE \"a\" SET \"x$1\" = \"0\".\"1\" FROM unnest($1::int8[], $2::bytea[]) WITH ORDINALITY AS \"0\"(\"1\", \"2\", \"0\") \
             WHERE \"id\" = \"0\".\"2\" AND \"n\" > \"0\".\"11\" RETURNING \"0\".\"0\""
        );
        let single =
            "INSERT INTO \"a\" (\"id\") SELECT $1::BYTEA WHERE NOT EXISTS (SELECT 1 FROM \"a\" WHERE \"id\" = $2)";
        let form = Form::Insert { id: "\"id\"".to_owned() };
        assert_eq!(
            text(single, &[Type::BYTEA], &form),
            "INSERT INTO \"a\" (\"id\") SELECT \"0\".\"1\"::BYTEA FROM unnest($1::bytea[]) WITH ORDINALITY AS \"0\"(\"1\", \"0\") \
             ON CONFLICT DO NOTHING RETURNING \"id\""
        );
    }
}
