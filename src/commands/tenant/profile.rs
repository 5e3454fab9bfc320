//! `tenant profile`: what a tenant's Macs are given to know.

use std::{io::Write as _, path::Path};

use anyhow::Context as _;
use fs_err::os::unix::fs::OpenOptionsExt as _;
use model::{Clock as _, SystemClock};
use tenancy::{
    SecretKind, Tenants,
    profile::{ProfileSettings, ProfileSigner, profile},
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
    let signer = match (&arguments.sign_with, &arguments.key) {
        (Some(certificates), Some(key)) => Some(signer(certificates, key)?),
        _ => None,
    };
    let written = match signer {
        Some(signer) => signer.sign(profile.expose().as_bytes(), SystemClock.now())?,
        None => profile.expose().as_bytes().to_vec(),
    };
    match arguments.out {
        None => printer.bytes(&written)?,
        Some(path) => {
            write(&path, &written)?;
            printer.talk(format!(
                "Wrote {}: whoever can read it can ask as these Macs do",
                path.display()
            ));
        }
    }
    Ok(())
}

fn signer(certificates: &Path, key: &Path) -> anyhow::Result<ProfileSigner> {
    let chain = fs_err::read(certificates)?;
    let secret = evidence::read_private_file(key)?;
    ProfileSigner::from_pem(&chain, secret.as_bytes()).with_context(|| {
        let (certificates, key) = (certificates.display(), key.display());
        format!("cannot sign with `{certificates}` and `{key}`")
    })
}

/// Nothing that is there is written over: it may be readable by others.
fn write(path: &Path, contents: &[u8]) -> std::io::Result<()> {
    let mut file = fs_err::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(contents)?;
    file.sync_all()
}
