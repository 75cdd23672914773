//! Records that people edit, as the statements that insert, replace and remove them.

use firman_store::record::{ConsentKey, Resource};
use firman_store::{CommitId, Editable, EditableKey};

use crate::records::{account, client, consent, held, key, resource};
use crate::statements::Statement;
use crate::value::{Value, Write, values};

/// A row, then its key again for the `NOT EXISTS`.
pub(super) fn insert_if_absent(statement: Statement, mut row: Vec<Value>, key: Vec<Value>) -> Write {
    row.extend(key);
    Write { statement, values: row }
}

pub(super) fn insert(record: &Editable, by: CommitId) -> Write {
    let (statement, row, key) = match record {
        Editable::Client(record) => {
            let unique = firman_store::record::Client::key(record.issuer, &record.client_id);
            (Statement::InsertClient, client::row(record, by), values![record.id, unique])
        }
        Editable::Account(record) => (Statement::InsertAccount, account::row(record, by), values![record.id]),
        Editable::Consent(record) => {
            (Statement::InsertConsent, consent::row(record, by), key_values(EditableKey::Consent(record.key())))
        }
        Editable::Resource(record) => {
            let unique = Resource::key(record.issuer, &record.identifier);
            (Statement::InsertResource, resource::row(record, by), values![record.id, unique])
        }
        Editable::HeldToken(record) => (Statement::InsertHeldToken, held::token_row(record, by), values![record.key]),
        Editable::HeldClaims(record) => {
            (Statement::InsertHeldClaims, held::claims_row(record, by), values![record.key()])
        }
        Editable::SigningKey(record) => (Statement::InsertSigningKey, key::signing_row(record, by), values![record.id]),
        Editable::SealKey(record) => {
            (Statement::InsertSealKey, key::seal_row(record, by), values![record.issuer, record.number])
        }
        Editable::Deployment(record) => {
            let mut row = values![1_i64];
            row.extend(key::deployment_editable(record, 0, by));
            (Statement::InsertDeployment, row, vec![])
        }
    };
    insert_if_absent(statement, row, key)
}

pub(super) fn replace(record: &Editable, if_revision: u64, by: CommitId) -> Write {
    let next = if_revision.wrapping_add(1);
    let (statement, mut values) = match record {
        Editable::Client(record) => (Statement::ReplaceClient, client::editable(record, next, by)),
        Editable::Account(record) => (Statement::ReplaceAccount, account::editable(record, next, by)),
        Editable::Consent(record) => (Statement::ReplaceConsent, consent::editable(record, next, by)),
        Editable::Resource(record) => (Statement::ReplaceResource, resource::editable(record, next, by)),
        Editable::HeldToken(record) => (Statement::ReplaceHeldToken, held::token_editable(record, next, by)),
        Editable::HeldClaims(record) => (Statement::ReplaceHeldClaims, held::claims_editable(record, next, by)),
        Editable::SigningKey(record) => (Statement::ReplaceSigningKey, key::signing_editable(record, next, by)),
        Editable::SealKey(record) => (Statement::ReplaceSealKey, key::seal_editable(record, next, by)),
        Editable::Deployment(record) => (Statement::ReplaceDeployment, key::deployment_editable(record, next, by)),
    };
    values.extend(key_values(record.key()));
    values.push(if_revision.into());
    if let Editable::Client(record) = record {
        // A client id is not edited.
        values.push(firman_store::record::Client::key(record.issuer, &record.client_id).into());
    }
    if let Editable::Resource(record) = record {
        // Nor is an identifier.
        values.push(Resource::key(record.issuer, &record.identifier).into());
    }
    Write { statement, values }
}

pub(super) fn remove(key: EditableKey, if_revision: u64) -> Write {
    let statement = match key {
        EditableKey::Client(_) => Statement::RemoveClient,
        EditableKey::Account(_) => Statement::RemoveAccount,
        EditableKey::Consent(_) => Statement::RemoveConsent,
        EditableKey::Resource(_) => Statement::RemoveResource,
        EditableKey::HeldToken(_) => Statement::RemoveHeldToken,
        EditableKey::HeldClaims(_) => Statement::RemoveHeldClaims,
        EditableKey::SigningKey(_) => Statement::RemoveSigningKey,
        EditableKey::SealKey(..) => Statement::RemoveSealKey,
        EditableKey::Deployment => Statement::RemoveDeployment,
    };
    let mut values = key_values(key);
    values.push(if_revision.into());
    Write { statement, values }
}

/// The key of an editable record as parameters.
pub(crate) fn key_values(key: EditableKey) -> Vec<Value> {
    match key {
        EditableKey::Client(id)
        | EditableKey::Account(id)
        | EditableKey::Resource(id)
        | EditableKey::SigningKey(id) => values![id],
        EditableKey::Consent(ConsentKey { subject, client }) => values![subject, client],
        EditableKey::HeldToken(key) | EditableKey::HeldClaims(key) => values![key],
        EditableKey::SealKey(issuer, number) => values![issuer, number],
        EditableKey::Deployment => vec![],
    }
}
