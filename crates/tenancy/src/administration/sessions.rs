//! Signing in and out, and who is signed in.

use std::{net::IpAddr, time::Duration};

use model::Timestamp;
use redact::Secret;
use store::{Administrator, AdministratorState, OidcPerson, OidcPresence};

use super::{Administration, AdministrationError, Office, codes};
use crate::{
    oidc::Claimant,
    session::{
        IDLE, LIFE, LONGEST, NOTED, digest_of, form_token_of, is_same, lock_rule, unguessable,
    },
};

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
    /// Whether they came through the identity provider.
    pub is_oidc: bool,
    /// What has to come with every form.
    pub form_token: Secret<String>,
    /// The name under which it is known.
    id: String,
}

impl Session {
    /// Whether `given` is what has to come with every form.
    pub fn is_form_token(&self, given: &str) -> bool {
        is_same(self.form_token.expose(), given)
    }
}

/// Somebody who may sign in, and whether they are signed in.
#[derive(Clone, Debug)]
pub struct Present {
    /// Who.
    pub administrator: Administrator,
    /// How many sessions of theirs go on.
    pub sessions: u32,
    /// When one of these was last heard of.
    pub seen_at: Option<Timestamp>,
    /// When they last signed in, to the minute: when their newest code that was used was good.
    pub signed_in_at: Option<Timestamp>,
}

impl Administration {
    /// Everybody, by name, and who of them is signed in.
    ///
    /// # Errors
    /// If the state fails.
    pub async fn present(&self) -> Result<Vec<Present>, AdministrationError> {
        let now = self.clock.now();
        let presences = self
            .db
            .administrator_presence(now.minus(LIFE), now.minus(IDLE))
            .await?;
        let present = |administrator: Administrator| {
            let mut presences = presences.iter();
            let found = presences.find(|it| it.administrator == administrator.id);
            Present {
                sessions: found.map_or(0, |it| it.sessions),
                seen_at: found.and_then(|it| it.seen_at),
                signed_in_at: found.and_then(|it| minute_of(it.last_step)),
                administrator,
            }
        };
        Ok(self.list().await?.into_iter().map(present).collect())
    }

    /// Signs somebody out everywhere.
    ///
    /// # Errors
    /// If there is none of that name, or the state fails.
    pub async fn end_sessions(&self, name: &str) -> Result<Administrator, AdministrationError> {
        let administrator = self.find(name).await?;
        self.db.administrator_sessions_end(administrator.id).await?;
        tracing::info!(administrator = name, "signed out everywhere");
        Ok(administrator)
    }

    /// Everybody who ever came through the identity provider, by name, and who of them is signed in.
    ///
    /// # Errors
    /// If the state fails.
    pub async fn people(&self) -> Result<Vec<OidcPresence>, AdministrationError> {
        let now = self.clock.now();
        Ok(self
            .db
            .oidc_people(now.minus(LIFE), now.minus(IDLE))
            .await?)
    }

    /// Signs somebody out everywhere who came through the identity provider. Whether they come in again is the provider's
    /// to say.
    ///
    /// # Errors
    /// If nobody of that name came through it, or the state fails.
    pub async fn end_sessions_of_person(&self, name: &str) -> Result<(), AdministrationError> {
        if !self.db.oidc_sessions_end(name).await? {
            return Err(AdministrationError::Unknown {
                name: name.to_owned(),
            });
        }
        tracing::info!(person = name, "signed out everywhere");
        Ok(())
    }

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
            let cookie = unguessable()?;
            let session = digest_of(&cookie);
            let id = administrator.id;
            if self.db.administrator_admit(id, step, &session, now).await? {
                return Ok(Entry::Welcome(cookie));
            }
        }
        let rule = lock_rule(now);
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
        let Some((session, seen_at)) = self.known(cookie, now).await? else {
            return Ok(None);
        };
        if seen_at.plus(NOTED) < now {
            let id = &session.id;
            if session.is_oidc {
                self.db.oidc_session_seen(id, now).await?;
            } else {
                self.db.administrator_session_seen(id, now).await?;
            }
        }
        Ok(Some(session))
    }

    /// Who holds this, if somebody is signed in with it. Their browser asked by itself, which keeps nobody signed in.
    ///
    /// # Errors
    /// If the state fails.
    pub async fn session_unnoted(
        &self,
        cookie: &Secret<String>,
    ) -> Result<Option<Session>, AdministrationError> {
        let known = self.known(cookie, self.clock.now()).await?;
        Ok(known.map(|(session, _)| session))
    }

    /// Who holds this, and when they were heard of last.
    async fn known(
        &self,
        cookie: &Secret<String>,
        now: Timestamp,
    ) -> Result<Option<(Session, Timestamp)>, AdministrationError> {
        let id = digest_of(cookie);
        let found = self
            .db
            .administrator_session(&id, now.minus(LIFE), now.minus(IDLE))
            .await?;
        let Some(found) = found else {
            return self.known_through_oidc(cookie, id, now).await;
        };
        // A role of a newer program may do nothing.
        let Ok(office) = found.administrator.role.parse() else {
            return Ok(None);
        };
        let session = Session {
            name: found.administrator.name,
            office,
            is_oidc: false,
            form_token: form_token_of(cookie),
            id,
        };
        Ok(Some((session, found.seen_at)))
    }

    /// The same, of somebody who came through the identity provider; nobody does where there is none.
    async fn known_through_oidc(
        &self,
        cookie: &Secret<String>,
        id: String,
        now: Timestamp,
    ) -> Result<Option<(Session, Timestamp)>, AdministrationError> {
        if self.oidc().is_none() {
            return Ok(None);
        }
        let found = self
            .db
            .oidc_session(&id, now.minus(LIFE), now.minus(IDLE))
            .await?;
        let Some(found) = found else {
            return Ok(None);
        };
        let Ok(office) = found.role.parse() else {
            return Ok(None);
        };
        let session = Session {
            name: found.name,
            office,
            is_oidc: true,
            form_token: form_token_of(cookie),
            id,
        };
        Ok(Some((session, found.seen_at)))
    }

    /// Whether an address may try to sign in once more; if not, how long it has to wait.
    ///
    /// # Errors
    /// How long that is.
    pub fn admit_try(&self, address: IpAddr) -> Result<(), Duration> {
        self.tries.admit(address, self.clock.now())
    }

    /// Lets somebody in whom the identity provider knows; answers what the browser has to hold, and the name under which is
    /// written down what they do. Nothing if that is somebody else's.
    ///
    /// # Errors
    /// If the state fails.
    pub async fn welcome(
        &self,
        claimant: &Claimant,
    ) -> Result<Option<(Secret<String>, String)>, AdministrationError> {
        let person = OidcPerson {
            subject: claimant.subject.clone(),
            name: claimant.name.clone(),
            role: claimant.office.as_str().to_owned(),
        };
        let cookie = unguessable()?;
        let session = digest_of(&cookie);
        let admitted = self.db.oidc_admit(&person, &session, self.clock.now());
        Ok(admitted.await?.map(|name| (cookie, name)))
    }

    /// Signs somebody out.
    ///
    /// # Errors
    /// If the state fails.
    pub async fn sign_out(&self, session: &Session) -> Result<(), AdministrationError> {
        if session.is_oidc {
            return Ok(self.db.oidc_session_end(&session.id).await?);
        }
        Ok(self.db.administrator_session_end(&session.id).await?)
    }

    /// Forgets who is signed in no more; answers how many.
    ///
    /// # Errors
    /// If the state fails.
    pub async fn forget_sessions(&self) -> Result<u64, AdministrationError> {
        let before = self.clock.now().minus(IDLE);
        let over = self.db.administrator_sessions_forget(before).await?;
        let through_oidc = self.db.oidc_sessions_forget(before).await?;
        Ok(over.saturating_add(through_oidc))
    }
}

/// When the codes of a step are good from.
fn minute_of(step: u64) -> Option<Timestamp> {
    let seconds = step.checked_mul(codes::PERIOD)?;
    let seconds = i64::try_from(seconds).ok().filter(|seconds| *seconds > 0)?;
    Some(Timestamp::from_secs(seconds))
}
