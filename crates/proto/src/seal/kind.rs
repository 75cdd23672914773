//! The kinds of seal: what a token is for, told by its type and by its public prefix.

use super::keys::{KindKeys, Pair};

/// What a seal is for. The endpoint chooses the kind, never the token.
///
/// Sealed: the kinds in this file are all there are.
pub trait Kind: OneOfOurs + 'static {
    /// The number that stands inside the seal and in the derivation of its keys; never reused.
    const NUMBER: u8;
    /// What the token begins with, so that secret scanners find leaks.
    const PREFIX: &'static str;
    /// Whether a holder may weaken it.
    const TAKES_CAVEATS: bool;
}

/// The kinds that a holder may weaken.
///
/// ```compile_fail,E0277
/// use firman_proto::seal::{Caveats, Keyring, Reference, Refresh};
/// fn caveats_cannot_be_sealed_onto_a_refresh_token(keyring: &Keyring, reference: &Reference<'_>, caveats: &Caveats) {
///     keyring.seal_bound::<Refresh>(reference, caveats);
/// }
/// ```
pub trait TakesCaveats: Kind {}

/// Which of a seal key's derived keys belong to a kind; no other crate can name it.
pub trait OneOfOurs {
    #[doc(hidden)]
    fn of(keys: &KindKeys) -> &Pair;
}

/// A kind: its type, number, prefix, field of [`KindKeys`], and whether it takes caveats.
macro_rules! kind {
    ($(#[$doc:meta])* $name:ident, $number:literal, $prefix:literal, $field:ident, $takes:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {}

        impl Kind for $name {
            const NUMBER: u8 = $number;
            const PREFIX: &'static str = $prefix;
            const TAKES_CAVEATS: bool = $takes;
        }

        impl OneOfOurs for $name {
            fn of(keys: &KindKeys) -> &Pair {
                &keys.$field
            }
        }
    };
}

kind!(/// An access token (RFC 6749 §1.4).
    Access, 1, "fm_at_", access, true);
kind!(/// A refresh token (RFC 6749 §1.5).
    Refresh, 2, "fm_rt_", refresh, false);
kind!(/// An authorization code (RFC 6749 §1.3.1).
    Code, 3, "fm_ac_", code, false);
kind!(/// The cookie of a browser session.
    Session, 4, "fm_ss_", session, false);
kind!(/// An API key.
    ApiKey, 5, "fm_ak_", api_key, true);
kind!(/// A registration access token (RFC 7592 §3).
    Registration, 6, "fm_ra_", registration, false);
kind!(/// A device code (RFC 8628 §3.2).
    Device, 7, "fm_dc_", device, false);
kind!(/// The reference in a `request_uri` (RFC 9126 §2.2).
    RequestUri, 8, "fm_ru_", request_uri, false);
kind!(/// An `auth_req_id` (OpenID Connect CIBA Core §7.3).
    AuthRequest, 9, "fm_cb_", auth_request, false);

kind!(/// What the `jti` of a JWT access token is (RFC 9068): the reference that an opaque token would be. It is taken out of a
    /// JWT that we have signed, and from nowhere else.
    JwtId, 12, "fm_ji_", jwt_id, true);

/// The kinds that refer to a grant as access tokens do.
pub trait AccessReference: Kind {}

impl AccessReference for Access {}
impl AccessReference for ApiKey {}
impl AccessReference for JwtId {}

impl TakesCaveats for Access {}
impl TakesCaveats for ApiKey {}
impl TakesCaveats for JwtId {}
