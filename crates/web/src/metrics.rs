//! `GET /metrics`.

use ::metrics::{Unit, counter, describe_counter, describe_gauge, gauge, with_local_recorder};
use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use metrics_exporter_prometheus::PrometheusBuilder;
use model::{Priority, RunState};
use store::{DeliveryState, Figures};

use crate::{
    router::{Watched, in_time},
    vitals::Seen,
};

const RUNS: &str = "auto_update_runs";
const QUEUE: &str = "auto_update_queue_length";
const DELIVERIES: &str = "auto_update_deliveries";
const CONNECTOR_FAILURES: &str = "auto_update_connector_failures";
const CONNECTOR_DELIVERED: &str = "auto_update_connector_last_delivery_timestamp_seconds";
const CONNECTOR_DISABLED: &str = "auto_update_connector_disabled";
const INCIDENTS: &str = "auto_update_incidents_open";
const DOWNLOADED: &str = "auto_update_download_bytes_total";
const WORKERS: &str = "auto_update_workers";
const WORKERS_ALIVE: &str = "auto_update_workers_alive";
const TICKED: &str = "auto_update_scheduler_last_tick_timestamp_seconds";
const BUILD: &str = "auto_update_build_info";

/// The media type of the text format.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The figures of the house; 503 while the database does not answer.
pub(crate) async fn metrics(State(watched): State<Watched>) -> Response {
    let Some(figures) = in_time(watched.db.figures()).await else {
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            "the database does not answer\n",
        )
            .into_response();
    };
    let text = render(&figures, &watched.vitals.seen());
    ([(header::CONTENT_TYPE, TEXT_FORMAT)], text).into_response()
}

/// The text. Each time with a recorder of its own: what is no more, such as the last run that was held for a class,
/// would keep its last value in one that stays.
fn render(figures: &Figures, seen: &Seen) -> String {
    let recorder = PrometheusBuilder::new().build_recorder();
    with_local_recorder(&recorder, || {
        describe();
        record_runs(figures);
        record_desk(figures);
        counter!(DOWNLOADED).absolute(figures.download_bytes);
        gauge!(WORKERS).set(number(seen.workers));
        gauge!(WORKERS_ALIVE).set(number(seen.workers_alive));
        gauge!(TICKED).set(number(seen.ticked_at.as_secs()));
        gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    });
    recorder.handle().render()
}

fn describe() {
    describe_gauge!(
        RUNS,
        "Runs by state, and by class of failure where there is one"
    );
    describe_gauge!(QUEUE, "Runs that wait for a worker");
    describe_gauge!(DELIVERIES, "Deliveries to desks by state");
    describe_gauge!(
        CONNECTOR_FAILURES,
        "Attempts of a connector that failed since its last success"
    );
    describe_gauge!(
        CONNECTOR_DELIVERED,
        Unit::Seconds,
        "When the desk of a connector last took a delivery"
    );
    describe_gauge!(
        CONNECTOR_DISABLED,
        "Whether a desk wants to hear nothing any more"
    );
    describe_gauge!(INCIDENTS, "Incidents that are not resolved, by priority");
    describe_counter!(DOWNLOADED, Unit::Bytes, "What was downloaded");
    describe_gauge!(WORKERS, "How many workers there should be");
    describe_gauge!(WORKERS_ALIVE, "How many workers there are");
    describe_gauge!(
        TICKED,
        Unit::Seconds,
        "When the scheduler last looked at its times"
    );
    describe_gauge!(BUILD, "The version that runs");
}

fn record_runs(figures: &Figures) {
    // States without runs are told too, so that alerts need no special case.
    for state in RunState::ALL {
        gauge!(RUNS, "state" => state.as_str(), "class" => "").set(0.0);
    }
    for runs in &figures.runs {
        let class = runs.class.map_or("", model::FailureClass::as_str);
        gauge!(RUNS, "state" => runs.state.as_str(), "class" => class).set(number(runs.count));
    }
    let queued = figures
        .runs
        .iter()
        .filter(|runs| runs.state == RunState::Queued)
        .map(|runs| runs.count);
    gauge!(QUEUE).set(number(queued.sum::<u64>()));
}

fn record_desk(figures: &Figures) {
    for state in [
        DeliveryState::Pending,
        DeliveryState::Delivered,
        DeliveryState::Failed,
    ] {
        let found = figures.deliveries.iter().find(|(known, _)| *known == state);
        let count = found.map_or(0, |(_, count)| *count);
        gauge!(DELIVERIES, "state" => state.as_str()).set(number(count));
    }
    for health in &figures.connectors {
        let labels = [("connector", health.connector.clone())];
        gauge!(CONNECTOR_FAILURES, &labels).set(number(health.failures));
        let is_disabled = u32::from(health.disabled_at.is_some());
        gauge!(CONNECTOR_DISABLED, &labels).set(number(is_disabled));
        if let Some(at) = health.delivered_at {
            gauge!(CONNECTOR_DELIVERED, &labels).set(number(at.as_secs()));
        }
    }
    for priority in Priority::ALL {
        let found = figures
            .incidents
            .iter()
            .find(|(known, _)| *known == priority);
        let count = found.map_or(0, |(_, count)| *count);
        gauge!(INCIDENTS, "priority" => priority.as_str()).set(number(count));
    }
}

/// Prometheus knows fractions only; beyond 2^32 they are not worth telling apart here.
fn number(count: impl TryInto<u32>) -> f64 {
    count.try_into().map_or(f64::from(u32::MAX), f64::from)
}
