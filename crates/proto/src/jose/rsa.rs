use super::Refused;

/// Moduli from a generator that made guessable primes are powers of 65537 modulo each of these (CVE-2017-15361). A random
/// modulus is so modulo all of them with a probability below 2^-27.
const MARKERS: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109,
    113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// Refuses moduli and exponents that do not protect anything; both big-endian.
pub(super) fn must_be_strong(n: &[u8], e: &[u8]) -> Result<(), Refused> {
    let (Some(first), Some(last)) = (n.first(), n.last()) else { return Err(Refused::Key("no modulus")) };
    // RFC 7518 §6.3.1.1: without leading zeros.
    if *first == 0 || last % 2 == 0 {
        return Err(Refused::Key("not a modulus"));
    }
    let bits = n.len() * 8 - first.leading_zeros() as usize;
    // RFC 7518 §3.3: 2048 bits or more; far more only costs us time.
    if !(2048..=8192).contains(&bits) {
        return Err(Refused::Key("an RSA key must have 2048 to 8192 bits"));
    }
    // RFC 8017 §3.1: odd and at least 3; one beyond 32 bits is nobody's and makes verification slow.
    let exponent = match e {
        [first, ..] if *first != 0 && e.len() <= 4 => e.iter().fold(0_u32, |value, byte| value << 8 | u32::from(*byte)),
        _ => 0,
    };
    if exponent < 3 || exponent % 2 == 0 {
        return Err(Refused::Key("the RSA exponent must be odd, 3 or more, of at most 32 bits"));
    }
    if MARKERS.iter().all(|prime| is_power(remainder(n, *prime), *prime)) {
        return Err(Refused::Key("a modulus of a generator that made guessable primes"));
    }
    Ok(())
}

fn remainder(n: &[u8], prime: u32) -> u32 {
    n.iter().fold(0, |rest, byte| (rest << 8 | u32::from(*byte)) % prime)
}

/// Whether `rest` is a power of 65537 modulo a prime.
fn is_power(rest: u32, prime: u32) -> bool {
    let mut power = 1;
    for _ in 0..prime {
        if power == rest {
            return true;
        }
        power = power * (65537 % prime) % prime;
    }
    false
}
