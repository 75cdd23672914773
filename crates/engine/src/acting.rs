//! Who acts: said once around what they do, so that no line of the audit trail can forget it.

use firman_store::record::{Rest, Subject};
use serde_json::json;

tokio::task_local! {
    static ACTOR: Actor;
}

/// Who makes a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Whoever runs commands on the machine of the store.
    CommandLine,
    /// Whoever has an access token for the admin API.
    Operator {
        /// The person; nobody where a client acts for itself.
        subject: Option<Subject>,
        /// The client they use.
        client_id: String,
    },
}

/// Does this work as somebody: the events that it appends say so.
pub async fn acting<F: Future>(actor: Actor, work: F) -> F::Output {
    ACTOR.scope(actor, work).await
}

/// What events say of who acts here; nothing where nobody was named (the server itself, or whoever the event names).
pub(crate) fn details() -> Rest {
    let mut details = Rest::new();
    if let Ok(actor) = ACTOR.try_with(Actor::clone) {
        let said = match actor {
            Actor::CommandLine => json!({"kind": "command_line"}),
            Actor::Operator { subject: Some(subject), client_id } => {
                json!({"kind": "operator", "subject": subject.as_str(), "client_id": client_id})
            }
            Actor::Operator { subject: None, client_id } => json!({"kind": "operator", "client_id": client_id}),
        };
        details.insert("actor".to_owned(), said);
    }
    details
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_acts_is_said_of_what_they_do_and_of_nothing_else() {
        let subject = Subject::new("somebody");
        let actor = Actor::Operator { subject, client_id: "a-console".to_owned() };
        let said = acting(actor, async { details() }).await;
        assert_eq!(
            json!(said),
            json!({"actor": {"kind": "operator", "subject": "somebody", "client_id": "a-console"}})
        );
        assert_eq!(
            json!(acting(Actor::CommandLine, async { details() }).await["actor"]["kind"]),
            json!("command_line")
        );
        assert!(details().is_empty());
    }
}
