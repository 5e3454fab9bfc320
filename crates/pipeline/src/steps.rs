//! The steps of a run: from the override to a change set.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use model::{FailureClass, Timestamp};
use processors::{
    Call, Downloads, Env, Proofs, Registry, StepContext, StepRecord, clear_fetched, clear_scratch,
    execute_step, pinned,
};
use proofs::VendorKey;
use proplist::{Dict, Value};
use publication::{ChangeSet, Staging};
use redact::Scrubber;
use store::{Download, Notes, StepEnd, StepNote, StepState};
use tracing::Instrument as _;

use crate::{
    Engine, Event, Failure, Reporter, Request,
    engine::{blocking_if, briefly},
    live::Notebook,
    messages::Messages,
    pending::Pending,
    prepare::Prepared,
    receipt::{self, Receipt},
    run::{Job, Stop},
    secrets, spans,
    trust::Trust,
};

/// Set to false in an override, it keeps the title's media from being uploaded to the scanner.
const AUTO_SUBMIT: &str = "VIRUSTOTAL_AUTO_SUBMIT";

/// What the steps of a run did, good or not.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    pub(crate) identifier: Option<String>,
    pub(crate) receipt: Option<Value>,
    /// What of that is to be written down still.
    pub(crate) notes: Notes,
    /// What each step set, secrets taken out; nothing if they were not carried out here.
    pub(crate) outputs: Option<Vec<Dict>>,
}

impl Engine {
    /// Carries out the steps of a run, and answers what they made.
    ///
    /// # Errors
    /// Whatever stopped them; `trace` tells how far they came.
    ///
    /// # Cancellation
    /// The workspace keeps what the steps wrote; a later run starts from the beginning.
    pub(crate) async fn carry_out_steps(
        &self,
        job: &Job<'_>,
        trace: &mut Trace,
    ) -> Result<Pending, Stop> {
        let (request, reporter) = (&job.request, job.reporter);
        let prepared = self.prepare(job, trace).await?;
        reporter.report(&Event::Environment {
            env: &secrets::scrubbed_dict(&prepared.scrubber, &prepared.env),
        });
        let mut receipt = Receipt::new(&prepared.env);
        let staging = self.staging(&prepared)?;
        let pinned_keys = self.identity_record(&job.run.title).await?.pinned_keys();
        let context = self.context(job, &prepared, &staging, pinned_keys);
        let mut walk = Walk {
            engine: self,
            registry: prepared.registry,
            notebook: Notebook::of(self.parts.db.clone(), job.lease, prepared.plan),
            outputs: Vec::new(),
            reporter,
            scrubber: Arc::clone(&prepared.scrubber),
            context,
            env: prepared.env,
        };
        let walked = walk
            .steps(&prepared.calls, &prepared.identifier, &mut receipt)
            .await;
        if !Arc::ptr_eq(&walk.registry, &self.registry) {
            crate::community::clear_after(&prepared.workspace).await;
        }
        walk.tell(trace);
        if let Err(Stop::Failure(failure)) = &walked {
            receipt.add_error(&failure.message);
        }
        let receipt = receipt.to_value(&prepared.scrubber);
        self.write_receipt(&receipt, &prepared.workspace, request, reporter)
            .await;
        trace.receipt = Some(receipt);
        walked?;
        reporter.report(&Event::Environment {
            env: &secrets::scrubbed_dict(&walk.scrubber, &walk.env),
        });
        let may_upload = may_upload(&walk.env) && self.parts.scanning.may_upload(&job.run.title);
        let scanner = Arc::clone(&self.parts.scanning.scanner);
        let is_replay = request.replays.is_some();
        let has_files = made_files(&staging, &walk.context);
        let gather = move || {
            let publishes = prepared.trust != Trust::Waived && !is_replay;
            let change_set = staged(&staging, publishes, &walk.context.proofs)?;
            let mut pending = Pending::of(
                change_set,
                &walk.context,
                may_upload,
                prepared.record,
                &walk.scrubber,
            )?;
            pending.look_into_large(scanner.upload_limit(), scanner.inner_files());
            Ok(pending)
        };
        let pending = blocking_if(has_files, gather).await?;
        drop(prepared.lock);
        Ok(pending)
    }

    /// What the steps may touch of the outside world.
    fn context(
        &self,
        job: &Job<'_>,
        prepared: &Prepared,
        staging: &Arc<Staging>,
        pinned_keys: Vec<VendorKey>,
    ) -> StepContext {
        StepContext {
            fetcher: Arc::clone(&self.parts.fetcher),
            downloads: Arc::default(),
            identities: Arc::default(),
            proofs: Arc::new(Proofs::new(
                pinned_keys,
                self.parts.signatures.proofs_of(&job.run.title),
            )),
            pin: pinned(&prepared.calls, &prepared.env),
            from_sandbox: false,
            staging: Arc::clone(staging),
            signatures: self.parts.signatures.clone(),
            messages: Arc::new(Messages::new(
                "",
                Arc::clone(job.reporter),
                Arc::clone(&prepared.scrubber),
            )),
            clock: Arc::clone(&self.parts.clock),
            workspace: prepared.workspace.clone(),
            cancelled: job.stop.clone(),
        }
    }

    fn staging(&self, prepared: &Prepared) -> Result<Arc<Staging>, Failure> {
        let repository = Arc::clone(&self.parts.repository);
        let staging = Staging::new(repository, &prepared.workspace);
        staging
            .clear()
            .map_err(|error| Failure::from_error(FailureClass::Internal, &error))?;
        clear_fetched(&prepared.workspace)
            .and_then(|()| clear_scratch(&prepared.workspace))
            .map_err(|error| Failure::from_error(FailureClass::Internal, &error))?;
        Ok(Arc::new(staging))
    }

    /// What is written down of downloads; what was downloaded twice to one place is there once.
    fn noted(&self, downloads: &Downloads) -> Vec<Download> {
        let mut noted = BTreeMap::new();
        for download in downloads.all() {
            let path = download.path.display().to_string();
            let row = Download {
                path: path.clone(),
                url: download.url.map(|url| url.to_string()).unwrap_or_default(),
                sha256: download.sha256,
                len_bytes: download.len_bytes,
                changed: download.changed,
                seen_at: self.parts.clock.now(),
            };
            noted.insert(path, row);
        }
        noted.into_values().collect()
    }

    /// A receipt that cannot be written is no reason to stop a run.
    async fn write_receipt(
        &self,
        receipt: &Value,
        workspace: &Path,
        request: &Request,
        reporter: &Arc<dyn Reporter>,
    ) {
        let (receipt, workspace) = (receipt.clone(), workspace.to_owned());
        let (name, now) = (request.name.clone(), self.parts.clock.now());
        let written = briefly(move || {
            receipt::write(&receipt, &workspace, &name, now)
                .map_err(|error| Failure::from_error(FailureClass::Internal, &error))
        });
        match written.await {
            Ok(path) => reporter.report(&Event::ReceiptWritten { path: &path }),
            Err(failure) => reporter.report(&Event::Warned {
                text: &format!("The receipt could not be written: {}", failure.message),
            }),
        }
    }
}

/// The steps of one run, one after the other, on one environment.
struct Walk<'a> {
    engine: &'a Engine,
    registry: Arc<Registry>,
    notebook: Notebook,
    outputs: Vec<Dict>,
    reporter: &'a Arc<dyn Reporter>,
    scrubber: Arc<Scrubber>,
    env: Env,
    context: StepContext,
}

impl Walk<'_> {
    async fn steps(
        &mut self,
        calls: &[Call],
        identifier: &str,
        receipt: &mut Receipt,
    ) -> Result<(), Stop> {
        for (position, call) in (0_u32..).zip(calls) {
            let span = spans::of_step(position, &call.processor);
            let step = self.step(position, call, identifier).instrument(span);
            let record = step.await?;
            receipt.add_step(&record);
            if record.stops_recipe {
                break;
            }
        }
        Ok(())
    }

    async fn step(
        &mut self,
        position: u32,
        call: &Call,
        identifier: &str,
    ) -> Result<StepRecord, Stop> {
        let (parts, owner) = (&self.engine.parts, &self.engine.owner);
        let _turn = tokio::select! {
            turn = parts.limits.enter(&parts.db, owner, &call.processor) => turn?,
            () = self.context.cancelled.cancelled() => return Err(Stop::Cancelled),
        };
        let begun = StepNote::begun(position, &call.processor, self.now());
        self.reporter.report(&Event::StepBegins {
            processor: &call.processor,
        });
        // A processor of a repository speaks by the name of its class, without the recipe that has it.
        let class = call.processor.split_once('/');
        let messages = Arc::new(Messages::new(
            class.map_or(&call.processor, |(_identifier, class)| class),
            Arc::clone(self.reporter),
            Arc::clone(&self.scrubber),
        ));
        self.context.messages = Arc::clone(&messages) as Arc<_>;
        let step = execute_step(&self.registry, &self.context, call, &mut self.env);
        let done = self.notebook.write_while(&begun, &messages, step).await;
        if done.is_err() && self.context.cancelled.is_cancelled() {
            return Err(Stop::Cancelled);
        }
        if let Err(error) = &done {
            messages.keep_error(&error.to_string());
        }
        let end = self.end(done.as_ref().ok(), messages.kept())?;
        let ended = StepNote {
            end: Some((end, self.now())),
            ..begun
        };
        if !self.notebook.step_over(ended).await? {
            return Err(Stop::Lost);
        }
        let record = done.map_err(|error| {
            let mut failure = Failure::of_step(identifier, &call.processor, &error);
            failure.message = self.scrubber.scrub(&failure.message);
            failure.detail = failure.detail.map(|detail| self.scrubber.scrub(&detail));
            Stop::from(failure)
        })?;
        let output = secrets::scrubbed_dict(&self.scrubber, &record.output);
        self.outputs.push(output.clone());
        self.reporter.report(&Event::StepEnds {
            record: &StepRecord {
                input: secrets::scrubbed_dict(&self.scrubber, &record.input),
                output,
                ..record.clone()
            },
        });
        Ok(record)
    }

    fn end(&self, record: Option<&StepRecord>, messages: String) -> Result<StepEnd, Failure> {
        let json = |dict: Option<&Dict>| {
            let dict = dict.map(|dict| secrets::scrubbed_dict(&self.scrubber, dict));
            serde_json::Value::from(&Value::Dict(dict.unwrap_or_default()))
        };
        let mut checks = self.context.proofs.take_checks();
        for check in &mut checks {
            check.detail = self.scrubber.scrub(&check.detail);
        }
        Ok(StepEnd {
            state: if record.is_some() {
                StepState::Done
            } else {
                StepState::Failed
            },
            input: json(record.map(|record| &record.input)),
            output: json(record.map(|record| &record.output)),
            messages,
            checks: serde_json::to_value(&checks)
                .map_err(|error| Failure::from_error(FailureClass::Internal, &error))?,
        })
    }

    /// What the steps did up to now.
    fn tell(&mut self, trace: &mut Trace) {
        let downloads = self.engine.noted(&self.context.downloads);
        trace.outputs = Some(std::mem::take(&mut self.outputs));
        trace.notes = Notes {
            downloads,
            ..self.notebook.take()
        };
    }

    fn now(&self) -> Timestamp {
        self.engine.parts.clock.now()
    }
}

/// That there was a download for every proof that the operator asks for: a proof that is never made protects nobody.
fn all_proved(proofs: &Proofs) -> Result<(), Failure> {
    let Some(missing) = proofs.missing().into_iter().next() else {
        return Ok(());
    };
    let (name, files) = (missing.by.name(), &missing.files);
    Err(Failure::new(
        FailureClass::Configuration,
        format!("The configuration asks for the proof `{name}` of downloads like `{files}`, and there was none"),
    )
    .with_advice("Correct the title's entry in `[[signatures.proofs]]`, or find out why the recipe downloads something else."))
}

/// What is to be published of what was staged, which must be proved.
fn staged(staging: &Staging, publishes: bool, proofs: &Proofs) -> Result<ChangeSet, Failure> {
    let mut change_set = staging.take();
    if !publishes {
        change_set.files.clear();
    }
    if !change_set.is_empty() {
        all_proved(proofs)?;
    }
    Ok(change_set)
}

/// Whether the steps staged or downloaded something: files that may be to be hashed still.
fn made_files(staging: &Staging, context: &StepContext) -> bool {
    !staging.is_empty() || !context.downloads.all_unchanged()
}

/// Whether the title's media may be given to the scanner, and so to everybody who uses it.
fn may_upload(env: &Env) -> bool {
    env.get(AUTO_SUBMIT).is_none_or(|value| match value {
        Value::String(text) => !matches!(
            text.trim().to_ascii_lowercase().as_str(),
            "" | "0" | "false" | "no"
        ),
        other => other.is_truthy(),
    })
}
