//! envQUERY, without the network: how many exchanges there are in a second, and whether refusals differ in time.

use std::{
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU32,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use model::{Clock as _, SystemClock};
use serde_json::json;
use sha2::Sha256;
use store::Db;
use tenancy::{
    NewTenant, Tenants, Vault,
    envquery::{Answer, EnvQuery, EnvQuerySettings},
};
use tokio::task::JoinSet;

const URL: &str = "https://envquery.example.com";
const CUSTOMER: &str = "Acme Ltd";
const ASKED_FROM: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// How many ask at a time, how long, and how many refusals of a kind there are.
const CLIENTS: usize = 16;
const LASTING: Duration = Duration::from_secs(5);
const REFUSALS: usize = 10_000;

/// Beyond this |t| two means differ at p < 0.01, with so many on each side.
const DIFFERENT: f64 = 2.576;

/// Measures both on `SQLite`, and exchanges on a PostgreSQL server if there is one.
pub(crate) async fn measure() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let db = Db::open(&folder.path().join("auto-update.db")).await?;
    let (envquery, key) = open(&db, folder.path()).await?;
    exchanges("SQLite", &envquery, &key).await?;
    refusals(&envquery, &key).await?;
    let on_server = folder.path().join("bench");
    if testkit::server(&on_server).is_none() {
        println!(
            "exchanges, PostgreSQL   skipped: {} is not set",
            testkit::SERVER
        );
        return Ok(());
    }
    let db = testkit::database(&on_server).await;
    let (envquery, key) = open(&db, &on_server).await?;
    exchanges("PostgreSQL", &envquery, &key).await
}

async fn open(db: &Db, folder: &Path) -> anyhow::Result<(EnvQuery, String)> {
    let vault = Vault::in_folder(&folder.join("keys"));
    let clock = Arc::new(SystemClock);
    let tenants = Tenants::new(db.clone(), vault.clone(), clock.clone(), Vec::new());
    let new = NewTenant {
        customer: CUSTOMER.to_owned(),
        ring: "production".to_owned(),
        entitled: None,
        by: "bench".to_owned(),
    };
    let token = tenants.create(new).await?.token.expose().clone();
    let settings = EnvQuerySettings {
        url: URL.to_owned(),
        pods_url: "https://pods.example.com".to_owned(),
        per_address: NonZeroU32::MAX,
        per_tenant: NonZeroU32::MAX,
        failures: NonZeroU32::MAX,
    };
    Ok((EnvQuery::new(db.clone(), vault, clock, settings)?, token))
}

async fn exchanges(on: &str, envquery: &EnvQuery, key: &str) -> anyhow::Result<()> {
    let began = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let (envquery, key) = (envquery.clone(), key.to_owned());
        clients.spawn(async move {
            let mut taken = Vec::new();
            while began.elapsed() < LASTING {
                let question = question(CUSTOMER, &key)?;
                let asked = Instant::now();
                match envquery.answer(&question, ASKED_FROM).await? {
                    Answer::Given(_) => taken.push(asked.elapsed()),
                    other => bail!("an exchange was refused: {other:?}"),
                }
            }
            Ok(taken)
        });
    }
    let mut taken = Vec::new();
    while let Some(client) = clients.join_next().await {
        taken.extend(client??);
    }
    let lasted = began.elapsed().as_secs_f64();
    taken.sort();
    let slowest = taken.get(taken.len() * 99 / 100).context("nobody asked")?;
    let count = u32::try_from(taken.len())?;
    println!(
        "exchanges, {on:<12}{:>9.0} a second{:>9.1} ms (p99)",
        f64::from(count) / lasted,
        slowest.as_secs_f64() * 1e3
    );
    Ok(())
}

/// Refusals of a tenant that there is not and of a bad signature, by turns; Welch's t-test says whether who measures them
/// can tell them apart. On a machine that does nothing else.
async fn refusals(envquery: &EnvQuery, key: &str) -> anyhow::Result<()> {
    let wrong: String = key.chars().rev().collect();
    let (mut unknown, mut bad) = (Vec::new(), Vec::new());
    for _ in 0..REFUSALS {
        for (customer, times) in [("Nobody Ltd", &mut unknown), (CUSTOMER, &mut bad)] {
            let question = question(customer, &wrong)?;
            let asked = Instant::now();
            match envquery.answer(&question, ASKED_FROM).await? {
                Answer::Refused => times.push(asked.elapsed().as_secs_f64() * 1e6),
                other => bail!("a question was not refused: {other:?}"),
            }
        }
    }
    let ((mean, variance), (other_mean, other_variance)) = (moments(&unknown), moments(&bad));
    let each = f64::from(u32::try_from(REFUSALS)?);
    let t = (mean - other_mean) / (variance / each + other_variance / each).sqrt();
    let verdict = if t.abs() > DIFFERENT {
        "they differ at p < 0.01"
    } else {
        "no difference at p < 0.01"
    };
    println!(
        "refusals, {REFUSALS} each: unknown tenant {mean:.1} µs, bad signature {other_mean:.1} µs, t = {t:.2}: {verdict}"
    );
    Ok(())
}

/// Mean and variance of a sample.
fn moments(sample: &[f64]) -> (f64, f64) {
    let count = u32::try_from(sample.len()).map_or(f64::MAX, f64::from);
    let mean = sample.iter().sum::<f64>() / count;
    let squares: f64 = sample.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, squares / (count - 1.0))
}

/// A question as a Mac asks it.
fn question(customer: &str, key: &str) -> anyhow::Result<String> {
    let now = SystemClock.now().as_secs();
    let claims = json!({
        "iss": customer, "aud": URL, "iat": now, "exp": now + 60,
        "jti": format!("{:032x}", fastrand::u128(..)), "local_ip": "10.1.2.3",
    });
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes())?;
    mac.update(signed.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    Ok(format!("{signed}.{signature}"))
}
