//! One-time codes.

use model::Timestamp;
use redact::Secret;
use totp_rs::{Algorithm, Builder, Secret as CodeSecret, Totp};

use super::AdministrationError;

/// How long a code is the newest, in seconds.
pub(super) const PERIOD: u64 = 60;

/// How many codes before and after the newest are taken, since clocks differ.
const DRIFT: u16 = 1;

const DIGITS: u8 = 6;

/// Who the codes are for, as apps show it.
const ISSUER: &str = "Auto-Update";

/// As many bytes as RFC 4226 recommends.
const SECRET_BYTES: usize = 20;

/// A new secret that codes are made of, in base32.
///
/// # Errors
/// If the system gives no random numbers.
pub(super) fn new_secret() -> Result<Secret<String>, AdministrationError> {
    let mut bytes = [0_u8; SECRET_BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(Secret::new(CodeSecret::new_stack(bytes).to_base32()))
}

/// The address by which an app takes the secret in.
///
/// # Errors
/// If the secret is none.
pub(super) fn address(
    name: &str,
    secret: &Secret<String>,
) -> Result<Secret<String>, AdministrationError> {
    let codes = codes(name, secret)?;
    let address = codes.to_url().map_err(AdministrationError::Codes)?;
    Ok(Secret::new(address))
}

/// The step that `code` is of, if it is one of those that are taken at `now`.
///
/// # Errors
/// If the secret is none.
pub(super) fn step_of(
    code: &str,
    secret: &Secret<String>,
    now: Timestamp,
) -> Result<Option<u64>, AdministrationError> {
    let seconds = u64::try_from(now.as_micros() / 1_000_000).unwrap_or_default();
    let code: String = code.chars().filter(|it| !it.is_whitespace()).collect();
    Ok(codes("", secret)?.check(&code, seconds))
}

fn codes(name: &str, secret: &Secret<String>) -> Result<Totp, AdministrationError> {
    // What is no base32 makes a secret that is too short, which is refused.
    let secret = CodeSecret::try_from_base32(secret.expose())
        .unwrap_or_else(|_no_secret| CodeSecret::new(Box::new([])));
    Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(DIGITS)
        .with_step_duration(PERIOD)
        .with_skew(DRIFT)
        .with_secret(secret)
        .with_issuer(Some(ISSUER))
        .with_account_name(name)
        .build()
        .map_err(AdministrationError::Codes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of RFC 6238's examples.
    fn secret() -> Secret<String> {
        Secret::new(CodeSecret::new_stack(*b"12345678901234567890").to_base32())
    }

    /// RFC 4226, appendix D, has the codes by count; with a period of a minute the count is the minute.
    #[test]
    fn codes_are_those_of_the_standard_by_the_minute() {
        for (minute, code) in [(1, "287082"), (2, "359152"), (9, "520489")] {
            for (second, step) in [(0, Some(minute)), (59, Some(minute))] {
                let at = Timestamp::from_secs(i64::try_from(minute * 60 + second).unwrap());
                assert_eq!(step_of(code, &secret(), at).unwrap(), step);
            }
            let at = |seconds: u64| Timestamp::from_secs(i64::try_from(seconds).unwrap());
            let of = |seconds| step_of(code, &secret(), at(seconds)).unwrap();
            // One step of drift, to either side.
            assert_eq!(of(minute * 60 + 119), Some(minute));
            assert_eq!(of((minute - 1) * 60), Some(minute));
            assert_eq!(of(minute * 60 + 120), None);
        }
        let at = Timestamp::from_secs(60);
        assert_eq!(step_of("287 082", &secret(), at).unwrap(), Some(1));
        for code in ["", "28708", "2870823", "287083", "28708a", "２８７０８２"] {
            assert_eq!(step_of(code, &secret(), at).unwrap(), None, "{code}");
        }
    }

    #[test]
    fn apps_are_told_the_period() {
        let address = address("ada", &secret()).unwrap();
        let address = address.expose();
        assert!(
            address.starts_with("otpauth://totp/Auto-Update:ada?"),
            "{address}"
        );
        for part in [
            "period=60",
            "issuer=Auto-Update",
            "secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
        ] {
            assert!(address.contains(part), "{address}");
        }
        let none = Secret::new("1".to_owned());
        assert!(super::address("ada", &none).is_err());
        assert_ne!(
            new_secret().unwrap().expose(),
            new_secret().unwrap().expose()
        );
    }
}
