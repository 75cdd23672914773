//! Deliveries.

use firman_proto::time::Timestamp;
use firman_store::record::{Delivery, DeliveryKind, DeliveryState};
use firman_store::{CommitId, StoreError};

use super::body;
use crate::row::Columns;
use crate::value::{Value, values};

/// The number of [`DeliveryState::Due`].
pub(crate) const DUE: u8 = 1;
/// The number of [`DeliveryState::Done`].
const DONE: u8 = 2;
/// The number of [`DeliveryState::GivenUp`].
const GIVEN_UP: u8 = 3;

/// A whole row.
pub(crate) fn row(delivery: &Delivery, by: CommitId) -> Vec<Value> {
    let mut row = values![delivery.id.made_at().day(), delivery.id];
    row.extend(state_values(delivery.state));
    row.extend(values![
        delivery.attempts,
        delivery.expires_at,
        delivery.issuer,
        delivery.kind.number(),
        delivery.client,
        delivery.sealed.as_slice(),
        delivery.error.as_deref(),
        by,
        body::write(delivery.rest.clone()),
    ]);
    row
}

/// `state`, `due_at` and `ended_at`.
pub(crate) fn state_values(state: DeliveryState) -> [Value; 3] {
    let none = None::<Timestamp>;
    match state {
        DeliveryState::Due { at } => [DUE.into(), at.into(), none.into()],
        DeliveryState::Done { at } => [DONE.into(), none.into(), at.into()],
        DeliveryState::GivenUp { at } => [GIVEN_UP.into(), none.into(), at.into()],
    }
}

/// Reads a row.
pub(crate) fn read(columns: &mut Columns<'_>) -> Result<Delivery, StoreError> {
    columns.skip(1);
    let id = columns.id()?;
    let (state, due_at, ended_at) = (columns.numbered(Some)?, columns.maybe_time()?, columns.maybe_time()?);
    let state = match (state, due_at, ended_at) {
        (DUE, Some(at), _) => DeliveryState::Due { at },
        (DONE, _, Some(at)) => DeliveryState::Done { at },
        (GIVEN_UP, _, Some(at)) => DeliveryState::GivenUp { at },
        _ => return Err(columns.wrong("known state")),
    };
    let (attempts, expires_at, issuer) = (columns.small()?, columns.time()?, columns.issuer()?);
    let (kind, client) = (columns.numbered(DeliveryKind::from_number)?, columns.maybe_id()?);
    let (sealed, error) = (columns.bytes()?.to_vec(), columns.maybe_string()?);
    columns.skip(1);
    let rest = body::read(columns)?;
    Ok(Delivery { id, issuer, kind, client, state, attempts, expires_at, sealed, error, rest })
}
