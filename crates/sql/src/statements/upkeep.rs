//! The statements that keep a store in order: what has ended leaves, is counted, and every row is copied.

/// The statement that reads a table page by page in the order of its key. Written out so that every database uses the key.
macro_rules! every_row {
    ($table:literal, $first:literal) => {
        concat!(
            "SELECT {t:",
            $table,
            ".*} FROM {",
            $table,
            "} t WHERE t.{",
            $table,
            ".",
            $first,
            "} > ? ",
            "ORDER BY t.{",
            $table,
            ".",
            $first,
            "} LIMIT ?"
        )
    };
    ($table:literal, $first:literal, $second:literal) => {
        concat!(
            "SELECT {t:",
            $table,
            ".*} FROM {",
            $table,
            "} t WHERE t.{",
            $table,
            ".",
            $first,
            "} >= ? ",
            "AND (t.{",
            $table,
            ".",
            $first,
            "} > ? OR t.{",
            $table,
            ".",
            $second,
            "} > ?) ",
            "ORDER BY t.{",
            $table,
            ".",
            $first,
            "}, t.{",
            $table,
            ".",
            $second,
            "} LIMIT ?"
        )
    };
    ($table:literal, $first:literal, $second:literal, $third:literal) => {
        concat!(
            "SELECT {t:",
            $table,
            ".*} FROM {",
            $table,
            "} t WHERE t.{",
            $table,
            ".",
            $first,
            "} >= ? ",
            "AND (t.{",
            $table,
            ".",
            $first,
            "} > ? OR t.{",
            $table,
            ".",
            $second,
            "} > ? ",
            "OR (t.{",
            $table,
            ".",
            $second,
            "} = ? AND t.{",
            $table,
            ".",
            $third,
            "} > ?)) ",
            "ORDER BY t.{",
            $table,
            ".",
            $first,
            "}, t.{",
            $table,
            ".",
            $second,
            "}, t.{",
            $table,
            ".",
            $third,
            "} LIMIT ?"
        )
    };
}

macro_rules! with_upkeep {
    ($($others:tt)*) => {
        statements! {
            $($others)*

            // What has ended leaves.
            FlowsUpTo = "SELECT {flows.day}, {flows.id} FROM {flows} WHERE {flows.day} < ? AND {flows.expires_at} < ?
                ORDER BY {flows.day}, {flows.id} LIMIT 1 OFFSET ?";
            SweepFlows = "DELETE FROM {flows} WHERE ({flows.day}, {flows.id}) <= (?, ?) AND {flows.expires_at} < ?";
            EndedGrants = "SELECT {grants.id} FROM {grants} WHERE {grants.purge_day} < ? AND {grants.expires_at} < ?
                ORDER BY {grants.purge_day}, {grants.id} LIMIT ?";
            // Grants whose expiry moved after their purge day was set, or never comes; and whether their client is there.
            LateGrants = "SELECT g.{grants.id}, g.{grants.expires_at}, c.{clients.enabled} FROM {grants} g
                LEFT JOIN {clients} c ON c.{clients.id} = g.{grants.client}
                WHERE g.{grants.purge_day} < ? AND g.{grants.expires_at} >= ? ORDER BY g.{grants.purge_day}, g.{grants.id} LIMIT ?";
            MovePurgeDay = "UPDATE {grants} SET {grants.purge_day} = ? WHERE {grants.id} = ? AND {grants.expires_at} = ?";
            SweepGrant = "DELETE FROM {grants} WHERE {grants.id} = ? AND {grants.expires_at} < ?";
            SweepOrphan = "DELETE FROM {grants} WHERE {grants.id} = ?";
            RevokedTokensUpTo = "SELECT {revoked_tokens.day}, {revoked_tokens.grant_id}, {revoked_tokens.digest}
                FROM {revoked_tokens} WHERE {revoked_tokens.day} < ?
                ORDER BY {revoked_tokens.day}, {revoked_tokens.grant_id}, {revoked_tokens.digest} LIMIT 1 OFFSET ?";
            SweepRevokedTokens = "DELETE FROM {revoked_tokens}
                WHERE ({revoked_tokens.day}, {revoked_tokens.grant_id}, {revoked_tokens.digest}) <= (?, ?, ?)";
            OnceUpTo = "SELECT {once.day}, {once.namespace}, {once.digest} FROM {once} WHERE {once.day} < ?
                ORDER BY {once.day}, {once.namespace}, {once.digest} LIMIT 1 OFFSET ?";
            SweepOnce = "DELETE FROM {once} WHERE ({once.day}, {once.namespace}, {once.digest}) <= (?, ?, ?)";
            EndedNames = "SELECT {names.namespace}, {names.digest} FROM {names} WHERE {names.expires_at} < ?
                ORDER BY {names.expires_at} LIMIT ?";
            SweepName = "DELETE FROM {names} WHERE {names.namespace} = ? AND {names.digest} = ? AND {names.expires_at} < ?";
            EndedSessions = "SELECT {sessions.day}, {sessions.id} FROM {sessions} WHERE {sessions.expires_at} < ?
                ORDER BY {sessions.expires_at} LIMIT ?";
            SweepSession = "DELETE FROM {sessions} WHERE {sessions.day} = ? AND {sessions.id} = ? AND {sessions.expires_at} < ?";
            SessionClientsUpTo = "SELECT {session_clients.day}, {session_clients.session}, {session_clients.client}
                FROM {session_clients} WHERE {session_clients.day} < ?
                ORDER BY {session_clients.day}, {session_clients.session}, {session_clients.client} LIMIT 1 OFFSET ?";
            SweepSessionClients = "DELETE FROM {session_clients}
                WHERE ({session_clients.day}, {session_clients.session}, {session_clients.client}) <= (?, ?, ?)";
            EndedSigningKeys = "SELECT {signing_keys.id} FROM {signing_keys} WHERE {signing_keys.ends_at} < ? LIMIT ?";
            SweepSigningKey = "DELETE FROM {signing_keys} WHERE {signing_keys.id} = ? AND {signing_keys.ends_at} < ?";
            EndedSealKeys = "SELECT {seal_keys.issuer}, {seal_keys.number} FROM {seal_keys}
                WHERE {seal_keys.ends_at} < ? LIMIT ?";
            SweepSealKey = "DELETE FROM {seal_keys}
                WHERE {seal_keys.issuer} = ? AND {seal_keys.number} = ? AND {seal_keys.ends_at} < ?";
            EventsUpTo = "SELECT {events.day}, {events.about}, {events.id} FROM {events} WHERE {events.day} < ?
                ORDER BY {events.day}, {events.about}, {events.id} LIMIT 1 OFFSET ?";
            SweepEvents = "DELETE FROM {events} WHERE ({events.day}, {events.about}, {events.id}) <= (?, ?, ?)";
            DeliveriesUpTo = "SELECT {deliveries.day}, {deliveries.id} FROM {deliveries}
                WHERE {deliveries.day} < ? AND {deliveries.expires_at} < ?
                ORDER BY {deliveries.day}, {deliveries.id} LIMIT 1 OFFSET ?";
            SweepDeliveries = "DELETE FROM {deliveries}
                WHERE ({deliveries.day}, {deliveries.id}) <= (?, ?) AND {deliveries.expires_at} < ?";
            EndedHeldTokens = "SELECT {held_tokens.token_key} FROM {held_tokens} WHERE {held_tokens.expires_at} < ?
                ORDER BY {held_tokens.expires_at} LIMIT ?";
            SweepHeldToken = "DELETE FROM {held_tokens} WHERE {held_tokens.token_key} = ? AND {held_tokens.expires_at} < ?";

            // What is overdue, each counted to a limit.
            OverdueFlows = "SELECT COUNT(*) FROM (SELECT {flows.id} FROM {flows}
                WHERE {flows.day} < ? AND {flows.expires_at} < ? LIMIT ?) ended";
            OverdueGrants = "SELECT COUNT(*) FROM (SELECT {grants.id} FROM {grants}
                WHERE {grants.purge_day} < ? AND {grants.expires_at} < ? LIMIT ?) ended";
            OverdueRevokedTokens = "SELECT COUNT(*) FROM (SELECT {revoked_tokens.day} FROM {revoked_tokens}
                WHERE {revoked_tokens.day} < ? LIMIT ?) ended";
            OverdueOnce = "SELECT COUNT(*) FROM (SELECT {once.day} FROM {once} WHERE {once.day} < ? LIMIT ?) ended";
            OverdueSessions = "SELECT COUNT(*) FROM (SELECT {sessions.id} FROM {sessions}
                WHERE {sessions.expires_at} < ? LIMIT ?) ended";
            OverdueNames = "SELECT COUNT(*) FROM (SELECT {names.digest} FROM {names} WHERE {names.expires_at} < ? LIMIT ?) ended";
            OverdueDeliveries = "SELECT COUNT(*) FROM (SELECT {deliveries.id} FROM {deliveries}
                WHERE {deliveries.day} < ? AND {deliveries.expires_at} < ? LIMIT ?) ended";
            OverdueSessionClients = "SELECT COUNT(*) FROM (SELECT {session_clients.day} FROM {session_clients}
                WHERE {session_clients.day} < ? LIMIT ?) ended";
            OverdueHeldTokens = "SELECT COUNT(*) FROM (SELECT {held_tokens.token_key} FROM {held_tokens}
                WHERE {held_tokens.expires_at} < ? LIMIT ?) ended";
            OverdueEvents = "SELECT COUNT(*) FROM (SELECT {events.day} FROM {events} WHERE {events.day} < ? LIMIT ?) ended";
            OverdueSigningKeys = "SELECT COUNT(*) FROM (SELECT {signing_keys.id} FROM {signing_keys}
                WHERE {signing_keys.ends_at} < ? LIMIT ?) ended";
            OverdueSealKeys = "SELECT COUNT(*) FROM (SELECT {seal_keys.number} FROM {seal_keys}
                WHERE {seal_keys.ends_at} < ? LIMIT ?) ended";

            // Every row of a table, for a copy.
            ClientsCopy = every_row!("clients", "id");
            FlowsCopy = every_row!("flows", "day", "id");
            GrantsCopy = every_row!("grants", "id");
            EpochsCopy = every_row!("epochs", "kind", "id");
            RevokedTokensCopy = every_row!("revoked_tokens", "day", "grant_id", "digest");
            OnceCopy = every_row!("once", "day", "namespace", "digest");
            ResourcesCopy = every_row!("resources", "id");
            NamesCopy = every_row!("names", "namespace", "digest");
            SessionsCopy = every_row!("sessions", "day", "id");
            ConsentsCopy = every_row!("consents", "subject_key", "client");
            AccountsCopy = every_row!("accounts", "id");
            SigningKeysCopy = every_row!("signing_keys", "id");
            SealKeysCopy = every_row!("seal_keys", "issuer", "number");
            DeploymentCopy = every_row!("deployment", "slot");
            EventsCopy = every_row!("events", "day", "about", "id");
            DeliveriesCopy = every_row!("deliveries", "day", "id");
            SessionClientsCopy = every_row!("session_clients", "day", "session", "client");
            HeldTokensCopy = every_row!("held_tokens", "token_key");
            HeldClaimsCopy = every_row!("held_claims", "holder_key");

            // The store.
            Check = "SELECT {firman_schema.version} FROM {firman_schema} ORDER BY {firman_schema.version} DESC LIMIT 1";
            // Looks at every table without which nothing can be served, at a key that nobody has.
            Serve = "SELECT v.{firman_schema.version} FROM {firman_schema} v
                 WHERE NOT EXISTS (SELECT 1 FROM {clients} WHERE {clients.id} = ?)
                   AND NOT EXISTS (SELECT 1 FROM {flows} WHERE {flows.day} = ? AND {flows.id} = ?)
                   AND NOT EXISTS (SELECT 1 FROM {grants} WHERE {grants.id} = ?)
                   AND NOT EXISTS (SELECT 1 FROM {sessions} WHERE {sessions.day} = ? AND {sessions.id} = ?)
                 ORDER BY v.{firman_schema.version} DESC LIMIT 1";
            CountRows = "SELECT (SELECT COUNT(*) FROM {clients}), (SELECT COUNT(*) FROM {flows}), (SELECT COUNT(*) FROM {grants}),
                (SELECT COUNT(*) FROM {epochs}), (SELECT COUNT(*) FROM {revoked_tokens}), (SELECT COUNT(*) FROM {names}),
                (SELECT COUNT(*) FROM {sessions}), (SELECT COUNT(*) FROM {consents}), (SELECT COUNT(*) FROM {accounts}),
                (SELECT COUNT(*) FROM {signing_keys}), (SELECT COUNT(*) FROM {seal_keys}), (SELECT COUNT(*) FROM {deployment}),
                (SELECT COUNT(*) FROM {events}), (SELECT COUNT(*) FROM {once}), (SELECT COUNT(*) FROM {resources}),
                (SELECT COUNT(*) FROM {deliveries}), (SELECT COUNT(*) FROM {session_clients}),
                (SELECT COUNT(*) FROM {held_tokens}), (SELECT COUNT(*) FROM {held_claims})";
        }
    };
}
