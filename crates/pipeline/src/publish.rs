//! Applying the change set of a run, and what the store knows of it.

use std::{collections::BTreeMap, sync::Arc};

use model::FailureClass;
use munki::CatalogOptions;
use publication::{Published, publish};
use serde_json::json;
use store::{NewPublication, Release, Run};

use crate::{
    Engine, Event, Failure, Reporter,
    engine::blocking,
    pending::{Item, Pending},
};

impl Engine {
    /// Applies the change set of `run`: whole, or not at all. Doing so again, after a crash, changes nothing.
    ///
    /// # Errors
    /// Whatever stopped the publication; the repository is then as it was.
    ///
    /// # Cancellation
    /// The publication goes on to its end on its own thread; the next attempt waits for it, and finds it done.
    pub(crate) async fn apply(
        &self,
        run: &Run,
        pending: &Pending,
        reporter: &Arc<dyn Reporter>,
    ) -> Result<(), Failure> {
        let db = &self.parts.db;
        let new = NewPublication {
            change_set: pending.change_set.id,
            run: run.id,
            title: run.title.clone(),
            items: json!(pending.items),
        };
        db.publication_begin(&new, self.parts.clock.now()).await?;
        let published = self.write(pending).await;
        let now = self.parts.clock.now();
        match published {
            Ok(published) => {
                self.refresh_metadata().await;
                for problem in published.report.lines(munki::Compat::Munki7) {
                    reporter.report(&Event::Warned { text: &problem });
                }
                let releases = self.releases(pending)?;
                let accepted = self.acceptance(run, &pending.signers()).await?;
                db.publication_finish(&new, &releases, accepted.as_ref(), now)
                    .await?;
                self.log_publication(run, pending).await?;
                // It is published, whatever comes of this; the next look at the rings notes what was not noted.
                if let Err(failure) = self.note_offers(&pending.change_set, now).await {
                    tracing::warn!(run.id = %run.id, error = failure.cause(), "offers were not noted");
                }
                tracing::info!(
                    run.id = %run.id,
                    title.name = %run.title,
                    change_set.id = %pending.change_set.id,
                    files = pending.change_set.files.len(),
                    "published"
                );
                Ok(())
            }
            Err(failure) => {
                db.publication_roll_back(pending.change_set.id, now).await?;
                Err(failure)
            }
        }
    }

    async fn write(&self, pending: &Pending) -> Result<Published, Failure> {
        let (engine, change_set) = (self.clone(), pending.change_set.clone());
        blocking(move || {
            let parts = &engine.parts;
            publish(
                &*parts.repository,
                &change_set,
                CatalogOptions::default(),
                &*parts.observer,
                parts.clock.now(),
            )
            .map_err(|error| Failure::from_error(error.class(), &error))
        })
        .await
    }

    fn releases(&self, pending: &Pending) -> Result<Vec<Release>, Failure> {
        let signers = pending.signers();
        let identity = (!signers.is_empty())
            .then(|| serde_json::to_string(&signers))
            .transpose()
            .map_err(|error| Failure::from_error(FailureClass::Internal, &error))?;
        let payloads = pending.payloads.iter().map(|(sha256, inventory)| {
            let json = serde_json::to_string(inventory);
            json.map(|json| (*sha256, json))
                .map_err(|error| Failure::from_error(FailureClass::Internal, &error))
        });
        let payloads: BTreeMap<_, _> = payloads.collect::<Result<_, _>>()?;
        let release = |item: &Item| Release {
            payload: payloads.get(&item.sha256).cloned(),
            name: item.name.clone(),
            version: item.version.clone(),
            sha256: item.sha256,
            identity: identity.clone(),
            released_at: self.parts.clock.now(),
        };
        Ok(pending.items.iter().map(release).collect())
    }
}
