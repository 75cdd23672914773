-- Deliveries, who takes part in a session, what is searched for, what programs hold of other servers. Only additions.
CREATE TABLE {deliveries} (
    {deliveries.day} {:int} NOT NULL,
    {deliveries.id} {:key} NOT NULL,
    {deliveries.state} {:int} NOT NULL,
    {deliveries.due_at} {:int},
    {deliveries.ended_at} {:int},
    {deliveries.attempts} {:int} NOT NULL,
    {deliveries.expires_at} {:int} NOT NULL,
    {deliveries.issuer} {:int} NOT NULL,
    {deliveries.kind} {:int} NOT NULL,
    {deliveries.client} {:key},
    {deliveries.sealed} {:bytes} NOT NULL,
    {deliveries.error} {:text},
    {deliveries.commit_id} {:key} NOT NULL,
    {deliveries.body} {:text} NOT NULL,
    PRIMARY KEY ({deliveries.day}, {deliveries.id})
){:options}{/deliveries.day};
CREATE INDEX {deliveries#due} ON {deliveries} ({deliveries.due_at});

CREATE TABLE {session_clients} (
    {session_clients.day} {:int} NOT NULL,
    {session_clients.session} {:key} NOT NULL,
    {session_clients.client} {:key} NOT NULL,
    {session_clients.expires_at} {:int} NOT NULL,
    PRIMARY KEY ({session_clients.day}, {session_clients.session}, {session_clients.client})
){:options};

CREATE TABLE {held_tokens} (
    {held_tokens.token_key} {:key} NOT NULL,
    {held_tokens.kind} {:int} NOT NULL,
    {held_tokens.issuer_uri} {:text} NOT NULL,
    {held_tokens.holder_key} {:key} NOT NULL,
    {held_tokens.subject} {:text},
    {held_tokens.client_id} {:text} NOT NULL,
    {held_tokens.token_type} {:text},
    {held_tokens.sealed} {:bytes} NOT NULL,
    {held_tokens.expires_at} {:int} NOT NULL,
    {held_tokens.updated_at} {:int} NOT NULL,
    {held_tokens.revision} {:int} NOT NULL,
    {held_tokens.commit_id} {:key} NOT NULL,
    {held_tokens.body} {:text} NOT NULL,
    PRIMARY KEY ({held_tokens.token_key})
){:options};
CREATE INDEX {held_tokens#holder} ON {held_tokens} ({held_tokens.holder_key}, {held_tokens.kind}, {held_tokens.token_key});
CREATE INDEX {held_tokens#expiry} ON {held_tokens} ({held_tokens.expires_at});

CREATE TABLE {held_claims} (
    {held_claims.holder_key} {:key} NOT NULL,
    {held_claims.issuer_uri} {:text} NOT NULL,
    {held_claims.subject} {:text} NOT NULL,
    {held_claims.id_token} {:bytes},
    {held_claims.id_token_at} {:int},
    {held_claims.claims} {:text},
    {held_claims.claims_at} {:int},
    {held_claims.revision} {:int} NOT NULL,
    {held_claims.commit_id} {:key} NOT NULL,
    {held_claims.body} {:text} NOT NULL,
    PRIMARY KEY ({held_claims.holder_key})
){:options};

ALTER TABLE {flows} ADD COLUMN {flows.upstream} {:text};
ALTER TABLE {grants} ADD COLUMN {grants.last_used_at} {:int};
ALTER TABLE {accounts} ADD COLUMN {accounts.attempts} {:int};
ALTER TABLE {accounts} ADD COLUMN {accounts.locked_until} {:int};

CREATE INDEX {sessions#subject} ON {sessions} ({sessions.subject_key}, {sessions.id});
CREATE INDEX {clients#search} ON {clients} ({clients.client_id^});
CREATE INDEX {accounts#search} ON {accounts} ({accounts.username^});
CREATE INDEX {events#order} ON {events} ({events.id});
