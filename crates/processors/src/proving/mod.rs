//! What vendors give beside a download to prove that it is theirs: offered by one step, held against what a later
//! step has downloaded.
//!
//! They take this way rather than that over the environment, which is `AutoPkg`'s. An offer is about an address: it
//! says nothing of a file that a recipe got from elsewhere.

mod asked;
mod digests;
mod sparkle;

pub use asked::{AskedProof, ProofBy};

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use model::FailureClass;
use proofs::{Check, Outcome, VendorKey, sparkle::Signatures};
use url::Url;

use crate::{Download, Env, StepContext, StepError};

/// What proofs a run was offered, and what came of them.
#[derive(Debug, Default)]
pub struct Proofs {
    /// The vendor's keys that were accepted before.
    pinned: Vec<VendorKey>,
    /// What the operator asks for.
    asked: Vec<AskedProof>,
    lists: Mutex<Lists>,
}

#[derive(Debug, Default)]
struct Lists {
    offers: Vec<Offer>,
    checks: Vec<Check>,
    keys: Vec<VendorKey>,
    /// Which of those that were asked for were had, by their place.
    had: BTreeSet<usize>,
}

/// A proof that was found on the way to a download.
#[derive(Clone, Debug)]
struct Offer {
    /// Where the file is that it is about.
    addresses: Vec<Url>,
    proof: Proof,
}

#[derive(Clone, Debug)]
enum Proof {
    /// What GitHub says of an asset's bytes: `sha256:…`.
    GitHubDigest { asset: String, digest: String },
    /// What a Sparkle feed says of an enclosure; perhaps nothing.
    Sparkle(Signatures),
}

impl Proofs {
    /// No proofs yet, of a vendor who was accepted by the keys `pinned`, and of whom the operator asks what is in
    /// `asked`.
    pub fn new(pinned: Vec<VendorKey>, asked: Vec<AskedProof>) -> Self {
        Self {
            pinned,
            asked,
            lists: Mutex::default(),
        }
    }

    /// By which keys the vendor is to be known, sorted, each once.
    pub fn keys(&self) -> Vec<VendorKey> {
        let mut keys = self.lock().keys.clone();
        keys.sort();
        keys.dedup();
        keys
    }

    /// What the operator asks for, and no download was to be proved by.
    pub fn missing(&self) -> Vec<AskedProof> {
        let lists = self.lock();
        let missing = self.asked.iter().enumerate();
        missing
            .filter(|(place, _)| !lists.had.contains(place))
            .map(|(_, asked)| asked.clone())
            .collect()
    }

    /// Notes by which key a file was found to be the vendor's.
    pub fn note_key(&self, key: VendorKey) {
        self.lock().keys.push(key);
    }

    /// The checks that were made since this was asked last.
    pub fn take_checks(&self) -> Vec<Check> {
        std::mem::take(&mut self.lock().checks)
    }

    /// Notes what GitHub says of the bytes of `asset`, which can be had at any of `addresses`.
    pub(crate) fn offer_github_digest(&self, asset: &str, addresses: &[&str], digest: &str) {
        self.offer(
            addresses,
            Proof::GitHubDigest {
                asset: asset.to_owned(),
                digest: digest.to_owned(),
            },
        );
    }

    /// Notes the signatures that a Sparkle feed gives of the file at `address`.
    pub(crate) fn offer_sparkle(&self, address: &str, signatures: Signatures) {
        self.offer(&[address], Proof::Sparkle(signatures));
    }

    /// The last word about an address counts: a feed that is asked again is newer.
    fn offer(&self, addresses: &[&str], proof: Proof) {
        let addresses: Vec<Url> = addresses.iter().filter_map(|text| address(text)).collect();
        let kind = std::mem::discriminant(&proof);
        let mut lists = self.lock();
        lists.offers.retain(|offer| {
            std::mem::discriminant(&offer.proof) != kind
                || !offer
                    .addresses
                    .iter()
                    .any(|known| addresses.contains(known))
        });
        lists.offers.push(Offer { addresses, proof });
    }

    fn offers_about(&self, download: &Download) -> Vec<Proof> {
        let asked = download.address.as_ref();
        let Some(asked) = asked.and_then(|asked| address(asked.expose())) else {
            return Vec::new();
        };
        let lists = self.lock();
        let about = lists
            .offers
            .iter()
            .filter(|offer| offer.addresses.contains(&asked));
        about.map(|offer| offer.proof.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Lists> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An address by which a file is recognised. A fragment never reaches a server.
fn address(text: &str) -> Option<Url> {
    let mut url = Url::parse(text.trim()).ok()?;
    url.set_fragment(None);
    Some(url)
}

/// Holds everything against `downloads` that the operator asks for, and that was offered about them.
///
/// # Errors
/// If a proof does not hold; what came of each is kept either way.
pub(crate) async fn check(
    context: &StepContext,
    env: &Env,
    downloads: &[Download],
) -> Result<(), StepError> {
    for download in downloads {
        for (place, asked) in context.proofs.asked.iter().enumerate() {
            if asked.is_about(&download.path) {
                asked.check(context, env, download).await?;
                context.proofs.lock().had.insert(place);
            }
        }
        for proof in context.proofs.offers_about(download) {
            match proof {
                Proof::GitHubDigest { asset, digest } => {
                    digests::check_github(context, download, &asset, &digest).await?;
                }
                Proof::Sparkle(signatures) => {
                    sparkle::check(context, download, signatures).await?;
                }
            }
        }
    }
    Ok(())
}

/// Keeps what came of a check, and says it.
fn note(context: &StepContext, check: Check) {
    context.messages.say(&check.to_string());
    context.proofs.lock().checks.push(check);
}

/// Keeps that a proof does not hold; answers why the step fails.
fn refuse(
    context: &StepContext,
    class: FailureClass,
    name: &str,
    why: impl Into<String>,
) -> StepError {
    let why = why.into();
    note(context, Check::new(name, Outcome::Fail, why.clone()));
    StepError::new(class, why)
}

/// Does `work` on the file at `path` where blocking is allowed.
async fn on_file<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce(&Path) -> std::io::Result<T> + Send + 'static,
) -> Result<T, StepError> {
    let path = path.to_owned();
    let done = tokio::task::spawn_blocking(move || {
        work(&path).map_err(|error| {
            let text = format!("{} cannot be read: {error}", path.display());
            StepError::package(text).caused_by(error)
        })
    });
    done.await.map_err(|error| {
        StepError::new(FailureClass::Internal, "a check ended unexpectedly").caused_by(error)
    })?
}
