use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
    RSA_PSS_2048_8192_SHA512, RsaParameters,
};
use serde::{Deserialize, Serialize};

/// A signature algorithm that is verified here (RFC 7518 §3.1, RFC 8037 §3.1). `none` is not among them, in any case of letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names are those of the registry")]
pub enum Alg {
    ES256,
    ES384,
    ES512,
    EdDSA,
    PS256,
    PS384,
    PS512,
    RS256,
    RS384,
    RS512,
    HS256,
    HS384,
    HS512,
}

/// A curve of RFC 7518 §6.2.1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
}

impl Alg {
    /// Every algorithm of a public key.
    pub const PUBLIC: &'static [Self] = &[
        Self::ES256,
        Self::ES384,
        Self::ES512,
        Self::EdDSA,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::RS256,
        Self::RS384,
        Self::RS512,
    ];

    /// Every algorithm of a shared secret.
    pub const SECRET: &'static [Self] = &[Self::HS256, Self::HS384, Self::HS512];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::ES512 => "ES512",
            Self::EdDSA => "EdDSA",
            Self::PS256 => "PS256",
            Self::PS384 => "PS384",
            Self::PS512 => "PS512",
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
            Self::HS256 => "HS256",
            Self::HS384 => "HS384",
            Self::HS512 => "HS512",
        }
    }

    /// Reads the name on the wire; case matters (RFC 7515 §4.1.1).
    pub fn parse(text: &str) -> Option<Self> {
        // RFC 9864 §2.2: the name that says which curve; ours has no other.
        if text == "Ed25519" {
            return Some(Self::EdDSA);
        }
        Self::PUBLIC.iter().chain(Self::SECRET).copied().find(|alg| alg.as_str() == text)
    }

    /// The parameters of an RSA algorithm: modulus of 2048 to 8192 bits (RFC 7518 §3.3, §3.5).
    pub(super) const fn rsa(self) -> Option<&'static RsaParameters> {
        Some(match self {
            Self::RS256 => &RSA_PKCS1_2048_8192_SHA256,
            Self::RS384 => &RSA_PKCS1_2048_8192_SHA384,
            Self::RS512 => &RSA_PKCS1_2048_8192_SHA512,
            Self::PS256 => &RSA_PSS_2048_8192_SHA256,
            Self::PS384 => &RSA_PSS_2048_8192_SHA384,
            Self::PS512 => &RSA_PSS_2048_8192_SHA512,
            _ => return None,
        })
    }
}

impl Curve {
    pub(super) const fn parse(text: &str) -> Option<Self> {
        match text.as_bytes() {
            b"P-256" => Some(Self::P256),
            b"P-384" => Some(Self::P384),
            b"P-521" => Some(Self::P521),
            _ => None,
        }
    }

    /// RFC 7518 §6.2.1.1.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    /// RFC 7518 §3.4: each curve has its one algorithm.
    pub(super) const fn alg(self) -> Alg {
        match self {
            Self::P256 => Alg::ES256,
            Self::P384 => Alg::ES384,
            Self::P521 => Alg::ES512,
        }
    }

    /// RFC 7518 §6.2.1.2: bytes of a coordinate, leading zeros included.
    pub(super) const fn coordinate(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    pub(super) fn verification(self) -> &'static aws_lc_rs::signature::EcdsaVerificationAlgorithm {
        match self {
            Self::P256 => &ECDSA_P256_SHA256_FIXED,
            Self::P384 => &ECDSA_P384_SHA384_FIXED,
            Self::P521 => &ECDSA_P521_SHA512_FIXED,
        }
    }
}
