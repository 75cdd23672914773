//! Tables split by day: parts are made ahead of time and dropped whole when all in them has ended, which costs the same for
//! ten rows and ten million.
//!
//! Whoever may not do that loses nothing but this: rows then lie in the part for the rest, and are deleted in small bites.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use firman_proto::time::{Day, Timestamp};
use firman_store::StoreError;
use tokio::sync::Mutex;

use super::tongue::Tongue;
use super::wire::{Admin, Connector, WireError};
use crate::driver::DayTable;
use crate::names::{Names, index_name};

/// How many days from now have a part of their own.
const AHEAD: usize = 7;

/// The parts of the tables of one database.
pub(crate) struct Partitions<C: Connector> {
    connector: Arc<C>,
    names: Names,
    tongue: &'static Tongue,
    admin: Mutex<Option<C::Admin>>,
    /// We have no right to make or drop parts, and have said so.
    forbidden: AtomicBool,
}

impl<C: Connector> Partitions<C> {
    pub(crate) fn new(connector: Arc<C>, names: Names, tongue: &'static Tongue) -> Self {
        Self { connector, names, tongue, admin: Mutex::new(None), forbidden: AtomicBool::new(false) }
    }

    /// Makes the parts of the days from this one on that are not there yet.
    pub(super) async fn make(&self, table: DayTable, from: Day) -> Result<(), StoreError> {
        let Some(name) = self.names.table(table.name) else { return Ok(()) };
        if self.forbidden.load(Ordering::Relaxed) {
            return Ok(());
        }
        let there = self.there(name).await?;
        for day in (from.number()..).take(AHEAD + 2).filter(|day| !there.iter().any(|(_, has)| has == day)) {
            let part = index_name(name, &format!("d{day}"));
            let text = self.tongue.filled(self.tongue.days.make, name, &part);
            let text = text.replace("{day}", &day.to_string()).replace("{next}", &(day + 1).to_string());
            match self.execute(&text).await {
                Ok(()) => {}
                // Rows of this day lie with the rest already, or another node was faster, or somebody holds the table.
                Err(WireError::Refused { cause, .. } | WireError::Again(cause)) => {
                    tracing::debug!(day, %cause, "this day gets no part of its own");
                }
                Err(error) => return self.judge(error),
            }
        }
        Ok(())
    }

    /// Drops the oldest part whose day is over if all in it has ended, and gives how many rows that were, `most` at most; `None`
    /// if there is none such.
    pub(super) async fn drop_oldest(
        &self,
        table: DayTable,
        before: Day,
        ended: Option<Timestamp>,
        most: u32,
    ) -> Result<Option<u64>, StoreError> {
        let Some(name) = self.names.table(table.name) else { return Ok(None) };
        if self.forbidden.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let mut over = self.there(name).await?;
        over.retain(|(_, day)| *day < before.number());
        over.sort_by_key(|(_, day)| *day);
        for (part, _) in over {
            let from = self.tongue.filled(self.tongue.days.from, name, &part);
            if let (Some(ended), Some((column, _))) = (ended, self.names.column(table.name, "expires_at")) {
                let column = self.tongue.quoted(column);
                let live = format!("SELECT 1 FROM {from} WHERE {column} >= {} LIMIT 1", ended.millis());
                if !self.rows(&live).await?.is_empty() {
                    continue;
                }
            }
            let count = format!("SELECT COUNT(*) FROM (SELECT 1 FROM {from} LIMIT {most}) counted");
            let count = first_number(&self.rows(&count).await?).unwrap_or(0);
            match self.execute(&self.tongue.filled(self.tongue.days.drop, name, &part)).await {
                Ok(()) => return Ok(Some(count.cast_unsigned())),
                // Somebody holds the table: later.
                Err(WireError::Refused { temporary: true, .. } | WireError::Again(_)) => return Ok(None),
                Err(error) => return self.judge(error).map(|()| None),
            }
        }
        Ok(None)
    }

    /// The parts that have a day of their own.
    async fn there(&self, table: &str) -> Result<Vec<(String, i32)>, StoreError> {
        let rows = self.rows(&self.tongue.filled(self.tongue.days.list, table, "")).await?;
        let part = |row: Vec<Option<String>>| {
            let mut columns = row.into_iter();
            Some((columns.next()??, columns.next()??.parse().ok()?))
        };
        Ok(rows.into_iter().filter_map(part).collect())
    }

    /// A missing right is said once, and is no fault: the rows leave another way.
    fn judge(&self, error: WireError) -> Result<(), StoreError> {
        match error {
            WireError::Denied(cause) => {
                self.forbidden.store(true, Ordering::Relaxed);
                let place = self.connector.place();
                tracing::warn!(place, %cause, "may not make and drop partitions; rows are deleted one by one instead");
                Ok(())
            }
            error => Err(error.fault("sweep")),
        }
    }

    async fn execute(&self, statement: &str) -> Result<(), WireError> {
        let mut admin = self.admin.lock().await;
        let done = self.connected(&mut admin).await?.execute(statement).await;
        if matches!(done, Err(WireError::Lost(_))) {
            *admin = None;
        }
        done
    }

    async fn rows(&self, query: &str) -> Result<Vec<Vec<Option<String>>>, StoreError> {
        let mut admin = self.admin.lock().await;
        let connected = self.connected(&mut admin).await.map_err(|error| error.fault("sweep"))?;
        let rows = connected.rows(query).await;
        if matches!(rows, Err(WireError::Lost(_))) {
            *admin = None;
        }
        rows.map_err(|error| error.fault("sweep"))
    }

    async fn connected<'a>(&self, admin: &'a mut Option<C::Admin>) -> Result<&'a mut C::Admin, WireError> {
        if admin.is_none() {
            let mut made = self.connector.admin().await?;
            made.hurry().await?;
            *admin = Some(made);
        }
        admin.as_mut().ok_or_else(|| WireError::Lost("not connected".to_owned()))
    }
}

fn first_number(rows: &[Vec<Option<String>>]) -> Option<i64> {
    rows.first()?.first()?.as_ref()?.parse().ok()
}
