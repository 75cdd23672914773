//! A decorator that breaks what a script tells it to: errors, delays, lost acknowledgements. For tests.
//!
//! ```
//! # async fn run() -> Result<(), firman_store::StoreError> {
//! use std::sync::Arc;
//! use firman_store::{Fault, FaultyStore, MemoryStore, Store};
//!
//! let store = FaultyStore::new(Arc::new(MemoryStore::new()));
//! store.play(|call| (call.number == 1).then_some(Fault::Refused { temporary: true }));
//! store.check().await?;
//! assert!(store.check().await.is_err());
//! # Ok(())
//! # }
//! ```

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::change::Transaction;
use crate::store::{Commit, CommitError, Store, StoreError};

/// What the caller of a broken store gets to read; tests look for it where it must not be.
pub const CAUSE: &str = "the connection to db-7.internal went away";

/// One call of a method of [`Store`].
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The name of the method.
    pub method: &'static str,
    /// How many calls there were since the script began.
    pub number: u64,
    /// What is to be committed; `None` for a read.
    pub transaction: Option<&'a Transaction>,
}

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The store is not asked; the caller is told so.
    Refused {
        /// Whether the caller is told that trying again may help.
        temporary: bool,
    },
    /// The store is not asked, and the caller is not told whether it was.
    LostBefore,
    /// The store does what it is asked, and the caller is not told.
    LostAfter,
    /// The store is asked when the hook of [`FaultyStore::with_delay`] is done.
    Delayed,
}

type Script = Box<dyn FnMut(Call<'_>) -> Option<Fault> + Send>;
type Waiting = Pin<Box<dyn Future<Output = ()> + Send>>;
type Delay = Box<dyn Fn(&'static str) -> Waiting + Send + Sync>;
type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Breaks calls to another store, as a script says.
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    state: Mutex<State>,
    delay: Delay,
}

struct State {
    script: Script,
    calls: u64,
}

impl FaultyStore {
    /// A store that works until a script is played. A delayed call lets every other task go first, once.
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self::with_delay(inner, |_| Box::pin(GiveWay(false)))
    }

    /// The same; a delayed call waits for what the hook makes of the method's name.
    pub fn with_delay(inner: Arc<dyn Store>, delay: impl Fn(&'static str) -> Waiting + Send + Sync + 'static) -> Self {
        let state = Mutex::new(State { script: Box::new(|_| None), calls: 0 });
        Self { inner, state, delay: Box::new(delay) }
    }

    /// From now on goes wrong what the script says. Calls are counted anew.
    pub fn play(&self, script: impl FnMut(Call<'_>) -> Option<Fault> + Send + 'static) {
        *self.state() = State { script: Box::new(script), calls: 0 };
    }

    /// From now on one call in `one_in` goes wrong, each kind of fault as often as the others; the same calls for the same seed.
    pub fn play_dice(&self, seed: u64, one_in: u64) {
        self.play(move |call| {
            let dice = mix(seed ^ mix(call.number));
            let kinds = [Fault::Refused { temporary: true }, Fault::LostBefore, Fault::LostAfter, Fault::Delayed];
            let kind = usize::try_from(dice >> 62).unwrap_or_default();
            dice.is_multiple_of(one_in.max(1)).then(|| kinds.get(kind).copied()).flatten()
        });
    }

    /// From now on everything works. Calls are counted anew.
    pub fn work(&self) {
        self.play(|_| None);
    }

    /// How many calls there were since the script began.
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What goes wrong with this call, after the delay if that is it.
    async fn enter(&self, method: &'static str, transaction: Option<&Transaction>) -> Option<Fault> {
        let fault = {
            let mut state = self.state();
            let number = state.calls;
            state.calls += 1;
            (state.script)(Call { method, number, transaction })
        };
        if fault == Some(Fault::Delayed) {
            (self.delay)(method).await;
        }
        fault
    }

    fn read<'a, T: Send + 'a>(&'a self, method: &'static str, answer: Answer<'a, T>) -> Answer<'a, T> {
        Box::pin(async move {
            match self.enter(method, None).await {
                None | Some(Fault::Delayed) => answer.await,
                Some(Fault::Refused { temporary }) => Err(away(method, temporary)),
                Some(Fault::LostBefore) => Err(away(method, true)),
                Some(Fault::LostAfter) => {
                    answer.await?;
                    Err(away(method, true))
                }
            }
        })
    }
}

fn away(what: &'static str, temporary: bool) -> StoreError {
    StoreError { what, cause: CAUSE.to_owned(), temporary }
}

/// Spreads every bit of a number over all others (SplitMix64).
const fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Is ready when asked for the second time: every other task goes first.
struct GiveWay(bool);

impl Future for GiveWay {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut std::task::Context<'_>) -> std::task::Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    }
}

#[async_trait::async_trait]
impl Store for FaultyStore {
    async fn commit(&self, transaction: Transaction) -> Result<Commit, CommitError> {
        match self.enter("commit", Some(&transaction)).await {
            None | Some(Fault::Delayed) => self.inner.commit(transaction).await,
            Some(Fault::Refused { temporary }) => Err(CommitError::NotApplied(away("commit", temporary))),
            Some(Fault::LostBefore) => Err(CommitError::Unknown(away("commit", true))),
            Some(Fault::LostAfter) => {
                self.inner.commit(transaction).await?;
                Err(CommitError::Unknown(away("commit", true)))
            }
        }
    }

    crate::forward_reads! { by read }
}

#[cfg(test)]
mod tests;
