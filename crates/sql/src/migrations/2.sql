-- The records that all of OAuth needs. Only additions: the program before this one goes on with the same database.
CREATE TABLE {once} (
    {once.day} {:int} NOT NULL,
    {once.namespace} {:int} NOT NULL,
    {once.digest} {:key} NOT NULL,
    {once.expires_at} {:int} NOT NULL,
    {once.commit_id} {:key} NOT NULL,
    PRIMARY KEY ({once.day}, {once.namespace}, {once.digest})
){:options}{/once.day};

CREATE TABLE {resources} (
    {resources.id} {:key} NOT NULL,
    {resources.issuer} {:int} NOT NULL,
    {resources.resource_key} {:key} NOT NULL,
    {resources.identifier} {:text} NOT NULL,
    {resources.enabled} {:int} NOT NULL,
    {resources.name} {:text} NOT NULL,
    {resources.secrets} {:text} NOT NULL,
    {resources.scope} {:text} NOT NULL,
    {resources.token_format} {:int},
    {resources.access_token_seconds} {:int},
    {resources.created_at} {:int} NOT NULL,
    {resources.updated_at} {:int} NOT NULL,
    {resources.revision} {:int} NOT NULL,
    {resources.commit_id} {:key} NOT NULL,
    {resources.body} {:text} NOT NULL,
    PRIMARY KEY ({resources.id})
){:options};
CREATE UNIQUE INDEX {resources#key} ON {resources} ({resources.resource_key});

ALTER TABLE {clients} ADD COLUMN {clients.description} {:text};
ALTER TABLE {clients} ADD COLUMN {clients.response_types} {:text};
ALTER TABLE {clients} ADD COLUMN {clients.response_modes} {:text};
ALTER TABLE {clients} ADD COLUMN {clients.jwks} {:text};
ALTER TABLE {clients} ADD COLUMN {clients.jwks_uri} {:text};
ALTER TABLE {clients} ADD COLUMN {clients.contacts} {:text};
ALTER TABLE {clients} ADD COLUMN {clients.software_id} {:name};
ALTER TABLE {clients} ADD COLUMN {clients.software_version} {:name};
ALTER TABLE {clients} ADD COLUMN {clients.application_type} {:name};
ALTER TABLE {clients} ADD COLUMN {clients.sector_identifier_uri} {:text};
ALTER TABLE {clients} ADD COLUMN {clients.subject_type} {:name};
ALTER TABLE {clients} ADD COLUMN {clients.initiate_login_uri} {:text};
ALTER TABLE {clients} ADD COLUMN {clients.token_endpoint_auth_signing_alg} {:name};
ALTER TABLE {clients} ADD COLUMN {clients.id_token_signed_response_alg} {:name};
ALTER TABLE {clients} ADD COLUMN {clients.id_token_encrypted_response_alg} {:name};
ALTER TABLE {clients} ADD COLUMN {clients.id_token_encrypted_response_enc} {:name};
ALTER TABLE {clients} ADD COLUMN {clients.userinfo_signed_response_alg} {:name};
ALTER TABLE {clients} ADD COLUMN {clients.userinfo_encrypted_response_alg} {:name};
ALTER TABLE {clients} ADD COLUMN {clients.userinfo_encrypted_response_enc} {:name};
ALTER TABLE {clients} ADD COLUMN {clients.request_object_signing_alg} {:name};
ALTER TABLE {clients} ADD COLUMN {clients.request_object_encryption_alg} {:name};
ALTER TABLE {clients} ADD COLUMN {clients.request_object_encryption_enc} {:name};
ALTER TABLE {clients} ADD COLUMN {clients.request_uris} {:text};
ALTER TABLE {clients} ADD COLUMN {clients.require_signed_request_object} {:int};
ALTER TABLE {clients} ADD COLUMN {clients.authorization_signed_response_alg} {:name};
ALTER TABLE {clients} ADD COLUMN {clients.authorization_encrypted_response_alg} {:name};
ALTER TABLE {clients} ADD COLUMN {clients.authorization_encrypted_response_enc} {:name};
ALTER TABLE {clients} ADD COLUMN {clients.require_pushed_authorization_requests} {:int};
ALTER TABLE {clients} ADD COLUMN {clients.dpop_bound_access_tokens} {:int};
ALTER TABLE {clients} ADD COLUMN {clients.tls_client_auth_subject_dn} {:text};
ALTER TABLE {clients} ADD COLUMN {clients.tls_client_auth_san_dns} {:text};
ALTER TABLE {clients} ADD COLUMN {clients.tls_client_auth_san_uri} {:text};
ALTER TABLE {clients} ADD COLUMN {clients.tls_client_auth_san_ip} {:text};
ALTER TABLE {clients} ADD COLUMN {clients.tls_client_auth_san_email} {:text};
ALTER TABLE {clients} ADD COLUMN {clients.tls_client_certificate_bound_access_tokens} {:int};
ALTER TABLE {clients} ADD COLUMN {clients.post_logout_redirect_uris} {:text};
ALTER TABLE {clients} ADD COLUMN {clients.frontchannel_logout_uri} {:text};
ALTER TABLE {clients} ADD COLUMN {clients.frontchannel_logout_session_required} {:int};
ALTER TABLE {clients} ADD COLUMN {clients.backchannel_logout_uri} {:text};
ALTER TABLE {clients} ADD COLUMN {clients.backchannel_logout_session_required} {:int};

ALTER TABLE {flows} ADD COLUMN {flows.kind} {:int};
ALTER TABLE {flows} ADD COLUMN {flows.failure} {:int};
ALTER TABLE {flows} ADD COLUMN {flows.polled_at} {:int};
ALTER TABLE {flows} ADD COLUMN {flows.poll_interval_ms} {:int};
ALTER TABLE {flows} ADD COLUMN {flows.resource} {:text};
ALTER TABLE {flows} ADD COLUMN {flows.authorization_details} {:text};
ALTER TABLE {flows} ADD COLUMN {flows.claims} {:text};
ALTER TABLE {flows} ADD COLUMN {flows.claims_locales} {:text};
ALTER TABLE {flows} ADD COLUMN {flows.dpop_jkt} {:text};
ALTER TABLE {flows} ADD COLUMN {flows.certificate_thumbprint} {:text};

ALTER TABLE {grants} ADD COLUMN {grants.resource} {:text};
ALTER TABLE {grants} ADD COLUMN {grants.authorization_details} {:text};
ALTER TABLE {grants} ADD COLUMN {grants.claims} {:text};
ALTER TABLE {grants} ADD COLUMN {grants.dpop_jkt} {:text};
ALTER TABLE {grants} ADD COLUMN {grants.certificate_thumbprint} {:text};
ALTER TABLE {grants} ADD COLUMN {grants.name} {:text};
ALTER TABLE {grants} ADD COLUMN {grants.idle_seconds} {:int};
