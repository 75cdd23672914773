-- What people and operators see and do needs: deliveries, who takes part in a session, and what is searched for. Only additions.
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

ALTER TABLE {flows} ADD COLUMN {flows.upstream} {:text};
ALTER TABLE {flows} ADD COLUMN {flows.upstream_state} {:text};
ALTER TABLE {grants} ADD COLUMN {grants.last_used_at} {:int};
ALTER TABLE {accounts} ADD COLUMN {accounts.attempts} {:int};
ALTER TABLE {accounts} ADD COLUMN {accounts.locked_until} {:int};

CREATE INDEX {sessions#subject} ON {sessions} ({sessions.subject_key}, {sessions.id});
CREATE INDEX {clients#search} ON {clients} ({clients.client_id^});
CREATE INDEX {accounts#search} ON {accounts} ({accounts.username^});
CREATE INDEX {events#order} ON {events} ({events.id});
