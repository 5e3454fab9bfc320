use model::DeliveryId;
use serde_json::json;

use super::*;
use crate::DeliveryState;

fn key() -> IncidentKey {
    IncidentKey {
        scope: "house".to_owned(),
        title: "Firefox.munki".parse().unwrap(),
        class: FailureClass::CodeSignature,
    }
}

fn incident() -> Incident {
    let now = Timestamp::from_secs(1_000);
    Incident {
        id: IncidentId::new(),
        key: key(),
        state: IncidentState::Open,
        priority: Priority::P1,
        cause: "the seal is broken".to_owned(),
        next_step: "ask the vendor".to_owned(),
        run: Some(RunId::new()),
        step: Some("CodeSignatureVerifier".to_owned()),
        excerpt: "line\n".to_owned(),
        repeats: 1,
        reopened: 0,
        first_seen_at: now,
        last_seen_at: now,
        opened_at: now,
        respond_by_at: now,
        resolve_by_at: now,
        acknowledged_at: None,
        acknowledged_by: None,
        resolved_at: None,
        resolution: None,
        told_at: now,
        keeping: Keeping::default(),
    }
}

fn change(incident: Incident, kind: EventKind, connectors: &[&str]) -> IncidentChange {
    IncidentChange {
        event: Some(NewEvent {
            kind,
            happened_at: incident.last_seen_at,
            payload: json!({"type": format!("incident.{}", kind.as_str())}),
            connectors: connectors.iter().map(|&name| name.to_owned()).collect(),
        }),
        incident,
    }
}

const NOW: Timestamp = Timestamp::from_secs(2_000);
const LEASE: Timestamp = Timestamp::from_secs(2_060);

#[tokio::test]
async fn an_incident_comes_back_as_it_was_written() {
    let (_folder, db) = crate::testing::database().await;
    let mut wanted = incident();
    wanted.state = IncidentState::Resolved;
    wanted.resolved_at = Some(NOW);
    wanted.resolution = Some("a good run".to_owned());
    wanted.acknowledged_at = Some(NOW);
    wanted.acknowledged_by = Some("me".to_owned());
    let put = wanted.clone();
    db.incident_change(&key(), |before| {
        assert_eq!(before, None);
        Some(change(put, EventKind::Opened, &[]))
    })
    .await
    .unwrap();
    assert_eq!(
        db.incident_find(wanted.id).await.unwrap(),
        Some(wanted.clone())
    );
    assert!(
        db.incident_list(IncidentFilter::Unresolved)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        db.incident_list(IncidentFilter::All).await.unwrap(),
        [wanted]
    );
}

#[tokio::test]
async fn two_unresolved_incidents_of_one_key_cannot_be() {
    let (_folder, db) = crate::testing::database().await;
    for wins in [true, false] {
        let put = change(incident(), EventKind::Opened, &["mail"]);
        let result = db.incident_change(&key(), |_| Some(put)).await;
        assert_eq!(result.is_ok(), wins);
    }
    assert_eq!(db.delivery_list(None).await.unwrap().len(), 1);
}

#[tokio::test]
async fn no_decision_changes_nothing() {
    let (_folder, db) = crate::testing::database().await;
    assert_eq!(db.incident_change(&key(), |_| None).await.unwrap(), None);
    assert_eq!(
        db.incident_change_by_id(IncidentId::new(), |_| unreachable!())
            .await
            .unwrap(),
        None
    );
}

#[tokio::test]
async fn events_reach_one_desk_in_order_and_desks_do_not_wait_for_each_other() {
    let (_folder, db) = crate::testing::database().await;
    let first = incident();
    for kind in [EventKind::Opened, EventKind::Resolved] {
        let put = change(first.clone(), kind, &["mail", "hook"]);
        db.incident_change(&key(), |_| Some(put)).await.unwrap();
    }
    let one = db.delivery_claim(NOW, LEASE).await.unwrap().unwrap();
    let two = db.delivery_claim(NOW, LEASE).await.unwrap().unwrap();
    assert_eq!((one.sequence, two.sequence), (1, 1));
    assert_ne!(one.connector, two.connector);
    assert_eq!(db.delivery_claim(NOW, LEASE).await.unwrap(), None);
    assert!(db.delivery_finish(&one, None, NOW).await.unwrap());
    let three = db.delivery_claim(NOW, LEASE).await.unwrap().unwrap();
    assert_eq!((three.sequence, &three.connector), (2, &one.connector));
    assert_eq!(db.incident_history(first.id).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_lost_lease_is_claimed_again_and_the_late_finisher_loses() {
    let (_folder, db) = crate::testing::database().await;
    let put = change(incident(), EventKind::Opened, &["mail"]);
    db.incident_change(&key(), |_| Some(put)).await.unwrap();
    assert_eq!(
        db.delivery_next_due().await.unwrap(),
        Some(Timestamp::from_secs(1_000))
    );
    let lost = db.delivery_claim(NOW, LEASE).await.unwrap().unwrap();
    assert_eq!(db.delivery_next_due().await.unwrap(), Some(LEASE));
    let again = db
        .delivery_claim(LEASE, LEASE.plus(std::time::Duration::from_mins(1)))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((again.id, again.attempts), (lost.id, 2));
    assert!(!db.delivery_finish(&lost, None, LEASE).await.unwrap());
    assert!(!db.delivery_fail(&lost, "late").await.unwrap());
    assert!(!db.delivery_postpone(&lost, LEASE, "late").await.unwrap());
    assert!(db.delivery_finish(&again, None, LEASE).await.unwrap());
    assert_eq!(db.delivery_next_due().await.unwrap(), None);
}

#[tokio::test]
async fn a_disabled_desk_is_told_nothing_until_a_delivery_is_retried() {
    let (_folder, db) = crate::testing::database().await;
    let first = incident();
    let put = change(first.clone(), EventKind::Opened, &["hook"]);
    db.incident_change(&key(), |_| Some(put)).await.unwrap();
    db.connector_disable("hook", "it answered 410", NOW)
        .await
        .unwrap();
    let given_up = db.delivery_list(Some(first.id)).await.unwrap().remove(0);
    assert_eq!(given_up.state, DeliveryState::Failed);
    assert_eq!(given_up.last_error.as_deref(), Some("it answered 410"));
    let put = change(first.clone(), EventKind::Updated, &["hook"]);
    db.incident_change(&key(), |_| Some(put)).await.unwrap();
    assert_eq!(db.delivery_list(None).await.unwrap().len(), 1);

    assert!(db.delivery_retry(given_up.id, NOW).await.unwrap());
    assert!(!db.delivery_retry(DeliveryId::new(), NOW).await.unwrap());
    let claimed = db.delivery_claim(NOW, LEASE).await.unwrap().unwrap();
    assert_eq!((claimed.id, claimed.attempts), (given_up.id, 1));
    let put = change(first.clone(), EventKind::Resolved, &["hook"]);
    db.incident_change(&key(), |_| Some(put)).await.unwrap();
    assert_eq!(db.delivery_list(Some(first.id)).await.unwrap().len(), 2);
}

#[tokio::test]
async fn the_most_urgent_come_first_each_with_what_is_remembered_of_it() {
    let (_folder, db) = crate::testing::database().await;
    let mut ids = Vec::new();
    for (title, priority) in [
        ("A", Priority::P3),
        ("B", Priority::P1),
        ("C", Priority::P2),
    ] {
        let mut new = incident();
        new.key.title = title.parse().unwrap();
        new.priority = priority;
        new.keeping.merged_into = Some(new.id);
        ids.push(new.id);
        let key = new.key.clone();
        let changed = db.incident_change(&key, |_| Some(change(new, EventKind::Opened, &[])));
        changed.await.unwrap();
    }
    assert_eq!(db.incident_count().await.unwrap(), 3);
    let first = db.incident_urgent(0, 2).await.unwrap();
    let told: Vec<_> = first.iter().map(|it| it.id).collect();
    assert_eq!(told, [ids[1], ids[2]]);
    let remembered = |it: &Incident| it.keeping.merged_into == Some(it.id);
    assert!(first.iter().all(remembered));
    let last = db.incident_urgent(2, 2).await.unwrap();
    assert_eq!(last[0].id, ids[0]);
    let of = db.incident_urgent_of(&"B".parse().unwrap()).await.unwrap();
    assert_eq!(of, first[..1]);
}
