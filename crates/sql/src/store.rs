//! The store over any driver: which statements a read needs, and what is made of their rows.

use std::sync::Arc;

use async_trait::async_trait;
use firman_proto::digest::Digest16;
use firman_proto::id::{IssuerNumber, RecordId};
use firman_proto::time::{Day, Timestamp};
use firman_store::record::{
    Account, Client, Consent, Delivery, Epochs, Event, Flow, Grant, HeldClaims, HeldKind, HeldToken, Name, Namespace,
    Resource, Session, TokenTrace,
};
use firman_store::{
    Commit, CommitError, CommitId, Cutoffs, EditableKey, GrantsOf, HeldPage, Keys, Page, ParentStanding, RowKey,
    Search, SignedIn, Standing, Store, StoreError, Swept, Transaction,
};

use crate::driver::{Driver, Written};
use crate::names::known_names;
use crate::options::{OpenError, Options};
use crate::plan::{Plan, key_values};
use crate::records;
use crate::row::Columns;
use crate::schema::{SERVED, tables};
use crate::statements::Statement;
use crate::value::{Query, Value, params, values};

/// The longest chain of digests in a trace.
const LONGEST_CHAIN: usize = 17;

/// A store in an SQL database. [`SqlStore::close`] waits until it has let go of it; a store that is dropped does so soon.
pub struct SqlStore {
    pub(crate) driver: Box<dyn Driver>,
}

impl SqlStore {
    /// Opens a database. A SQLite file is made if it is not there and brought up to date; a database on the network only if the
    /// options ask for it.
    pub async fn open(options: Options) -> Result<Arc<Self>, OpenError> {
        let driver = if crate::postgres::is_meant(&options.url) {
            crate::postgres::open(&options).await?
        } else if crate::mysql::is_meant(&options.url) {
            crate::mysql::open(&options).await?
        } else {
            crate::sqlite::open(&options).await?
        };
        Ok(Arc::new(Self { driver }))
    }

    /// Finishes what was begun, moves a log into its file, and lets go of the database. What comes afterwards is an error.
    pub async fn close(&self) {
        self.driver.close().await;
    }

    /// Every table and column whose name can be configured: `table` or `table.column`.
    pub fn known_names() -> Vec<String> {
        known_names(&tables()).collect()
    }

    /// Every row of one query, read.
    pub(crate) async fn all<T: Send>(
        &self,
        statement: Statement,
        values: &[Value],
        read: impl Fn(&mut Columns<'_>) -> Result<T, StoreError> + Send + Sync,
    ) -> Result<Vec<T>, StoreError> {
        let mut found = Vec::new();
        let mut each = |_, row: &dyn crate::row::Row| {
            found.push(read(&mut Columns::new(row))?);
            Ok(())
        };
        self.driver.read(&[Query { statement, values }], &mut each).await?;
        Ok(found)
    }

    /// The one row of a query, read.
    async fn one<T: Send>(
        &self,
        statement: Statement,
        values: &[Value],
        read: impl Fn(&mut Columns<'_>) -> Result<T, StoreError> + Send + Sync,
    ) -> Result<Option<T>, StoreError> {
        let mut found = None;
        let mut each = |_, row: &dyn crate::row::Row| {
            found = Some(read(&mut Columns::new(row))?);
            Ok(())
        };
        self.driver.read(&[Query { statement, values }], &mut each).await?;
        Ok(found)
    }
}

/// Where a page begins: after this id.
fn after(page: Page) -> RecordId {
    page.after.unwrap_or(RecordId::from_bytes([0; 16]))
}

/// Where a page that goes back begins: before this id.
fn before(page: Page) -> RecordId {
    page.after.unwrap_or(RecordId::from_bytes([0xff; 16]))
}

/// The parameters of a search: between what it begins with, or where the page before ended, and what no text comes after that
/// begins so.
fn search_values(issuer: IssuerNumber, search: Search) -> Vec<Value> {
    let end = format!("{}{}", search.prefix, char::MAX);
    let (text, id) = search.after.unwrap_or_else(|| (String::new(), RecordId::from_bytes([0; 16])));
    let from = text.clone().max(search.prefix);
    values![from, end, issuer, text, id, search.limit]
}

#[async_trait]
impl Store for SqlStore {
    async fn commit(&self, transaction: Transaction) -> Result<Commit, CommitError> {
        if transaction.changes.is_empty() {
            return Ok(Commit::Done);
        }
        let plan = Plan::of(transaction).map_err(CommitError::NotApplied)?;
        Ok(match self.driver.write(plan).await? {
            Written::Done(_) => Commit::Done,
            Written::Conflict(place) => Commit::Conflict(place),
        })
    }

    async fn winner(&self, row: RowKey) -> Result<Option<CommitId>, StoreError> {
        let (statement, key) = winner_of(row);
        self.one(statement, &key, |columns| columns.key().map(CommitId)).await
    }

    async fn client(&self, key: Digest16) -> Result<Option<Arc<Client>>, StoreError> {
        Ok(self.one(Statement::ClientByKey, &[key.into()], records::client::read).await?.map(Arc::new))
    }

    async fn client_by_id(&self, id: RecordId) -> Result<Option<Arc<Client>>, StoreError> {
        Ok(self.one(Statement::ClientById, &[id.into()], records::client::read).await?.map(Arc::new))
    }

    async fn clients(&self, issuer: IssuerNumber, page: Page) -> Result<Vec<Client>, StoreError> {
        self.all(Statement::ClientPage, &params![after(page), issuer, page.limit], records::client::read).await
    }

    async fn flow(&self, id: RecordId) -> Result<Option<Standing<Flow>>, StoreError> {
        self.one(Statement::FindFlow, &[id.made_at().day().into(), id.into()], |columns| {
            let record = records::flow::read(columns)?;
            let client_enabled = columns.maybe_int()? == Some(1);
            Ok(Standing { record, epochs: columns.epochs()?, client_enabled, parent: None, token_revoked: false })
        })
        .await
    }

    async fn grant(&self, id: RecordId, trace: Option<TokenTrace>) -> Result<Option<Standing<Grant>>, StoreError> {
        // An access token as it was issued has one digest, which the first query looks for; only what was weakened has more.
        let (day, last) = trace.as_ref().map(|trace| (trace.day, trace.digests.last().copied())).unzip();
        let grant = params![day, last.flatten(), id];
        let grant = Query { statement: Statement::FindGrant, values: &grant };
        let chain = trace.as_ref().and_then(|trace| chain_values(id, trace));
        let chain = chain.as_ref().map(|values| Query { statement: Statement::ChainRevoked, values });
        let (mut found, mut revoked) = (None, false);
        let mut each = |query, row: &dyn crate::row::Row| {
            match query {
                0 => found = Some(read_standing_grant(&mut Columns::new(row))?),
                _ => revoked = true,
            }
            Ok(())
        };
        match chain {
            None => self.driver.read(&[grant], &mut each).await?,
            Some(chain) => self.driver.read(&[grant, chain], &mut each).await?,
        }
        let standing: Option<Standing<Grant>> = found;
        Ok(standing.map(|standing| Standing { token_revoked: standing.token_revoked || revoked, ..standing }))
    }

    async fn grants(&self, of: GrantsOf, page: Page) -> Result<Vec<Grant>, StoreError> {
        let (statement, values) = match of {
            GrantsOf::Subject(key) => (Statement::GrantsOfSubject, values![key, after(page), page.limit]),
            GrantsOf::Client(id) => (Statement::GrantsOfClient, values![id, after(page), page.limit]),
            GrantsOf::Everybody => (Statement::GrantsOfEverybody, values![after(page), page.limit]),
        };
        self.all(statement, &values, records::grant::read).await
    }

    async fn session(&self, id: RecordId, client: Option<RecordId>) -> Result<Option<SignedIn>, StoreError> {
        let values = params![client, client, id.made_at().day(), id];
        self.one(Statement::FindSession, &values, |columns| {
            let (session, epochs) = (records::session::read(columns)?, columns.epochs()?);
            Ok(SignedIn { session, epochs, consent: records::consent::read(columns)? })
        })
        .await
    }

    async fn sessions_of(&self, subject: Digest16, page: Page) -> Result<Vec<Session>, StoreError> {
        self.all(Statement::SessionsOf, &params![subject, after(page), page.limit], records::session::read).await
    }

    async fn session_clients(&self, session: RecordId, expires_at: Timestamp) -> Result<Vec<RecordId>, StoreError> {
        let read = |columns: &mut Columns<'_>| columns.id();
        self.all(Statement::SessionClients, &params![expires_at.day(), session], read).await
    }

    async fn consents_of(&self, subject: Digest16, page: Page) -> Result<Vec<Consent>, StoreError> {
        let values = params![subject, after(page), page.limit];
        let found = self.all(Statement::ConsentsOf, &values, records::consent::read).await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn flows_of(&self, day: Day, page: Page) -> Result<Vec<Flow>, StoreError> {
        self.all(Statement::FlowsOfDay, &params![day, before(page), page.limit], records::flow::read).await
    }

    async fn clients_of(&self, owner: String, page: Page) -> Result<Vec<Client>, StoreError> {
        self.all(Statement::ClientsOf, &params![owner, after(page), page.limit], records::client::read).await
    }

    async fn search_clients(&self, issuer: IssuerNumber, search: Search) -> Result<Vec<Client>, StoreError> {
        self.all(Statement::ClientSearch, &search_values(issuer, search), records::client::read).await
    }

    async fn search_accounts(&self, issuer: IssuerNumber, search: Search) -> Result<Vec<Account>, StoreError> {
        self.all(Statement::AccountSearch, &search_values(issuer, search), records::account::read).await
    }

    async fn search_resources(&self, issuer: IssuerNumber, search: Search) -> Result<Vec<Resource>, StoreError> {
        self.all(Statement::ResourceSearch, &search_values(issuer, search), records::resource::read).await
    }

    async fn epochs(&self, client: Option<RecordId>, subject: Option<Digest16>) -> Result<Epochs, StoreError> {
        let read = |columns: &mut Columns<'_>| columns.epochs();
        Ok(self.one(Statement::FindEpochs, &params![client, subject], read).await?.unwrap_or_default())
    }

    async fn account(&self, id: RecordId) -> Result<Option<Account>, StoreError> {
        self.one(Statement::AccountById, &[id.into()], records::account::read).await
    }

    async fn account_by_name(
        &self,
        namespace: Namespace,
        digest: Digest16,
        now: Timestamp,
    ) -> Result<Option<Account>, StoreError> {
        let values = params![namespace.number(), digest, now];
        self.one(Statement::AccountByName, &values, records::account::read).await
    }

    async fn accounts(&self, issuer: IssuerNumber, page: Page) -> Result<Vec<Account>, StoreError> {
        self.all(Statement::AccountPage, &params![after(page), issuer, page.limit], records::account::read).await
    }

    async fn name(&self, namespace: Namespace, digest: Digest16) -> Result<Option<Name>, StoreError> {
        self.one(Statement::FindName, &params![namespace.number(), digest], records::name::read).await
    }

    async fn resource(&self, key: Digest16) -> Result<Option<Arc<Resource>>, StoreError> {
        Ok(self.one(Statement::ResourceByKey, &[key.into()], records::resource::read).await?.map(Arc::new))
    }

    async fn resources(&self, issuer: IssuerNumber, page: Page) -> Result<Vec<Resource>, StoreError> {
        self.all(Statement::ResourcePage, &params![after(page), issuer, page.limit], records::resource::read).await
    }

    async fn keys(&self) -> Result<Keys, StoreError> {
        let mut keys = Keys::default();
        let queries = [Statement::FindDeployment, Statement::SigningKeys, Statement::SealKeys]
            .map(|statement| Query { statement, values: &[] });
        let mut each = |query, row: &dyn crate::row::Row| {
            let columns = &mut Columns::new(row);
            match query {
                0 => keys.deployment = Some(records::key::read_deployment(columns)?),
                1 => keys.signing.push(records::key::read_signing(columns)?),
                _ => keys.seal.push(records::key::read_seal(columns)?),
            }
            Ok(())
        };
        self.driver.read(&queries, &mut each).await?;
        Ok(keys)
    }

    async fn edition(&self) -> Result<u64, StoreError> {
        let read = |columns: &mut Columns<'_>| columns.unsigned();
        Ok(self.one(Statement::FindEdition, &[], read).await?.unwrap_or(0))
    }

    async fn events(&self, about: Option<RecordId>, page: Page) -> Result<Vec<Event>, StoreError> {
        let after = after(page);
        let (statement, values) = match about {
            // Nothing is said about a record before it is made, and an event's id is made when it happened.
            Some(id) => {
                let from = id.made_at().day().max(after.made_at().day());
                (Statement::EventsAbout, values![from, id, after, page.limit])
            }
            None => (Statement::EventPage, values![after.made_at().day(), after, page.limit]),
        };
        self.all(statement, &values, records::event::read).await
    }

    async fn latest_events(&self, page: Page) -> Result<Vec<Event>, StoreError> {
        let before = before(page);
        let values = params![before.made_at().day(), before, page.limit];
        self.all(Statement::LatestEvents, &values, records::event::read).await
    }

    async fn delivery(&self, id: RecordId) -> Result<Option<Delivery>, StoreError> {
        self.one(Statement::FindDelivery, &params![id.made_at().day(), id], records::delivery::read).await
    }

    async fn deliveries(&self, page: Page) -> Result<Vec<Delivery>, StoreError> {
        let before = before(page);
        let values = params![before.made_at().day(), before, page.limit];
        self.all(Statement::LatestDeliveries, &values, records::delivery::read).await
    }

    async fn due_deliveries(&self, now: Timestamp, limit: u32) -> Result<Vec<Delivery>, StoreError> {
        self.all(Statement::DueDeliveries, &params![now, limit], records::delivery::read).await
    }

    async fn held_token(&self, key: Digest16) -> Result<Option<HeldToken>, StoreError> {
        self.one(Statement::HeldToken, &[key.into()], records::held::read_token).await
    }

    async fn held_tokens(
        &self,
        holder: Digest16,
        kind: HeldKind,
        page: HeldPage,
    ) -> Result<Vec<HeldToken>, StoreError> {
        let after = page.after.unwrap_or(Digest16([0; 16]));
        let values = params![holder, kind.number(), after, page.limit];
        self.all(Statement::HeldTokens, &values, records::held::read_token).await
    }

    async fn held_claims(&self, holder: Digest16) -> Result<Option<HeldClaims>, StoreError> {
        self.one(Statement::HeldClaims, &[holder.into()], records::held::read_claims).await
    }

    async fn sweep(&self, cutoffs: Cutoffs, limit: u32) -> Result<Swept, StoreError> {
        self.sweep_all(cutoffs, limit).await
    }

    async fn overdue(&self, cutoffs: Cutoffs, limit: u32) -> Result<Swept, StoreError> {
        self.count_overdue(cutoffs, limit).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        let (nobody, never) = (|| Value::Key([0; 16]), || Value::Int(0));
        let values = [nobody(), never(), nobody(), nobody(), never(), nobody()];
        let newer = |columns: &mut Columns<'_>| Ok(Some(columns.int()?).filter(|found| *found > SERVED));
        if let Some(found) = self.one(Statement::Serve, &values, newer).await?.flatten() {
            let cause =
                format!("schema version {found} is there, and {SERVED} is the newest served; run the newer program");
            return Err(StoreError { what: "check", cause, temporary: true });
        }
        Ok(())
    }
}

fn read_standing_grant(columns: &mut Columns<'_>) -> Result<Standing<Grant>, StoreError> {
    let record = records::grant::read(columns)?;
    let client_enabled = columns.maybe_int()? == Some(1);
    let epochs = columns.epochs()?;
    let until = columns.maybe_time()?;
    let parent = record
        .parent
        .map(|_| ParentStanding { revoked: until.is_none(), expires_at: until.unwrap_or(Timestamp::from_millis(0)) });
    Ok(Standing { record, epochs, client_enabled, parent, token_revoked: columns.flag()? })
}

/// The parameters that look for more than one digest.
fn chain_values(grant: RecordId, trace: &TokenTrace) -> Option<Vec<Value>> {
    let [first, _, ..] = trace.digests.as_slice() else { return None };
    let mut values = values![trace.day, grant];
    let chain = trace.digests.iter().copied().chain(std::iter::repeat(*first)).take(LONGEST_CHAIN);
    values.extend(chain.map(Value::from));
    Some(values)
}

fn winner_of(row: RowKey) -> (Statement, Vec<Value>) {
    match row {
        RowKey::Editable(key) => (winner_of_editable(key), key_values(key)),
        RowKey::Name(namespace, digest) => (Statement::NameWinner, values![namespace.number(), digest]),
        RowKey::Once(day, namespace, digest) => (Statement::OnceWinner, values![day, namespace.number(), digest]),
        RowKey::Flow(id) => (Statement::FlowWinner, values![id.made_at().day(), id]),
        RowKey::Grant(id) => (Statement::GrantWinner, values![id]),
        RowKey::Delivery(id) => (Statement::DeliveryWinner, values![id.made_at().day(), id]),
        RowKey::Session(id) => (Statement::SessionWinner, values![id.made_at().day(), id]),
    }
}

fn winner_of_editable(key: EditableKey) -> Statement {
    match key {
        EditableKey::Client(_) => Statement::ClientWinner,
        EditableKey::Account(_) => Statement::AccountWinner,
        EditableKey::Consent(_) => Statement::ConsentWinner,
        EditableKey::Resource(_) => Statement::ResourceWinner,
        EditableKey::HeldToken(_) => Statement::HeldTokenWinner,
        EditableKey::HeldClaims(_) => Statement::HeldClaimsWinner,
        EditableKey::SigningKey(_) => Statement::SigningKeyWinner,
        EditableKey::SealKey(..) => Statement::SealKeyWinner,
        EditableKey::Deployment => Statement::DeploymentWinner,
    }
}
