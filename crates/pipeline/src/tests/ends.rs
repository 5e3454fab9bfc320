//! Ends that are written down together.

use std::{sync::Arc, time::Duration};

use model::{Clock as _, RunState, Trigger};
use testkit::vendor::Resource;
use tokio_util::sync::CancellationToken;

use super::bench::{Bench, TITLE, end};
use crate::{Begun, Reporter, Request, Silent, Worked};

/// A title with nothing new, and ends that are held; none where the state is a server's, which has no end held.
async fn unchanged() -> Option<Bench> {
    let bench = Bench::new().await;
    assert_eq!(end(&bench.run().await), "published");
    bench.engine.hold_ends();
    if !bench.engine.ends.holds() {
        assert!(bench.engine.db().is_server());
        eprintln!("skipped: ends are held with SQLite only");
        return None;
    }
    Some(bench)
}

/// Runs the title as a list does.
async fn carried(bench: &Bench) -> Worked {
    let request = Request::named(TITLE);
    let begun = bench.engine.take_up(&request, Trigger::Manual);
    let Begun::New(taken) = begun.await.unwrap() else {
        panic!("the last run has ended");
    };
    let reporter: Arc<dyn Reporter> = Arc::new(Silent);
    let stop = CancellationToken::new();
    let carried = bench.engine.carry_on(*taken, &reporter, &stop);
    carried.await.unwrap()
}

async fn state(bench: &Bench, worked: &Worked) -> RunState {
    bench.engine.run(worked.run).await.unwrap().unwrap().state
}

#[tokio::test]
async fn an_end_is_held_until_somebody_is_to_hear_of_it() {
    let Some(bench) = unchanged().await else {
        return;
    };
    bench.vendor.put("/Widget.pkg", Resource::failure(404));
    assert_eq!(end(&carried(&bench).await), "failed download");
    assert_eq!(
        bench.incidents().await,
        ["download open 1"],
        "a failure is told of at once"
    );
    bench.release("1.0", b"one");
    let worked = carried(&bench).await;
    assert_eq!(end(&worked), "unchanged");
    assert_eq!(state(&bench, &worked).await, RunState::Running);
    assert_eq!(bench.incidents().await, ["download open 1"]);
    assert_eq!(bench.engine.write_ends().await.unwrap(), []);
    assert_eq!(state(&bench, &worked).await, RunState::Unchanged);
    assert!(bench.steps(&worked).await > 0);
    assert_eq!(bench.incidents().await, ["download resolved 1"]);
    assert_eq!(bench.engine.write_ends().await.unwrap(), []);
}

#[tokio::test]
async fn a_title_that_is_named_twice_runs_twice() {
    let Some(bench) = unchanged().await else {
        return;
    };
    let first = carried(&bench).await;
    let second = carried(&bench).await;
    assert_ne!(first.run, second.run);
    assert_eq!(state(&bench, &first).await, RunState::Unchanged);
    assert_eq!(state(&bench, &second).await, RunState::Running);
    bench.engine.write_ends().await.unwrap();
    assert_eq!(state(&bench, &second).await, RunState::Unchanged);
}

#[tokio::test]
async fn an_end_that_is_held_for_too_long_is_lost_to_whoever_took_the_run() {
    let Some(bench) = unchanged().await else {
        return;
    };
    let worked = carried(&bench).await;
    bench.clock.advance(Duration::from_hours(1));
    let (now, thief) = (bench.clock.now(), store::Worker::named("thief"));
    let until = now.plus(Duration::from_hours(1));
    let claimed = bench.engine.db().run_claim(&thief, now, until).await;
    assert_eq!(claimed.unwrap().unwrap().0.id, worked.run);
    assert_eq!(bench.engine.write_ends().await.unwrap(), [worked.run]);
    assert_eq!(state(&bench, &worked).await, RunState::Running);
}

#[tokio::test]
async fn what_is_held_is_written_while_the_next_run_takes_its_time() {
    let Some(bench) = unchanged().await else {
        return;
    };
    let worked = carried(&bench).await;
    bench.engine.write_held_ends().await;
    for _ in 0..500 {
        if state(&bench, &worked).await == RunState::Unchanged {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it is held still");
}

#[tokio::test]
async fn an_end_with_many_steps_waits_for_no_others() {
    let Some(bench) = unchanged().await else {
        return;
    };
    for (steps, expected) in [(10, RunState::Running), (450, RunState::Unchanged)] {
        let request = Request::named(TITLE);
        let begun = bench.engine.take_up(&request, Trigger::Manual);
        let Begun::New(taken) = begun.await.unwrap() else {
            panic!("the last run has ended");
        };
        let now = bench.clock.now();
        let notes = store::Notes {
            steps: (0..steps)
                .map(|position| store::StepNote::begun(position, "Step", now))
                .collect(),
            ..store::Notes::default()
        };
        let of = (&taken.run, taken.lease);
        let good = bench.engine.good_end(of, &store::RunEnd::Unchanged, &notes);
        let held = bench.engine.hold_end(&taken.run.title, good);
        held.await.unwrap();
        let run = bench.engine.run(taken.id()).await.unwrap().unwrap();
        assert_eq!(run.state, expected, "{steps} steps");
        bench.engine.write_ends().await.unwrap();
    }
}

#[tokio::test]
async fn a_run_whose_end_was_lost_with_its_process_is_carried_out_again() {
    let Some(bench) = unchanged().await else {
        return;
    };
    let worked = carried(&bench).await;
    let bench = bench.restarted().await;
    assert_eq!(state(&bench, &worked).await, RunState::Running);
    assert!(bench.work().await.is_none(), "its lease is not over");
    bench.clock.advance(Duration::from_mins(2));
    let again = bench.work().await.unwrap();
    assert_eq!(
        (again.run, end(&again)),
        (worked.run, "unchanged".to_owned())
    );
    assert_eq!(state(&bench, &worked).await, RunState::Unchanged);
    assert!(bench.steps(&worked).await > 0);
    assert_eq!(bench.incidents().await, [""; 0]);
}
