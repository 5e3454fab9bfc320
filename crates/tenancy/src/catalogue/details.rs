//! All there is to know of one title.

use evidence::bundle_name;
use model::Timestamp;
use publication::Kind;
use serde::Deserialize;
use serde_json::Value;
use store::{Release, RingStay, ScanState, StoreError};

use super::{Catalogue, Reader, Title, Version};
use crate::{could_have_fetched, pods::PodError};

/// How many bundles of evidence are looked for beside one package.
const MOST_BUNDLES: u32 = 20;

/// A title, with all there is to know of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Details {
    /// The title.
    pub title: Title,
    /// What else is known of its versions, in their order.
    pub versions: Vec<VersionDetails>,
    /// Which of its versions the tenant can fetch or could have fetched, and when, the newest first.
    pub history: Vec<Stay>,
}

/// What else is known of a version.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct VersionDetails {
    /// Since when it is in the tenant's ring, if that is known.
    pub since: Option<Timestamp>,
    /// Whose signatures were checked before it was published.
    pub signers: Vec<Signer>,
    /// What scanners say of its package.
    pub scan: Option<ScanReport>,
    /// Where the evidence of it is, relative to the folder of evidence.
    pub evidence: Vec<String>,
}

/// Somebody who signed a release.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct Signer {
    /// The team in Apple's register.
    #[serde(default)]
    pub team_id: Option<String>,
    /// The names in its certificates, its own first.
    #[serde(default)]
    authorities: Vec<String>,
}

impl Signer {
    /// Its name, as its certificate has it.
    pub fn name(&self) -> Option<&str> {
        self.authorities.first().map(String::as_str)
    }
}

/// What scanners say of a package.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ScanReport {
    /// Where people can read it.
    pub url: String,
    /// How many engines call it malware or suspicious.
    pub objections: u64,
    /// How many engines said anything.
    pub answered: u64,
}

/// That a tenant can fetch a version, or could have.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stay {
    /// The version.
    pub version: String,
    /// The ring by which.
    pub ring: String,
    /// From when.
    pub from: Timestamp,
    /// Until when; as long as it still can, nothing.
    pub until: Option<Timestamp>,
}

impl Catalogue {
    /// The title of that name, if `reader` sees it.
    ///
    /// # Errors
    /// If the repository or the state fails.
    pub async fn details(&self, reader: &Reader, name: &str) -> Result<Option<Details>, PodError> {
        let titles = self.titles(reader).await?;
        let Some(title) = titles.iter().find(|title| title.name == name).cloned() else {
            return Ok(None);
        };
        let stays = self.db.ring_stay_of(name).await.map_err(failed)?;
        let released = self.db.release_of_item(name).await.map_err(failed)?;
        let mut versions = Vec::new();
        for version in &title.versions {
            versions.push(VersionDetails {
                since: entered(&stays, reader, &version.version),
                signers: signers_of(&released, version),
                scan: self.scan_of(version).await.map_err(failed)?,
                evidence: self.evidence_of(reader, version).await?,
            });
        }
        let history = self.history(reader, &stays).await.map_err(failed)?;
        Ok(Some(Details {
            title,
            versions,
            history,
        }))
    }

    async fn scan_of(&self, version: &Version) -> Result<Option<ScanReport>, StoreError> {
        let Some(sha256) = version.sha256 else {
            return Ok(None);
        };
        let scan = self.db.scan_find(sha256).await?;
        Ok(scan.and_then(|scan| match scan.state {
            ScanState::Reported { report } => report_of(&report),
            _ => None,
        }))
    }

    async fn evidence_of(
        &self,
        reader: &Reader,
        version: &Version,
    ) -> Result<Vec<String>, PodError> {
        let Some(location) = version.location.clone() else {
            return Ok(Vec::new());
        };
        self.blocking(reader, move |catalogue, reader| {
            let mut found = Vec::new();
            for number in 1..=MOST_BUNDLES {
                let name = bundle_name(&location, number);
                if catalogue.exhibit(&reader, Kind::Evidence, &name)?.is_none() {
                    break;
                }
                found.push(name);
            }
            Ok(found)
        })
        .await
    }

    /// Where `reader` is now a version counts from when it came; otherwise from when the tenant could have fetched it.
    async fn history(&self, reader: &Reader, stays: &[RingStay]) -> Result<Vec<Stay>, StoreError> {
        let rings = self.db.tenant_rings_of(reader.tenant.id).await?;
        let tenant = std::slice::from_ref(&reader.tenant);
        let mut history = Vec::new();
        for stay in stays {
            let told = |ring: &str, from, until| Stay {
                version: stay.version.clone(),
                ring: ring.to_owned(),
                from,
                until,
            };
            if stay.left.is_none() && stay.catalog == reader.catalog {
                history.push(told(&stay.catalog, stay.entered.at, None));
                continue;
            }
            let could = could_have_fetched(std::slice::from_ref(stay), tenant, &rings);
            let could = could.into_iter();
            history.extend(could.map(|it| told(&it.catalog, it.from, it.until)));
        }
        history.sort_by_key(|stay| std::cmp::Reverse(stay.from));
        Ok(history)
    }
}

fn failed(error: StoreError) -> PodError {
    PodError::Tenancy(error.into())
}

/// Since when a version is in the ring of `reader`.
fn entered(stays: &[RingStay], reader: &Reader, version: &str) -> Option<Timestamp> {
    let is_it = |stay: &&RingStay| {
        stay.left.is_none() && stay.catalog == reader.catalog && stay.version == version
    };
    stays.iter().find(is_it).map(|stay| stay.entered.at)
}

/// Who signed the release of these very bytes; nobody, if there is no record of them.
fn signers_of(released: &[Release], version: &Version) -> Vec<Signer> {
    let is_it = |release: &&Release| {
        release.version == version.version && Some(release.sha256) == version.sha256
    };
    let identity = released.iter().find(is_it);
    let identity = identity.and_then(|release| release.identity.as_deref());
    let signers: Option<Vec<Signer>> = identity.and_then(|text| serde_json::from_str(text).ok());
    let mut signers = signers.unwrap_or_default();
    signers.retain(|signer| signer.team_id.is_some() || !signer.authorities.is_empty());
    // The program and its package are often signed by one team.
    signers.dedup_by(|left, right| left.team_id.is_some() && left.team_id == right.team_id);
    signers
}

/// What is in a report, as the scanner's room writes it; nothing without an address that people can open.
fn report_of(report: &Value) -> Option<ScanReport> {
    let url = report.get("permalink").and_then(Value::as_str)?;
    let count = |name: &str| {
        let count = report.pointer(&format!("/stats/{name}"));
        count.and_then(Value::as_u64).unwrap_or_default()
    };
    let objections = count("malicious").saturating_add(count("suspicious"));
    let others = count("undetected").saturating_add(count("harmless"));
    url.starts_with("https://").then(|| ScanReport {
        url: url.to_owned(),
        objections,
        answered: objections.saturating_add(others),
    })
}
