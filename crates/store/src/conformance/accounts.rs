//! Failed attempts to sign in.

use super::fixtures::*;
use crate::record::{Account, Attempts};
use crate::{Change, Editable};

fn attempts(count: u32) -> Attempts {
    Attempts { count, locked_until: (count > 1).then(|| later(count.into())) }
}

async fn read(store: &Shared, account: &Account) -> Account {
    store.account(account.id).await.unwrap().unwrap()
}

pub async fn attempts_are_counted_from_those_seen(store: Shared) {
    let account = account();
    done(&store, vec![insert_account(&account)]).await;
    let count = |seen, to| Change::CountAttempt { id: account.id, seen, to: attempts(to) };
    done(&store, vec![count(0, 1)]).await;
    conflict(&store, count(0, 1)).await;
    done(&store, vec![count(1, 2)]).await;
    assert_eq!(read(&store, &account).await.attempts, attempts(2));
    done(&store, vec![count(2, 0)]).await;
    assert_eq!(read(&store, &account).await, account);
    conflict(&store, Change::CountAttempt { id: id(), seen: 0, to: attempts(1) }).await;
}

pub async fn an_edit_leaves_the_attempts_and_they_leave_the_edit(store: Shared) {
    let account = account();
    done(&store, vec![insert_account(&account)]).await;
    done(&store, vec![Change::CountAttempt { id: account.id, seen: 0, to: attempts(3) }]).await;
    let edited = Account { password: None, attempts: attempts(7), ..account.clone() };
    let replace = Change::Replace { record: Editable::Account(Box::new(edited.clone())), if_revision: 0 };
    done(&store, vec![replace]).await;
    assert_eq!(read(&store, &account).await, Account { attempts: attempts(3), revision: 1, ..edited });
}
