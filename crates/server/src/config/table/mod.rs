//! The table of all settings: section, key, type, default, allowed range, and what it is for. All else follows from it.

mod clients;
mod people;
mod server;
mod tokens;

pub use clients::{Clients, Fetch, Mtls, Registration};
pub use people::{Account, Backchannel, BrandSettings, Device, Login, LoginApp, SmtpSettings};
pub use server::{Admin, Audit, Log, Metrics, Outbox, Retention, Secrets, Server, Store, Webhooks};
pub use tokens::{Claims, Details, Feed, Keys, Metadata, Routes, Tokens};

super::schema::settings! {
    admin: Admin,
    audit: Audit,
    server: Server,
    store: Store,
    retention: Retention,
    secrets: Secrets,
    tokens: Tokens,
    claims: Claims,
    device: Device,
    backchannel: Backchannel,
    clients: Clients,
    routes: Routes,
    account: Account,
    brand: BrandSettings,
    metadata: Metadata,
    details: Details,
    keys: Keys,
    login: Login,
    login_app: LoginApp,
    smtp: SmtpSettings,
    outbox: Outbox,
    webhooks: Webhooks,
    feed: Feed,
    fetch: Fetch,
    registration: Registration,
    mtls: Mtls,
    log: Log,
    metrics: Metrics,
}
