-- The first schema. `docs/decisions/records.md` says why each column is where it is.
CREATE TABLE {firman_schema} (
    {firman_schema.version} {:int} NOT NULL,
    {firman_schema.program} {:name} NOT NULL,
    PRIMARY KEY ({firman_schema.version})
){:options};

CREATE TABLE {clients} (
    {clients.id} {:key} NOT NULL,
    {clients.issuer} {:int} NOT NULL,
    {clients.client_key} {:key} NOT NULL,
    {clients.client_id} {:text} NOT NULL,
    {clients.enabled} {:int} NOT NULL,
    {clients.owner} {:name},
    {clients.secrets} {:text} NOT NULL,
    {clients.name} {:text} NOT NULL,
    {clients.redirect_uris} {:text} NOT NULL,
    {clients.token_endpoint_auth_method} {:name} NOT NULL,
    {clients.grant_types} {:text} NOT NULL,
    {clients.scope} {:text} NOT NULL,
    {clients.client_uri} {:text},
    {clients.logo_uri} {:text},
    {clients.policy_uri} {:text},
    {clients.tos_uri} {:text},
    {clients.origin} {:int} NOT NULL,
    {clients.created_at} {:int} NOT NULL,
    {clients.updated_at} {:int} NOT NULL,
    {clients.revision} {:int} NOT NULL,
    {clients.commit_id} {:key} NOT NULL,
    {clients.body} {:text} NOT NULL,
    PRIMARY KEY ({clients.id})
){:options};
CREATE UNIQUE INDEX {clients#key} ON {clients} ({clients.client_key});
CREATE INDEX {clients#owner} ON {clients} ({clients.owner}, {clients.id});

CREATE TABLE {flows} (
    {flows.day} {:int} NOT NULL,
    {flows.id} {:key} NOT NULL,
    {flows.state} {:int} NOT NULL,
    {flows.expires_at} {:int} NOT NULL,
    {flows.done_at} {:int},
    {flows.misses} {:int} NOT NULL,
    {flows.salt} {:key} NOT NULL,
    {flows.issuer} {:int} NOT NULL,
    {flows.client} {:key} NOT NULL,
    {flows.subject} {:name},
    {flows.subject_key} {:key},
    {flows.session} {:key},
    {flows.redirect_uri} {:text},
    {flows.scope} {:text} NOT NULL,
    {flows.granted_scope} {:text},
    {flows.code_challenge} {:text},
    {flows.code_challenge_method} {:name},
    {flows.nonce} {:text},
    {flows.auth_time} {:int},
    {flows.acr} {:text},
    {flows.amr} {:text},
    {flows.epoch_everything} {:int} NOT NULL,
    {flows.epoch_client} {:int} NOT NULL,
    {flows.epoch_subject} {:int} NOT NULL,
    {flows.commit_id} {:key} NOT NULL,
    {flows.body} {:text} NOT NULL,
    PRIMARY KEY ({flows.day}, {flows.id})
){:options}{/flows.day};

CREATE TABLE {grants} (
    {grants.id} {:key} NOT NULL,
    {grants.generation} {:int},
    {grants.revoked_at} {:int},
    {grants.expires_at} {:int} NOT NULL,
    {grants.salt} {:key} NOT NULL,
    {grants.refresh_salt} {:key},
    {grants.rotated_at} {:int},
    {grants.before_salt} {:key},
    {grants.before_since} {:int},
    {grants.earlier_salt} {:key},
    {grants.earlier_since} {:int},
    {grants.retry_closed} {:int} NOT NULL,
    {grants.seal_key} {:int},
    {grants.access_serial} {:int},
    {grants.access_expires_at} {:int},
    {grants.issuer} {:int} NOT NULL,
    {grants.kind} {:int} NOT NULL,
    {grants.client} {:key} NOT NULL,
    {grants.subject} {:name},
    {grants.subject_key} {:key},
    {grants.session} {:key},
    {grants.scope} {:text} NOT NULL,
    {grants.parent} {:key},
    {grants.reason} {:int},
    {grants.epoch_everything} {:int} NOT NULL,
    {grants.epoch_client} {:int} NOT NULL,
    {grants.epoch_subject} {:int} NOT NULL,
    {grants.auth_time} {:int},
    {grants.acr} {:text},
    {grants.amr} {:text},
    {grants.nonce} {:text},
    {grants.purge_day} {:int} NOT NULL,
    {grants.commit_id} {:key} NOT NULL,
    {grants.body} {:text} NOT NULL,
    PRIMARY KEY ({grants.id})
){:options};
CREATE INDEX {grants#subject} ON {grants} ({grants.subject_key}, {grants.id});
CREATE INDEX {grants#client} ON {grants} ({grants.client}, {grants.id});
CREATE INDEX {grants#purge} ON {grants} ({grants.purge_day}, {grants.id});

CREATE TABLE {epochs} (
    {epochs.kind} {:int} NOT NULL,
    {epochs.id} {:key} NOT NULL,
    {epochs.counter} {:int} NOT NULL,
    PRIMARY KEY ({epochs.kind}, {epochs.id})
){:options};

CREATE TABLE {revoked_tokens} (
    {revoked_tokens.day} {:int} NOT NULL,
    {revoked_tokens.grant_id} {:key} NOT NULL,
    {revoked_tokens.digest} {:key} NOT NULL,
    {revoked_tokens.expires_at} {:int} NOT NULL,
    PRIMARY KEY ({revoked_tokens.day}, {revoked_tokens.grant_id}, {revoked_tokens.digest})
){:options}{/revoked_tokens.day};

CREATE TABLE {names} (
    {names.namespace} {:int} NOT NULL,
    {names.digest} {:key} NOT NULL,
    {names.id} {:key} NOT NULL,
    {names.expires_at} {:int} NOT NULL,
    {names.commit_id} {:key} NOT NULL,
    PRIMARY KEY ({names.namespace}, {names.digest})
){:options};
CREATE INDEX {names#expiry} ON {names} ({names.expires_at});

CREATE TABLE {sessions} (
    {sessions.day} {:int} NOT NULL,
    {sessions.id} {:key} NOT NULL,
    {sessions.ended_at} {:int},
    {sessions.expires_at} {:int} NOT NULL,
    {sessions.last_seen} {:int} NOT NULL,
    {sessions.salt} {:key} NOT NULL,
    {sessions.issuer} {:int} NOT NULL,
    {sessions.subject} {:name} NOT NULL,
    {sessions.subject_key} {:key} NOT NULL,
    {sessions.auth_time} {:int} NOT NULL,
    {sessions.epoch_everything} {:int} NOT NULL,
    {sessions.epoch_client} {:int} NOT NULL,
    {sessions.epoch_subject} {:int} NOT NULL,
    {sessions.commit_id} {:key} NOT NULL,
    {sessions.body} {:text} NOT NULL,
    PRIMARY KEY ({sessions.day}, {sessions.id})
){:options};
CREATE INDEX {sessions#expiry} ON {sessions} ({sessions.expires_at});

CREATE TABLE {consents} (
    {consents.subject_key} {:key} NOT NULL,
    {consents.client} {:key} NOT NULL,
    {consents.issuer} {:int} NOT NULL,
    {consents.subject} {:name} NOT NULL,
    {consents.scope} {:text} NOT NULL,
    {consents.updated_at} {:int} NOT NULL,
    {consents.revision} {:int} NOT NULL,
    {consents.commit_id} {:key} NOT NULL,
    {consents.body} {:text} NOT NULL,
    PRIMARY KEY ({consents.subject_key}, {consents.client})
){:options};

CREATE TABLE {accounts} (
    {accounts.id} {:key} NOT NULL,
    {accounts.issuer} {:int} NOT NULL,
    {accounts.username} {:text} NOT NULL,
    {accounts.enabled} {:int} NOT NULL,
    {accounts.password} {:text},
    {accounts.created_at} {:int} NOT NULL,
    {accounts.updated_at} {:int} NOT NULL,
    {accounts.revision} {:int} NOT NULL,
    {accounts.commit_id} {:key} NOT NULL,
    {accounts.body} {:text} NOT NULL,
    PRIMARY KEY ({accounts.id})
){:options};

CREATE TABLE {signing_keys} (
    {signing_keys.id} {:key} NOT NULL,
    {signing_keys.issuer} {:int} NOT NULL,
    {signing_keys.algorithm} {:name} NOT NULL,
    {signing_keys.jwk} {:text} NOT NULL,
    {signing_keys.sealed} {:bytes} NOT NULL,
    {signing_keys.made_at} {:int} NOT NULL,
    {signing_keys.current_from} {:int} NOT NULL,
    {signing_keys.retired_from} {:int} NOT NULL,
    {signing_keys.ends_at} {:int} NOT NULL,
    {signing_keys.revision} {:int} NOT NULL,
    {signing_keys.commit_id} {:key} NOT NULL,
    PRIMARY KEY ({signing_keys.id})
){:options};

CREATE TABLE {seal_keys} (
    {seal_keys.issuer} {:int} NOT NULL,
    {seal_keys.number} {:int} NOT NULL,
    {seal_keys.sealed} {:bytes} NOT NULL,
    {seal_keys.made_at} {:int} NOT NULL,
    {seal_keys.current_from} {:int} NOT NULL,
    {seal_keys.retired_from} {:int} NOT NULL,
    {seal_keys.ends_at} {:int} NOT NULL,
    {seal_keys.revision} {:int} NOT NULL,
    {seal_keys.commit_id} {:key} NOT NULL,
    PRIMARY KEY ({seal_keys.issuer}, {seal_keys.number})
){:options};

CREATE TABLE {deployment} (
    {deployment.slot} {:int} NOT NULL,
    {deployment.id} {:key} NOT NULL,
    {deployment.created_at} {:int} NOT NULL,
    {deployment.revision} {:int} NOT NULL,
    {deployment.commit_id} {:key} NOT NULL,
    PRIMARY KEY ({deployment.slot})
){:options};

CREATE TABLE {events} (
    {events.day} {:int} NOT NULL,
    {events.about} {:key} NOT NULL,
    {events.id} {:key} NOT NULL,
    {events.kind} {:name} NOT NULL,
    {events.at} {:int} NOT NULL,
    {events.client} {:key},
    {events.subject} {:text},
    {events.body} {:text} NOT NULL,
    PRIMARY KEY ({events.day}, {events.about}, {events.id})
){:options}{/events.day};
