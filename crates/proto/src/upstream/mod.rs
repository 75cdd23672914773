//! What a relying party knows and checks (OpenID Connect Core §3.1.3.7, OpenID Connect Discovery §4): for people who sign in at other providers.

mod answer;
mod id_token;
mod metadata;

pub use answer::{TokenAnswer, refusal};
pub use id_token::{Expected, MOST_SKEW, SKEW, check, half_hash};
pub use metadata::ProviderMetadata;
