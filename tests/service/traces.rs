//! Runs as traces, at a collector that speaks OTLP.

use testkit::collector::Collector;

use crate::small::{IMAGE, Small, TITLE};

#[tokio::test]
async fn a_run_is_a_trace_and_its_steps_are_spans() {
    let Some(small) = Small::stand().await else {
        return;
    };
    let collector = Collector::start().await.unwrap();
    let url = collector.url();
    let environment = [("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str())];
    let program = small.house.program();
    small.release("1.0");
    let run = program.run_with(&["run", TITLE], &environment).await;
    run.unwrap().expect(0).unwrap();
    let spans = collector.spans();
    // It waits for the scanner, and is taken up again.
    let roots: Vec<_> = spans
        .iter()
        .filter(|it| it.span.parent_span_id.is_empty())
        .collect();
    let states: Vec<_> = roots.iter().map(|it| it.attribute("run.state")).collect();
    assert_eq!(states.last().unwrap().as_deref(), Some("published"));
    assert!(
        states
            .iter()
            .rev()
            .skip(1)
            .all(|it| it.as_deref() == Some("parked"))
    );
    let root = roots[0];
    assert_eq!(root.service, "auto-update");
    assert_eq!(root.span.name, TITLE);
    assert_eq!(root.attribute("title.name").unwrap(), TITLE);
    let listed = small.expect(&["runs", "list", "--json"], 0).await;
    assert!(listed.contains(&root.attribute("run.id").unwrap()));
    let mut steps: Vec<_> = spans
        .iter()
        .filter(|it| it.span.parent_span_id == root.span.span_id)
        .filter(|it| it.span.trace_id == root.span.trace_id)
        .map(|it| (it.attribute("step.position"), it.span.name.as_str()))
        .collect();
    steps.sort();
    let names: Vec<_> = steps.iter().map(|(_, name)| *name).collect();
    assert_eq!(names, ["URLDownloader", "EndOfCheckPhase", "MunkiImporter"]);
    assert_eq!(root.span.status.as_ref().map_or(0, |it| it.code), 0);

    // One that fails says so, and of what kind it was.
    small.house.vendor.remove(IMAGE);
    let run = program.run_with(&["run", TITLE], &environment).await;
    run.unwrap().expect(70).unwrap();
    let spans = collector.spans();
    let failed = spans.iter().filter_map(|it| it.span.status.as_ref());
    let messages: Vec<_> = failed
        .filter(|status| status.code == 2)
        .map(|status| status.message.as_str())
        .collect();
    assert_eq!(messages, ["download"]);
}

#[tokio::test]
async fn a_collector_that_is_not_there_costs_no_run() {
    let Some(small) = Small::stand().await else {
        return;
    };
    small.release("1.0");
    let nowhere = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")];
    let program = small.house.program();
    let run = program.run_with(&["run", TITLE], &nowhere).await.unwrap();
    run.expect(0).unwrap();
    assert_eq!(small.published(), ["1.0"]);
    let wrong = [("OTEL_EXPORTER_OTLP_ENDPOINT", "no address")];
    let run = program.run_with(&["run", TITLE], &wrong).await;
    let run = run.unwrap().expect(1).unwrap();
    assert!(run.stderr.contains("OTEL_"), "{}", run.stderr);
}
