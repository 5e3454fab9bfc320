//! Update metadata that follows what is published.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value as Json;

use super::bench::{Bench, end};

impl Bench {
    fn metadata(&self, name: &str) -> Json {
        let path = self.repository().join("tuf").join(name);
        serde_json::from_slice(&fs_err::read(path).unwrap()).unwrap()
    }

    /// What is in the list of files, with digests.
    fn targets(&self) -> BTreeMap<String, String> {
        let targets = self.metadata("targets.json");
        let targets = targets["signed"]["targets"].as_object().unwrap();
        targets
            .iter()
            .map(|(name, target)| {
                let sha256 = target["hashes"]["sha256"].as_str().unwrap();
                (name.clone(), sha256.to_owned())
            })
            .collect()
    }

    fn is_up_to_date(&self) {
        for (name, sha256) in self.targets() {
            let there = fs_err::read(self.repository().join(&name)).unwrap();
            assert_eq!(model::Sha256::of(&there).to_string(), sha256, "{name}");
        }
    }
}

#[tokio::test]
async fn a_publication_is_in_the_metadata_and_nothing_new_signs_nothing() {
    let bench = Bench::new().await;
    assert_eq!(end(&bench.run().await), "published");
    let names: Vec<_> = bench.targets().into_keys().collect();
    assert_eq!(names, ["catalogs/all", "catalogs/testing"]);
    bench.is_up_to_date();
    let before = bench.metadata("timestamp.json");
    assert_eq!(end(&bench.run().await), "unchanged");
    assert_eq!(bench.metadata("timestamp.json"), before);
    bench.release("1.1", b"two");
    assert_eq!(end(&bench.run().await), "published");
    bench.is_up_to_date();
    assert_ne!(bench.metadata("timestamp.json"), before);
    assert!(bench.incidents().await.is_empty());
}

#[tokio::test]
async fn metadata_that_cannot_be_signed_is_an_incident_and_stops_no_publication() {
    let bench = Bench::new().await;
    let key = bench.folder.path().join("keys/tuf/targets.pem");
    let away = key.with_extension("away");
    fs_err::rename(&key, &away).unwrap();
    assert_eq!(end(&bench.run().await), "published");
    assert_eq!(bench.incidents().await, ["configuration open 1"]);
    assert!(!key.exists(), "a key that is gone is not made anew");
    assert!(!bench.repository().join("tuf/timestamp.json").exists());
    fs_err::rename(&away, &key).unwrap();
    bench.engine.recover().await.unwrap();
    bench.is_up_to_date();
    assert_eq!(bench.incidents().await, ["configuration resolved 1"]);
}

#[tokio::test]
async fn a_crash_behind_the_catalogs_is_made_up_for_by_recovery() {
    let bench = Bench::new().await;
    assert_eq!(end(&bench.run().await), "published");
    // As if somebody else had published, and died before anything was signed.
    let manifest = bench.repository().join("manifests/site_default");
    fs_err::write(manifest, "manifest").unwrap();
    bench.engine.recover().await.unwrap();
    assert!(bench.targets().contains_key("manifests/site_default"));
    bench.is_up_to_date();
}

#[tokio::test]
async fn a_root_that_nobody_here_can_renew_is_asked_for_in_time() {
    let bench = Bench::new().await;
    fs_err::remove_file(bench.folder.path().join("keys/tuf/root.pem")).unwrap();
    bench.clock.advance(Duration::from_hours(200 * 24));
    bench.engine.recover().await.unwrap();
    assert!(bench.incidents().await.is_empty());
    bench.clock.advance(Duration::from_hours(110 * 24));
    bench.engine.recover().await.unwrap();
    assert_eq!(bench.incidents().await, ["configuration open 1"]);
    bench.is_up_to_date();
}
