//! Who acts, and from where: said once around what they do, so that no line of the audit trail can forget it.

use std::net::IpAddr;

use firman_store::record::{Rest, Subject};
use serde_json::json;

/// The longest user agent that is kept, in characters.
const USER_AGENT: usize = 128;

tokio::task_local! {
    static ACTING: Acting;
}

#[derive(Clone, Debug, Default)]
struct Acting {
    actor: Option<Actor>,
    from: Origin,
    language: Option<&'static str>,
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

/// Where a request comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The address, as far as it is known.
    pub address: Option<IpAddr>,
    /// What the program calls itself that asks.
    pub user_agent: Option<String>,
}

/// Does this work as somebody: the events that it appends say so.
pub async fn acting<F: Future>(actor: Actor, work: F) -> F::Output {
    ACTING.scope(Acting { actor: Some(actor), ..current() }, work).await
}

/// Does this work for a request from there: the events that it appends say so.
pub async fn coming_from<F: Future>(from: Origin, work: F) -> F::Output {
    ACTING.scope(Acting { from, ..current() }, work).await
}

/// Does this work for somebody who reads this language (BCP 47): what is written to them is written in it.
pub async fn reading<F: Future>(language: &'static str, work: F) -> F::Output {
    ACTING.scope(Acting { language: Some(language), ..current() }, work).await
}

/// The language of whoever is here, if that is known.
pub(crate) fn language() -> Option<&'static str> {
    current().language
}

fn current() -> Acting {
    ACTING.try_with(Acting::clone).unwrap_or_default()
}

/// What events say of who acts here, and from where; nothing where nobody was named (the server itself, or whoever the event names).
pub(crate) fn details() -> Rest {
    let Acting { actor, from, .. } = current();
    let mut details = Rest::new();
    if let Some(actor) = actor {
        let said = match actor {
            Actor::CommandLine => json!({"kind": "command_line"}),
            Actor::Operator { subject: Some(subject), client_id } => {
                json!({"kind": "operator", "subject": subject.as_str(), "client_id": client_id})
            }
            Actor::Operator { subject: None, client_id } => json!({"kind": "operator", "client_id": client_id}),
        };
        details.insert("actor".to_owned(), said);
    }
    if let Some(address) = from.address {
        details.insert("address".to_owned(), json!(address.to_canonical()));
    }
    if let Some(user_agent) = from.user_agent {
        let short: String = user_agent.chars().filter(|c| !c.is_control()).take(USER_AGENT).collect();
        details.insert("user_agent".to_owned(), short.into());
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

    #[tokio::test]
    async fn where_a_request_comes_from_is_said_whoever_acts_inside_and_bounded() {
        let address = "::ffff:192.0.2.7".parse().ok();
        let from = Origin { address, user_agent: Some(format!("browser\n{}", "x".repeat(500))) };
        let said = coming_from(from, acting(Actor::CommandLine, async { details() })).await;
        assert_eq!(said["address"], json!("192.0.2.7"));
        assert_eq!(said["user_agent"].as_str().map(str::len), Some(USER_AGENT));
        assert!(said.contains_key("actor"));
        assert!(details().is_empty());
    }
}
