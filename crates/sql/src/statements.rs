//! Every statement that runs after start-up, once, for all dialects. `template.rs` says what stands in braces.
//!
//! Guards are in the `WHERE`; whoever runs a statement looks at how many rows it changed. No clock, no time arithmetic, no
//! upsert. Assignments in `UPDATE` are in an order that is right both where the right-hand side means the row before and
//! where it means the row so far.

macro_rules! statements {
    ($($name:ident = $text:expr;)*) => {
        /// A statement, by name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Statement { $($name),* }

        impl Statement {
            /// Every statement, each at the place of its number.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its text.
            pub(crate) const fn template(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }
        }
    };
}

statements! {
    // Clients.
    ClientByKey = "SELECT {c:clients.*} FROM {clients} c WHERE c.{clients.client_key} = ?";
    ClientById = "SELECT {c:clients.*} FROM {clients} c WHERE c.{clients.id} = ?";
    ClientPage = "SELECT {c:clients.*} FROM {clients} c WHERE c.{clients.id} > ? AND c.{clients.issuer} = ?
        ORDER BY c.{clients.id} LIMIT ?";
    ClientsOf = "SELECT {c:clients.*} FROM {clients} c WHERE c.{clients.owner} = ? AND c.{clients.id} > ?
        ORDER BY c.{clients.id} LIMIT ?";
    // What begins with a text lies between it and it with the highest character after it.
    ClientSearch = "SELECT {c:clients.*} FROM {clients} c
        WHERE c.{clients.client_id} >= ? AND c.{clients.client_id} < ? AND c.{clients.issuer} = ?
        AND (c.{clients.client_id} > ? OR c.{clients.id} > ?)
        ORDER BY c.{clients.client_id}, c.{clients.id} LIMIT ?";
    ClientWinner = "SELECT {clients.commit_id} FROM {clients} WHERE {clients.id} = ?";
    InsertClient = "INSERT INTO {clients} ({clients.*}) SELECT {?..}
        WHERE NOT EXISTS (SELECT 1 FROM {clients} WHERE {clients.id} = ?)
        AND NOT EXISTS (SELECT 1 FROM {clients} WHERE {clients.client_key} = ?)";
    ReplaceClient = "UPDATE {clients} SET {clients.enabled} = ?, {clients.owner} = ?, {clients.secrets} = ?,
        {clients.name} = ?, {clients.redirect_uris} = ?, {clients.token_endpoint_auth_method} = ?,
        {clients.grant_types} = ?, {clients.scope} = ?, {clients.client_uri} = ?, {clients.logo_uri} = ?,
        {clients.policy_uri} = ?, {clients.tos_uri} = ?, {clients.origin} = ?, {clients.created_at} = ?,
        {clients.updated_at} = ?, {clients.revision} = ?, {clients.commit_id} = ?, {clients.body} = ?,
        {clients.description} = ?, {clients.response_types} = ?, {clients.response_modes} = ?,
        {clients.jwks} = ?, {clients.jwks_uri} = ?, {clients.contacts} = ?, {clients.software_id} = ?,
        {clients.software_version} = ?, {clients.application_type} = ?, {clients.sector_identifier_uri} = ?,
        {clients.subject_type} = ?, {clients.initiate_login_uri} = ?,
        {clients.token_endpoint_auth_signing_alg} = ?, {clients.id_token_signed_response_alg} = ?,
        {clients.id_token_encrypted_response_alg} = ?, {clients.id_token_encrypted_response_enc} = ?,
        {clients.userinfo_signed_response_alg} = ?, {clients.userinfo_encrypted_response_alg} = ?,
        {clients.userinfo_encrypted_response_enc} = ?, {clients.request_object_signing_alg} = ?,
        {clients.request_object_encryption_alg} = ?, {clients.request_object_encryption_enc} = ?,
        {clients.request_uris} = ?, {clients.require_signed_request_object} = ?,
        {clients.authorization_signed_response_alg} = ?, {clients.authorization_encrypted_response_alg} = ?,
        {clients.authorization_encrypted_response_enc} = ?, {clients.require_pushed_authorization_requests} = ?,
        {clients.dpop_bound_access_tokens} = ?, {clients.tls_client_auth_subject_dn} = ?,
        {clients.tls_client_auth_san_dns} = ?, {clients.tls_client_auth_san_uri} = ?,
        {clients.tls_client_auth_san_ip} = ?, {clients.tls_client_auth_san_email} = ?,
        {clients.tls_client_certificate_bound_access_tokens} = ?, {clients.post_logout_redirect_uris} = ?,
        {clients.frontchannel_logout_uri} = ?, {clients.frontchannel_logout_session_required} = ?,
        {clients.backchannel_logout_uri} = ?, {clients.backchannel_logout_session_required} = ?
        WHERE {clients.id} = ? AND {clients.revision} = ? AND {clients.client_key} = ?";
    RemoveClient = "DELETE FROM {clients} WHERE {clients.id} = ? AND {clients.revision} = ?";

    // Flows.
    FindFlow = "SELECT {f:flows.*}, c.{clients.enabled},
            e0.{epochs.counter}, e1.{epochs.counter}, e2.{epochs.counter}
        FROM {flows} f
        LEFT JOIN {clients} c ON c.{clients.id} = f.{flows.client}
        LEFT JOIN {epochs} e0 ON e0.{epochs.kind} = 0
        LEFT JOIN {epochs} e1 ON e1.{epochs.kind} = 1 AND e1.{epochs.id} = f.{flows.client}
        LEFT JOIN {epochs} e2 ON e2.{epochs.kind} = 2 AND e2.{epochs.id} = f.{flows.subject_key}
        WHERE f.{flows.day} = ? AND f.{flows.id} = ?";
    FlowsOfDay = "SELECT {f:flows.*} FROM {flows} f WHERE f.{flows.day} = ? AND f.{flows.id} < ?
        ORDER BY f.{flows.id} DESC LIMIT ?";
    FlowWinner = "SELECT {flows.commit_id} FROM {flows} WHERE {flows.day} = ? AND {flows.id} = ?";
    InsertFlow = "INSERT INTO {flows} ({flows.*}) SELECT {?..}
        WHERE NOT EXISTS (SELECT 1 FROM {flows} WHERE {flows.day} = ? AND {flows.id} = ?)";
    ClaimFlow = "UPDATE {flows} SET {flows.state} = ?, {flows.done_at} = ?, {flows.commit_id} = ?
        WHERE {flows.day} = ? AND {flows.id} = ? AND {flows.state} = ? AND {flows.expires_at} > ?
        AND NOT EXISTS (SELECT 1 FROM {sessions} s WHERE s.{sessions.day} = ? AND s.{sessions.id} = ?
        AND s.{sessions.ended_at} IS NOT NULL)";
    CountMiss = "UPDATE {flows} SET {flows.misses} = ?, {flows.state} = ?, {flows.commit_id} = ?
        WHERE {flows.day} = ? AND {flows.id} = ? AND {flows.state} = ? AND {flows.misses} = ?";
    ApproveFlow = "UPDATE {flows} SET {flows.state} = ?, {flows.expires_at} = ?, {flows.subject} = ?,
        {flows.subject_key} = ?, {flows.session} = ?, {flows.granted_scope} = ?, {flows.auth_time} = ?, {flows.acr} = ?,
        {flows.amr} = ?, {flows.epoch_everything} = ?, {flows.epoch_client} = ?, {flows.epoch_subject} = ?,
        {flows.upstream} = COALESCE(?, {flows.upstream}), {flows.commit_id} = ?
        WHERE {flows.day} = ? AND {flows.id} = ? AND {flows.state} = ? AND {flows.expires_at} > ?";
    DenyFlow = "UPDATE {flows} SET {flows.state} = ?, {flows.failure} = ?, {flows.commit_id} = ?
        WHERE {flows.day} = ? AND {flows.id} = ? AND {flows.state} = ? AND {flows.expires_at} > ?";
    PollFlow = "UPDATE {flows} SET {flows.polled_at} = ?, {flows.poll_interval_ms} = ?, {flows.commit_id} = ?
        WHERE {flows.day} = ? AND {flows.id} = ? AND {flows.state} = ? AND {flows.poll_interval_ms} IS NOT NULL
        AND COALESCE({flows.polled_at}, 0) = ?";
    RevokeFlow = "UPDATE {flows} SET {flows.state} = ?, {flows.commit_id} = ?
        WHERE {flows.day} = ? AND {flows.id} = ? AND {flows.state} IN (?, ?)";
    FlowsUpTo = "SELECT {flows.day}, {flows.id} FROM {flows} WHERE {flows.day} < ? AND {flows.expires_at} < ?
        ORDER BY {flows.day}, {flows.id} LIMIT 1 OFFSET ?";
    SweepFlows = "DELETE FROM {flows} WHERE ({flows.day}, {flows.id}) <= (?, ?) AND {flows.expires_at} < ?";

    // Grants.
    FindGrant = "SELECT {g:grants.*}, c.{clients.enabled},
            e0.{epochs.counter}, e1.{epochs.counter}, e2.{epochs.counter},
            CASE WHEN g.{grants.parent} IS NULL THEN NULL ELSE (
                SELECT p.{grants.expires_at} FROM {grants} p
                JOIN {clients} pc ON pc.{clients.id} = p.{grants.client} AND pc.{clients.enabled} = 1
                LEFT JOIN {epochs} p1 ON p1.{epochs.kind} = 1 AND p1.{epochs.id} = p.{grants.client}
                LEFT JOIN {epochs} p2 ON p2.{epochs.kind} = 2 AND p2.{epochs.id} = p.{grants.subject_key}
                WHERE p.{grants.id} = g.{grants.parent} AND p.{grants.revoked_at} IS NULL
                AND p.{grants.epoch_everything} = COALESCE(e0.{epochs.counter}, 0)
                AND p.{grants.epoch_client} = COALESCE(p1.{epochs.counter}, 0)
                AND p.{grants.epoch_subject} = COALESCE(p2.{epochs.counter}, 0)) END,
            CASE WHEN EXISTS (SELECT 1 FROM {revoked_tokens} r WHERE r.{revoked_tokens.day} = ?
                AND r.{revoked_tokens.grant_id} = g.{grants.id} AND r.{revoked_tokens.digest} = ?) THEN 1 ELSE 0 END
        FROM {grants} g
        LEFT JOIN {clients} c ON c.{clients.id} = g.{grants.client}
        LEFT JOIN {epochs} e0 ON e0.{epochs.kind} = 0
        LEFT JOIN {epochs} e1 ON e1.{epochs.kind} = 1 AND e1.{epochs.id} = g.{grants.client}
        LEFT JOIN {epochs} e2 ON e2.{epochs.kind} = 2 AND e2.{epochs.id} = g.{grants.subject_key}
        WHERE g.{grants.id} = ?";
    GrantsOfSubject = "SELECT {g:grants.*} FROM {grants} g WHERE g.{grants.subject_key} = ? AND g.{grants.id} > ?
        ORDER BY g.{grants.id} LIMIT ?";
    GrantsOfClient = "SELECT {g:grants.*} FROM {grants} g WHERE g.{grants.client} = ? AND g.{grants.id} > ?
        ORDER BY g.{grants.id} LIMIT ?";
    GrantsOfEverybody = "SELECT {g:grants.*} FROM {grants} g WHERE g.{grants.id} > ? ORDER BY g.{grants.id} LIMIT ?";
    GrantWinner = "SELECT {grants.commit_id} FROM {grants} WHERE {grants.id} = ?";
    InsertGrant = "INSERT INTO {grants} ({grants.*}) SELECT {?..}
        WHERE NOT EXISTS (SELECT 1 FROM {grants} WHERE {grants.id} = ?)";
    // What a claimed code becomes, where it is sent together with COMMIT: a grant that is there against all expectation is an
    // error, which takes everything back.
    InsertClaimedGrant = "INSERT INTO {grants} ({grants.*}) SELECT {?..}";
    Rotate = "UPDATE {grants} SET
        {grants.earlier_salt} = {grants.before_salt}, {grants.earlier_since} = {grants.before_since},
        {grants.before_salt} = {grants.refresh_salt}, {grants.before_since} = {grants.rotated_at},
        {grants.generation} = ?, {grants.refresh_salt} = ?, {grants.rotated_at} = ?, {grants.retry_closed} = 0,
        {grants.seal_key} = ?, {grants.access_serial} = ?, {grants.access_expires_at} = ?,
        {grants.expires_at} = COALESCE(?, {grants.expires_at}), {grants.commit_id} = ?
        WHERE {grants.id} = ? AND {grants.generation} = ? AND {grants.revoked_at} IS NULL AND {grants.expires_at} > ?";
    CloseRetry = "UPDATE {grants} SET {grants.retry_closed} = 1, {grants.commit_id} = ?
        WHERE {grants.id} = ? AND {grants.generation} = ?";
    MoveExpiry = "UPDATE {grants} SET {grants.expires_at} = ?, {grants.commit_id} = ?
        WHERE {grants.id} = ? AND {grants.revoked_at} IS NULL AND {grants.expires_at} = ? AND {grants.expires_at} > ?";
    RevokeGrant = "UPDATE {grants} SET {grants.revoked_at} = ?, {grants.reason} = ?, {grants.commit_id} = ?
        WHERE {grants.id} = ? AND {grants.revoked_at} IS NULL";
    TouchGrant = "UPDATE {grants} SET {grants.last_used_at} = ?, {grants.commit_id} = ?
        WHERE {grants.id} = ? AND {grants.revoked_at} IS NULL AND COALESCE({grants.last_used_at}, 0) < ?";
    ResaltGrant = "UPDATE {grants} SET {grants.salt} = ?, {grants.epoch_everything} = ?, {grants.epoch_client} = ?,
        {grants.epoch_subject} = ?, {grants.commit_id} = ?
        WHERE {grants.id} = ? AND {grants.revoked_at} IS NULL AND {grants.salt} = ?";
    EndedGrants = "SELECT {grants.id} FROM {grants} WHERE {grants.purge_day} < ? AND {grants.expires_at} < ?
        ORDER BY {grants.purge_day}, {grants.id} LIMIT ?";
    // Grants whose expiry moved after their purge day was set, or never comes; and whether their client is there.
    LateGrants = "SELECT g.{grants.id}, g.{grants.expires_at}, c.{clients.enabled} FROM {grants} g
        LEFT JOIN {clients} c ON c.{clients.id} = g.{grants.client}
        WHERE g.{grants.purge_day} < ? AND g.{grants.expires_at} >= ? ORDER BY g.{grants.purge_day}, g.{grants.id} LIMIT ?";
    MovePurgeDay = "UPDATE {grants} SET {grants.purge_day} = ? WHERE {grants.id} = ? AND {grants.expires_at} = ?";
    SweepGrant = "DELETE FROM {grants} WHERE {grants.id} = ? AND {grants.expires_at} < ?";
    SweepOrphan = "DELETE FROM {grants} WHERE {grants.id} = ?";

    // Epochs.
    FindEpochs = "SELECT
        (SELECT {epochs.counter} FROM {epochs} WHERE {epochs.kind} = 0),
        (SELECT {epochs.counter} FROM {epochs} WHERE {epochs.kind} = 1 AND {epochs.id} = ?),
        (SELECT {epochs.counter} FROM {epochs} WHERE {epochs.kind} = 2 AND {epochs.id} = ?)";
    FindEdition = "SELECT {epochs.counter} FROM {epochs} WHERE {epochs.kind} = 3";
    AdvanceEpoch = "UPDATE {epochs} SET {epochs.counter} = {epochs.counter} + 1
        WHERE {epochs.kind} = ? AND {epochs.id} = ?";
    FirstEpoch = "INSERT INTO {epochs} ({epochs.*}) SELECT {?..}
        WHERE NOT EXISTS (SELECT 1 FROM {epochs} WHERE {epochs.kind} = ? AND {epochs.id} = ?)";

    // Revoked tokens. The longest chain has 17 digests; a shorter one repeats its last.
    ChainRevoked = "SELECT 1 FROM {revoked_tokens} WHERE {revoked_tokens.day} = ? AND {revoked_tokens.grant_id} = ?
        AND {revoked_tokens.digest} IN ({?17}) LIMIT 1";
    RevokeToken = "INSERT INTO {revoked_tokens} ({revoked_tokens.*}) SELECT {?..}
        WHERE NOT EXISTS (SELECT 1 FROM {revoked_tokens} WHERE {revoked_tokens.day} = ?
        AND {revoked_tokens.grant_id} = ? AND {revoked_tokens.digest} = ?)";
    RevokedTokensUpTo = "SELECT {revoked_tokens.day}, {revoked_tokens.grant_id}, {revoked_tokens.digest}
        FROM {revoked_tokens} WHERE {revoked_tokens.day} < ?
        ORDER BY {revoked_tokens.day}, {revoked_tokens.grant_id}, {revoked_tokens.digest} LIMIT 1 OFFSET ?";
    SweepRevokedTokens = "DELETE FROM {revoked_tokens}
        WHERE ({revoked_tokens.day}, {revoked_tokens.grant_id}, {revoked_tokens.digest}) <= (?, ?, ?)";

    // What is taken once.
    OnceWinner = "SELECT {once.commit_id} FROM {once}
        WHERE {once.day} = ? AND {once.namespace} = ? AND {once.digest} = ?";
    InsertOnce = "INSERT INTO {once} ({once.*}) SELECT {?..}
        WHERE NOT EXISTS (SELECT 1 FROM {once}
        WHERE {once.day} = ? AND {once.namespace} = ? AND {once.digest} = ?)";
    OnceUpTo = "SELECT {once.day}, {once.namespace}, {once.digest} FROM {once} WHERE {once.day} < ?
        ORDER BY {once.day}, {once.namespace}, {once.digest} LIMIT 1 OFFSET ?";
    SweepOnce = "DELETE FROM {once} WHERE ({once.day}, {once.namespace}, {once.digest}) <= (?, ?, ?)";

    // Resources.
    ResourceByKey = "SELECT {r:resources.*} FROM {resources} r WHERE r.{resources.resource_key} = ?";
    ResourcePage = "SELECT {r:resources.*} FROM {resources} r WHERE r.{resources.id} > ? AND r.{resources.issuer} = ?
        ORDER BY r.{resources.id} LIMIT ?";
    // There are few.
    ResourceSearch = "SELECT {r:resources.*} FROM {resources} r
        WHERE r.{resources.identifier} >= ? AND r.{resources.identifier} < ? AND r.{resources.issuer} = ?
        AND (r.{resources.identifier} > ? OR r.{resources.id} > ?)
        ORDER BY r.{resources.identifier}, r.{resources.id} LIMIT ?";
    ResourceWinner = "SELECT {resources.commit_id} FROM {resources} WHERE {resources.id} = ?";
    InsertResource = "INSERT INTO {resources} ({resources.*}) SELECT {?..}
        WHERE NOT EXISTS (SELECT 1 FROM {resources} WHERE {resources.id} = ?)
        AND NOT EXISTS (SELECT 1 FROM {resources} WHERE {resources.resource_key} = ?)";
    ReplaceResource = "UPDATE {resources} SET {resources.enabled} = ?, {resources.name} = ?, {resources.secrets} = ?,
        {resources.scope} = ?, {resources.token_format} = ?, {resources.access_token_seconds} = ?,
        {resources.created_at} = ?, {resources.updated_at} = ?, {resources.revision} = ?, {resources.commit_id} = ?,
        {resources.body} = ?
        WHERE {resources.id} = ? AND {resources.revision} = ? AND {resources.resource_key} = ?";
    RemoveResource = "DELETE FROM {resources} WHERE {resources.id} = ? AND {resources.revision} = ?";

    // Names.
    FindName = "SELECT {n:names.*} FROM {names} n WHERE n.{names.namespace} = ? AND n.{names.digest} = ?";
    NameWinner = "SELECT {names.commit_id} FROM {names} WHERE {names.namespace} = ? AND {names.digest} = ?";
    TakeOverName = "UPDATE {names} SET {names.id} = ?, {names.expires_at} = ?, {names.commit_id} = ?
        WHERE {names.namespace} = ? AND {names.digest} = ? AND ({names.expires_at} <= ? OR {names.id} = ?)";
    InsertName = "INSERT INTO {names} ({names.*}) SELECT {?..}
        WHERE NOT EXISTS (SELECT 1 FROM {names} WHERE {names.namespace} = ? AND {names.digest} = ?)";
    ReleaseName = "DELETE FROM {names} WHERE {names.namespace} = ? AND {names.digest} = ? AND {names.id} = ?";
    EndedNames = "SELECT {names.namespace}, {names.digest} FROM {names} WHERE {names.expires_at} < ?
        ORDER BY {names.expires_at} LIMIT ?";
    SweepName = "DELETE FROM {names} WHERE {names.namespace} = ? AND {names.digest} = ? AND {names.expires_at} < ?";

    // Sessions.
    FindSession = "SELECT {s:sessions.*}, e0.{epochs.counter}, e1.{epochs.counter}, e2.{epochs.counter}, {c:consents.*}
        FROM {sessions} s
        LEFT JOIN {epochs} e0 ON e0.{epochs.kind} = 0
        LEFT JOIN {epochs} e1 ON e1.{epochs.kind} = 1 AND e1.{epochs.id} = ?
        LEFT JOIN {epochs} e2 ON e2.{epochs.kind} = 2 AND e2.{epochs.id} = s.{sessions.subject_key}
        LEFT JOIN {consents} c ON c.{consents.subject_key} = s.{sessions.subject_key} AND c.{consents.client} = ?
        WHERE s.{sessions.day} = ? AND s.{sessions.id} = ?";
    SessionWinner = "SELECT {sessions.commit_id} FROM {sessions} WHERE {sessions.day} = ? AND {sessions.id} = ?";
    InsertSession = "INSERT INTO {sessions} ({sessions.*}) SELECT {?..}
        WHERE NOT EXISTS (SELECT 1 FROM {sessions} WHERE {sessions.day} = ? AND {sessions.id} = ?)";
    RenewSession = "UPDATE {sessions} SET {sessions.salt} = ?, {sessions.auth_time} = ?, {sessions.last_seen} = ?,
        {sessions.body} = ?, {sessions.commit_id} = ?
        WHERE {sessions.day} = ? AND {sessions.id} = ? AND {sessions.ended_at} IS NULL AND {sessions.expires_at} > ?
        AND {sessions.salt} = ?";
    TouchSession = "UPDATE {sessions} SET {sessions.last_seen} = ?, {sessions.commit_id} = ?
        WHERE {sessions.day} = ? AND {sessions.id} = ? AND {sessions.ended_at} IS NULL AND {sessions.last_seen} < ?";
    EndSession = "UPDATE {sessions} SET {sessions.ended_at} = ?, {sessions.commit_id} = ?
        WHERE {sessions.day} = ? AND {sessions.id} = ? AND {sessions.ended_at} IS NULL";
    EndedSessions = "SELECT {sessions.day}, {sessions.id} FROM {sessions} WHERE {sessions.expires_at} < ?
        ORDER BY {sessions.expires_at} LIMIT ?";
    SweepSession = "DELETE FROM {sessions} WHERE {sessions.day} = ? AND {sessions.id} = ? AND {sessions.expires_at} < ?";

    SessionsOf = "SELECT {s:sessions.*} FROM {sessions} s WHERE s.{sessions.subject_key} = ? AND s.{sessions.id} > ?
        ORDER BY s.{sessions.id} LIMIT ?";
    SessionClients = "SELECT {session_clients.client} FROM {session_clients}
        WHERE {session_clients.day} = ? AND {session_clients.session} = ? ORDER BY {session_clients.client}";
    JoinSession = "INSERT INTO {session_clients} ({session_clients.*}) SELECT {?..}
        WHERE NOT EXISTS (SELECT 1 FROM {session_clients} WHERE {session_clients.day} = ?
        AND {session_clients.session} = ? AND {session_clients.client} = ?)";
    SessionClientsUpTo = "SELECT {session_clients.day}, {session_clients.session}, {session_clients.client}
        FROM {session_clients} WHERE {session_clients.day} < ?
        ORDER BY {session_clients.day}, {session_clients.session}, {session_clients.client} LIMIT 1 OFFSET ?";
    SweepSessionClients = "DELETE FROM {session_clients}
        WHERE ({session_clients.day}, {session_clients.session}, {session_clients.client}) <= (?, ?, ?)";

    // Consents.
    ConsentsOf = "SELECT {c:consents.*} FROM {consents} c WHERE c.{consents.subject_key} = ? AND c.{consents.client} > ?
        ORDER BY c.{consents.client} LIMIT ?";
    ConsentWinner = "SELECT {consents.commit_id} FROM {consents}
        WHERE {consents.subject_key} = ? AND {consents.client} = ?";
    InsertConsent = "INSERT INTO {consents} ({consents.*}) SELECT {?..}
        WHERE NOT EXISTS (SELECT 1 FROM {consents} WHERE {consents.subject_key} = ? AND {consents.client} = ?)";
    ReplaceConsent = "UPDATE {consents} SET {consents.scope} = ?, {consents.updated_at} = ?, {consents.revision} = ?,
        {consents.commit_id} = ?, {consents.body} = ?
        WHERE {consents.subject_key} = ? AND {consents.client} = ? AND {consents.revision} = ?";
    RemoveConsent = "DELETE FROM {consents}
        WHERE {consents.subject_key} = ? AND {consents.client} = ? AND {consents.revision} = ?";

    // Accounts.
    AccountById = "SELECT {a:accounts.*} FROM {accounts} a WHERE a.{accounts.id} = ?";
    AccountByName = "SELECT {a:accounts.*} FROM {names} n JOIN {accounts} a ON a.{accounts.id} = n.{names.id}
        WHERE n.{names.namespace} = ? AND n.{names.digest} = ? AND n.{names.expires_at} > ?";
    AccountPage = "SELECT {a:accounts.*} FROM {accounts} a WHERE a.{accounts.id} > ? AND a.{accounts.issuer} = ?
        ORDER BY a.{accounts.id} LIMIT ?";
    AccountSearch = "SELECT {a:accounts.*} FROM {accounts} a
        WHERE a.{accounts.username} >= ? AND a.{accounts.username} < ? AND a.{accounts.issuer} = ?
        AND (a.{accounts.username} > ? OR a.{accounts.id} > ?)
        ORDER BY a.{accounts.username}, a.{accounts.id} LIMIT ?";
    AccountWinner = "SELECT {accounts.commit_id} FROM {accounts} WHERE {accounts.id} = ?";
    InsertAccount = "INSERT INTO {accounts} ({accounts.*}) SELECT {?..}
        WHERE NOT EXISTS (SELECT 1 FROM {accounts} WHERE {accounts.id} = ?)";
    ReplaceAccount = "UPDATE {accounts} SET {accounts.username} = ?, {accounts.enabled} = ?, {accounts.password} = ?,
        {accounts.created_at} = ?, {accounts.updated_at} = ?, {accounts.revision} = ?, {accounts.commit_id} = ?,
        {accounts.body} = ?
        WHERE {accounts.id} = ? AND {accounts.revision} = ?";
    CountAttempt = "UPDATE {accounts} SET {accounts.attempts} = ?, {accounts.locked_until} = ?, {accounts.commit_id} = ?
        WHERE {accounts.id} = ? AND COALESCE({accounts.attempts}, 0) = ?";
    RemoveAccount = "DELETE FROM {accounts} WHERE {accounts.id} = ? AND {accounts.revision} = ?";

    // Keys and the deployment.
    SigningKeys = "SELECT {k:signing_keys.*} FROM {signing_keys} k ORDER BY k.{signing_keys.id}";
    SigningKeyWinner = "SELECT {signing_keys.commit_id} FROM {signing_keys} WHERE {signing_keys.id} = ?";
    InsertSigningKey = "INSERT INTO {signing_keys} ({signing_keys.*}) SELECT {?..}
        WHERE NOT EXISTS (SELECT 1 FROM {signing_keys} WHERE {signing_keys.id} = ?)";
    ReplaceSigningKey = "UPDATE {signing_keys} SET {signing_keys.algorithm} = ?, {signing_keys.jwk} = ?,
        {signing_keys.sealed} = ?, {signing_keys.made_at} = ?, {signing_keys.current_from} = ?,
        {signing_keys.retired_from} = ?, {signing_keys.ends_at} = ?, {signing_keys.revision} = ?,
        {signing_keys.commit_id} = ?
        WHERE {signing_keys.id} = ? AND {signing_keys.revision} = ?";
    RemoveSigningKey = "DELETE FROM {signing_keys} WHERE {signing_keys.id} = ? AND {signing_keys.revision} = ?";
    EndedSigningKeys = "SELECT {signing_keys.id} FROM {signing_keys} WHERE {signing_keys.ends_at} < ? LIMIT ?";
    SweepSigningKey = "DELETE FROM {signing_keys} WHERE {signing_keys.id} = ? AND {signing_keys.ends_at} < ?";
    SealKeys = "SELECT {k:seal_keys.*} FROM {seal_keys} k ORDER BY k.{seal_keys.issuer}, k.{seal_keys.number}";
    SealKeyWinner = "SELECT {seal_keys.commit_id} FROM {seal_keys}
        WHERE {seal_keys.issuer} = ? AND {seal_keys.number} = ?";
    InsertSealKey = "INSERT INTO {seal_keys} ({seal_keys.*}) SELECT {?..}
        WHERE NOT EXISTS (SELECT 1 FROM {seal_keys} WHERE {seal_keys.issuer} = ? AND {seal_keys.number} = ?)";
    ReplaceSealKey = "UPDATE {seal_keys} SET {seal_keys.sealed} = ?, {seal_keys.made_at} = ?,
        {seal_keys.current_from} = ?, {seal_keys.retired_from} = ?, {seal_keys.ends_at} = ?, {seal_keys.revision} = ?,
        {seal_keys.commit_id} = ?
        WHERE {seal_keys.issuer} = ? AND {seal_keys.number} = ? AND {seal_keys.revision} = ?";
    RemoveSealKey = "DELETE FROM {seal_keys}
        WHERE {seal_keys.issuer} = ? AND {seal_keys.number} = ? AND {seal_keys.revision} = ?";
    EndedSealKeys = "SELECT {seal_keys.issuer}, {seal_keys.number} FROM {seal_keys}
        WHERE {seal_keys.ends_at} < ? LIMIT ?";
    SweepSealKey = "DELETE FROM {seal_keys}
        WHERE {seal_keys.issuer} = ? AND {seal_keys.number} = ? AND {seal_keys.ends_at} < ?";
    FindDeployment = "SELECT {d:deployment.*} FROM {deployment} d WHERE d.{deployment.slot} = 1";
    DeploymentWinner = "SELECT {deployment.commit_id} FROM {deployment} WHERE {deployment.slot} = 1";
    InsertDeployment = "INSERT INTO {deployment} ({deployment.*}) SELECT {?..}
        WHERE NOT EXISTS (SELECT 1 FROM {deployment} WHERE {deployment.slot} = 1)";
    ReplaceDeployment = "UPDATE {deployment} SET {deployment.id} = ?, {deployment.created_at} = ?,
        {deployment.revision} = ?, {deployment.commit_id} = ?
        WHERE {deployment.slot} = 1 AND {deployment.revision} = ?";
    RemoveDeployment = "DELETE FROM {deployment} WHERE {deployment.slot} = 1 AND {deployment.revision} = ?";

    // Events. Those about one record are sought day by day; all of them by their ids, which are in the order of their days.
    EventPage = "SELECT {e:events.*} FROM {events} e WHERE e.{events.day} >= ? AND e.{events.id} > ?
        ORDER BY e.{events.id} LIMIT ?";
    LatestEvents = "SELECT {e:events.*} FROM {events} e WHERE e.{events.day} <= ? AND e.{events.id} < ?
        ORDER BY e.{events.id} DESC LIMIT ?";
    EventsAbout = "WITH RECURSIVE days(day) AS (
            SELECT MIN({events.day}) FROM {events} WHERE {events.day} >= ?
            UNION ALL
            SELECT (SELECT MIN(n.{events.day}) FROM {events} n WHERE n.{events.day} > days.day) FROM days
            WHERE days.day IS NOT NULL)
        SELECT {e:events.*} FROM days JOIN {events} e ON e.{events.day} = days.day
        WHERE e.{events.about} = ? AND e.{events.id} > ? ORDER BY e.{events.id} LIMIT ?";
    Append = "INSERT INTO {events} ({events.*}) SELECT {?..}
        WHERE NOT EXISTS (SELECT 1 FROM {events} WHERE {events.day} = ? AND {events.about} = ? AND {events.id} = ?)";
    EventsUpTo = "SELECT {events.day}, {events.about}, {events.id} FROM {events} WHERE {events.day} < ?
        ORDER BY {events.day}, {events.about}, {events.id} LIMIT 1 OFFSET ?";
    SweepEvents = "DELETE FROM {events} WHERE ({events.day}, {events.about}, {events.id}) <= (?, ?, ?)";

    // Deliveries.
    FindDelivery = "SELECT {d:deliveries.*} FROM {deliveries} d WHERE d.{deliveries.day} = ? AND d.{deliveries.id} = ?";
    LatestDeliveries = "SELECT {d:deliveries.*} FROM {deliveries} d WHERE d.{deliveries.day} <= ? AND d.{deliveries.id} < ?
        ORDER BY d.{deliveries.day} DESC, d.{deliveries.id} DESC LIMIT ?";
    DueDeliveries = "SELECT {d:deliveries.*} FROM {deliveries} d WHERE d.{deliveries.due_at} <= ?
        ORDER BY d.{deliveries.due_at} LIMIT ?";
    DeliveryWinner = "SELECT {deliveries.commit_id} FROM {deliveries}
        WHERE {deliveries.day} = ? AND {deliveries.id} = ?";
    InsertDelivery = "INSERT INTO {deliveries} ({deliveries.*}) SELECT {?..}
        WHERE NOT EXISTS (SELECT 1 FROM {deliveries} WHERE {deliveries.day} = ? AND {deliveries.id} = ?)";
    TakeDelivery = "UPDATE {deliveries} SET {deliveries.attempts} = ?, {deliveries.due_at} = ?, {deliveries.commit_id} = ?
        WHERE {deliveries.day} = ? AND {deliveries.id} = ? AND {deliveries.state} = ? AND {deliveries.attempts} = ?";
    FinishDelivery = "UPDATE {deliveries} SET {deliveries.state} = ?, {deliveries.due_at} = ?, {deliveries.ended_at} = ?,
        {deliveries.sealed} = COALESCE(?, {deliveries.sealed}), {deliveries.error} = ?, {deliveries.commit_id} = ?
        WHERE {deliveries.day} = ? AND {deliveries.id} = ? AND {deliveries.state} = ? AND {deliveries.attempts} = ?";
    DeliveriesUpTo = "SELECT {deliveries.day}, {deliveries.id} FROM {deliveries}
        WHERE {deliveries.day} < ? AND {deliveries.expires_at} < ?
        ORDER BY {deliveries.day}, {deliveries.id} LIMIT 1 OFFSET ?";
    SweepDeliveries = "DELETE FROM {deliveries}
        WHERE ({deliveries.day}, {deliveries.id}) <= (?, ?) AND {deliveries.expires_at} < ?";

    // What programs hold of other servers.
    HeldToken = "SELECT {h:held_tokens.*} FROM {held_tokens} h WHERE h.{held_tokens.token_key} = ?";
    HeldTokens = "SELECT {h:held_tokens.*} FROM {held_tokens} h
        WHERE h.{held_tokens.holder_key} = ? AND h.{held_tokens.kind} = ? AND h.{held_tokens.token_key} > ?
        ORDER BY h.{held_tokens.token_key} LIMIT ?";
    HeldTokenWinner = "SELECT {held_tokens.commit_id} FROM {held_tokens} WHERE {held_tokens.token_key} = ?";
    InsertHeldToken = "INSERT INTO {held_tokens} ({held_tokens.*}) SELECT {?..}
        WHERE NOT EXISTS (SELECT 1 FROM {held_tokens} WHERE {held_tokens.token_key} = ?)";
    ReplaceHeldToken = "UPDATE {held_tokens} SET {held_tokens.kind} = ?, {held_tokens.issuer_uri} = ?,
        {held_tokens.holder_key} = ?, {held_tokens.subject} = ?, {held_tokens.client_id} = ?,
        {held_tokens.token_type} = ?, {held_tokens.sealed} = ?, {held_tokens.expires_at} = ?,
        {held_tokens.updated_at} = ?, {held_tokens.revision} = ?, {held_tokens.commit_id} = ?, {held_tokens.body} = ?
        WHERE {held_tokens.token_key} = ? AND {held_tokens.revision} = ?";
    RemoveHeldToken = "DELETE FROM {held_tokens} WHERE {held_tokens.token_key} = ? AND {held_tokens.revision} = ?";
    EndedHeldTokens = "SELECT {held_tokens.token_key} FROM {held_tokens} WHERE {held_tokens.expires_at} < ?
        ORDER BY {held_tokens.expires_at} LIMIT ?";
    SweepHeldToken = "DELETE FROM {held_tokens} WHERE {held_tokens.token_key} = ? AND {held_tokens.expires_at} < ?";
    HeldClaims = "SELECT {h:held_claims.*} FROM {held_claims} h WHERE h.{held_claims.holder_key} = ?";
    HeldClaimsWinner = "SELECT {held_claims.commit_id} FROM {held_claims} WHERE {held_claims.holder_key} = ?";
    InsertHeldClaims = "INSERT INTO {held_claims} ({held_claims.*}) SELECT {?..}
        WHERE NOT EXISTS (SELECT 1 FROM {held_claims} WHERE {held_claims.holder_key} = ?)";
    ReplaceHeldClaims = "UPDATE {held_claims} SET {held_claims.id_token} = ?, {held_claims.id_token_at} = ?,
        {held_claims.claims} = ?, {held_claims.claims_at} = ?, {held_claims.revision} = ?, {held_claims.commit_id} = ?,
        {held_claims.body} = ?
        WHERE {held_claims.holder_key} = ? AND {held_claims.revision} = ?";
    RemoveHeldClaims = "DELETE FROM {held_claims} WHERE {held_claims.holder_key} = ? AND {held_claims.revision} = ?";

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

    // Every row of a table, page by page in the order of its key, for a copy. Written out so that every database uses the key.
    ClientsCopy = "SELECT {t:clients.*} FROM {clients} t
        WHERE t.{clients.id} > ?
        ORDER BY t.{clients.id} LIMIT ?";
    FlowsCopy = "SELECT {t:flows.*} FROM {flows} t
        WHERE t.{flows.day} >= ? AND (t.{flows.day} > ? OR t.{flows.id} > ?)
        ORDER BY t.{flows.day}, t.{flows.id} LIMIT ?";
    GrantsCopy = "SELECT {t:grants.*} FROM {grants} t
        WHERE t.{grants.id} > ?
        ORDER BY t.{grants.id} LIMIT ?";
    EpochsCopy = "SELECT {t:epochs.*} FROM {epochs} t
        WHERE t.{epochs.kind} >= ? AND (t.{epochs.kind} > ? OR t.{epochs.id} > ?)
        ORDER BY t.{epochs.kind}, t.{epochs.id} LIMIT ?";
    RevokedTokensCopy = "SELECT {t:revoked_tokens.*} FROM {revoked_tokens} t
        WHERE t.{revoked_tokens.day} >= ? AND (t.{revoked_tokens.day} > ? OR t.{revoked_tokens.grant_id} > ? OR (t.{revoked_tokens.grant_id} = ? AND t.{revoked_tokens.digest} > ?))
        ORDER BY t.{revoked_tokens.day}, t.{revoked_tokens.grant_id}, t.{revoked_tokens.digest} LIMIT ?";
    OnceCopy = "SELECT {t:once.*} FROM {once} t
        WHERE t.{once.day} >= ? AND (t.{once.day} > ? OR t.{once.namespace} > ? OR (t.{once.namespace} = ? AND t.{once.digest} > ?))
        ORDER BY t.{once.day}, t.{once.namespace}, t.{once.digest} LIMIT ?";
    ResourcesCopy = "SELECT {t:resources.*} FROM {resources} t
        WHERE t.{resources.id} > ?
        ORDER BY t.{resources.id} LIMIT ?";
    NamesCopy = "SELECT {t:names.*} FROM {names} t
        WHERE t.{names.namespace} >= ? AND (t.{names.namespace} > ? OR t.{names.digest} > ?)
        ORDER BY t.{names.namespace}, t.{names.digest} LIMIT ?";
    SessionsCopy = "SELECT {t:sessions.*} FROM {sessions} t
        WHERE t.{sessions.day} >= ? AND (t.{sessions.day} > ? OR t.{sessions.id} > ?)
        ORDER BY t.{sessions.day}, t.{sessions.id} LIMIT ?";
    ConsentsCopy = "SELECT {t:consents.*} FROM {consents} t
        WHERE t.{consents.subject_key} >= ? AND (t.{consents.subject_key} > ? OR t.{consents.client} > ?)
        ORDER BY t.{consents.subject_key}, t.{consents.client} LIMIT ?";
    AccountsCopy = "SELECT {t:accounts.*} FROM {accounts} t
        WHERE t.{accounts.id} > ?
        ORDER BY t.{accounts.id} LIMIT ?";
    SigningKeysCopy = "SELECT {t:signing_keys.*} FROM {signing_keys} t
        WHERE t.{signing_keys.id} > ?
        ORDER BY t.{signing_keys.id} LIMIT ?";
    SealKeysCopy = "SELECT {t:seal_keys.*} FROM {seal_keys} t
        WHERE t.{seal_keys.issuer} >= ? AND (t.{seal_keys.issuer} > ? OR t.{seal_keys.number} > ?)
        ORDER BY t.{seal_keys.issuer}, t.{seal_keys.number} LIMIT ?";
    DeploymentCopy = "SELECT {t:deployment.*} FROM {deployment} t
        WHERE t.{deployment.slot} > ?
        ORDER BY t.{deployment.slot} LIMIT ?";
    EventsCopy = "SELECT {t:events.*} FROM {events} t
        WHERE t.{events.day} >= ? AND (t.{events.day} > ? OR t.{events.about} > ? OR (t.{events.about} = ? AND t.{events.id} > ?))
        ORDER BY t.{events.day}, t.{events.about}, t.{events.id} LIMIT ?";

    DeliveriesCopy = "SELECT {t:deliveries.*} FROM {deliveries} t
        WHERE t.{deliveries.day} >= ? AND (t.{deliveries.day} > ? OR t.{deliveries.id} > ?)
        ORDER BY t.{deliveries.day}, t.{deliveries.id} LIMIT ?";
    SessionClientsCopy = "SELECT {t:session_clients.*} FROM {session_clients} t
        WHERE t.{session_clients.day} >= ? AND (t.{session_clients.day} > ? OR t.{session_clients.session} > ? OR (t.{session_clients.session} = ? AND t.{session_clients.client} > ?))
        ORDER BY t.{session_clients.day}, t.{session_clients.session}, t.{session_clients.client} LIMIT ?";
    HeldTokensCopy = "SELECT {t:held_tokens.*} FROM {held_tokens} t
        WHERE t.{held_tokens.token_key} > ?
        ORDER BY t.{held_tokens.token_key} LIMIT ?";
    HeldClaimsCopy = "SELECT {t:held_claims.*} FROM {held_claims} t
        WHERE t.{held_claims.holder_key} > ?
        ORDER BY t.{held_claims.holder_key} LIMIT ?";

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
