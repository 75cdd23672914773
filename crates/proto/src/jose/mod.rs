//! Signed objects from outside (RFC 7515, RFC 7517, RFC 7519), read as strictly as RFC 8725 asks.
//!
//! Nothing inside a token says what it is verified with: the algorithm must be one that its purpose allows *and* that the key
//! chosen by us suits; secrets and public keys are different types, so one is never taken for the other.

mod alg;
mod compact;
mod json;
pub mod jwe;
mod jwk;
mod jwks;
mod jwt;
mod refused;
mod rsa;
mod secret;

pub use alg::Alg;
pub use compact::{Compact, Header};
pub use json::{list, object};
pub use jwk::PublicKey;
pub use jwks::Jwks;
pub(crate) use jwt::is_jti;
pub use jwt::{Claims, Expected, Jwt, Typ, audiences, numeric_date};
pub use refused::Refused;
pub use secret::MacKey;

#[cfg(test)]
mod tests;
