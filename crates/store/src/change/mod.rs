//! The complete list of what can be written, one documented guard a variant. A transaction is a value.

mod editable;
mod parts;

use firman_proto::digest::Digest16;
use firman_proto::id::RecordId;
use firman_proto::seal::Salt;
use firman_proto::time::{Day, Lifetime, Timestamp};

pub use self::editable::{Editable, EditableKey};
pub use self::parts::{DeliveryFate, FlowApproval, Renewal, Rotation};
use crate::record::{
    Attempts, Delivery, EpochKey, Epochs, Event, Flow, FlowFailure, Grant, Name, Namespace, Once, OnceNamespace,
    RevokeReason, RevokedToken, Session,
};

/// The id of a commit, kept in every row it wins: after a lost acknowledgement it tells who won.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CommitId(pub [u8; 16]);

/// Changes that happen all or not at all.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Transaction {
    /// Random, new for every attempt.
    pub id: CommitId,
    /// In order; the first is the one that decides, where one decides.
    pub changes: Vec<Change>,
}

/// One change and the guard it relies on. A guard that does not hold makes the commit a conflict, not an error.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Change {
    /// Guard: no record of this key. Its revision becomes 0.
    Insert(Editable),
    /// Guard: the record is there with revision `if_revision`, and a client with the same client id, a resource with the same
    /// identifier. Its revision becomes one more.
    Replace {
        /// What it becomes.
        record: Editable,
        /// What the editor saw.
        if_revision: u64,
    },
    /// Guard: the record is there with revision `if_revision`.
    Remove {
        /// Which.
        key: EditableKey,
        /// What the editor saw.
        if_revision: u64,
    },

    /// Guard: the account is there with `seen` failed attempts to sign in. It has these from now on; no edit of the account is
    /// lost by that, and no edit changes them.
    CountAttempt {
        /// Which account.
        id: RecordId,
        /// The attempts the caller saw.
        seen: u32,
        /// What they become: one more, or none.
        to: Attempts,
    },

    /// Guard: the name is free, or its holder's time was up at `now`, or it is already this record's.
    TakeName {
        /// The name and whose it becomes.
        name: Name,
        /// Now.
        now: Timestamp,
    },
    /// No guard: a name that is not this record's stays as it is.
    ReleaseName {
        /// The kind of name.
        namespace: Namespace,
        /// The name.
        digest: Digest16,
        /// Whose it was.
        id: RecordId,
    },

    /// Guard: no flow of this id.
    InsertFlow(Box<Flow>),
    /// Guard: the flow is Ready and not expired at `now`, and the session, where one is named and there, has not been ended. It
    /// becomes Done.
    ClaimFlow {
        /// Which.
        id: RecordId,
        /// The session without which it comes to nothing.
        #[cfg_attr(feature = "serde", serde(default))]
        session: Option<RecordId>,
        /// Now.
        now: Timestamp,
    },
    /// Guard: the flow is Ready with `seen` misses. It gets one more, and becomes Failed at `limit`.
    CountMiss {
        /// Which.
        id: RecordId,
        /// The misses the caller saw.
        seen: u32,
        /// How many burn the code.
        limit: u32,
    },

    /// Guard: the flow is Pending and not expired at `now`. It becomes Ready.
    ApproveFlow(Box<FlowApproval>),
    /// Guard: the flow is Pending and not expired at `now`. It becomes Denied, or Failed if a failure is named.
    DenyFlow {
        /// Which.
        id: RecordId,
        /// Why nobody could say yes or no.
        failure: Option<FlowFailure>,
        /// Now.
        now: Timestamp,
    },
    /// Guard: the flow is Pending and was last polled when the caller saw it was.
    PollFlow {
        /// Which.
        id: RecordId,
        /// When it was last polled, as the caller saw.
        seen: Option<Timestamp>,
        /// The interval from now on.
        interval: Lifetime,
        /// Now.
        now: Timestamp,
    },
    /// No guard: a flow that is neither Pending nor Ready, or absent, stays as it is. It becomes Revoked.
    RevokeFlow {
        /// Which.
        id: RecordId,
    },

    /// Guard: it was never there; a conflict is a replay.
    InsertOnce(Once),

    /// Guard: no grant of this id.
    InsertGrant(Box<Grant>),
    /// Guard: the grant is at generation `from`, not revoked, not expired at `to.since`.
    Rotate(Box<Rotation>),
    /// Guard: the grant is at this generation. The token before it can no longer be retried.
    CloseRetry {
        /// Which.
        id: RecordId,
        /// The generation the caller saw.
        generation: u64,
    },
    /// Guard: the grant is not revoked, not expired at `now`, and expires when the caller saw it does. It expires at `to`.
    MoveExpiry {
        /// Which.
        id: RecordId,
        /// When it expires, as the caller saw.
        from: Timestamp,
        /// When it expires from now on.
        to: Timestamp,
        /// Now.
        now: Timestamp,
    },
    /// No guard: a grant that is absent or already revoked stays as it is.
    RevokeGrant {
        /// Which.
        id: RecordId,
        /// Why.
        reason: RevokeReason,
        /// Now.
        now: Timestamp,
    },
    /// No guard: a grant that is absent or revoked, or was used later, stays as it is.
    TouchGrant {
        /// Which.
        id: RecordId,
        /// Now.
        now: Timestamp,
    },
    /// Guard: the grant is there, not revoked, and still has the salt the caller saw: of rivals one renews it, and the
    /// tokens it then makes are not killed by the others. A new salt kills every access token of it; from now on it lives
    /// under these epochs.
    ResaltGrant {
        /// Which.
        id: RecordId,
        /// The salt the caller saw.
        #[cfg_attr(feature = "serde", serde(with = "crate::salts"))]
        from: Salt,
        /// The new salt.
        #[cfg_attr(feature = "serde", serde(with = "crate::salts"))]
        to: Salt,
        /// The epochs the caller saw.
        epochs: Epochs,
    },

    /// No guard: a token that is already revoked stays so.
    RevokeToken(RevokedToken),

    /// Guard: no session of this id.
    InsertSession(Box<Session>),
    /// Guard: the session is not ended, not expired at `now`, and still has the salt the caller saw.
    RenewSession(Box<Renewal>),
    /// No guard: a session that is ended, or was seen later, stays as it is.
    TouchSession {
        /// Which.
        id: RecordId,
        /// Now.
        now: Timestamp,
    },
    /// No guard: a session that is absent or already ended stays as it is.
    EndSession {
        /// Which.
        id: RecordId,
        /// Now.
        now: Timestamp,
    },

    /// No guard: a client that takes part already goes on doing so.
    JoinSession {
        /// Which session.
        session: RecordId,
        /// The client that takes part in it.
        client: RecordId,
        /// The absolute end of the session.
        expires_at: Timestamp,
    },

    /// No guard: ids of deliveries are never used twice, and inserting the same one again changes nothing.
    InsertDelivery(Box<Delivery>),
    /// Guard: the delivery is due, and was taken as often as the caller saw. It was taken once more, and nobody else takes it
    /// before `until`.
    TakeDelivery {
        /// Which.
        id: RecordId,
        /// How often it was taken, as the caller saw.
        seen: u32,
        /// By then its fate is told, or it is taken again.
        until: Timestamp,
    },
    /// Guard: the delivery is due, and was not taken since.
    FinishDelivery(Box<DeliveryFate>),

    /// No guard: the counter becomes one more than whatever it is.
    AdvanceEpoch(EpochKey),

    /// No guard: event ids are never used twice, and appending the same event again changes nothing.
    Append(Box<Event>),
}

/// A row whose last winner can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each holds the key of the record it is named after")]
pub enum RowKey {
    Editable(EditableKey),
    Name(Namespace, Digest16),
    Flow(RecordId),
    Once(Day, OnceNamespace, Digest16),
    Grant(RecordId),
    Session(RecordId),
    Delivery(RecordId),
}

impl Change {
    /// Whether it edits what nodes remember.
    fn is_remembered(&self) -> bool {
        let key = match self {
            Self::Insert(record) | Self::Replace { record, .. } => record.key(),
            Self::Remove { key, .. } => *key,
            _ => return false,
        };
        match key {
            EditableKey::Client(_)
            | EditableKey::Resource(_)
            | EditableKey::SigningKey(_)
            | EditableKey::SealKey(..)
            | EditableKey::Deployment => true,
            EditableKey::Account(_)
            | EditableKey::Consent(_)
            | EditableKey::HeldToken(_)
            | EditableKey::HeldClaims(_) => false,
        }
    }

    /// The row whose commit id tells, after a lost acknowledgement, whether this change happened. `None` for a change
    /// that cannot make a commit a conflict: repeating it does no harm.
    pub fn deciding_row(&self) -> Option<RowKey> {
        Some(match self {
            Self::Insert(record) | Self::Replace { record, .. } => RowKey::Editable(record.key()),
            Self::Remove { key, .. } => RowKey::Editable(*key),
            Self::CountAttempt { id, .. } => RowKey::Editable(EditableKey::Account(*id)),
            Self::TakeName { name, .. } => RowKey::Name(name.namespace, name.digest),
            Self::InsertFlow(flow) => RowKey::Flow(flow.id),
            Self::ClaimFlow { id, .. }
            | Self::CountMiss { id, .. }
            | Self::DenyFlow { id, .. }
            | Self::PollFlow { id, .. } => RowKey::Flow(*id),
            Self::ApproveFlow(approved) => RowKey::Flow(approved.id),
            Self::InsertOnce(once) => RowKey::Once(once.day(), once.namespace, once.digest),
            Self::InsertGrant(grant) => RowKey::Grant(grant.id),
            Self::Rotate(rotation) => RowKey::Grant(rotation.id),
            Self::CloseRetry { id, .. } | Self::MoveExpiry { id, .. } | Self::ResaltGrant { id, .. } => {
                RowKey::Grant(*id)
            }
            Self::InsertSession(session) => RowKey::Session(session.id),
            Self::RenewSession(renewal) => RowKey::Session(renewal.id),
            Self::TakeDelivery { id, .. } => RowKey::Delivery(*id),
            Self::FinishDelivery(fate) => RowKey::Delivery(fate.id),
            Self::ReleaseName { .. }
            | Self::RevokeFlow { .. }
            | Self::RevokeGrant { .. }
            | Self::RevokeToken(_)
            | Self::TouchSession { .. }
            | Self::EndSession { .. }
            | Self::TouchGrant { .. }
            | Self::JoinSession { .. }
            | Self::InsertDelivery(_)
            | Self::AdvanceEpoch(_)
            | Self::Append(_) => return None,
        })
    }
}

impl Transaction {
    /// The same, and if it edits what nodes remember (clients, resources, keys, the deployment), the advance of the edition with it. Every
    /// store makes this of what it is given; it comes last, so that the places of the others stay.
    #[must_use]
    pub fn with_edition(mut self) -> Self {
        if self.edits_what_is_remembered() {
            self.changes.push(Change::AdvanceEpoch(EpochKey::Edition));
        }
        self
    }

    /// Whether it edits a client, a resource, a key or the deployment.
    pub fn edits_what_is_remembered(&self) -> bool {
        self.changes.iter().any(Change::is_remembered)
    }

    /// The row of the first change that can make this commit a conflict.
    pub fn deciding_row(&self) -> Option<RowKey> {
        self.changes.iter().find_map(Change::deciding_row)
    }
}
