//! `tenant profile`: what a tenant's Macs are given to know.

use std::{io::Write as _, path::Path};

use anyhow::Context as _;
use fs_err::os::unix::fs::OpenOptionsExt as _;
use tenancy::{
    SecretKind, Tenants,
    profile::{ProfileSettings, profile},
};

use crate::{cli::tenant::Profile, house::House, printer::Printer};

/// Writes the profile. Whoever can read it can ask as the tenant's Macs do.
pub(super) async fn run(
    arguments: Profile,
    tenants: &Tenants,
    house: &House,
    printer: Printer,
) -> anyhow::Result<()> {
    let config = house.config()?;
    let url = config.envquery_url()?;
    let settings = ProfileSettings {
        envquery_url: url.context("the configuration does not say `envquery.url`")?,
        pins: config.envquery.pins.clone(),
        identifier: arguments.identifier,
        organization: arguments.organization,
    };
    let tenant = tenants.find(&arguments.customer).await?;
    let tokens = tenants.valid(&tenant, SecretKind::Token).await?;
    let token = tokens
        .first()
        .with_context(|| format!("the tenant `{}` is suspended", tenant.customer))?;
    let profile = profile(&tenant, token, &settings)?;
    match arguments.out {
        None => printer.bytes(profile.expose().as_bytes())?,
        Some(path) => {
            write(&path, profile.expose())?;
            printer.talk(format!(
                "Wrote {}: whoever can read it can ask as these Macs do",
                path.display()
            ));
        }
    }
    Ok(())
}

/// Nothing that is there is written over: it may be readable by others.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = fs_err::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
