//! Signing in and out, and who is signed in.

use std::{net::IpAddr, time::Duration};

use model::{Sha256, Timestamp};
use redact::Secret;
use store::{Administrator, AdministratorState, LockRule};
use subtle::ConstantTimeEq as _;

use super::{Administration, AdministrationError, Office, codes};
use crate::random;

/// How many failures in a row lock somebody out, and for how long.
const FAILURES: u32 = 5;
const LOCKED: Duration = Duration::from_mins(15);

/// How long somebody who does nothing stays signed in, and how long anybody does.
const IDLE: Duration = Duration::from_mins(15);
const LIFE: Duration = Duration::from_hours(12);

/// How exactly it is known when somebody was heard of last.
const NOTED: Duration = Duration::from_secs(30);

/// As many letters as nobody guesses.
const COOKIE_LEN: usize = 32;

/// The longest thing that is looked at as any of what somebody proves.
const LONGEST: usize = 1024;

/// Somebody tries to sign in.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The user ID.
    pub name: String,
    /// The password.
    pub password: Secret<String>,
    /// The one-time code.
    pub code: Secret<String>,
    /// Where from.
    pub address: IpAddr,
}

/// What became of it.
#[derive(Clone, Debug)]
pub enum Entry {
    /// They are let in; what the browser has to hold.
    Welcome(Secret<String>),
    /// They are not; whatever was wrong.
    Refused(Refusal),
    /// There were too many tries from there.
    TooMany(Duration),
}

/// Why somebody is not let in: for the audit log, not for them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// There is nobody of that name, or they may not sign in.
    Unknown,
    /// They are locked out.
    Locked,
    /// The password or the code is wrong, or the code was used.
    Wrong,
    /// That, and they are locked out from now on.
    WrongAndLocked,
}

impl Refusal {
    /// In words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "there is nobody of that name who may sign in",
            Self::Locked => "locked out",
            Self::Wrong => "password or code wrong",
            Self::WrongAndLocked => "password or code wrong; locked out from now on",
        }
    }
}

/// Somebody is signed in.
#[derive(Clone, Debug)]
pub struct Session {
    /// The user ID.
    pub name: String,
    /// What they may do.
    pub office: Office,
    /// What has to come with every form.
    pub form_token: Secret<String>,
    /// The name under which it is known.
    id: String,
}

impl Session {
    /// Whether `given` is what has to come with every form.
    pub fn is_form_token(&self, given: &str) -> bool {
        let token = self.form_token.expose().as_bytes();
        bool::from(token.ct_eq(given.as_bytes()))
    }
}

impl Administration {
    /// Signs somebody in who proves to be who they say.
    ///
    /// # Errors
    /// If the state or the vault fails.
    pub async fn sign_in(&self, attempt: Attempt) -> Result<Entry, AdministrationError> {
        let now = self.clock.now();
        if let Err(wait) = self.tries.admit(attempt.address, now) {
            return Ok(Entry::TooMany(wait));
        }
        let is_long = attempt.name.len() > LONGEST || attempt.password.expose().len() > LONGEST;
        if is_long || attempt.code.expose().len() > LONGEST {
            return Ok(Entry::Refused(Refusal::Unknown));
        }
        let found = self.db.administrator_find(&attempt.name).await?;
        let known = found.filter(|found| found.state == AdministratorState::Active);
        let Some(administrator) = known else {
            self.passwords.is(attempt.password, None).await?;
            return Ok(Entry::Refused(Refusal::Unknown));
        };
        let step = self.proved(&administrator, &attempt, now).await?;
        if administrator.locked_until.is_some_and(|until| until > now) {
            return Ok(Entry::Refused(Refusal::Locked));
        }
        if let Some(step) = step {
            let cookie = Secret::new(random::text(COOKIE_LEN)?);
            let session = id_of(cookie.expose());
            let id = administrator.id;
            if self.db.administrator_admit(id, step, &session, now).await? {
                return Ok(Entry::Welcome(cookie));
            }
        }
        let rule = LockRule {
            failures: FAILURES,
            until: now.plus(LOCKED),
        };
        let is_locked = self.db.administrator_fail(administrator.id, rule).await?;
        Ok(Entry::Refused(if is_locked {
            Refusal::WrongAndLocked
        } else {
            Refusal::Wrong
        }))
    }

    /// The step of the code, if password and code are right.
    async fn proved(
        &self,
        administrator: &Administrator,
        attempt: &Attempt,
        now: Timestamp,
    ) -> Result<Option<u64>, AdministrationError> {
        let proof = self.proof_of(administrator).await?;
        let secret = self.code_secret(administrator.id, &proof).await?;
        let is_password = self
            .passwords
            .is(attempt.password.clone(), Some(proof.password))
            .await?;
        let step = codes::step_of(attempt.code.expose(), &secret, now)?;
        Ok(step.filter(|_| is_password))
    }

    /// Who holds this, if somebody is signed in with it; they were heard of now.
    ///
    /// # Errors
    /// If the state fails.
    pub async fn session(
        &self,
        cookie: &Secret<String>,
    ) -> Result<Option<Session>, AdministrationError> {
        let now = self.clock.now();
        let id = id_of(cookie.expose());
        let found = self
            .db
            .administrator_session(&id, now.minus(LIFE), now.minus(IDLE))
            .await?;
        let Some(found) = found else {
            return Ok(None);
        };
        if found.seen_at.plus(NOTED) < now {
            self.db.administrator_session_seen(&id, now).await?;
        }
        // A role of a newer program may do nothing.
        let Ok(office) = found.administrator.role.parse() else {
            return Ok(None);
        };
        let form_token = Sha256::of(format!("form {}", cookie.expose()).as_bytes());
        Ok(Some(Session {
            name: found.administrator.name,
            office,
            form_token: Secret::new(form_token.to_string()),
            id,
        }))
    }

    /// Signs somebody out.
    ///
    /// # Errors
    /// If the state fails.
    pub async fn sign_out(&self, session: &Session) -> Result<(), AdministrationError> {
        Ok(self.db.administrator_session_end(&session.id).await?)
    }

    /// Forgets who is signed in no more; answers how many.
    ///
    /// # Errors
    /// If the state fails.
    pub async fn forget_sessions(&self) -> Result<u64, AdministrationError> {
        let before = self.clock.now().minus(IDLE);
        Ok(self.db.administrator_sessions_forget(before).await?)
    }
}

/// The name under which a session is known: whoever reads the state cannot be in it.
fn id_of(cookie: &str) -> String {
    Sha256::of(cookie.as_bytes()).to_string()
}
