//! `run`: runs overrides one after the other, waits for their scans, and tells how it went.

mod object;
mod requests;
mod stopped;

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use model::{FailureClass, RunId, RunState, Timestamp, Trigger};
use pipeline::{
    Begun, Engine, FailedRecipe, Failure, Outcome, Reporter, Request, Summary, Wait, Worked,
};
use proplist::{Dict, KeyOrder, Value, to_xml};
use store::{Queued, RunEnd};
use tokio_util::sync::CancellationToken;

use self::object::Object;
use crate::{
    cli::run::Run, commands::lookup::tell_unreadable, exit::ExitStatus, house::House,
    printer::Printer, reporter::Terminal, signals,
};

/// How often the state of a run that another process carries on is looked at.
const LOOK: Duration = Duration::from_secs(2);

/// How long the database may take to be closed.
const CLOSING: Duration = Duration::from_secs(5);

/// Runs what the command line says.
pub(crate) async fn run(
    arguments: Run,
    house: &House,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let requests = match requests::of(&arguments, printer) {
        Ok(requests) => requests,
        Err(error) => {
            printer.error(&error);
            return Ok(ExitStatus::Usage);
        }
    };
    if let Some(path) = &arguments.report_plist {
        // As `AutoPkg` does it, so that a report of the last time is not taken for one of this time.
        write_report(path, &to_xml(&Value::Dict(Dict::new()), KeyOrder::Sorted)?)?;
    }
    let engine = house.engine().await?;
    engine
        .recover()
        .await
        .map_err(|failure| anyhow::anyhow!("{}", failure.message))?;
    let stop = CancellationToken::new();
    let watching = signals::cancel_on_interrupt(&stop)?;
    let mut batch = Batch {
        engine,
        printer,
        reporter: Arc::new(Terminal::new(printer, arguments.json)),
        stop,
        json: arguments.json,
        summary: Summary::new(),
        receipts: Vec::new(),
        failed: false,
        unwritten: Vec::new(),
    };
    if !arguments.json && requests.len() > 1 {
        // Nothing is said of a title that has nothing new before all are over.
        batch.engine.hold_ends();
    }
    let parked = batch.all(&requests).await?;
    if !arguments.no_wait {
        batch.wait_for(parked).await?;
    }
    watching.abort();
    let told = batch.finish(arguments.report_plist.as_deref()).await;
    batch.engine.give_up_rights().await;
    // What was written goes into its place now; else the next program that starts would have to read it all first. A
    // database that does not answer any more is not waited for.
    let closing = tokio::time::timeout(CLOSING, batch.engine.db().close());
    closing.await.unwrap_or_default();
    // A terminal that is gone cannot be told anything; what is above is done all the same.
    told?;
    Ok(if batch.failed {
        ExitStatus::RecipeFailed
    } else {
        ExitStatus::Done
    })
}

/// Several runs, and what became of them.
struct Batch {
    engine: Engine,
    printer: Printer,
    reporter: Arc<dyn Reporter>,
    stop: CancellationToken,
    json: bool,
    summary: Summary,
    receipts: Vec<Value>,
    failed: bool,
    /// Runs that found nothing new, and whose ends may be held still.
    unwritten: Vec<Open>,
}

/// A run that is not over yet.
struct Open {
    name: String,
    run: RunId,
}

impl Batch {
    /// Runs all of them, and answers those that wait for the scanner.
    async fn all(&mut self, requests: &[Request]) -> anyhow::Result<Vec<Open>> {
        let mut parked = Vec::new();
        let carried = self.each(requests, &mut parked).await;
        let lost = self.engine.write_ends().await?;
        carried?;
        let unwritten = std::mem::take(&mut self.unwritten).into_iter();
        parked.extend(unwritten.filter(|open| lost.contains(&open.run)));
        Ok(parked)
    }

    async fn each(&mut self, requests: &[Request], parked: &mut Vec<Open>) -> anyhow::Result<()> {
        for request in requests {
            if self.stop.is_cancelled() {
                self.not_begun(&request.name)?;
                continue;
            }
            parked.extend(self.one(request).await?);
        }
        Ok(())
    }

    /// Runs one, and answers it if it is still open.
    async fn one(&mut self, request: &Request) -> anyhow::Result<Option<Open>> {
        let of_run = |run| Open {
            name: request.name.clone(),
            run,
        };
        match self.engine.take_up(request, Trigger::Manual).await {
            Ok(Begun::New(taken)) => {
                let open = of_run(taken.id());
                let carried = self.engine.carry_on(*taken, &self.reporter, &self.stop);
                let worked = carried.await?;
                Ok(self.worked(&open, &worked).await?.then_some(open))
            }
            Ok(Begun::Already) => {
                let Some(run) = self.queue(request).await? else {
                    return Ok(None);
                };
                let open = of_run(run);
                Ok(self.carry_on(&open).await?.then_some(open))
            }
            Ok(Begun::Unknown(failure)) => {
                self.not_run(&request.name, &failure)?;
                let library = self.engine.library(request);
                tell_unreadable(&request.name, &library, self.printer);
                Ok(None)
            }
            Err(failure) => {
                self.not_run(&request.name, &failure)?;
                Ok(None)
            }
        }
    }

    /// Queues a run. One of the same title that nobody carries on, left by a process that was stopped, makes room;
    /// one that waits for its scan is carried on in its place.
    async fn queue(&mut self, request: &Request) -> anyhow::Result<Option<RunId>> {
        for _attempt in 0..2 {
            let queued = match self.engine.queue(request, Trigger::Manual).await {
                Ok(queued) => queued,
                Err(failure) => {
                    self.not_run(&request.name, &failure)?;
                    return Ok(None);
                }
            };
            let id = match queued {
                Queued::New(id) => return Ok(Some(id)),
                Queued::Already(id) => id,
            };
            let state = self.state(id).await?;
            if matches!(state, Some(RunState::Scanning | RunState::Publishing)) {
                self.printer.talk(format!(
                    "{} has a run that is not over yet; it is carried on",
                    request.name
                ));
                return Ok(Some(id));
            }
            if !self.engine.cancel(id).await? {
                break;
            }
        }
        let said = format!(
            "{} is being run by another process; nothing was done",
            request.name
        );
        let failure = Failure::new(FailureClass::Internal, said).with_advice(
            "Wait until that run is over (`auto-update runs list` shows it), and run it again.",
        );
        self.not_run(&request.name, &failure)?;
        Ok(None)
    }

    /// Works on a run; answers whether it is still open.
    async fn carry_on(&mut self, open: &Open) -> anyhow::Result<bool> {
        let worked = self
            .engine
            .work_on(open.run, &self.reporter, &self.stop)
            .await?;
        let Some(worked) = worked else {
            return self.look(open).await;
        };
        self.worked(open, &worked).await
    }

    /// Takes note of what a run came to; answers whether it is still open.
    async fn worked(&mut self, open: &Open, worked: &Worked) -> anyhow::Result<bool> {
        self.receipts.extend(worked.receipt.clone());
        match &worked.outcome {
            Outcome::Ended(end) => {
                self.ended(open, worked, end)?;
                Ok(false)
            }
            Outcome::Parked {
                until,
                what_for: Wait::Age,
            } => {
                self.too_young(open, worked, *until)?;
                Ok(false)
            }
            Outcome::Lost | Outcome::Parked { .. } => Ok(true),
            Outcome::Released => {
                self.stopped(open, worked).await?;
                Ok(false)
            }
        }
    }

    /// Carries parked runs on as their scans come in.
    async fn wait_for(&mut self, mut parked: Vec<Open>) -> anyhow::Result<()> {
        while !parked.is_empty() && !self.stop.is_cancelled() {
            let until = self.next_due(&parked).await?;
            tokio::select! {
                () = tokio::time::sleep(until) => {}
                () = self.stop.cancelled() => break,
            }
            let mut still = Vec::new();
            for open in parked {
                if !self.is_due(&open).await? || self.carry_on(&open).await? {
                    still.push(open);
                }
            }
            parked = still;
        }
        for open in parked {
            self.failed = true;
            self.printer.notice(format!(
                "{} still waits for the scanner; the service carries it on, or the next `run`",
                open.name
            ));
        }
        Ok(())
    }

    async fn next_due(&self, parked: &[Open]) -> anyhow::Result<Duration> {
        let mut shortest = Duration::from_mins(1);
        for open in parked {
            if let Some(run) = self.engine.db().run_find(open.run).await? {
                shortest = shortest.min(run.due_at.since(self.engine.clock().now()));
            }
        }
        Ok(shortest.max(Duration::from_millis(50)))
    }

    /// Whether there is something to do for a run, or to hear of it.
    async fn is_due(&self, open: &Open) -> anyhow::Result<bool> {
        let run = self.engine.db().run_find(open.run).await?;
        Ok(run
            .is_none_or(|run| run.finished_at.is_some() || run.due_at <= self.engine.clock().now()))
    }

    /// A run that somebody else has: waits for what becomes of it. Answers whether it is still open.
    async fn look(&mut self, open: &Open) -> anyhow::Result<bool> {
        let Some(run) = self.engine.db().run_find(open.run).await? else {
            return Ok(false);
        };
        if run.finished_at.is_none() {
            tokio::time::sleep(LOOK).await;
            return Ok(true);
        }
        let end = match (run.state, run.failure.clone()) {
            (RunState::Published, _) => RunEnd::Published,
            (RunState::Unchanged, _) => RunEnd::Unchanged,
            (RunState::Held, Some(failure)) => RunEnd::Held(failure),
            (RunState::Failed, Some(failure)) => RunEnd::Failed(failure),
            _ => RunEnd::Cancelled,
        };
        let elsewhere = Worked {
            run: run.id,
            title: run.title.clone(),
            outcome: Outcome::Lost,
            identifier: None,
            reports: self.engine.reports(run.id, &end).await?,
            receipt: None,
            failure: end.failure().map(|failure| Failure {
                step: failure.step.clone(),
                advice: Some(failure.next_step.clone()),
                detail: failure.detail.clone(),
                ..Failure::new(failure.class, &failure.cause)
            }),
            published: Vec::new(),
            incident: end.failure().and_then(|failure| failure.incident),
        };
        self.ended(open, &elsewhere, &end)?;
        Ok(false)
    }

    fn tell(&self, object: &Object<'_>) -> anyhow::Result<()> {
        Ok(self.printer.data(serde_json::to_string(object)?)?)
    }

    /// A run that waits for days is left to the service; nothing about it failed.
    fn too_young(&self, open: &Open, worked: &Worked, until: Timestamp) -> anyhow::Result<()> {
        if self.json {
            let object = Object {
                message: Some("it is not old enough yet"),
                until: Some(until.to_string()),
                ..Object::of(&open.name, worked, RunState::Scanning)
            };
            self.tell(&object)?;
            return Ok(());
        }
        self.printer.notice(format!(
            "{} is not old enough to be published before {until}; the service carries it on then, or the next `run`",
            open.name
        ));
        self.printer
            .hint("If it is an urgent fix: `auto-update ring urgent NAME VERSION`.");
        Ok(())
    }

    fn ended(&mut self, open: &Open, worked: &Worked, end: &RunEnd) -> anyhow::Result<()> {
        self.summary.add_reports(&worked.reports);
        if matches!(end, RunEnd::Unchanged) {
            self.unwritten.push(Open {
                name: open.name.clone(),
                run: open.run,
            });
        }
        if let Some(failure) = &worked.failure {
            self.failed = true;
            self.summary.add_failure(FailedRecipe {
                name: open.name.clone(),
                identifier: worked.identifier.clone(),
                message: failure.message.clone(),
                detail: failure.detail.clone().unwrap_or_default(),
            });
            if !self.json {
                self.printer.hint(failure.next_step());
            }
        }
        self.failed |= matches!(end, RunEnd::Cancelled);
        if self.json {
            self.tell(&Object {
                class: end.failure().map(|failure| failure.class),
                ..Object::of(&open.name, worked, end.state())
            })?;
        } else if let RunEnd::Published = end {
            for item in &worked.published {
                self.printer.talk(format!(
                    "Published {} {} as pkgsinfo/{}",
                    item.name, item.version, item.pkginfo
                ));
            }
        }
        Ok(())
    }

    /// A name that stands for nothing that can be run, or not now: an answer to the person who typed it, and no incident.
    fn not_run(&mut self, name: &str, failure: &Failure) -> anyhow::Result<()> {
        self.failed = true;
        self.summary.add_failure(FailedRecipe {
            name: name.to_owned(),
            identifier: None,
            message: failure.message.clone(),
            detail: failure.detail.clone().unwrap_or_default(),
        });
        if self.json {
            let object = Object::without_run(name, RunState::Failed);
            self.tell(&object.failed(failure))?;
        } else {
            self.printer.notice(&failure.message);
            self.printer.hint(failure.next_step());
        }
        Ok(())
    }

    /// Delivers what the desk has to tell, and prints the summary.
    async fn finish(&mut self, report: Option<&Path>) -> anyhow::Result<()> {
        if let Err(error) = self.engine.desk().deliver_due().await {
            self.printer
                .warning(format!("incidents could not be delivered: {error}"));
        }
        self.write_results();
        if !self.json {
            for line in self.summary.text().lines() {
                self.printer.data(line)?;
            }
        }
        if let Some(path) = report {
            write_report(path, &self.summary.report()?)?;
            let saved = format!("\nReport plist saved to {}.", path.display());
            if self.json {
                self.printer.talk(saved);
            } else if !self.printer.quiet {
                self.printer.data(saved)?;
            }
        }
        Ok(())
    }

    /// `autopkg_results.plist`, which other programs read.
    fn write_results(&self) {
        let receipts = Value::Array(self.receipts.clone());
        let path = self.engine.cache_dir().join("autopkg_results.plist");
        let written = to_xml(&receipts.for_property_list(), KeyOrder::Sorted)
            .map_err(std::io::Error::other)
            .and_then(|text| {
                fs_err::create_dir_all(self.engine.cache_dir())?;
                fs_err::write(&path, text)
            });
        if let Err(error) = written {
            self.printer
                .warning(format!("`{}` was not written: {error}", path.display()));
        }
    }

    async fn state(&self, id: RunId) -> anyhow::Result<Option<RunState>> {
        let run = self.engine.db().run_find(id).await?;
        Ok(run.map(|run| run.state))
    }
}

fn write_report(path: &Path, text: &str) -> anyhow::Result<()> {
    fs_err::write(path, text).context("the report cannot be written")
}
