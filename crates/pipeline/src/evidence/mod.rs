//! Evidence: what a run recorded, signed, beside each item that it publishes.

mod facts;
mod record;
mod scan_facts;
mod subjects;

pub(crate) use record::{Downloaded, Record};

use ::evidence::{CHECKS, Event as LogEvent, Log, Predicate, SCAN, SLSA_PROVENANCE, sign_bundle};
use model::FailureClass;
use publication::{Kind, Staging};
use scan::{opinion_in, yara_in};
use serde_json::Value as Json;
use store::{Run, Step};

use crate::{
    Engine, Event, Failure,
    engine::blocking,
    evidence::{facts::Facts, scan_facts::ScannedFacts},
    pending::{Pending, Scanned},
    run::Job,
};

impl Engine {
    /// Adds evidence of every item to the change set, unless it has some: a publication that is taken up again is to
    /// have the same bytes.
    ///
    /// # Errors
    /// If a fact cannot be read, the key cannot be used, or the log of publications could not be added to: then nothing
    /// is published.
    pub(crate) async fn add_evidence(
        &self,
        job: &Job<'_>,
        pending: &mut Pending,
    ) -> Result<(), Failure> {
        if pending.change_set.of_kind(Kind::Evidence).next().is_some() {
            return Ok(());
        }
        let Some(record) = pending.record.clone() else {
            job.reporter.report(&Event::Warned {
                text: "An older version of this program has carried the steps out, so there is no evidence of them",
            });
            return Ok(());
        };
        let facts = self.facts(job, pending, record).await?;
        let (engine, mut adding) = (self.clone(), pending.clone());
        *pending = blocking(move || {
            engine.sign(&facts, &mut adding)?;
            Ok(adding)
        })
        .await?;
        Ok(())
    }

    async fn facts(
        &self,
        job: &Job<'_>,
        pending: &Pending,
        record: Record,
    ) -> Result<Facts, Failure> {
        let db = &self.parts.db;
        let steps: Vec<Step> = db.step_list(job.run.id).await?;
        let mut media = Vec::new();
        for medium in &pending.media {
            media.push(self.scanned(medium).await?);
        }
        let identities = self.identity_record(&job.run.title).await?;
        Ok(Facts {
            run: job.run.clone(),
            request: job.request.clone(),
            record,
            steps,
            media,
            signers: pending.signers(),
            identity_approval: identities.approval(&pending.signers()).cloned(),
        })
    }

    /// What scanners and people said of one medium.
    async fn scanned(&self, medium: &Scanned) -> Result<ScannedFacts, Failure> {
        let db = &self.parts.db;
        let mut inner = Vec::new();
        for program in &medium.inner.files {
            inner.push((program.clone(), db.scan_find(program.sha256).await?));
        }
        let waivers = db.waiver_list(Some(medium.sha256)).await?;
        let opinions = db.opinion_list(medium.sha256).await?;
        let now = self.parts.clock.now();
        Ok(ScannedFacts {
            medium: medium.clone(),
            scan: db.scan_find(medium.sha256).await?,
            offline: opinion_in(&opinions),
            yara: yara_in(&opinions),
            inner,
            waivers: waivers.into_iter().filter(|it| it.holds(now)).collect(),
        })
    }

    /// Signs, and stages what is signed. Blocking.
    fn sign(&self, facts: &Facts, pending: &mut Pending) -> Result<(), Failure> {
        let parts = &self.parts;
        let unusable = |error: &dyn std::error::Error| {
            Failure::from_error(FailureClass::Publish, error).with_advice(
                "Nothing was published. Mend the key or the log of publications, as `docs/evidence.md` says, and run \
                 the title again.",
            )
        };
        parts
            .repository
            .with_log(&mut |log| log.check(&parts.keyring))
            .map_err(|error| unusable(&error))?;
        let key = parts.keyring.signer().map_err(|error| unusable(&error))?;
        let predicates = [
            (SLSA_PROVENANCE, facts.provenance(key.id())),
            (CHECKS, facts.checks()),
            (SCAN, facts.scan(&parts.scanning)),
        ]
        .map(|(kind, value)| Predicate {
            kind: kind.to_owned(),
            value: self.scrubbed_json(value),
        });
        let staging = Staging::new(parts.repository.clone(), &facts.record.workspace);
        for item in subjects::of_items(&pending.change_set)? {
            let location = subjects::free_name(&staging, &item.location)
                .map_err(|error| Failure::from_error(FailureClass::Publish, &error))?;
            let bundle = sign_bundle(&item.subjects, &predicates, &key);
            staging
                .stage_bytes(Kind::Evidence, &location, &bundle)
                .map_err(|error| Failure::from_error(FailureClass::Publish, &error))?;
        }
        pending.change_set.files.extend(staging.take().files);
        Ok(())
    }

    fn scrubbed_json(&self, value: Json) -> Json {
        match value {
            Json::String(text) => Json::String(self.parts.scrubber.scrub(&text)),
            Json::Array(values) => values
                .into_iter()
                .map(|value| self.scrubbed_json(value))
                .collect(),
            Json::Object(members) => members
                .into_iter()
                .map(|(name, value)| (name, self.scrubbed_json(value)))
                .collect(),
            other => other,
        }
    }

    /// Writes down in the log that the change set of `run` is published; doing so again changes nothing.
    ///
    /// # Errors
    /// If the log cannot be written: the change set is published all the same.
    pub(crate) async fn log_publication(
        &self,
        run: &Run,
        pending: &Pending,
    ) -> Result<(), Failure> {
        let event = LogEvent::Published {
            change_set: pending.change_set.id.to_string(),
            title: run.title.to_string(),
            files: subjects::of_files(&pending.change_set),
        };
        let (engine, now) = (self.clone(), self.parts.clock.now());
        blocking(move || {
            let parts = &engine.parts;
            let append = &mut |log: &Log| log.append(&event, &parts.keyring, now).map(|_is_new| ());
            parts.repository.with_log(append).map_err(|error| {
                Failure::from_error(FailureClass::Publish, &error).with_advice(
                    "The software is published, and the log of publications does not tell of it. Find out why the log \
                     cannot be written; `docs/evidence.md` says more.",
                )
            })
        })
        .await
    }
}
