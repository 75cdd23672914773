//! What a commit withdraws, said in an event that it appends anyway.

use firman_proto::feed::Key;
use firman_proto::id::RecordId;
use firman_proto::time::Timestamp;
use firman_store::record::{EpochKey, Event};
use firman_store::{Change, Editable, EditableKey};
use serde::{Deserialize, Serialize};

use crate::failure::Fault;

/// The member of an event's details.
pub(super) const MEMBER: &str = "withdrawn";

/// What a commit may have withdrawn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Notice {
    /// What died for good.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) dead: Vec<Key>,
    /// Clients that were edited: whether they are enabled, and how far their epochs are, is to be looked up.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) clients: Vec<RecordId>,
    /// Subjects ([`firman_store::record::Subject::key`], in hex) whose epoch was advanced.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) subjects: Vec<String>,
}

impl Notice {
    /// What these withdraw `now`: keys that are succeeded end later, those that are revoked at once.
    fn of(changes: &[Change], now: Timestamp) -> Self {
        let mut notice = Self::default();
        for change in changes {
            match change {
                Change::RevokeToken(token) => notice.dead.push(Key::token(token.digest)),
                Change::RevokeGrant { id, .. } => notice.dead.push(Key::record(*id)),
                Change::ResaltGrant { id, from, .. } => notice.dead.push(Key::salted(*id, from)),
                Change::AdvanceEpoch(EpochKey::Subject(subject)) => notice.subjects.push(subject.to_string()),
                Change::Replace { record: Editable::Client(client), .. } => notice.clients.push(client.id),
                Change::Replace { record: Editable::SigningKey(key), .. } if key.schedule.ends_at <= now => {
                    notice.dead.push(Key::signer(&key.jwk.kid));
                }
                Change::Replace { record: Editable::SealKey(key), .. } if key.schedule.ends_at <= now => {
                    notice.dead.push(Key::seal_key(key.issuer, key.number));
                }
                Change::AdvanceEpoch(EpochKey::Client(id)) | Change::Remove { key: EditableKey::Client(id), .. } => {
                    notice.clients.push(*id);
                }
                // How far the epoch of everything is, is always told.
                _ => {}
            }
        }
        notice.clients.dedup();
        notice
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// These changes, with what they withdraw said in the first event among them.
pub(crate) fn with_notice(mut changes: Vec<Change>) -> Result<Vec<Change>, Fault> {
    let now = changes.iter_mut().find_map(event_in).map_or(Timestamp::default(), |event| event.at);
    let notice = Notice::of(&changes, now);
    if notice.is_empty() {
        return Ok(changes);
    }
    let Some(event) = changes.iter_mut().find_map(event_in) else {
        // A client's standing grant that is renewed under new epochs: what it had was ended by them, and they were told.
        let renewal = |change: &Change| {
            matches!(change, Change::ResaltGrant { .. }) || Notice::of(std::slice::from_ref(change), now).is_empty()
        };
        // Whatever else is withdrawn, the trail says so; a commit that does not would never be told.
        let untold = || Fault::lasting("tell of what is withdrawn", "the commit appends no event");
        return if changes.iter().all(renewal) { Ok(changes) } else { Err(untold()) };
    };
    let said = serde_json::to_value(&notice);
    let said = said.map_err(|error| Fault::lasting("tell of what is withdrawn", error.to_string()))?;
    event.details.insert(MEMBER.to_owned(), said);
    Ok(changes)
}

fn event_in(change: &mut Change) -> Option<&mut Event> {
    if let Change::Append(event) = change { Some(event) } else { None }
}
