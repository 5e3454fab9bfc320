//! Changes that come with a key are done once, however often they are sent, to whichever node.

use std::{fmt, time::Duration};

use model::TokenId;
use redact::Secret;
use serde::{Deserialize, Serialize};
use store::{AnswerKey, AnswerState, SealedAnswer};

use super::{Administration, AdministrationError};
use crate::{VaultError, vault::blocking};

/// How long answers are kept.
const KEPT: Duration = Duration::from_hours(24);

/// After how long something that was not answered is not under way any more: whoever did it is gone.
const LOST: Duration = Duration::from_mins(10);

/// How long it is told what has happened.
const EVENTS: Duration = Duration::from_hours(7 * 24);

/// An answer, as it is kept.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
pub struct KeptAnswer {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// What it says; there may be secrets in it.
    pub body: String,
}

impl fmt::Debug for KeptAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptAnswer")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// How it stands with a key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answered {
    /// It has not come before: it is to be done, and [`Administration::answer_keep`] or [`Administration::answer_drop`]
    /// called.
    New,
    /// It was done, and answered with this.
    Before(KeptAnswer),
    /// It came with something else.
    Different,
    /// It is being done.
    UnderWay,
}

impl Administration {
    /// Takes a key, unless it came before.
    ///
    /// # Errors
    /// If the state or the vault fails.
    pub async fn answer_begin(&self, key: &AnswerKey) -> Result<Answered, AdministrationError> {
        let now = self.clock.now();
        let begun = self.db.api_answer_begin(key, now, now.minus(LOST)).await?;
        let sealed = match begun {
            AnswerState::New => return Ok(Answered::New),
            AnswerState::Different => return Ok(Answered::Different),
            AnswerState::UnderWay => return Ok(Answered::UnderWay),
            AnswerState::Answered(sealed) => sealed,
        };
        let (vault, place) = (self.vault.clone(), place(key.token, &key.key));
        let opened = blocking(move || vault.open(&place, &sealed.sealed, &sealed.key_id)).await?;
        let kept = serde_json::from_str(&opened).map_err(|_no_answer| VaultError::Sealed)?;
        Ok(Answered::Before(kept))
    }

    /// Keeps what was answered to a key.
    ///
    /// # Errors
    /// If the state or the vault fails.
    pub async fn answer_keep(
        &self,
        key: &AnswerKey,
        answer: &KeptAnswer,
    ) -> Result<(), AdministrationError> {
        let text = serde_json::to_string(answer).map_err(|_no_json| VaultError::Sealed)?;
        let (vault, place, text) = (
            self.vault.clone(),
            place(key.token, &key.key),
            Secret::new(text),
        );
        let (sealed, key_id) = blocking(move || vault.seal(&place, text.expose())).await?;
        let answer = SealedAnswer { sealed, key_id };
        Ok(self.db.api_answer_keep(key, &answer).await?)
    }

    /// Gives a key back with which nothing was done.
    ///
    /// # Errors
    /// If the state fails.
    pub async fn answer_drop(&self, key: &AnswerKey) -> Result<(), AdministrationError> {
        Ok(self.db.api_answer_drop(key).await?)
    }

    /// Forgets answers after a day, and what has happened after a week; answers how many of both.
    ///
    /// # Errors
    /// If the state fails.
    pub async fn forget_answers(&self) -> Result<u64, AdministrationError> {
        let now = self.clock.now();
        let answers = self.db.api_answer_forget(now.minus(KEPT)).await?;
        let events = self.db.event_forget(now.minus(EVENTS)).await?;
        Ok(answers.saturating_add(events))
    }
}

/// What a sealed answer is bound to.
fn place(token: TokenId, key: &str) -> String {
    format!("api-token/{token}/answers/{key}")
}
