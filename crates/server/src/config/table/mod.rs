//! The table of all settings: section, key, type, default, allowed range, and what it is for. All else follows from it.

mod clients;
mod people;
mod server;
mod tokens;

pub use clients::{Clients, Fetch, Mtls, Registration};
pub use people::{Account, Backchannel, BrandSettings, Login};
pub use server::{Log, Metrics, Retention, Secrets, Server, Store};
pub use tokens::{Claims, Details, Keys, Metadata, Routes, Tokens};

use people::{Device, LoginApp, SmtpSettings};
use server::{Admin, Audit, Outbox, Webhooks};
use tokens::Feed;

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
