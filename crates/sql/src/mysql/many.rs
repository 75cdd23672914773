//! One statement for many rows: the hot ones of a batch, their values written out as a table of its own.
//!
//! Made from the text of the store's statement. Columns are called by numbers, which no column of a table can be called.

use std::fmt::Write as _;

use super::literal::literal;
use crate::statements::Statement;
use crate::value::Value;

/// What a statement for many rows does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Changes rows, and tells how many: if fewer than were meant, not which.
    Update,
    /// Inserts rows; one that is there is an error.
    Insert,
}

/// The form of a statement, if it has one. One whose row is there already more often than by accident (`InsertOnce`: that is
/// how a replay is found out) has none: the error would undo the whole batch.
pub(super) fn form(statement: Statement) -> Option<Form> {
    match statement {
        Statement::Rotate | Statement::ClaimFlow => Some(Form::Update),
        Statement::InsertFlow | Statement::InsertGrant | Statement::InsertClaimedGrant | Statement::Append => {
            Some(Form::Insert)
        }
        _ => None,
    }
}

/// Appends the statement for many rows, of the text for one and the values of each.
pub(super) fn render(text: &mut String, form: Form, single: &str, rows: &[&[Value]]) {
    match form {
        Form::Update => update(text, single, rows),
        Form::Insert => insert(text, single, rows),
    }
}

/// The rows are looked up in the order in which they are written, one by one, as single statements would.
fn update(text: &mut String, single: &str, rows: &[&[Value]]) {
    for (nth, row) in rows.iter().enumerate() {
        text.push_str(if nth == 0 { "UPDATE (SELECT " } else { " UNION ALL SELECT " });
        for (place, value) in row.iter().enumerate() {
            text.push_str(if place == 0 { "" } else { "," });
            literal(text, value);
            if nth == 0 {
                write!(text, " `{place}`").ok();
            }
        }
    }
    text.push_str(") `0` STRAIGHT_JOIN ");
    for (place, part) in single.strip_prefix("UPDATE ").unwrap_or(single).split('?').enumerate() {
        if let Some(before) = place.checked_sub(1) {
            write!(text, "`0`.`{before}`").ok();
        }
        text.push_str(part);
    }
}

/// What a guard looks for is the primary key, which finds it too.
fn insert(text: &mut String, single: &str, rows: &[&[Value]]) {
    let (before, row) = single.split_once(" SELECT ").unwrap_or((single, ""));
    let (row, _guard) = row.split_once(" WHERE ").unwrap_or((row, ""));
    let places = row.matches('?').count();
    text.push_str(before);
    for (nth, row) in rows.iter().enumerate() {
        text.push_str(if nth == 0 { " VALUES (" } else { ",(" });
        for (place, value) in row.iter().take(places).enumerate() {
            text.push_str(if place == 0 { "" } else { "," });
            literal(text, value);
        }
        text.push(')');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(form: Form, single: &str, rows: &[&[Value]]) -> String {
        let mut text = String::new();
        render(&mut text, form, single, rows);
        text
    }

    #[test]
    fn an_update_of_one_row_becomes_one_of_many() {
        let single = "UPDATE `a` SET `x` = ?, `y` = `x` WHERE `id` = ? AND `n` > ?";
        let rows: [&[Value]; 2] = [
            &[Value::Int(7), Value::Key([0xa0; 16]), Value::Null],
            &[Value::Int(-8), Value::Bytes(vec![1]), Value::Int(2)],
        ];
        assert_eq!(
            made(Form::Update, single, &rows),
            "UPDATE (SELECT 7 `0`,x'a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0' `1`,NULL `2` UNION ALL SELECT -8,x'01',2) `0` \
             STRAIGHT_JOIN `a` SET `x` = `0`.`0`, `y` = `x` WHERE `id` = `0`.`1` AND `n` > `0`.`2`"
        );
    }

    #[test]
    fn an_insert_of_one_row_becomes_one_of_many() {
        let single = "INSERT INTO `a` (`id`, `t`) SELECT ?, ? WHERE NOT EXISTS (SELECT 1 FROM `a` WHERE `id` = ?)";
        let rows: [&[Value]; 2] = [
            &[Value::Int(1), Value::Text("'".to_owned()), Value::Int(1)],
            &[Value::Int(2), Value::Null, Value::Int(2)],
        ];
        assert_eq!(made(Form::Insert, single, &rows), "INSERT INTO `a` (`id`, `t`) VALUES (1,_utf8mb4 x'27'),(2,NULL)");
    }
}
