//! Whether what Munki is about to install is what the service has published: update metadata for catalogs, evidence for
//! packages, and the packages that Munki has fetched already.
//!
//! Nothing is believed but signatures of keys that came with the client's package, not from the repository. Nothing of
//! Munki's is changed, and no credential is written: the exchange is made anew.

mod anchors;
mod catalogs;
mod pod;
mod report;

use std::time::Duration;

use model::Sha256;

pub use self::report::{Checked, Finding};
use self::{anchors::Anchors, catalogs::Title, pod::Pod};
use crate::{
    Fault, Mac, exchange,
    preferences::{Munki, Preferences, Profile},
    preflight,
    updates::{self, Source as _, Targets},
};

/// How long all of it may take.
const PATIENCE: Duration = Duration::from_mins(5);
/// How many bundles of evidence one package may have: each publication of the same bytes adds one.
const MOST_BUNDLES: u32 = 16;

/// Looks at the catalogs that Munki has, and at each title that it is about to install.
///
/// # Errors
/// What makes it impossible to look: [`Fault::NoAnchors`], [`Fault::Offline`], and what may go wrong with the exchange.
pub fn examine(mac: &Mac<'_>) -> Result<Checked, Fault> {
    preflight::must_be_root(mac)?;
    let profile = Profile::of(&Preferences::of_client(&mac.files)?)?;
    let munki = Munki::of(&Preferences::of_munki(&mac.files)?);
    let anchors = Anchors::read(&mac.files)?;
    let opened = exchange::open(mac, &profile, PATIENCE)?;
    let pod = Pod::new(opened.ok_or(Fault::Offline)?);
    let mut checked = Checked::default();
    let targets = anchors.targets(mac, &pod);
    let catalogs = catalogs::read(&mac.files, &munki)?;
    for catalog in &catalogs {
        checked.add("catalog", &catalog.name, vouched(catalog, &targets));
    }
    for title in catalogs::titles(&mac.files, &munki)? {
        let Some(item) = catalogs::find(&catalogs, &title) else {
            checked.add("item", &title.to_string(), Err(Fault::NoDigest));
            continue;
        };
        let found = item.and_then(|item| {
            let finding = proven(&anchors, &pod, &item)?;
            catalogs::compare(&mac.files, &munki, &item)?;
            Ok(finding)
        });
        checked.add("item", &title.to_string(), found);
    }
    Ok(checked)
}

/// Whether a catalog of Munki's is the one that was signed.
fn vouched(
    catalog: &catalogs::Catalog,
    targets: &Result<Option<Targets>, Fault>,
) -> Result<Finding, Fault> {
    let targets = match targets {
        Ok(Some(targets)) => targets,
        // A tenant that may not have everything gets a catalog of its own, which metadata for all does not name.
        Ok(None) => return Ok(Finding::NotOffered),
        Err(Fault::Updates(fault)) => return Err(Fault::Updates(fault.clone())),
        Err(fault) => {
            return Err(Fault::Evidence {
                why: fault.to_string(),
            });
        }
    };
    let name = format!("catalogs/{}", catalog.name);
    match targets.get(&name) {
        Some((sha256, _)) if *sha256 == catalog.digest => Ok(Finding::Verified),
        _ => Err(Fault::OtherCatalog),
    }
}

/// Whether one of a package's bundles of evidence counts.
fn proven(anchors: &Anchors, pod: &Pod, item: &Title) -> Result<Finding, Fault> {
    let (Some(location), Some(digest)) = (&item.location, item.digest) else {
        // Without a package there is nothing that could be another one; its scripts stand in the catalog.
        return Ok(Finding::NoPackage);
    };
    let Some(keys) = &anchors.keys else {
        return Ok(Finding::NotOffered);
    };
    let mut why = "there is none".to_owned();
    for number in 1..=MOST_BUNDLES {
        let name = evidence::bundle_name(location, number);
        let Some(bytes) = pod.read(&format!("evidence/{name}"), evidence::LARGEST_BUNDLE)? else {
            break;
        };
        let place = format!("pkgs/{location}");
        let verdict = evidence::verify_bundle(&bytes, keys, digest, Some(&place));
        if verdict.is_valid() {
            return Ok(Finding::Verified);
        }
        why = refusal(&verdict);
    }
    Err(Fault::Evidence { why })
}

/// The first reason why a bundle does not count.
fn refusal(verdict: &evidence::Verdict) -> String {
    let lines = verdict.lines.iter().filter_map(evidence::Line::refusal);
    let mut refusals = verdict.refusals.iter().chain(lines);
    refusals.next().map(ToString::to_string).unwrap_or_default()
}

/// The digest of what a reader holds.
fn digest_of(reader: &mut dyn std::io::Read) -> std::io::Result<Sha256> {
    Sha256::of_reader(reader).map(|(digest, _)| digest)
}
