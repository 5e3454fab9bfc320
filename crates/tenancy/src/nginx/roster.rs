//! Who has a pod at the moment, and which credentials open it.

use std::collections::{HashMap, HashSet};

use model::SecretId;
use sha_crypt::{Algorithm, CustomizedPasswordHasher as _, Params, ShaCrypt};
use store::{SealedSecret, Tenant, TenantState};

use crate::{SecretKind, TenancyError, Tenants};

/// How often a password is hashed: as little as the algorithm allows. The server hashes at every request, and nobody
/// tries 62 to the power of 16 passwords however fast each is.
const ROUNDS: u32 = Params::ROUNDS_MIN;

/// How much of a secret's name is taken as salt.
const SALT_BYTES: usize = 9;

/// A tenant that can read its view now.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Guest {
    /// The tenant.
    pub tenant: Tenant,
    /// The catalog that it reads.
    pub catalog: String,
    /// Its file of passwords: a line for each credential that is taken.
    pub passwords: String,
}

/// Who has a pod. Lines that were made once are remembered: hashing is slow on purpose.
#[derive(Debug)]
pub struct Roster {
    tenants: Tenants,
    lines: HashMap<SecretId, String>,
    /// Secrets that could not be opened, of which it was said.
    told: HashSet<SecretId>,
}

impl Roster {
    /// Of these tenants.
    pub fn new(tenants: Tenants) -> Self {
        Self {
            tenants,
            lines: HashMap::new(),
            told: HashSet::new(),
        }
    }

    /// Who has a pod now, by slug. A credential that cannot be opened opens nothing, and keeps nobody else out.
    ///
    /// # Errors
    /// If the state fails.
    pub async fn look(&mut self) -> Result<Vec<Guest>, TenancyError> {
        let now = self.tenants.clock.now();
        let mut secrets = self.tenants.db.tenant_secrets(None, now).await?;
        secrets.retain(|secret| secret.kind == SecretKind::Credential.as_str());
        let taken: HashSet<SecretId> = secrets.iter().map(|secret| secret.id).collect();
        self.lines.retain(|id, _| taken.contains(id));
        self.told.retain(|id| taken.contains(id));
        let mut catalogs = HashMap::new();
        for stay in self.tenants.rings().await? {
            if stay.until.is_none() {
                catalogs.insert(stay.tenant, stay.catalog);
            }
        }
        let mut guests = Vec::new();
        for tenant in self.tenants.list(false).await? {
            let catalog = catalogs.remove(&tenant.id);
            let is_active = tenant.state == TenantState::Active;
            if let Some(catalog) = catalog.filter(|_| is_active) {
                let own = secrets.iter().filter(|secret| secret.tenant == tenant.id);
                guests.push(Guest {
                    passwords: self.passwords(own).await,
                    tenant,
                    catalog,
                });
            }
        }
        guests.sort_by(|one, other| one.tenant.slug.cmp(&other.tenant.slug));
        Ok(guests)
    }

    async fn passwords(&mut self, secrets: impl Iterator<Item = &SealedSecret>) -> String {
        let mut lines = String::new();
        for secret in secrets {
            if !self.lines.contains_key(&secret.id) {
                match self.line(secret).await {
                    Ok(Some(line)) => drop(self.lines.insert(secret.id, line)),
                    Ok(None) => self.tell(secret, "it is no user and password"),
                    Err(error) => self.tell(secret, &error.to_string()),
                }
            }
            lines.extend(self.lines.get(&secret.id).map(String::as_str));
        }
        lines
    }

    async fn line(&self, secret: &SealedSecret) -> Result<Option<String>, TenancyError> {
        let opened = self.tenants.open(secret.clone()).await?;
        Ok(crate::tenants::parted(&opened)
            .and_then(|pair| password_line(secret.id, &pair.user, pair.password.expose())))
    }

    fn tell(&mut self, secret: &SealedSecret, why: &str) {
        if self.told.insert(secret.id) {
            tracing::error!(tenant.id = %secret.tenant, why, "a credential cannot be used");
        }
    }
}

/// The line of a file of passwords; the same each time, so that a file that says the same stays as it is. A salt need only
/// be another one for each password.
fn password_line(id: SecretId, user: &str, password: &str) -> Option<String> {
    let id = id.to_string();
    let digits: String = id.chars().filter(char::is_ascii_hexdigit).collect();
    let name = hex::decode(digits).ok()?;
    let salt = name.get(name.len().checked_sub(SALT_BYTES)?..)?;
    let params = Params::new(ROUNDS).ok()?;
    let hasher = ShaCrypt::new(Algorithm::Sha512Crypt, params);
    let hash = hasher
        .hash_password_customized(password.as_bytes(), salt, None, None, params)
        .ok()?;
    Some(format!("{user}:{}\n", hash.as_str()))
}

#[cfg(test)]
mod tests {
    use sha_crypt::{PasswordHash, PasswordVerifier as _};

    use super::*;

    /// `openssl passwd -6 -salt abcdefghijkl pleaseletmein`, with as many rounds as that makes: 5,000.
    #[test]
    fn hashes_are_those_of_the_system() {
        let hash = PasswordHash::new(OPENSSL).unwrap();
        ShaCrypt::SHA512
            .verify_password(b"pleaseletmein", &hash)
            .unwrap();
        ShaCrypt::SHA512
            .verify_password(b"pleaseletmeIn", &hash)
            .unwrap_err();
    }

    const OPENSSL: &str = "$6$abcdefghijkl$n9ZfRuSI4fFtWMEn3cyhoCIy.lJF0k9CEs4/98KIGV8k5FkM.amZsabdBFax/0JaXL1jNGByF976K5cXqhhrt0";

    #[test]
    fn a_line_is_the_same_each_time_and_another_one_for_each_secret() {
        let (one, other) = (SecretId::new(), SecretId::new());
        let line = password_line(one, "user", "password").unwrap();
        assert!(line.starts_with("user:$6$rounds=1000$"), "{line}");
        assert_eq!(password_line(one, "user", "password").unwrap(), line);
        assert_ne!(password_line(other, "user", "password").unwrap(), line);
        let hash = line.trim_end().split_once(':').unwrap().1;
        ShaCrypt::SHA512
            .verify_password(b"password", &PasswordHash::new(hash).unwrap())
            .unwrap();
    }
}
