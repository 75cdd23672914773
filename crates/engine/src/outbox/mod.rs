//! What must reach somebody else: written down in the commit that it follows from, and tried until it arrives or its time is up.
//!
//! An attempt is three steps: [`take`] it, so that no other node tries meanwhile; [`Deliver`] it; [`conclude`] what became of it. Who
//! dies in between leaves it due again, so that it arrives at least once, and now and then twice: by its id whoever gets it can tell.

mod attempt;
mod schedule;

pub use attempt::{Taken, conclude, due, put_off, take};
pub use schedule::OutboxPolicy;

use std::borrow::Cow;
use std::fmt;

use async_trait::async_trait;
use firman_proto::id::{IssuerNumber, RecordId};
use firman_proto::seal::{MasterKey, Place};
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::Change;
use firman_store::record::{Delivery, DeliveryKind, DeliveryState, Rest};
use serde_json::Value as Json;
use zeroize::Zeroizing;

use crate::failure::Fault;
use crate::fetch::{FetchError, Reply};
use crate::policy::Policy;
use crate::ports::Entropy;
use crate::{Engine, random};

/// What of a delivery is wrapped, among what is wrapped in the same record.
const BODY: u32 = 1;

/// The longest reason that is kept, in characters.
const REASON: usize = 200;

/// The one way in which a kind of delivery is delivered.
#[async_trait]
pub trait Deliver: Send + Sync + 'static {
    /// The kind.
    fn kind(&self) -> DeliveryKind;

    /// Tries once. Whoever calls this bounds it in time, and may drop it at any moment.
    async fn deliver(&self, engine: &Engine, letter: &Letter, now: Timestamp) -> Outcome;
}

/// Something to be delivered, as its maker puts it into the outbox.
pub struct Outgoing {
    /// What it is.
    pub kind: DeliveryKind,
    /// The client it goes to, if it goes to one.
    pub client: Option<RecordId>,
    /// Where it goes, as operators may read it (a host, the name of a webhook): what has the same words here waits for one another.
    pub to: String,
    /// All that it takes to deliver it; kept sealed, and forgotten once it has arrived.
    pub body: Zeroizing<Vec<u8>>,
    /// How long it is worth trying; not longer than the policy says.
    pub life: Option<Lifetime>,
}

/// A delivery that was taken to be tried, opened.
pub struct Letter {
    /// Its id, the same at each attempt.
    pub id: RecordId,
    /// What it is.
    pub kind: DeliveryKind,
    /// The client it goes to, if it goes to one.
    pub client: Option<RecordId>,
    /// Where it goes, as operators may read it.
    pub to: String,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// It is given up then.
    pub expires_at: Timestamp,
    /// What its maker gave.
    pub body: Zeroizing<Vec<u8>>,
}

/// How an attempt ended. Reasons are for operators, and are kept: nothing secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It has arrived.
    Done,
    /// It was refused for now: worth another attempt.
    Later(Cow<'static, str>),
    /// Nobody answered: worth another attempt, and whatever else goes there need not try at once.
    NoAnswer(Cow<'static, str>),
    /// It never will.
    GiveUp(Cow<'static, str>),
}

impl Outcome {
    /// What the answer to a posted request means where any 2xx means that it has arrived, and nothing but 410 (RFC 9110 §15.5.11)
    /// that it never will.
    pub fn of(answer: Result<Reply, FetchError>) -> Self {
        match answer {
            Ok(reply) if (200..300).contains(&reply.status) => Self::Done,
            Ok(Reply { status: 410, .. }) => Self::GiveUp("answered 410".into()),
            Ok(reply) => Self::Later(format!("answered {}", reply.status).into()),
            Err(FetchError::Failed(why)) => Self::NoAnswer(why),
            Err(FetchError::Refused(why)) => Self::Later(format!("not sent: {why}").into()),
        }
    }

    /// Why it has not arrived.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Done => None,
            Self::Later(why) | Self::NoAnswer(why) | Self::GiveUp(why) => Some(why),
        }
    }
}

/// A fault of ours is no reason to give up.
impl From<Fault> for Outcome {
    fn from(fault: Fault) -> Self {
        Self::Later(fault.to_string().into())
    }
}

impl Engine {
    /// Puts something into the outbox: the change belongs in the commit of what it follows from.
    pub fn send_later(&self, outgoing: Outgoing, now: Timestamp) -> Result<Change, Fault> {
        self.packer().pack(outgoing, now)
    }

    pub(crate) fn packer(&self) -> Packer<'_> {
        let (entropy, master) = (&*self.entropy, self.keys.master());
        Packer { entropy, master, issuer: self.number, policy: &self.policy }
    }

    /// Completes when something was put into the outbox by this engine since the last time it did.
    pub async fn outbox_rings(&self) {
        self.bell.notified().await;
    }
}

/// What it takes to put something into the outbox.
pub(crate) struct Packer<'a> {
    /// Randomness.
    pub(crate) entropy: &'a dyn Entropy,
    /// What bodies are sealed under.
    pub(crate) master: &'a MasterKey,
    /// Whose deliveries they are.
    pub(crate) issuer: IssuerNumber,
    /// How long they are tried, and where events go.
    pub(crate) policy: &'a Policy,
}

impl Packer<'_> {
    pub(crate) fn pack(&self, outgoing: Outgoing, now: Timestamp) -> Result<Change, Fault> {
        let id = random::record_id(self.entropy, now)?;
        let (nonce, place) = (random::bytes(self.entropy)?, place_of_body(self.issuer, id));
        let sealed = self.master.wrap_key(&place, nonce, &outgoing.body);
        let sealed = sealed.map_err(|error| Fault::lasting("seal a delivery", error.to_string()))?;
        let longest = self.policy.outbox.life;
        let life = outgoing.life.map_or(longest, |life| life.min(longest));
        Ok(Change::InsertDelivery(Box::new(Delivery {
            id,
            issuer: self.issuer,
            kind: outgoing.kind,
            client: outgoing.client,
            state: DeliveryState::Due { at: now },
            attempts: 0,
            expires_at: now.plus(life),
            sealed,
            error: None,
            rest: Rest::from_iter([("to".to_owned(), Json::String(outgoing.to))]),
        })))
    }
}

fn place_of_body(issuer: IssuerNumber, delivery: RecordId) -> Place {
    Place { issuer, record: delivery, number: BODY }
}

/// Where a delivery goes, as operators may read it.
pub fn to(delivery: &Delivery) -> &str {
    delivery.rest.get("to").and_then(Json::as_str).unwrap_or_default()
}

/// Without what is in it.
impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Letter({}, {:?}, attempt {})", self.id, self.kind, self.attempt)
    }
}
