use serde::{Deserialize, Serialize};

/// Whose tokens a client may exchange, and for what (RFC 8693 §2.1). Its own it may always exchange for less.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExchangePolicy {
    /// The ids of the clients whose tokens it may exchange; `*` is everybody.
    pub tokens_of: Vec<String>,
    /// Whether it may stand for the subject of another client's token without being named (RFC 8693 §1.1: impersonation).
    pub impersonate: bool,
    /// The authorization servers for which it may have identity assertions (ID-JAG).
    pub id_jag_for: Vec<String>,
}

impl ExchangePolicy {
    /// Whether it may exchange the tokens of this client.
    pub fn takes_tokens_of(&self, client_id: &str) -> bool {
        self.tokens_of.iter().any(|taken| taken == "*" || taken == client_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_nobody_else_are_taken_unless_it_is_said() {
        assert!(!ExchangePolicy::default().takes_tokens_of("app"));
        let of = |names: &[&str]| ExchangePolicy {
            tokens_of: names.iter().map(|name| (*name).to_owned()).collect(),
            ..ExchangePolicy::default()
        };
        assert!(of(&["app"]).takes_tokens_of("app") && !of(&["app"]).takes_tokens_of("apps"));
        assert!(of(&["*"]).takes_tokens_of("app"));
    }
}
