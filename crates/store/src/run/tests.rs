//! Tests of the queue and of leases.

use serde_json::json;

use super::*;
use crate::Db;
use crate::{Download, StepEnd, StepState, testing::database};

const MINUTE: i64 = 60;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(seconds)
}

fn new(title: &str) -> NewRun {
    NewRun {
        title: title.parse().unwrap(),
        trigger: Trigger::Manual,
        request: json!({"name": title}),
        terms: Terms::default(),
    }
}

async fn queued(db: &Db, title: &str, now: i64) -> RunId {
    match db.run_queue(&new(title), at(now)).await.unwrap() {
        Queued::New(id) => id,
        Queued::Already(id) => panic!("{title} has the run {id}"),
    }
}

async fn claimed(db: &Db, owner: &str, now: i64) -> Option<(Run, Lease)> {
    db.run_claim(&Worker::named(owner), at(now), at(now + MINUTE))
        .await
        .unwrap()
}

fn good_end(lease: Lease, notes: Notes, scope: Option<&str>, at: Timestamp) -> GoodEnd {
    GoodEnd {
        lease,
        end: RunEnd::Unchanged,
        notes,
        resolves_in: scope.map(str::to_owned),
        at,
    }
}

fn failure() -> RunFailure {
    RunFailure {
        class: FailureClass::Download,
        cause: "the vendor answered 404".to_owned(),
        next_step: "look at the page".to_owned(),
        step: Some("URLDownloader".to_owned()),
        detail: None,
        incident: None,
    }
}

fn download(second: i64) -> Download {
    Download {
        path: "/cache/App.dmg".to_owned(),
        url: "https://vendor.example/App.dmg".to_owned(),
        sha256: Some(model::Sha256::of(b"app")),
        len_bytes: Some(100),
        changed: true,
        seen_at: at(second),
    }
}

#[tokio::test]
async fn a_run_that_begins_at_once_is_nobody_elses() {
    let (_folder, db) = database().await;
    let begin = async |title: &str, now: i64| {
        let worker = Worker::named("w");
        db.run_begin(&new(title), &worker, at(now), at(now + MINUTE))
            .await
            .unwrap()
    };
    let (run, lease) = begin("A", 1).await.unwrap();
    assert_eq!((run.state, run.attempts), (RunState::Running, 1));
    assert_eq!((run.queued_at, run.started_at), (at(1), Some(at(1))));
    assert_eq!(db.run_find(run.id).await.unwrap(), Some(run.clone()));
    let told = db.event_list(0, 10).await.unwrap();
    let told: Vec<String> = told.into_iter().map(|event| event.kind).collect();
    assert_eq!(told, ["run.queued", "run.running"]);
    assert!(begin("A", 2).await.is_none(), "it has not ended yet");
    let queued_again = db.run_queue(&new("A"), at(2)).await.unwrap();
    assert_eq!(queued_again, Queued::Already(run.id));
    assert!(claimed(&db, "x", 2).await.is_none());
    // As any other, it is taken over when its worker is gone.
    let (again, other) = claimed(&db, "x", 2 + MINUTE).await.unwrap();
    assert_eq!((again.id, again.attempts), (run.id, 2));
    let end = (&RunEnd::Cancelled, None);
    assert!(!db.run_finish(lease, end.0, end.1, at(70)).await.unwrap());
    assert!(db.run_finish(other, end.0, end.1, at(70)).await.unwrap());
    assert!(begin("A", 71).await.is_some());
}

#[tokio::test]
async fn a_title_has_one_run_at_a_time() {
    let (_folder, db) = database().await;
    let first = queued(&db, "A", 1).await;
    assert_eq!(
        db.run_queue(&new("A"), at(2)).await.unwrap(),
        Queued::Already(first)
    );
    queued(&db, "B", 2).await;
    let (run, lease) = claimed(&db, "w", 3).await.unwrap();
    assert_eq!(run.id, first);
    assert!(
        db.run_finish(lease, &RunEnd::Unchanged, None, at(4))
            .await
            .unwrap()
    );
    queued(&db, "A", 5).await;
}

#[tokio::test]
async fn a_held_run_does_not_keep_the_next_from_its_turn() {
    let (_folder, db) = database().await;
    queued(&db, "A", 1).await;
    let (_, lease) = claimed(&db, "w", 2).await.unwrap();
    assert!(
        db.run_finish(lease, &RunEnd::Held(failure()), None, at(3))
            .await
            .unwrap()
    );
    queued(&db, "A", 4).await;
}

#[tokio::test]
async fn who_was_queued_first_is_served_first_and_by_one_only() {
    let (_folder, db) = database().await;
    let (a, b) = (queued(&db, "A", 1).await, queued(&db, "B", 2).await);
    let ids =
        [claimed(&db, "v", 3).await, claimed(&db, "w", 3).await].map(|claim| claim.unwrap().0.id);
    assert_eq!(ids, [a, b]);
    assert!(claimed(&db, "w", 3).await.is_none());
}

#[tokio::test]
async fn a_run_that_takes_its_worker_down_waits_longer_each_time() {
    let (_folder, db) = database().await;
    queued(&db, "A", 1).await;
    let mut now = 1;
    for (attempt, rest) in [(1, 0), (2, 0), (3, 0), (4, 30), (5, 60)] {
        if rest > 0 {
            assert!(claimed(&db, "w", now + rest - 1).await.is_none());
        }
        now += rest;
        let (run, _lost) = claimed(&db, "w", now).await.unwrap();
        assert_eq!(run.attempts, attempt);
        now += MINUTE;
    }
    // The same where it is known that the process is gone.
    assert_eq!(db.run_lapse("w", at(now)).await.unwrap(), 1);
    assert!(claimed(&db, "w", now + 89).await.is_none());
    now += 90;
    let (run, lease) = claimed(&db, "w", now).await.unwrap();
    assert_eq!(run.attempts, 6);
    // What is given back was no failure.
    assert!(db.run_release(lease, at(now)).await.unwrap());
    let (run, _lease) = claimed(&db, "w", now).await.unwrap();
    assert_eq!(run.attempts, 6);
}

#[tokio::test]
async fn a_lease_that_lapses_is_lost_to_the_next() {
    let (_folder, db) = database().await;
    queued(&db, "A", 1).await;
    let (_, dead) = claimed(&db, "dead", 1).await.unwrap();
    assert!(db.run_start(dead, at(1)).await.unwrap());
    let step = StepNote::begun(0, "URLDownloader", at(1));
    assert!(db.run_note(dead, &step.clone().into()).await.unwrap());
    assert!(claimed(&db, "next", MINUTE).await.is_none());
    let (run, lease) = claimed(&db, "next", MINUTE + 1).await.unwrap();
    assert_eq!((run.state, run.attempts), (RunState::Running, 2));

    let end = StepEnd {
        state: StepState::Done,
        input: json!({}),
        output: json!({}),
        messages: String::new(),
        checks: json!([]),
    };
    assert_eq!(
        db.run_heartbeat(dead, at(500)).await.unwrap(),
        Heartbeat::Lost
    );
    let late = Notes {
        steps: vec![StepNote {
            end: Some((end, at(70))),
            ..step
        }],
        downloads: vec![download(70)],
        plan: None,
    };
    assert!(!db.run_note(dead, &late).await.unwrap());
    let late = good_end(dead, late, Some("test"), at(70));
    let end = db.run_finish_well(&late);
    assert_eq!(end.await.unwrap(), Finished::Lost);
    assert!(
        !db.run_finish(dead, &RunEnd::Published, None, at(70))
            .await
            .unwrap()
    );

    assert!(db.run_start(lease, at(70)).await.unwrap());
    assert!(
        db.step_list(run.id).await.unwrap().is_empty(),
        "the steps start again"
    );
    assert_eq!(
        db.run_heartbeat(lease, at(500)).await.unwrap(),
        Heartbeat::Kept
    );
    assert!(claimed(&db, "third", 400).await.is_none());
}

#[tokio::test]
async fn the_leases_of_a_process_that_is_gone_can_be_ended() {
    let (_folder, db) = database().await;
    queued(&db, "A", 1).await;
    claimed(&db, "dead", 1).await.unwrap();
    assert_eq!(db.run_lease_owners().await.unwrap(), ["dead"]);
    assert_eq!(db.run_lapse("dead", at(5)).await.unwrap(), 1);
    assert!(claimed(&db, "next", 2).await.is_some());
}

#[tokio::test]
async fn a_parked_run_rests_until_it_is_due() {
    let (_folder, db) = database().await;
    let id = queued(&db, "A", 1).await;
    let (_, lease) = claimed(&db, "w", 1).await.unwrap();
    assert!(db.run_start(lease, at(1)).await.unwrap());
    let parking = Parking {
        parked: json!({"change_set": "x"}),
        due_at: at(100),
        deadline_at: at(1000),
    };
    assert!(db.run_park(lease, &parking).await.unwrap());
    assert_eq!(
        db.run_heartbeat(lease, at(99)).await.unwrap(),
        Heartbeat::Lost,
        "no worker holds it"
    );
    assert!(claimed(&db, "w", 99).await.is_none());
    let (run, lease) = claimed(&db, "w", 100).await.unwrap();
    assert_eq!((run.id, run.state), (id, RunState::Scanning));
    assert_eq!(
        (run.parked, run.deadline_at),
        (Some(json!({"change_set": "x"})), Some(at(1000)))
    );
    assert!(
        !db.run_start(lease, at(100)).await.unwrap(),
        "its steps are behind it"
    );
    assert!(
        db.run_publish(lease, &json!({"change_set": "x"}))
            .await
            .unwrap()
    );
    assert!(
        !db.run_park(lease, &parking).await.unwrap(),
        "there is no way back"
    );
}

#[tokio::test]
async fn a_run_that_is_given_back_starts_again() {
    let (_folder, db) = database().await;
    let id = queued(&db, "A", 1).await;
    let (_, lease) = claimed(&db, "w", 1).await.unwrap();
    assert!(db.run_start(lease, at(1)).await.unwrap());
    assert!(db.run_release(lease, at(2)).await.unwrap());
    let run = db.run_find(id).await.unwrap().unwrap();
    assert_eq!((run.state, run.due_at), (RunState::Queued, at(2)));
    let (again, _) = db
        .run_claim_one(id, &Worker::named("w"), at(1), at(60))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(again.id, id);
    assert!(
        db.run_claim_one(id, &Worker::named("v"), at(1), at(60))
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn a_good_end_takes_its_notes_along_and_says_whether_the_desk_must_hear() {
    let (_folder, db) = database().await;
    let good = async |title: &str, scope: Option<&str>| {
        let id = queued(&db, title, 1).await;
        let (run, lease) = claimed(&db, "w", 1).await.unwrap();
        assert_eq!(
            (run.state, run.started_at),
            (RunState::Running, Some(at(1)))
        );
        let notes = Notes {
            steps: vec![
                StepNote::begun(0, "URLDownloader", at(1)),
                StepNote::begun(1, "EndOfCheckPhase", at(1)),
            ],
            downloads: vec![download(1)],
            plan: None,
        };
        let end = good_end(lease, notes, scope, at(2));
        let finished = db.run_finish_well(&end).await.unwrap();
        assert_eq!(db.step_list(id).await.unwrap().len(), 2);
        assert_eq!(db.download_list(id).await.unwrap(), [download(1)]);
        let run = db.run_find(id).await.unwrap().unwrap();
        assert_eq!(
            (run.state, run.finished_at),
            (RunState::Unchanged, Some(at(2)))
        );
        finished
    };
    assert_eq!(good("A", Some("house")).await, Finished::Told);
    sqlx::query(
        "insert into incident (id, scope, title, class, state, priority, cause, next_step, excerpt, repeats, reopened,
                               first_seen_at, last_seen_at, opened_at, respond_by_at, resolve_by_at, told_at)
         values ('i', 'house', 'A', 'download', 'open', 'P3', '', '', '', 1, 0, 0, 0, 0, 0, 0, 0)",
    )
    .execute(db.writer())
    .await
    .unwrap();
    assert_eq!(good("A", Some("elsewhere")).await, Finished::Told);
    assert_eq!(good("B", Some("house")).await, Finished::Told);
    assert_eq!(good("A", None).await, Finished::Told);
    assert!(db.run_untold().await.unwrap().is_empty());
    assert_eq!(good("A", Some("house")).await, Finished::Untold);
    assert_eq!(db.run_untold().await.unwrap().len(), 1);
}

#[tokio::test]
async fn runs_that_end_together_end_as_each_alone_would() {
    let (_folder, db) = database().await;
    let mut ends = Vec::new();
    for title in ["A", "B", "C"] {
        queued(&db, title, 1).await;
        let (_, lease) = claimed(&db, "w", 1).await.unwrap();
        let mut notes = Notes::from(StepNote::begun(0, title, at(1)));
        notes.downloads.push(download(1));
        ends.push(good_end(lease, notes, Some("house"), at(2)));
    }
    let ids: Vec<RunId> = ends.iter().map(|good| good.lease.run).collect();
    ends[1].lease.fence += 1;
    let finished = db.run_finish_all_well(&ends).await.unwrap();
    assert_eq!(
        finished,
        [Finished::Told, Finished::Lost, Finished::Told],
        "of the second another worker has the lease"
    );
    let mut states = Vec::new();
    for (id, title) in ids.iter().zip(["A", "B", "C"]) {
        let (steps, downloads) = (db.step_list(*id).await, db.download_list(*id).await);
        let steps: Vec<String> = steps.unwrap().into_iter().map(|it| it.processor).collect();
        let run = db.run_find(*id).await.unwrap().unwrap();
        assert_eq!(downloads.unwrap().len(), steps.len());
        assert!(
            steps.iter().all(|processor| processor == title),
            "{steps:?}"
        );
        states.push((run.state, run.finished_at, steps.len()));
    }
    let ended = (RunState::Unchanged, Some(at(2)), 1);
    assert_eq!(states, [ended, (RunState::Running, None, 0), ended]);
    let again = db.run_finish_all_well(&ends).await.unwrap();
    assert_eq!(again, [Finished::Lost; 3], "an end is written once");
    assert_eq!(db.run_finish_all_well(&[]).await.unwrap(), []);
}

#[tokio::test]
async fn the_desk_is_told_of_every_end_once() {
    let (_folder, db) = database().await;
    let id = queued(&db, "A", 1).await;
    let (_, lease) = claimed(&db, "w", 1).await.unwrap();
    assert!(db.run_untold().await.unwrap().is_empty());
    assert!(
        db.run_finish(lease, &RunEnd::Failed(failure()), None, at(2))
            .await
            .unwrap()
    );
    let untold = db.run_untold().await.unwrap();
    assert_eq!(untold.iter().map(|run| run.id).collect::<Vec<_>>(), [id]);
    assert_eq!(untold[0].failure, Some(failure()));
    let incident = IncidentId::new();
    db.run_told(id, Some(incident)).await.unwrap();
    assert!(db.run_untold().await.unwrap().is_empty());
    let run = db.run_find(id).await.unwrap().unwrap();
    assert_eq!(run.failure.unwrap().incident, Some(incident));
    let counts = db.run_counts().await.unwrap();
    assert_eq!(
        counts,
        [RunCount {
            state: RunState::Failed,
            class: Some(FailureClass::Download),
            count: 1
        }]
    );
}

#[tokio::test]
async fn downloads_belong_to_the_attempt_that_made_them() {
    let (_folder, db) = database().await;
    let id = queued(&db, "A", 1).await;
    let (_, lease) = claimed(&db, "w", 1).await.unwrap();
    let download = download(2);
    for _ in 0..2 {
        let noted = db.run_note(lease, &download.clone().into()).await;
        assert!(noted.unwrap());
    }
    assert_eq!(db.download_list(id).await.unwrap(), [download]);
    assert!(db.run_start(lease, at(3)).await.unwrap());
    assert!(db.download_list(id).await.unwrap().is_empty());
}

/// A run that downloads a file of 100 bytes in its only step, and ends, without the desk knowing.
async fn ended(db: &Db, second: i64, end: &RunEnd) -> RunId {
    let id = queued(db, "A", second).await;
    let (_run, lease) = claimed(db, "w", second).await.unwrap();
    assert!(db.run_start(lease, at(second)).await.unwrap());
    let notes = Notes {
        steps: vec![StepNote::begun(0, "URLDownloader", at(second))],
        downloads: vec![download(second)],
        plan: None,
    };
    assert!(db.run_note(lease, &notes).await.unwrap());
    assert!(db.run_finish(lease, end, None, at(second)).await.unwrap());
    id
}

#[tokio::test]
async fn old_runs_go_and_what_tells_of_something_stays() {
    let (_folder, db) = database().await;
    let failed = RunEnd::Failed(failure());
    let mut ids = Vec::new();
    for (second, end) in (0..).zip([&RunEnd::Unchanged, &RunEnd::Unchanged, &failed, &failed]) {
        ids.push(ended(&db, second, end).await);
    }
    let bytes = db.figures().await.unwrap().download_bytes;
    let untold = db.run_old_count(at(9), 1).await.unwrap();
    assert_eq!(untold, 0, "the desk is not told");
    for id in &ids {
        db.run_told(*id, None).await.unwrap();
    }
    // The first, and the third; the second was the last good one, and the fourth is the newest.
    assert_eq!(db.run_old_count(at(9), 1).await.unwrap(), 2);
    assert_eq!(db.run_old_count(at(9), 2).await.unwrap(), 1, "two stay");
    assert_eq!(db.run_old_count(at(0), 1).await.unwrap(), 0, "none is old");
    assert_eq!(db.run_forget(at(9), 1).await.unwrap(), 2);
    assert_eq!(db.run_forget(at(9), 1).await.unwrap(), 0);
    let left = db.run_list(9).await.unwrap();
    let left: Vec<RunId> = left.iter().map(|run| run.id).collect();
    assert_eq!(left, [ids[3], ids[1]]);
    assert_eq!(db.step_list(ids[0]).await.unwrap(), []);
    let counted = db.figures().await.unwrap().download_bytes;
    assert_eq!(counted, bytes, "counted on");
}

#[tokio::test]
async fn what_an_incident_or_a_person_names_is_no_old_run() {
    let (_folder, db) = database().await;
    let mut ids = Vec::new();
    for second in 0..3 {
        let id = ended(&db, second, &RunEnd::Failed(failure())).await;
        db.run_told(id, None).await.unwrap();
        ids.push(id);
    }
    assert_eq!(db.run_old_count(at(9), 1).await.unwrap(), 2);
    let decision = crate::HoldDecision {
        run: ids[0],
        verdict: crate::HoldVerdict::Refuse,
        by: "ada".to_owned(),
        reason: "no".to_owned(),
        about: model::Sha256::of(b"it"),
        at: at(4),
    };
    db.hold_decide(&decision).await.unwrap();
    assert_eq!(db.run_forget(at(9), 1).await.unwrap(), 1);
    assert!(db.run_find(ids[0]).await.unwrap().is_some());
}
