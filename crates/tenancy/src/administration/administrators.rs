//! Those who administer: made, changed, let go.

use model::AdministratorId;
use redact::Secret;
use store::{Administrator, AdministratorState, Proof};

use super::{Administration, AdministrationError, Office, codes, passwords};
use crate::{VaultError, vault::blocking};

const LONGEST_NAME: usize = 64;

/// Somebody who is to sign in.
#[derive(Clone, Debug)]
pub struct NewAdministrator {
    /// The user ID.
    pub name: String,
    /// What it is here for.
    pub office: Office,
    /// The password.
    pub password: Secret<String>,
    /// Who makes it.
    pub by: String,
}

/// What somebody needs for their one-time codes, and nobody sees again.
#[derive(Clone, Debug)]
pub struct Enrolment {
    /// Who.
    pub name: String,
    /// The secret in base32, for apps that cannot read the address.
    pub secret: Secret<String>,
    /// The `otpauth` address by which apps take it in.
    pub address: Secret<String>,
}

impl Administration {
    /// Makes somebody who may sign in.
    ///
    /// # Errors
    /// If the name or the password cannot be one, the name is taken, or the state or the vault fails.
    pub async fn add(&self, new: NewAdministrator) -> Result<Enrolment, AdministrationError> {
        check_name(&new.name)?;
        passwords::check(&new.name, &new.password)?;
        let administrator = Administrator {
            id: AdministratorId::new(),
            name: new.name,
            role: new.office.as_str().to_owned(),
            state: AdministratorState::Active,
            failures: 0,
            locked_until: None,
            made_at: self.clock.now(),
            made_by: new.by,
        };
        let secret = codes::new_secret()?;
        let password = self.passwords.digest(new.password).await?;
        let proof = self.proof(administrator.id, password, &secret).await?;
        if !self.db.administrator_add(&administrator, &proof).await? {
            return Err(AdministrationError::Exists {
                name: administrator.name,
            });
        }
        tracing::info!(administrator = administrator.name, office = %new.office, "administrator made");
        enrolment(administrator.name, secret)
    }

    /// Everybody, by name.
    ///
    /// # Errors
    /// If the state fails.
    pub async fn list(&self) -> Result<Vec<Administrator>, AdministrationError> {
        Ok(self.db.administrator_list().await?)
    }

    /// The one of that name.
    ///
    /// # Errors
    /// If there is none, or the state fails.
    pub async fn find(&self, name: &str) -> Result<Administrator, AdministrationError> {
        let found = self.db.administrator_find(name).await?;
        found.ok_or_else(|| AdministrationError::Unknown {
            name: name.to_owned(),
        })
    }

    /// Gives somebody another password, and signs them out everywhere.
    ///
    /// # Errors
    /// If there is none, the password cannot be one, or the state fails.
    pub async fn change_password(
        &self,
        name: &str,
        password: Secret<String>,
    ) -> Result<(), AdministrationError> {
        passwords::check(name, &password)?;
        let administrator = self.find(name).await?;
        let proof = self.proof_of(&administrator).await?;
        let password = self.passwords.digest(password).await?;
        let proof = Proof { password, ..proof };
        self.db
            .administrator_prove_anew(administrator.id, &proof)
            .await?;
        tracing::info!(administrator = name, "password changed");
        Ok(())
    }

    /// Gives somebody other one-time codes, and signs them out everywhere.
    ///
    /// # Errors
    /// If there is none, or the state or the vault fails.
    pub async fn change_codes(&self, name: &str) -> Result<Enrolment, AdministrationError> {
        let administrator = self.find(name).await?;
        let before = self.proof_of(&administrator).await?;
        let secret = codes::new_secret()?;
        let proof = self
            .proof(administrator.id, before.password, &secret)
            .await?;
        self.db
            .administrator_prove_anew(administrator.id, &proof)
            .await?;
        tracing::info!(administrator = name, "one-time codes changed");
        enrolment(administrator.name, secret)
    }

    /// Says what somebody is here for.
    ///
    /// # Errors
    /// If there is none, nobody could administer any more, or the state fails.
    pub async fn appoint(
        &self,
        name: &str,
        office: Office,
    ) -> Result<Administrator, AdministrationError> {
        let administrator = self.find(name).await?;
        self.stand(&administrator, office.as_str(), administrator.state)
            .await
    }

    /// Lets nobody sign in as this one any more, and signs them out everywhere.
    ///
    /// # Errors
    /// If there is none, nobody could administer any more, or the state fails.
    pub async fn disable(&self, name: &str) -> Result<Administrator, AdministrationError> {
        let administrator = self.find(name).await?;
        self.stand(
            &administrator,
            &administrator.role,
            AdministratorState::Disabled,
        )
        .await
    }

    /// Lets somebody sign in again who was locked out or disabled.
    ///
    /// # Errors
    /// If there is none, or the state fails.
    pub async fn enable(&self, name: &str) -> Result<Administrator, AdministrationError> {
        let administrator = self.find(name).await?;
        self.db.administrator_unlock(administrator.id).await?;
        self.stand(
            &administrator,
            &administrator.role,
            AdministratorState::Active,
        )
        .await
    }

    async fn stand(
        &self,
        administrator: &Administrator,
        role: &str,
        state: AdministratorState,
    ) -> Result<Administrator, AdministrationError> {
        let needed = Office::Administrator.as_str();
        let standing = self
            .db
            .administrator_stand(administrator.id, (role, state), needed);
        if !standing.await? {
            return Err(AdministrationError::Last {
                name: administrator.name.clone(),
            });
        }
        tracing::info!(
            administrator = administrator.name,
            role,
            state = state.as_str(),
            "administrator changed"
        );
        self.find(&administrator.name).await
    }

    /// What somebody proves with who they are.
    pub(super) async fn proof_of(
        &self,
        administrator: &Administrator,
    ) -> Result<Proof, AdministrationError> {
        let proof = self.db.administrator_proof(administrator.id).await?;
        proof.ok_or_else(|| AdministrationError::Unknown {
            name: administrator.name.clone(),
        })
    }

    async fn proof(
        &self,
        id: AdministratorId,
        password: String,
        secret: &Secret<String>,
    ) -> Result<Proof, AdministrationError> {
        let (code_secret, key_id) = self.seal(id, secret.clone()).await?;
        Ok(Proof {
            password,
            code_secret,
            key_id,
        })
    }

    async fn seal(
        &self,
        id: AdministratorId,
        secret: Secret<String>,
    ) -> Result<(String, String), VaultError> {
        let vault = self.vault.clone();
        blocking(move || vault.seal(&place(id), secret.expose())).await
    }

    /// What somebody's codes are made of.
    pub(super) async fn code_secret(
        &self,
        id: AdministratorId,
        proof: &Proof,
    ) -> Result<Secret<String>, VaultError> {
        let (vault, sealed, key) = (
            self.vault.clone(),
            proof.code_secret.clone(),
            proof.key_id.clone(),
        );
        let opened = blocking(move || vault.open(&place(id), &sealed, &key)).await?;
        Ok(Secret::new(opened.as_str().to_owned()))
    }

    /// The keys that secrets of codes, and answers, are sealed with.
    ///
    /// # Errors
    /// If the state fails.
    pub(crate) async fn keys_in_use(&self) -> Result<Vec<String>, AdministrationError> {
        let mut keys = Vec::new();
        for administrator in self.list().await? {
            keys.push(self.proof_of(&administrator).await?.key_id);
        }
        // Answers are not sealed anew: they are forgotten after a day.
        keys.extend(self.db.api_answer_keys().await?);
        Ok(keys)
    }

    /// Seals the secrets of codes anew that are sealed with another key than `key`.
    ///
    /// # Errors
    /// If the state or the vault fails.
    pub(crate) async fn reseal(&self, key: &str) -> Result<(), AdministrationError> {
        for administrator in self.list().await? {
            let proof = self.proof_of(&administrator).await?;
            if proof.key_id == key {
                continue;
            }
            let secret = self.code_secret(administrator.id, &proof).await?;
            let (sealed, key) = self.seal(administrator.id, secret).await?;
            self.db
                .administrator_reseal(administrator.id, &proof, &sealed, &key)
                .await?;
        }
        Ok(())
    }
}

/// What a sealed secret is bound to.
fn place(id: AdministratorId) -> String {
    format!("administrator/{id}/codes")
}

fn enrolment(name: String, secret: Secret<String>) -> Result<Enrolment, AdministrationError> {
    Ok(Enrolment {
        address: codes::address(&name, &secret)?,
        name,
        secret,
    })
}

/// What is in logs and addresses without being escaped.
pub(crate) fn check_name(name: &str) -> Result<(), AdministrationError> {
    let is_allowed =
        |it: char| it.is_ascii_alphanumeric() || matches!(it, '.' | '-' | '_' | '@' | '+');
    let why = if name.is_empty() {
        "it is empty"
    } else if name.len() > LONGEST_NAME {
        "it has more than 64 characters"
    } else if !name.chars().all(is_allowed) {
        "it may hold only letters and digits of ASCII and `.-_@+`"
    } else {
        return Ok(());
    };
    Err(AdministrationError::Name {
        given: name.to_owned(),
        why,
    })
}
