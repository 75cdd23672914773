//! What is finished once it was begun, even if nobody waits for it any more.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

/// Runs a future where it is awaited; if whoever awaits it goes away, the runtime finishes it.
pub(super) struct Begun<T: Send + 'static>(Option<Pin<Box<dyn Future<Output = T> + Send>>>);

impl<T: Send + 'static> Begun<T> {
    pub(super) fn new(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self(Some(Box::pin(work)))
    }
}

impl<T: Send + 'static> Future for Begun<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let Some(work) = &mut self.0 else { return Poll::Pending };
        let outcome = work.as_mut().poll(cx);
        if outcome.is_ready() {
            self.0 = None;
        }
        outcome
    }
}

impl<T: Send + 'static> Drop for Begun<T> {
    fn drop(&mut self) {
        // Without a runtime nothing goes on, and what the work held is dropped with it.
        if let (Some(work), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(async move { drop(work.await) });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::{Notify, oneshot};

    use super::*;

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_is_finished() {
        let (go, (done, finished)) = (Arc::new(Notify::new()), oneshot::channel());
        let work = {
            let go = Arc::clone(&go);
            async move {
                go.notified().await;
                done.send(()).ok();
            }
        };
        let mut begun = Begun::new(work);
        assert!(futures_util::poll!(&mut begun).is_pending());
        drop(begun);
        go.notify_one();
        finished.await.unwrap();
    }
}
