//! The schema of a database on the network: what is there, what is missing, and making it so, by one node at a time.

use std::path::PathBuf;

use super::tongue::Tongue;
use super::wire::{Admin, Connector, WireError};
use crate::migrations::{Applied, Migrations};
use crate::names::{Names, index_name};
use crate::options::OpenError;
use crate::schema::{self, MIGRATIONS, SERVED, VERSION};
use crate::statements::Statement;
use crate::template::{Piece, TemplateError, compile, pieces};
use crate::texts::Texts;

/// The schema of one database, over a connection of its own.
pub(crate) struct Schema<'a, C: Connector> {
    connector: &'a C,
    admin: C::Admin,
    names: &'a Names,
    tongue: &'static Tongue,
}

impl<'a, C: Connector> Schema<'a, C> {
    /// Connects.
    pub(crate) async fn connect(
        connector: &'a C,
        names: &'a Names,
        tongue: &'static Tongue,
    ) -> Result<Self, OpenError> {
        let admin = connector.admin().await.map_err(|error| open_error(connector.place(), error))?;
        Ok(Self { connector, admin, names, tongue })
    }

    /// What was applied, and the statements of what is missing. Refuses tables that are not ours or newer than we know.
    pub(crate) async fn migrations(&mut self) -> Result<Migrations, OpenError> {
        let applied = self.applied().await?;
        let found = applied.last().map_or(0, |applied| applied.version);
        if found > SERVED {
            return Err(OpenError::Newer { path: self.place(), found, known: VERSION });
        }
        let pending = plan(found, self.names, self.tongue).map_err(defect)?;
        Ok(Migrations { applied, known: VERSION, pending: pending.into_iter().flatten().collect() })
    }

    /// Brings the schema up to date. Nodes that do so at once wait for each other; whoever comes second has nothing to do.
    pub(crate) async fn up(&mut self) -> Result<Migrations, OpenError> {
        self.execute(self.tongue.lock).await?;
        let done = self.up_alone().await;
        self.execute(self.tongue.unlock).await?;
        done?;
        self.migrations().await
    }

    async fn up_alone(&mut self) -> Result<(), OpenError> {
        let found = self.migrations().await?.applied.last().map_or(0, |applied| applied.version);
        for migration in plan(found, self.names, self.tongue).map_err(defect)? {
            if let Some((begin, _)) = self.tongue.transaction {
                self.execute(begin).await?;
            }
            for statement in &migration {
                self.execute(statement).await?;
            }
            if let Some((_, commit)) = self.tongue.transaction {
                self.execute(commit).await?;
            }
        }
        Ok(())
    }

    /// Whether every statement of the store can run: a name that is not there fails now and not at a request.
    pub(crate) async fn check(&mut self, texts: &Texts) -> Result<(), OpenError> {
        for statement in Statement::ALL {
            self.admin.check(texts.of(*statement)).await.map_err(|error| self.explain(error))?;
        }
        Ok(())
    }

    async fn applied(&mut self) -> Result<Vec<Applied>, OpenError> {
        let there: Vec<String> =
            self.rows(self.tongue.tables).await?.into_iter().filter_map(|row| row.into_iter().next()?).collect();
        let is_there = |name: &str| there.iter().any(|table| table == name);
        if !self.names.table("firman_schema").is_some_and(is_there) {
            return match self.names.tables().find(|name| is_there(name)) {
                Some(table) => {
                    Err(OpenError::ForeignTable { place: self.connector.place().into(), table: table.into() })
                }
                None => Ok(Vec::new()),
            };
        }
        let query = "SELECT {firman_schema.*} FROM {firman_schema} ORDER BY {firman_schema.version}";
        let query = compile(query, self.names, self.tongue.dialect).map_err(defect)?;
        let applied = |row: Vec<Option<String>>| {
            let mut columns = row.into_iter().flatten();
            let version = columns.next()?.parse().ok()?;
            Some(Applied { version, program: columns.next()? })
        };
        Ok(self.rows(&query).await?.into_iter().filter_map(applied).collect())
    }

    async fn execute(&mut self, statement: &str) -> Result<(), OpenError> {
        self.admin.execute(statement).await.map_err(|error| self.explain(error))
    }

    async fn rows(&mut self, query: &str) -> Result<Vec<Vec<Option<String>>>, OpenError> {
        self.admin.rows(query).await.map_err(|error| self.explain(error))
    }

    fn explain(&self, error: WireError) -> OpenError {
        open_error(self.connector.place(), error)
    }

    fn place(&self) -> PathBuf {
        self.connector.place().into()
    }
}

/// The statements that bring a schema of this version up to date, one list for each migration.
fn plan(found: i64, names: &Names, tongue: &Tongue) -> Result<Vec<Vec<String>>, TemplateError> {
    let later = (1_i64..).zip(MIGRATIONS).filter(|(version, _)| *version > found);
    later.map(|(version, migration)| statements(version, migration, names, tongue)).collect()
}

fn statements(
    version: i64,
    migration: &'static str,
    names: &Names,
    tongue: &Tongue,
) -> Result<Vec<String>, TemplateError> {
    let mut statements = Vec::new();
    for statement in schema::statements(migration) {
        statements.push(compile(statement, names, tongue.dialect)?);
        let split = pieces(statement).find_map(|piece| match piece {
            Piece::Split(table, _) => names.table(table),
            _ => None,
        });
        if let (Some(table), Some(rest)) = (split, tongue.days.rest) {
            statements.push(tongue.filled(rest, table, &index_name(table, "rest")));
        }
    }
    let note = "INSERT INTO {firman_schema} ({firman_schema.*}) VALUES ";
    let note = compile(note, names, tongue.dialect)?;
    statements.push(format!("{note}({version}, '{}')", env!("CARGO_PKG_VERSION")));
    Ok(statements)
}

/// What an error means to whoever opens the database.
pub(crate) fn open_error(place: &str, error: WireError) -> OpenError {
    let place = place.to_owned();
    match error {
        WireError::Lost(cause) => OpenError::Unreachable { place, cause },
        WireError::Denied(cause) => OpenError::Denied { place, cause },
        WireError::Names(cause) => OpenError::Names { path: place.into(), cause },
        WireError::Again(cause) | WireError::Refused { cause, .. } => OpenError::Database { path: place.into(), cause },
    }
}

#[allow(clippy::needless_pass_by_value, reason = "it is what map_err gives")]
fn defect(error: TemplateError) -> OpenError {
    OpenError::Defect(error.to_string())
}
