//! `firman client export`.

use clap::Args;
use firman_store::record::{Client, ClientPolicy};
use serde_json::{Map, Value, json};

use super::client::all;
use super::output::{Failed, Printer};
use crate::start::Running;

#[derive(Args)]
pub(super) struct Export {
    /// What stands between two scopes; anything but a space is for other programs than `apply`.
    #[arg(long, default_value = " ", value_name = "TEXT")]
    scope_separator: String,
}

impl Export {
    pub(super) async fn run(self, running: &Running, printer: Printer) -> Result<(), Failed> {
        let clients: Vec<_> =
            all(running).await?.iter().map(|client| exported(client, &self.scope_separator)).collect();
        let file = json!({"clients": clients});
        printer.done(&file, || serde_json::to_string_pretty(&file).unwrap_or_default())
    }
}

/// What `apply` makes the same client of; nobody has its secret.
fn exported(client: &Client, separator: &str) -> Value {
    let mut members = match serde_json::to_value(&client.metadata) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    };
    members.insert("client_id".to_owned(), client.client_id.as_str().into());
    members.insert("scope".to_owned(), client.metadata.scope.iter().collect::<Vec<_>>().join(separator).into());
    // What somebody else states of it is between them and the registration endpoint.
    members.remove("software_statement");
    if client.policy != ClientPolicy::default() {
        members.insert("policy".to_owned(), json!(client.policy));
    }
    Value::Object(members)
}

#[cfg(test)]
mod tests {
    use firman_store::conformance::fixtures;

    use super::*;

    #[test]
    fn scopes_are_separated_as_asked_for_and_no_secret_is_there() {
        let client = fixtures::client();
        let scope = client.metadata.scope.to_string();
        assert_eq!(exported(&client, " ")["scope"], scope);
        assert_eq!(exported(&client, ",")["scope"], scope.replace(' ', ","));
        assert!(exported(&client, " ").get("secrets").is_none());
    }
}
