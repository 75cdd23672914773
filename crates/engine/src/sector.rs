//! Which redirect URIs share pairwise subjects: the list at `sector_identifier_uri` (OpenID Connect Registration §5).

use firman_proto::client::ClientMetadata;
use firman_proto::error::{Denied, invalid_request};
use firman_proto::jose;
use firman_proto::pairwise::{is_pairwise, sector_of, sector_uri};
use firman_proto::time::Timestamp;

use crate::Engine;
use crate::fetch::Wanted;

const TYPES: &[&str] = &["application/json"];

/// Refuses a client whose sector is not one, or not its own.
pub(crate) async fn check(engine: &Engine, metadata: &ClientMetadata, now: Timestamp) -> Result<(), Denied> {
    let Some(uri) = metadata.sector_identifier_uri.as_deref() else {
        // OpenID Connect Core §8.1: several hosts need an identifier that they share.
        let sectorless = is_pairwise(metadata) && sector_of(metadata).is_none();
        let missing = || wrong("missing; pairwise subjects need it where redirect_uris have not one host");
        return if sectorless { Err(missing()) } else { Ok(()) };
    };
    // OpenID Connect Registration §5: https, and a JSON list there.
    let url = sector_uri(uri).ok_or_else(|| wrong("must be an https address"))?;
    let wanted = Wanted { url: url.as_str(), types: TYPES, fetched_since: Some(now) };
    let fetched = engine.fetch.get(&wanted, now).await;
    let document = fetched.map_err(|error| wrong("cannot be fetched from there").because(error.to_string()))?;
    let listed = jose::list(&document.body).map_err(|_| wrong("must lead to a JSON list of redirect URIs"))?;
    // OpenID Connect Registration §5: every redirect URI is in the list, or the registration fails.
    let is_listed = |uri: &str| listed.iter().any(|item| item.as_str() == Some(uri));
    match metadata.redirect_uris.iter().find(|uri| !is_listed(uri.as_str())) {
        None => Ok(()),
        Some(_) => Err(wrong("its list lacks one of the redirect_uris")),
    }
}

fn wrong(text: &'static str) -> Denied {
    invalid_request(format!("sector_identifier_uri: {text}"))
}
