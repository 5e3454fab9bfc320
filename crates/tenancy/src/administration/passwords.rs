//! Passwords, as digests that cost work.

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use redact::Secret;
use tokio::sync::Semaphore;

use super::AdministrationError;

/// What a digest costs, as RFC 9106 recommends where memory is dear: 64 MiB, three passes, four lanes.
const MEMORY_KIB: u32 = 64 << 10;
const PASSES: u32 = 3;
const LANES: u32 = 4;

/// How many digests are made at a time: each takes its memory, and whoever asks need not be anybody.
const AT_A_TIME: usize = 2;

const SHORTEST: usize = 12;
const LONGEST: usize = 1024;

/// Makes digests and compares with them.
#[derive(Clone, Debug)]
pub(super) struct Passwords {
    places: Arc<Semaphore>,
}

impl Passwords {
    pub(super) fn new() -> Self {
        Self {
            places: Arc::new(Semaphore::new(AT_A_TIME)),
        }
    }

    /// The digest of a password.
    ///
    /// # Errors
    /// If the system gives no random numbers.
    pub(super) async fn digest(
        &self,
        password: Secret<String>,
    ) -> Result<String, AdministrationError> {
        self.working(move || {
            let digest = argon2()?.hash_password(password.expose().as_bytes());
            Ok(digest.map_err(AdministrationError::Digest)?.to_string())
        })
        .await
    }

    /// Whether it is the password with this digest; without one the same work is done for nothing.
    ///
    /// # Errors
    /// If the digest is none.
    pub(super) async fn is(
        &self,
        password: Secret<String>,
        digest: Option<String>,
    ) -> Result<bool, AdministrationError> {
        self.working(move || {
            let password = password.expose().as_bytes();
            let Some(digest) = digest else {
                argon2()?
                    .hash_password(password)
                    .map_err(AdministrationError::Digest)?;
                return Ok(false);
            };
            let digest = PasswordHash::new(&digest)
                .map_err(|error| AdministrationError::Digest(error.into()))?;
            Ok(argon2()?.verify_password(password, &digest).is_ok())
        })
        .await
    }

    /// Does work that takes time and memory where it holds up nobody.
    async fn working<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, AdministrationError> + Send + 'static,
    ) -> Result<T, AdministrationError> {
        // Never closed; without a place there would only be no limit.
        let place = Arc::clone(&self.places).acquire_owned().await.ok();
        let working = tokio::task::spawn_blocking(move || {
            let worked = work();
            drop(place);
            worked
        });
        match working.await {
            Ok(worked) => worked,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

fn argon2() -> Result<Argon2<'static>, AdministrationError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None)
        .map_err(|error| AdministrationError::Digest(error.into()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// That it can be the password of `name`.
///
/// # Errors
/// The rule it breaks.
pub(super) fn check(name: &str, password: &Secret<String>) -> Result<(), AdministrationError> {
    let password = password.expose();
    let why = if password.chars().count() < SHORTEST {
        "it has fewer than 12 characters"
    } else if password.len() > LONGEST {
        "it is too long"
    } else if password.to_lowercase().contains(&name.to_lowercase()) {
        "it holds the user ID"
    } else if is_monotonous(password) {
        "it is made of too few different characters"
    } else {
        return Ok(());
    };
    Err(AdministrationError::Password { why })
}

/// Whether hardly anything but the same few characters is in it.
fn is_monotonous(password: &str) -> bool {
    let mut characters: Vec<char> = password.chars().collect();
    characters.sort_unstable();
    characters.dedup();
    characters.len() < 5
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[tokio::test]
    async fn a_digest_tells_the_password_from_others_and_is_no_one_elses() {
        let passwords = Passwords::new();
        let digest = passwords.digest(secret("correct horse")).await.unwrap();
        assert!(
            digest.starts_with("$argon2id$v=19$m=65536,t=3,p=4$"),
            "{digest}"
        );
        let again = passwords.digest(secret("correct horse")).await.unwrap();
        assert_ne!(digest, again);
        let is = |text, digest| passwords.is(secret(text), digest);
        assert!(is("correct horse", Some(digest.clone())).await.unwrap());
        assert!(!is("correct house", Some(digest)).await.unwrap());
        assert!(!is("correct horse", None).await.unwrap());
        assert!(is("x", Some("none".to_owned())).await.is_err());
    }

    #[test]
    fn what_cannot_be_a_password() {
        for (password, is_one) in [
            ("short", false),
            ("äöüäöüäöüäöü", false),
            ("aaaaaaaaaaaaaaaa", false),
            ("i am ADA, you know", false),
            ("correct horse", true),
        ] {
            assert_eq!(
                check("ada", &secret(password)).is_ok(),
                is_one,
                "{password}"
            );
        }
        assert!(check("ada", &secret(&"abcdefgh".repeat(200))).is_err());
    }
}
