//! Tokens that only their issuer can read: asked for, and remembered for a stated while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use firman_proto::digest::Digest16;
use firman_proto::time::{Lifetime, Timestamp};
use tokio::sync::OnceCell;

use super::facts::Facts;

/// What is told of a token: what it says, or that it is not active here.
pub(super) type Told = Option<Arc<Facts>>;

/// For how long answers are remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// That a token is active, at most until it ends: so long a revocation may go unnoticed. Zero: each request asks.
    pub active: Lifetime,
    /// That it is not.
    pub inactive: Lifetime,
    /// So many answers in each of two generations; what does not fit is asked for again.
    pub most: usize,
}

impl Default for Memory {
    /// Ten seconds, five seconds, 50,000 answers.
    fn default() -> Self {
        Self { active: Lifetime::from_seconds(10), inactive: Lifetime::from_seconds(5), most: 50_000 }
    }
}

/// Answers by the marks of tokens; tokens themselves are not kept.
#[derive(Debug)]
pub(super) struct Answers {
    memory: Memory,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    now: HashMap<Digest16, Answer>,
    before: HashMap<Digest16, Answer>,
    asked: HashMap<Digest16, Question>,
}

/// What all who want to know of one token wait for.
type Question = Arc<OnceCell<Result<Told, String>>>;

/// One of those who wait. Who is answered, and the last who goes away without, takes the question back: nothing is left of those who
/// do not wait for it.
struct Asking<'a> {
    answers: &'a Answers,
    key: Digest16,
    question: Question,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let mut known = self.answers.lock();
        // The map's and this one's: questions are taken and left under the lock alone.
        let is_last = self.question.initialized() || Arc::strong_count(&self.question) <= 2;
        if is_last && known.asks(&self.key, &self.question) {
            known.asked.remove(&self.key);
        }
        self.question = Question::default();
    }
}

#[derive(Clone, Debug)]
struct Answer {
    told: Told,
    until: Timestamp,
}

impl Answers {
    pub(super) fn new(memory: Memory) -> Self {
        Self { memory, known: Mutex::default() }
    }

    /// What is remembered of a token.
    pub(super) fn held(&self, key: &Digest16, now: Timestamp) -> Option<Told> {
        self.lock().held(key, now)
    }

    /// What is told of a token: remembered, or asked for by one for all who want to know at that moment. A failure is shared by them,
    /// and not remembered.
    pub(super) async fn of<F>(&self, key: Digest16, now: Timestamp, ask: impl FnOnce() -> F) -> Result<Told, String>
    where
        F: Future<Output = Result<Told, String>>,
    {
        let asking = {
            let mut known = self.lock();
            if let Some(told) = known.held(&key, now) {
                return Ok(told);
            }
            Asking { answers: self, key, question: Arc::clone(known.asked.entry(key).or_default()) }
        };
        let told = asking.question.get_or_init(ask).await.clone();
        let mut known = self.lock();
        if let Ok(told) = &told
            && known.asks(&key, &asking.question)
        {
            known.keep(key, Answer { told: told.clone(), until: self.until(told, now) }, self.memory.most, now);
        }
        drop(known);
        told
    }

    fn until(&self, told: &Told, now: Timestamp) -> Timestamp {
        match told {
            None => now.plus(self.memory.inactive),
            Some(facts) => now.plus(self.memory.active).min(facts.expires_at.unwrap_or(Timestamp::NEVER)),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn held(&self, key: &Digest16, now: Timestamp) -> Option<Told> {
        let held = self.now.get(key).or_else(|| self.before.get(key));
        held.filter(|answer| now < answer.until).map(|answer| answer.told.clone())
    }

    fn asks(&self, key: &Digest16, question: &Question) -> bool {
        self.asked.get(key).is_some_and(|asked| Arc::ptr_eq(asked, question))
    }

    fn keep(&mut self, key: Digest16, answer: Answer, most: usize, now: Timestamp) {
        if answer.until <= now {
            return;
        }
        if self.now.len() >= most {
            self.before = std::mem::take(&mut self.now);
        }
        self.now.insert(key, answer);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1000 + seconds)
    }

    fn active(until: i64) -> Arc<Facts> {
        Arc::new(Facts { expires_at: Some(at(until)), ..Facts::default() })
    }

    fn mark(token: &str) -> Digest16 {
        Digest16::of(&[token.as_bytes()])
    }

    struct Issuer {
        answers: Answers,
        asked: AtomicUsize,
    }

    impl Issuer {
        fn new() -> Self {
            Self { answers: Answers::new(Memory::default()), asked: AtomicUsize::new(0) }
        }

        async fn told(&self, token: &str, told: Result<Told, String>, now: Timestamp) -> Result<Told, String> {
            let ask = || async {
                self.asked.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                told
            };
            self.answers.of(mark(token), now, ask).await
        }

        fn asked(&self) -> usize {
            self.asked.load(Ordering::Relaxed)
        }
    }

    // RFC 7662 §4.
    #[tokio::test]
    async fn an_answer_is_remembered_within_its_bound_and_never_past_the_end_of_the_token() {
        let issuer = Issuer::new();
        for (second, asked) in [(0, 1), (9, 1), (10, 2), (13, 2), (14, 3)] {
            issuer.told("a", Ok(Some(active(14))), at(second)).await.unwrap();
            assert_eq!(issuer.asked(), asked, "at {second} s");
        }
        for (second, asked) in [(0, 4), (4, 4), (5, 5)] {
            assert_eq!(issuer.told("b", Ok(None), at(second)).await, Ok(None));
            assert_eq!(issuer.asked(), asked, "at {second} s");
        }
    }

    #[tokio::test]
    async fn those_who_ask_at_once_ask_once_and_a_failure_is_not_remembered() {
        let issuer = Issuer::new();
        let all = (0..100).map(|_| issuer.told("a", Err("down".to_owned()), at(0)));
        let all = futures_util::future::join_all(all).await;
        assert!(all.iter().all(|told| told == &Err("down".to_owned())));
        assert_eq!(issuer.asked(), 1);
        issuer.told("a", Ok(Some(active(9))), at(0)).await.unwrap();
        assert_eq!(issuer.asked(), 2);
    }

    #[tokio::test]
    async fn who_goes_away_while_asking_leaves_it_to_the_next_and_nothing_behind() {
        let issuer = Issuer::new();
        {
            let mut ask = std::pin::pin!(issuer.told("a", Ok(Some(active(9))), at(0)));
            assert!(futures_util::FutureExt::now_or_never(ask.as_mut()).is_none());
            {
                let mut second = std::pin::pin!(issuer.told("a", Ok(Some(active(9))), at(0)));
                assert!(futures_util::FutureExt::now_or_never(second.as_mut()).is_none());
            }
            assert_eq!(issuer.answers.lock().asked.len(), 1, "the first still waits");
        }
        assert!(issuer.answers.lock().asked.is_empty());
        issuer.told("a", Ok(Some(active(9))), at(0)).await.unwrap();
        assert_eq!(issuer.asked(), 2);
    }

    #[tokio::test]
    async fn memory_is_bounded() {
        let answers = Answers::new(Memory { most: 10, ..Memory::default() });
        for token in 0..1000 {
            answers.of(mark(&token.to_string()), at(0), || async { Ok(None) }).await.unwrap();
        }
        let known = answers.lock();
        assert_eq!((known.now.len(), known.before.len(), known.asked.len()), (10, 10, 0));
    }
}
