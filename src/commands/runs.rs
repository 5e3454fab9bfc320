//! `runs`: the queue, and what became of what was in it.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use model::{Timestamp, Trigger};
use pipeline::{Engine, Failure, Outcome, Reporter, Request, Stopped};
use serde_json::{Value, json};
use store::{Db, Node, Queued, Run, Step};
use tokio_util::sync::CancellationToken;

use crate::{
    cli::runs::{Cancel, List, Nodes, Queue, Replay, Runs, Show},
    exit::ExitStatus,
    explain,
    house::House,
    person,
    printer::Printer,
    reporter::Terminal,
    signals,
};

/// Does what was asked.
pub(crate) async fn run(verb: Runs, house: &House, printer: Printer) -> anyhow::Result<ExitStatus> {
    match verb {
        Runs::Cancel(arguments) => cancel(&arguments, house, printer).await,
        Runs::List(arguments) => list(&arguments, &house.database().await?, printer).await,
        Runs::Nodes(arguments) => nodes(&arguments, house, printer).await,
        Runs::Queue(arguments) => queue(&arguments, house, printer).await,
        Runs::Replay(arguments) => replay(&arguments, house, printer).await,
        Runs::Show(arguments) => show(&arguments, &house.database().await?, printer).await,
    }
}

async fn cancel(arguments: &Cancel, house: &House, printer: Printer) -> anyhow::Result<ExitStatus> {
    let engine = house.engine().await?;
    let who = person::named(arguments.by.as_deref())?;
    let mut status = ExitStatus::Done;
    for id in &arguments.ids {
        let stopped = engine.stop(*id, &who).await?;
        if !matches!(stopped, Stopped::Cancelled | Stopped::Asked) {
            status = ExitStatus::Failed;
        }
        let said = match stopped {
            Stopped::Cancelled => "cancelled",
            Stopped::Asked => "whoever carries it stops within half a minute",
            Stopped::Ended => "it has ended already",
            Stopped::Publishing => "it is being published, and is not stopped any more",
            Stopped::Unknown => "there is no such run",
        };
        printer.data(format!("{id}: {said}"))?;
    }
    Ok(status)
}

async fn queue(arguments: &Queue, house: &House, printer: Printer) -> anyhow::Result<ExitStatus> {
    if let Some(label) = arguments
        .label
        .as_deref()
        .filter(|it| !pipeline::is_label(it))
    {
        bail!("`{label}` is no label: small letters, digits and `-`");
    }
    let engine = house.engine().await?;
    let mut status = ExitStatus::Done;
    for name in &arguments.names {
        let request = Request::named(name);
        let unknown = match engine.unknown(&request).await {
            Ok(unknown) => unknown,
            Err(failure) => Some(failure),
        };
        if let Some(failure) = unknown {
            explain::failure(name, &failure, printer);
            status = ExitStatus::Failed;
            continue;
        }
        let new = engine.new_run(&request, Trigger::Manual).await;
        let mut new = new.map_err(|failure| anyhow::anyhow!("{}", failure.message))?;
        new.terms.priority = arguments.priority;
        new.terms.label.clone_from(&arguments.label);
        let queued = engine.db().run_queue(&new, engine.clock().now()).await?;
        let (is_new, id) = match queued {
            Queued::New(id) => (true, id),
            Queued::Already(id) => (false, id),
        };
        if arguments.json {
            printer.data(json!({"schema": 1, "override": name, "run": id, "new": is_new}))?;
        } else if is_new {
            printer.data(format!("{name}: {id}"))?;
        } else {
            printer.data(format!("{name}: {id} (it was not over yet)"))?;
        }
    }
    Ok(status)
}

async fn replay(arguments: &Replay, house: &House, printer: Printer) -> anyhow::Result<ExitStatus> {
    let engine = house.engine().await?;
    let failed = |failure: &Failure| {
        explain::failure(&arguments.id.to_string(), failure, printer);
        Ok(ExitStatus::Failed)
    };
    let then = engine.db().run_find(arguments.id).await?;
    let then = then.context("there is no such run")?;
    let request = match Engine::replay_of(&then) {
        Ok(request) => Request {
            todays_recipes: arguments.todays_recipes,
            ..request
        },
        Err(failure) => return failed(&failure),
    };
    let now = match engine.queue(&request, Trigger::Manual).await {
        Ok(Queued::New(id)) => id,
        Ok(Queued::Already(id)) => bail!("the title's run {id} is not over yet"),
        Err(failure) => return failed(&failure),
    };
    let stop = CancellationToken::new();
    let _watching = signals::cancel_on_interrupt(&stop)?;
    let reporter: Arc<dyn Reporter> = Arc::new(Terminal::new(printer, arguments.json));
    let worked = Box::pin(engine.work_on(now, &reporter, &stop)).await?;
    let worked = worked.context("another worker has taken the replay up")?;
    if !matches!(worked.outcome, Outcome::Ended(_)) {
        engine.cancel(now).await?;
        bail!("the replay was stopped");
    }
    let differences = match engine.compare_runs(then.id, now).await {
        Ok(differences) => differences,
        Err(failure) => return failed(&failure),
    };
    if arguments.json {
        let (then, failure) = (then.id, worked.failure.as_ref().map(Failure::cause));
        printer.data(json!({
            "schema": 1,
            "run": then,
            "replay": now,
            "failure": failure,
            "differences": differences,
        }))?;
    } else {
        for difference in &differences {
            printer.data(difference)?;
        }
        printer.talk(format!("{} differences", differences.len()));
    }
    Ok(if differences.is_empty() {
        ExitStatus::Done
    } else {
        ExitStatus::Failed
    })
}

async fn list(arguments: &List, db: &Db, printer: Printer) -> anyhow::Result<ExitStatus> {
    let runs = db.run_list(arguments.count).await?;
    let wanted = |run: &&Run| {
        (arguments.titles.is_empty() || arguments.titles.contains(&run.title))
            && (arguments.states.is_empty() || arguments.states.contains(&run.state))
    };
    let mut is_empty = true;
    for run in runs.iter().filter(wanted) {
        is_empty = false;
        if arguments.json {
            printer.data(told(run))?;
            continue;
        }
        let ended = run.finished_at.unwrap_or(run.queued_at);
        let class = run.failure.as_ref().map(|it| format!(" ({})", it.class));
        printer.data(format!(
            "{ended} {} {}{} {}",
            run.id,
            run.state,
            class.unwrap_or_default(),
            run.title
        ))?;
    }
    if is_empty {
        printer.talk("There is no such run");
    }
    Ok(ExitStatus::Done)
}

async fn show(arguments: &Show, db: &Db, printer: Printer) -> anyhow::Result<ExitStatus> {
    let run = db.run_find(arguments.id).await?;
    let run = run.with_context(|| format!("there is no run {}", arguments.id))?;
    let steps = db.step_list(run.id).await?;
    if arguments.json {
        let mut whole = told(&run);
        if let Some(whole) = whole.as_object_mut() {
            let steps: Vec<Value> = steps.iter().map(told_step).collect();
            whole.insert("steps".to_owned(), steps.into());
        }
        printer.data(whole)?;
        return Ok(ExitStatus::Done);
    }
    printer.data(format!("{}: {}", run.title, run.state))?;
    printer.data(format!("    {} by {}", run.id, run.trigger.as_str()))?;
    for (word, at) in [
        ("queued", Some(run.queued_at)),
        ("started", run.started_at),
        ("ended", run.finished_at),
    ] {
        if let Some(at) = at {
            printer.data(format!("    {word} {at}"))?;
        }
    }
    for step in &steps {
        printer.data(format!(
            "    {} {}{}",
            step.processor,
            step.state.as_str(),
            took(step)
        ))?;
    }
    if let Some(failure) = &run.failure {
        printer.data(format!("    {}: {}", failure.class, failure.cause))?;
        printer.data(format!("    {}", failure.next_step))?;
    }
    Ok(ExitStatus::Done)
}

fn took(step: &Step) -> String {
    step.finished_at.map_or_else(String::new, |finished| {
        format!(" in {:.1} s", finished.since(step.started_at).as_secs_f64())
    })
}

fn shown(at: Option<Timestamp>) -> Option<String> {
    at.map(|at| at.to_string())
}

fn told(run: &Run) -> Value {
    let failure = run.failure.as_ref();
    json!({
        "schema": 1,
        "run": run.id,
        "title": run.title,
        "trigger": run.trigger.as_str(),
        "state": run.state.as_str(),
        "queued_at": run.queued_at.to_string(),
        "started_at": shown(run.started_at),
        "finished_at": shown(run.finished_at),
        "due_at": run.finished_at.is_none().then(|| run.due_at.to_string()),
        "priority": run.terms.priority,
        "label": run.terms.label,
        "tries": run.terms.tries,
        "cancelled_by": run.cancelled_by,
        "class": failure.map(|it| it.class.as_str()),
        "cause": failure.map(|it| &it.cause),
        "next_step": failure.map(|it| &it.next_step),
        "incident": failure.and_then(|it| it.incident),
    })
}

fn told_step(step: &Step) -> Value {
    json!({
        "processor": step.processor,
        "state": step.state.as_str(),
        "started_at": step.started_at.to_string(),
        "finished_at": shown(step.finished_at),
        "input": step.input,
        "output": step.output,
    })
}

async fn nodes(arguments: &Nodes, house: &House, printer: Printer) -> anyhow::Result<ExitStatus> {
    let db = house.database().await?;
    let silence = Duration::from_secs(house.config()?.serve.lease_seconds.saturating_mul(2));
    let now = db.now().await?;
    let nodes = db.node_list().await?;
    for node in &nodes {
        let is_gone = now.since(node.seen_at) > silence;
        if arguments.json {
            printer.data(told_node(node, is_gone))?;
            continue;
        }
        let labels = match node.labels.as_slice() {
            [] => String::new(),
            labels => format!(" [{}]", labels.join(", ")),
        };
        let gone = if is_gone { ", silent since then" } else { "" };
        printer.data(format!(
            "{} {}{labels}, version {}, since {}, seen {}{gone}",
            node.name,
            node.roles.join("+"),
            node.version,
            node.started_at,
            node.seen_at
        ))?;
    }
    if nodes.is_empty() {
        printer.talk("No service is running");
    }
    Ok(ExitStatus::Done)
}

fn told_node(node: &Node, is_gone: bool) -> Value {
    json!({
        "schema": 1,
        "node": node.name,
        "version": node.version,
        "roles": node.roles,
        "labels": node.labels,
        "started_at": node.started_at.to_string(),
        "seen_at": node.seen_at.to_string(),
        "silent": is_gone,
    })
}
