//! MariaDB, and Galera clusters of it; MySQL speaks the same and is untested. `docs/decisions/mysql.md` says why things are so.

mod address;
mod admin;
mod connector;
mod fault;
mod literal;
mod row;
mod session;

use std::sync::Arc;
use std::time::Duration;

use crate::dialect::MYSQL;
use crate::driver::Driver;
use crate::names::Names;
use crate::options::{OpenError, Options};
use crate::remote::{Admin, Connector, Limits, Remote};
use crate::texts::Texts;
use address::Address;
use connector::Nodes;

pub(crate) fn is_ours(url: &str) -> bool {
    address::SCHEMES.iter().any(|scheme| url.starts_with(scheme))
}

pub(crate) async fn open(options: &Options) -> Result<Box<dyn Driver>, OpenError> {
    let names = Names::resolve(&options.names, &MYSQL)?;
    let texts = Arc::new(Texts::compile(&names, &MYSQL).map_err(|e| OpenError::Defect(e.to_string()))?);
    let address = Address::parse(&options.url).map_err(OpenError::Url)?;
    let nodes = Arc::new(Nodes::new(address, texts, options.lock_wait));
    let mut admin = nodes.admin().await.map_err(|e| OpenError::Defect(e.to_string()))?;
    for m in crate::schema::MIGRATIONS {
        for s in crate::schema::statements(m) {
            let text = crate::template::compile(s, &names, &MYSQL).map_err(|e| OpenError::Defect(e.to_string()))?;
            match admin.execute(&text).await {
                Err(e) if e.to_string().contains("1050") || e.to_string().contains("1061") => {}
                other => other.map_err(|e| OpenError::Defect(e.to_string()))?,
            }
        }
    }
    let limits = Limits { writers: 2, readers: 16, turn: Duration::from_secs(5), answer: Duration::from_secs(10) };
    Ok(Box::new(Remote::start(&nodes, limits)))
}
