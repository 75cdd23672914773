//! What one connection promises to the core, against a server.

use std::collections::BTreeMap;
use std::time::Duration;

use firman_test_servers::Mariadb;

use super::address::Address;
use super::connector::Nodes;
use super::session::Session;
use crate::dialect::MYSQL;
use crate::names::Names;
use crate::options::Options;
use crate::remote::{Connector, Wire, WireError};
use crate::statements::Statement;
use crate::store::SqlStore;
use crate::texts::Texts;
use crate::value::{Query, Write, params, values};

/// Two connections to a new database with our tables in it.
async fn two() -> Option<[Session; 2]> {
    let url = Mariadb::shared()?.fresh();
    SqlStore::migrate(&Options::new(&url)).await.unwrap();
    let names = Names::resolve(&BTreeMap::new(), &MYSQL).unwrap();
    let texts = Texts::compile(&names, &MYSQL).unwrap().into();
    let nodes = Nodes::new(Address::parse(&url).unwrap(), texts, Duration::from_secs(1));
    Some([nodes.connect().await.unwrap(), nodes.connect().await.unwrap()])
}

/// An epoch made or moved; the number is that of a person.
fn first(person: u8) -> Write {
    Write { statement: Statement::FirstEpoch, values: values![2_i64, [person; 16], 1_i64, 2_i64, [person; 16]] }
}

fn advance(person: u8) -> Write {
    Write { statement: Statement::AdvanceEpoch, values: values![2_i64, [person; 16]] }
}

/// A grant's row, too short: an error whatever is in the table.
fn wrong() -> Write {
    Write { statement: Statement::InsertClaimedGrant, values: values![1_i64] }
}

async fn epoch(wire: &Session, person: u8) -> Option<i64> {
    let values = params![[0_u8; 16], [person; 16]];
    let mut found = None;
    let mut each = |_: usize, row: &dyn crate::row::Row| {
        found = crate::row::Columns::new(row).epochs().map(|epochs| epochs.subject.cast_signed()).ok();
        Ok(())
    };
    wire.read(&[Query { statement: Statement::FindEpochs, values: &values }], &mut each).await.unwrap();
    found
}

#[tokio::test]
async fn every_statement_says_how_many_rows_it_matched() {
    let Some([mut one, other]) = two().await else { return };
    let (first, advance, absent) = (first(1), advance(1), advance(9));
    assert_eq!(one.write(&[&first], false, false).await.unwrap(), [1]);
    assert_eq!(one.write(&[&first, &absent, &advance], true, true).await.unwrap(), [0, 0, 1]);
    assert_eq!(one.write(&[&advance, &absent], true, false).await.unwrap(), [1, 0]);
    assert_eq!(epoch(&other, 1).await, Some(2));
    assert_eq!(one.write(&[], false, true).await.unwrap(), [0; 0]);
    assert_eq!(epoch(&other, 1).await, Some(3));
}

#[tokio::test]
async fn a_statement_that_fails_takes_everything_back_wherever_it_stands() {
    let Some([mut one, other]) = two().await else { return };
    let (first, advance, wrong) = (first(1), advance(1), wrong());
    one.write(&[&first], false, false).await.unwrap();
    for writes in [[&wrong, &advance, &advance], [&advance, &wrong, &advance], [&advance, &advance, &wrong]] {
        let error = one.write(&writes, true, true).await.unwrap_err();
        assert!(matches!(error, WireError::Refused { temporary: false, .. }), "{error}");
        one.roll_back().await.unwrap();
        assert_eq!(epoch(&other, 1).await, Some(1));
    }
    assert!(!one.is_lost());
}

#[tokio::test]
async fn a_row_that_somebody_holds_is_not_waited_for_long() {
    let Some([mut one, mut other]) = two().await else { return };
    let (first, advance) = (first(1), advance(1));
    one.write(&[&first], false, false).await.unwrap();
    one.write(&[&advance], true, false).await.unwrap();
    let error = other.write(&[&advance], true, true).await.unwrap_err();
    assert!(matches!(error, WireError::Again(_)), "{error}");
    other.roll_back().await.unwrap();
    one.roll_back().await.unwrap();
    assert_eq!(other.write(&[&advance], true, true).await.unwrap(), [1]);
}

#[tokio::test]
async fn a_read_that_was_given_up_spoils_the_connection() {
    let Some([one, _]) = two().await else { return };
    let values = params![[0_u8; 16], [1_u8; 16]];
    let query = [Query { statement: Statement::FindEpochs, values: &values }];
    let mut each = |_: usize, _: &dyn crate::row::Row| Ok(());
    // A server may be so quick that there is nothing to give up.
    while futures_util::poll!(one.read(&query, &mut each)).is_ready() {}
    assert!(one.is_lost());
}
