//! What is in effect, without secrets: what the file says, and what stands where it says nothing.

use std::{fmt::Display, path::PathBuf};

use redact::{SafeUrl, Secret};
use web::SettingsSection;

use crate::Config;

/// The sections that people look for, each with its keys.
pub(super) fn sections(
    config: &Config,
    search_dirs: &[PathBuf],
    override_dirs: &[PathBuf],
) -> Vec<SettingsSection> {
    let section = |name, values| SettingsSection { name, values };
    vec![
        section("state", state(config)),
        section(
            "autopkg",
            vec![
                ("recipe-search-dirs", paths(search_dirs)),
                ("recipe-override-dirs", paths(override_dirs)),
            ],
        ),
        section("serve", serve(config)),
        section("fetch", fetch(config)),
        section("scan", scan(config)),
        section("signatures, guards", guards(config)),
        section("rings, retention, records", keeping(config)),
        section("desk", desk(config)),
        section("listeners", listeners(config)),
    ]
}

type Values = Vec<(&'static str, String)>;

fn state(config: &Config) -> Values {
    let repository = config.repository_place();
    vec![
        ("node", config.node_name()),
        ("state-dir", config.state_dir.display().to_string()),
        ("database.url", secret(config.database.url.as_ref())),
        (
            "database.connections",
            config.database.connections.to_string(),
        ),
        (
            "repository",
            repository.map_or_else(|error| error.to_string(), |place| place.to_string()),
        ),
        (
            "repository.secret-key",
            secret(config.repository.secret_key.as_ref()),
        ),
    ]
}

fn serve(config: &Config) -> Values {
    let serve = &config.serve;
    vec![
        ("listen", serve.listen.to_string()),
        (
            "roles",
            listed(serve.roles.iter().map(|role| role.as_str())),
        ),
        ("labels", listed(&serve.labels)),
        ("workers", serve.workers.to_string()),
        ("schedules", serve.schedules.display().to_string()),
        ("lease-seconds", serve.lease_seconds.to_string()),
        ("grace-seconds", serve.grace_seconds.to_string()),
        ("watchdog-hours", serve.watchdog_hours.to_string()),
        ("stale-days", serve.stale_days.to_string()),
        (
            "processors",
            listed(
                serve
                    .processors
                    .iter()
                    .map(|(name, most)| format!("{name} {most}")),
            ),
        ),
    ]
}

fn fetch(config: &Config) -> Values {
    let (fetch, sandbox) = (&config.fetch, &config.sandbox);
    vec![
        ("max-download-mib", fetch.max_download_mib.to_string()),
        ("per-host", fetch.per_host.to_string()),
        ("plain-http-hosts", listed(&fetch.plain_http_hosts)),
        ("retry.tries", config.retry.tries.to_string()),
        ("sandbox.python", sandbox.python.display().to_string()),
        ("sandbox.memory-mib", sandbox.memory_mib.to_string()),
        ("sandbox.seconds", sandbox.seconds.to_string()),
        ("sandbox.network", listed(&sandbox.network)),
    ]
}

fn scan(config: &Config) -> Values {
    let scan = &config.scan;
    let clamd = match (&scan.clamd.socket, &scan.clamd.address) {
        (Some(socket), _) => socket.display().to_string(),
        (None, Some(address)) => address.clone(),
        (None, None) => NONE.to_owned(),
    };
    vec![
        ("base-url", url(&scan.base_url)),
        ("api-key", secret(scan.api_key.as_ref())),
        ("per-minute", scan.per_minute.to_string()),
        ("per-day", scan.per_day.to_string()),
        ("per-month", scan.per_month.to_string()),
        ("max-upload-mb", scan.max_upload_mb.to_string()),
        ("never-upload", listed(&scan.never_upload)),
        ("recall", yes(scan.recall)),
        ("clamd", clamd),
        ("yara.rules", paths(&scan.yara.rules)),
    ]
}

fn guards(config: &Config) -> Values {
    vec![
        ("signatures.may-disable", yes(config.signatures.may_disable)),
        (
            "signatures.proofs",
            config.signatures.proofs.len().to_string(),
        ),
        ("guards.first-release", yes(config.guards.first_release)),
        ("guards.people", config.guards.people.to_string()),
        ("guards.payload", config.guards.payload.len().to_string()),
        ("tuf.enabled", yes(config.tuf.enabled)),
    ]
}

fn keeping(config: &Config) -> Values {
    let rings = config.rings.ring.iter().map(|ring| ring.catalog.as_str());
    vec![
        ("rings", listed(rings)),
        ("retention.keep", config.retention.keep.to_string()),
        ("retention.automatic", yes(config.retention.automatic)),
        (
            "retention.undo-days",
            config.retention.undo_days.to_string(),
        ),
        ("records.run-days", config.records.run_days.to_string()),
        (
            "records.receipt-days",
            config.records.receipt_days.to_string(),
        ),
        ("records.cache-days", config.records.cache_days.to_string()),
    ]
}

fn desk(config: &Config) -> Values {
    let desk = &config.desk;
    let connectors = [
        ("email", desk.email.len()),
        ("webhook", desk.webhook.len()),
        ("jira", desk.jira.len()),
        ("servicenow", desk.servicenow.len()),
        ("zendesk", desk.zendesk.len()),
        ("freshservice", desk.freshservice.len()),
        ("pagerduty", desk.pagerduty.len()),
        ("slack", desk.slack.len()),
        ("teams", desk.teams.len()),
    ];
    let connectors = connectors.iter().filter(|(_, count)| *count > 0);
    vec![
        ("scope", desk.scope.clone()),
        ("reopen-hours", desk.reopen_hours.to_string()),
        (
            "connectors",
            listed(connectors.map(|(kind, count)| format!("{kind} {count}"))),
        ),
    ]
}

fn listeners(config: &Config) -> Values {
    let at = |listen: Option<std::net::SocketAddr>| shown(listen);
    vec![
        ("envquery.listen", at(config.envquery.listen)),
        (
            "envquery.url",
            shown(config.envquery.url.as_ref().map(|it| url(it.as_str()))),
        ),
        ("pods.listen", at(config.pods.listen)),
        (
            "pods.url",
            shown(config.pods.url.as_ref().map(|it| url(it.as_str()))),
        ),
        ("administration.listen", at(config.administration.listen)),
        (
            "administration.api-calls-per-minute",
            config.administration.api_calls_per_minute.to_string(),
        ),
        ("catalogue.listen", at(config.catalogue.listen)),
    ]
}

const NONE: &str = "none";

fn shown(value: Option<impl Display>) -> String {
    value.map_or_else(|| NONE.to_owned(), |value| value.to_string())
}

fn listed<T: AsRef<str>>(values: impl IntoIterator<Item = T>) -> String {
    let values: Vec<T> = values.into_iter().collect();
    if values.is_empty() {
        return NONE.to_owned();
    }
    let texts: Vec<&str> = values.iter().map(AsRef::as_ref).collect();
    texts.join(", ")
}

fn paths(paths: &[PathBuf]) -> String {
    listed(paths.iter().map(|path| path.display().to_string()))
}

fn yes(is_so: bool) -> String {
    if is_so { "yes" } else { "no" }.to_owned()
}

/// Whether a secret is there.
fn secret(secret: Option<&Secret<String>>) -> String {
    if secret.is_some() { "set" } else { "not set" }.to_owned()
}

/// An address without what may be secret in it.
fn url(text: &str) -> String {
    SafeUrl::of_text(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_shown() {
        let mut config = Config::default();
        let canary = || Some(Secret::new("canary-of-a-secret".to_owned()));
        config.scan.api_key = canary();
        config.scan.base_url =
            "https://user:canary-of-a-secret@example.com/?key=canary-of-a-secret".to_owned();
        config.database.url = canary();
        config.repository.secret_key = canary();
        let told = format!("{:?}", sections(&config, &[], &[]));
        assert!(!told.contains("canary"), "{told}");
        assert!(told.contains("(\"api-key\", \"set\")"), "{told}");
        assert!(told.contains("example.com"), "{told}");
    }
}
