//! Asking others, and leaving them alone when they are in trouble.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};

use firman_proto::time::Timestamp;
use http::StatusCode;

use crate::backoff::{Backoff, Breaker};
use crate::error::Error;
use crate::exchange::{Request, Response, Transport};
use crate::flow::answer;

/// Remembers how a server has fared.
#[derive(Default)]
pub(super) struct Patience {
    breaker: Mutex<Breaker>,
    backoff: Backoff,
    random: RandomState,
}

impl std::fmt::Debug for Patience {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Patience(..)")
    }
}

impl Patience {
    /// Sends a request, unless the server is left alone now.
    pub(super) async fn ask(
        &self,
        transport: &dyn Transport,
        request: Request,
        now: Timestamp,
    ) -> Result<Response, Error> {
        let url = request.url.clone();
        self.lock().permit(&url, now)?;
        let answered = transport.send(request).await.map_err(Error::from);
        // RFC 9110 §15.4.5: that something is as it was is an answer too.
        let is_good = |response: &Response| match response.status {
            StatusCode::NOT_MODIFIED => Ok(()),
            _ => answer::success(&url, response, now),
        };
        let answered = answered.and_then(|response| is_good(&response).map(|()| response));
        self.lock().heard(&answered, &self.backoff, now, self.random.hash_one(now));
        answered
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
