use std::fmt;

use firman_proto::id::{IssuerNumber, RecordId};
use firman_proto::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::Rest;

/// Something that must reach somebody else, and is tried until it does or its time is up.
#[derive(Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Delivery {
    /// The key's first part is the day this id was made.
    pub id: RecordId,
    /// The issuer.
    pub issuer: IssuerNumber,
    /// What it is.
    pub kind: DeliveryKind,
    /// The client it goes to, if it goes to one.
    pub client: Option<RecordId>,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was taken to be delivered.
    pub attempts: u32,
    /// It is given up then.
    pub expires_at: Timestamp,
    /// Where to and what, sealed; empty once it is done.
    pub sealed: Vec<u8>,
    /// What went wrong the last time.
    pub error: Option<String>,
    /// What people may see of it; members of a later version.
    pub rest: Rest,
}

/// Without what is in it.
impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Delivery({}, {:?}, {:?}, {} attempts)", self.id, self.kind, self.state, self.attempts)
    }
}

/// What is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryKind {
    /// A logout token to a client (OpenID Connect Back-Channel Logout 1.0).
    BackchannelLogout,
    /// An event to whoever wants to react.
    Webhook,
    /// A message to a person.
    Email,
}

impl DeliveryKind {
    /// Every kind, at the place of its number in the database less one.
    pub const ALL: &'static [Self] = &[Self::BackchannelLogout, Self::Webhook, Self::Email];

    /// The number in the database; numbers are never given twice.
    pub const fn number(self) -> u8 {
        match self {
            Self::BackchannelLogout => 1,
            Self::Webhook => 2,
            Self::Email => 3,
        }
    }

    /// Reads the number in the database.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.number() == number)
    }
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// To be tried, or tried again if whoever took it does not say what became of it.
    Due {
        /// From then on.
        at: Timestamp,
    },
    /// It has arrived.
    Done {
        /// When.
        at: Timestamp,
    },
    /// It never will.
    GivenUp {
        /// When.
        at: Timestamp,
    },
}
