//! Deleting what has ended, in small bites between the commits that people wait for.

use firman_proto::id::RecordId;
use firman_proto::time::{Day, Lifetime, Timestamp};
use firman_store::{CommitError, Cutoffs, StoreError, Swept};

use crate::driver::{DayTable, Written};
use crate::plan::Plan;
use crate::row::{Cell, Columns};
use crate::statements::Statement;
use crate::store::SqlStore;
use crate::value::{Query, Value, Write, params, values};

/// The most rows that one transaction deletes: nobody waits longer than for this.
const BITE: u32 = 256;
/// How often somebody looks whether the client of a grant that never ends is still there.
const LOOK_AGAIN: Lifetime = Lifetime::from_days(30);

/// A grant that has not ended on its purge day: when it ends, and whether its client is there.
type Late = (RecordId, Timestamp, bool);

impl SqlStore {
    pub(crate) async fn sweep_all(&self, cutoffs: Cutoffs, limit: u32) -> Result<Swept, StoreError> {
        let (at, mut left) = (cutoffs, limit);
        for table in [&FLOWS, &REVOKED_TOKENS, &ONCE, &EVENTS, &DELIVERIES] {
            self.driver.make_days(table.table, at.now.day()).await?;
        }
        Ok(Swept {
            flows: self.sweep_days(&FLOWS, at.flows.day(), Some(at.flows), &mut left).await?,
            revoked_tokens: self.sweep_days(&REVOKED_TOKENS, at.revoked_tokens.day(), None, &mut left).await?,
            once: self.sweep_days(&ONCE, at.once.day(), None, &mut left).await?,
            events: self.sweep_days(&EVENTS, at.events.day(), None, &mut left).await?,
            deliveries: self.sweep_days(&DELIVERIES, at.deliveries.day(), Some(at.deliveries), &mut left).await?,
            session_clients: self.sweep_days(&SESSION_CLIENTS, at.sessions.day(), None, &mut left).await?,
            sessions: self.sweep_rows(&SESSIONS, &[], at.sessions, &mut left).await?,
            grants: self.sweep_grants(at.grants, &mut left).await?,
            names: self.sweep_rows(&NAMES, &[], at.names, &mut left).await?,
            held_tokens: self.sweep_rows(&HELD_TOKENS, &[], at.held_tokens, &mut left).await?,
            keys: self.sweep_rows(&SIGNING_KEYS, &[], at.keys, &mut left).await?
                + self.sweep_rows(&SEAL_KEYS, &[], at.keys, &mut left).await?,
        })
    }

    /// Counts what is overdue in each table, in one round trip.
    pub(crate) async fn count_overdue(&self, at: Cutoffs, limit: u32) -> Result<Swept, StoreError> {
        let flows = params![at.flows.day(), at.flows, limit];
        let grants = params![at.grants.day(), at.grants, limit];
        let revoked_tokens = params![at.revoked_tokens.day(), limit];
        let once = params![at.once.day(), limit];
        let (sessions, names) = (params![at.sessions, limit], params![at.names, limit]);
        let (events, keys) = (params![at.events.day(), limit], params![at.keys, limit]);
        let deliveries = params![at.deliveries.day(), at.deliveries, limit];
        let (session_clients, held_tokens) = (params![at.sessions.day(), limit], params![at.held_tokens, limit]);
        let tables: [(Statement, &[Value]); 12] = [
            (Statement::OverdueFlows, &flows),
            (Statement::OverdueGrants, &grants),
            (Statement::OverdueRevokedTokens, &revoked_tokens),
            (Statement::OverdueOnce, &once),
            (Statement::OverdueSessions, &sessions),
            (Statement::OverdueNames, &names),
            (Statement::OverdueEvents, &events),
            (Statement::OverdueDeliveries, &deliveries),
            (Statement::OverdueSessionClients, &session_clients),
            (Statement::OverdueHeldTokens, &held_tokens),
            (Statement::OverdueSigningKeys, &keys),
            (Statement::OverdueSealKeys, &keys),
        ];
        let queries = tables.map(|(statement, values)| Query { statement, values });
        let mut counts = [0; 12];
        let mut each = |query: usize, row: &dyn crate::row::Row| {
            if let Some(count) = counts.get_mut(query) {
                *count = Columns::new(row).unsigned()?;
            }
            Ok(())
        };
        self.driver.read(&queries, &mut each).await?;
        let [flows, grants, revoked_tokens, once, sessions, names, events, deliveries, joined, held, signing, seal] =
            counts;
        Ok(Swept {
            flows,
            grants,
            revoked_tokens,
            once,
            sessions,
            names,
            events,
            deliveries,
            session_clients: joined,
            held_tokens: held,
            keys: signing + seal,
        })
    }

    /// Deletes a range of keys that begins with the oldest day.
    async fn sweep_days(
        &self,
        table: &ByDay,
        before: Day,
        ended: Option<Timestamp>,
        left: &mut u32,
    ) -> Result<u64, StoreError> {
        let mut swept = 0;
        // Whole days first, where the database can drop them.
        while *left > 0
            && let Some(gone) = self.driver.drop_day(table.table, before, ended, *left).await?
        {
            swept += gone;
            *left = left.saturating_sub(u32::try_from(gone).unwrap_or(u32::MAX));
        }
        while *left > 0 {
            let bite = BITE.min(*left);
            let mut values = values![before];
            values.extend(ended.map(Value::from));
            values.push((bite - 1).into());
            let width = table.key.len();
            let found = self.all(table.up_to, &values, |columns| read_key(columns, width)).await?;
            // Fewer than a bite are left: all of them, to the end of the last day that is over.
            let last_day = Value::Int(i64::from(before.number()) - 1);
            let end_of_days = || std::iter::once(last_day).chain(table.key.iter().skip(1).cloned()).collect();
            let mut key: Vec<Value> = found.into_iter().next().unwrap_or_else(end_of_days);
            key.extend(ended.map(Value::from));
            let gone = self.delete([Write { statement: table.delete, values: key }]).await?;
            swept += gone;
            *left = left.saturating_sub(u32::try_from(gone).unwrap_or(u32::MAX));
            if gone < u64::from(bite) {
                break;
            }
        }
        Ok(swept)
    }

    /// Deletes grants by their purge day.
    async fn sweep_grants(&self, ended: Timestamp, left: &mut u32) -> Result<u64, StoreError> {
        let swept = self.sweep_rows(&GRANTS, &[ended.day().into()], ended, left).await?;
        Ok(swept + self.sweep_late_grants(ended, left).await?)
    }

    /// Of the grants that have not ended on their purge day, those whose expiry has moved since get another day. Those that never end
    /// are looked at again and again, and leave when their client has: no client gets its id again.
    async fn sweep_late_grants(&self, ended: Timestamp, left: &mut u32) -> Result<u64, StoreError> {
        let mut swept = 0;
        while *left > 0 {
            let bite = BITE.min(*left);
            let read = |columns: &mut Columns<'_>| Ok((columns.id()?, columns.time()?, columns.maybe_int()?.is_some()));
            let late = self.all(Statement::LateGrants, &params![ended.day(), ended, bite], read).await?;
            let found = late.len();
            let (orphans, others): (Vec<Late>, Vec<Late>) = late
                .into_iter()
                .partition(|(_, expires_at, has_client)| *expires_at == Timestamp::NEVER && !has_client);
            let orphan = |(id, ..): Late| Write { statement: Statement::SweepOrphan, values: values![id] };
            let other = |(id, expires_at, _): Late| {
                let day = if expires_at == Timestamp::NEVER { ended.plus(LOOK_AGAIN).day() } else { expires_at.day() };
                Write { statement: Statement::MovePurgeDay, values: values![day, id, expires_at] }
            };
            let gone = self.delete(orphans.into_iter().map(orphan)).await?;
            let moved = self.delete(others.into_iter().map(other)).await?;
            swept += gone;
            *left = left.saturating_sub(u32::try_from(gone).unwrap_or(u32::MAX));
            if found < bite as usize || gone + moved == 0 {
                break;
            }
        }
        Ok(swept)
    }

    /// Deletes rows one by one, each under the guard that it has ended.
    async fn sweep_rows(
        &self,
        table: &ByRow,
        from: &[Value],
        ended: Timestamp,
        left: &mut u32,
    ) -> Result<u64, StoreError> {
        let mut swept = 0;
        while *left > 0 {
            let bite = BITE.min(*left);
            let mut values = from.to_vec();
            values.extend([ended.into(), bite.into()]);
            let keys = self.all(table.ended, &values, |columns| read_key(columns, table.width)).await?;
            let found = keys.len();
            let write = |mut key: Vec<Value>| {
                key.push(ended.into());
                Write { statement: table.delete, values: key }
            };
            let gone = self.delete(keys.into_iter().map(write)).await?;
            swept += gone;
            *left = left.saturating_sub(u32::try_from(gone).unwrap_or(u32::MAX));
            if found < bite as usize || gone == 0 {
                break;
            }
        }
        Ok(swept)
    }

    async fn delete(&self, writes: impl IntoIterator<Item = Write>) -> Result<u64, StoreError> {
        let plan = Plan::unguarded(writes);
        if plan.steps.is_empty() {
            return Ok(0);
        }
        match self.driver.write(plan).await {
            Ok(Written::Done(rows)) => Ok(rows),
            Ok(Written::Conflict(_)) => Ok(0),
            // Deleting what is gone does no harm: the next sweep begins anew.
            Err(CommitError::NotApplied(fault) | CommitError::Unknown(fault)) => Err(fault),
        }
    }
}

/// A table whose rows leave by the day at the front of their key.
struct ByDay {
    /// Which.
    table: DayTable,
    /// Finds the key at the end of a bite.
    up_to: Statement,
    /// Deletes up to a key.
    delete: Statement,
    /// The highest key of a day.
    key: &'static [Value],
}

/// The highest 16 bytes.
const LAST: Value = Value::Key([0xff; 16]);

const FLOWS: ByDay = ByDay {
    table: DayTable { name: "flows" },
    up_to: Statement::FlowsUpTo,
    delete: Statement::SweepFlows,
    key: &[Value::Null, LAST],
};
const REVOKED_TOKENS: ByDay = ByDay {
    table: DayTable { name: "revoked_tokens" },
    up_to: Statement::RevokedTokensUpTo,
    delete: Statement::SweepRevokedTokens,
    key: &[Value::Null, LAST, LAST],
};
const ONCE: ByDay = ByDay {
    table: DayTable { name: "once" },
    up_to: Statement::OnceUpTo,
    delete: Statement::SweepOnce,
    key: &[Value::Null, Value::Int(i64::MAX), LAST],
};
const EVENTS: ByDay = ByDay {
    table: DayTable { name: "events" },
    up_to: Statement::EventsUpTo,
    delete: Statement::SweepEvents,
    key: &[Value::Null, LAST, LAST],
};

const DELIVERIES: ByDay = ByDay {
    table: DayTable { name: "deliveries" },
    up_to: Statement::DeliveriesUpTo,
    delete: Statement::SweepDeliveries,
    key: &[Value::Null, LAST],
};
const SESSION_CLIENTS: ByDay = ByDay {
    table: DayTable { name: "session_clients" },
    up_to: Statement::SessionClientsUpTo,
    delete: Statement::SweepSessionClients,
    key: &[Value::Null, LAST, LAST],
};

/// A table whose rows are sought and deleted one by one.
struct ByRow {
    /// Finds keys of rows that have ended.
    ended: Statement,
    /// Deletes one, if it still has.
    delete: Statement,
    /// Columns of the key.
    width: usize,
}

const SESSIONS: ByRow = ByRow { ended: Statement::EndedSessions, delete: Statement::SweepSession, width: 2 };
const GRANTS: ByRow = ByRow { ended: Statement::EndedGrants, delete: Statement::SweepGrant, width: 1 };
const NAMES: ByRow = ByRow { ended: Statement::EndedNames, delete: Statement::SweepName, width: 2 };
const HELD_TOKENS: ByRow = ByRow { ended: Statement::EndedHeldTokens, delete: Statement::SweepHeldToken, width: 1 };
const SIGNING_KEYS: ByRow = ByRow { ended: Statement::EndedSigningKeys, delete: Statement::SweepSigningKey, width: 1 };
const SEAL_KEYS: ByRow = ByRow { ended: Statement::EndedSealKeys, delete: Statement::SweepSealKey, width: 2 };

fn read_key(columns: &mut Columns<'_>, width: usize) -> Result<Vec<Value>, StoreError> {
    let value = |_| match columns.cell()? {
        Cell::Int(number) => Ok(Value::Int(number)),
        Cell::Bytes(bytes) => Ok(bytes.try_into().map_or_else(|_| Value::Bytes(bytes.to_vec()), Value::Key)),
        Cell::Text(text) => Ok(text.into()),
        Cell::Null => Ok(Value::Null),
    };
    (0..width).map(value).collect()
}
