//! How pages look to whoever asked for one: in which language, and under whose name.
//!
//! Known once for each request ([`within`]) and asked for where a page is written, so that nothing between has to pass it on.

use std::cell::Cell;
use std::sync::{Arc, LazyLock};

use super::brand::Brand;
use super::language;
use super::texts::{self, Texts};

tokio::task_local! {
    static LOOK: Look;
}

static PLAIN: LazyLock<Arc<Brand>> = LazyLock::new(Arc::default);

struct Look {
    texts: Cell<&'static Texts>,
    /// Whether an application asked for this language.
    asked: Cell<bool>,
    brand: Arc<Brand>,
}

/// Answers a request in this language, under this name.
pub async fn within<F: Future>(texts: &'static Texts, brand: Arc<Brand>, answer: F) -> F::Output {
    LOOK.scope(Look { texts: Cell::new(texts), asked: Cell::new(false), brand }, answer).await
}

/// The same for what answers at once.
pub fn within_sync<R>(texts: &'static Texts, brand: Arc<Brand>, answer: impl FnOnce() -> R) -> R {
    LOOK.sync_scope(Look { texts: Cell::new(texts), asked: Cell::new(false), brand }, answer)
}

/// What pages say to whoever asked; outside of a request, in English.
pub fn texts() -> &'static Texts {
    LOOK.try_with(|look| look.texts.get()).unwrap_or(&texts::ENGLISH)
}

/// Whose pages they are.
pub fn brand() -> Arc<Brand> {
    LOOK.try_with(|look| Arc::clone(&look.brand)).unwrap_or_else(|_| Arc::clone(&PLAIN))
}

/// An application said in which of these languages to speak (OpenID Connect Core §3.1.2.1 `ui_locales`), the dearest first. If
/// there is none of them, nothing changes.
pub fn prefer<'l>(locales: impl IntoIterator<Item = &'l str>) {
    if let Some(asked) = language::asked(texts::SPOKEN, locales) {
        // Outside of a request nobody is spoken to.
        let _ = LOOK.try_with(|look| {
            look.texts.set(asked);
            look.asked.set(true);
        });
    }
}

/// The language that an application asked for, for the next page.
pub fn asked() -> Option<&'static str> {
    LOOK.try_with(|look| look.asked.get().then(|| look.texts.get().lang)).ok().flatten()
}
