//! `tenant manifests`, `put-manifest` and `remove-manifest`.

use anyhow::Context as _;
use serde_json::json;
use tenancy::{Tenants, pods};

use crate::{cli::tenant::Tenant, house::House, printer::Printer};

/// Does what was asked with a tenant's own manifests.
pub(super) async fn run(
    verb: Tenant,
    tenants: &Tenants,
    house: &House,
    printer: Printer,
) -> anyhow::Result<()> {
    let config = house.config()?;
    let repository = daemon::open_repository(config, &house.database().await?)?;
    match verb {
        Tenant::Manifests(arguments) => {
            let tenant = tenants.find(&arguments.customer).await?;
            for name in pods::manifest_names(&*repository, &tenant)? {
                if arguments.json {
                    printer.data(json!({"schema": 1, "name": name}))?;
                } else {
                    printer.data(name)?;
                }
            }
        }
        Tenant::PutManifest(arguments) => {
            let tenant = tenants.find(&arguments.customer).await?;
            let contents = fs_err::read(&arguments.file)?;
            pods::put_manifest(&*repository, &tenant, &arguments.name, &contents)
                .with_context(|| format!("`{}` is not put", arguments.file.display()))?;
            printer.talk(format!(
                "{} has the manifest {}",
                tenant.customer, arguments.name
            ));
        }
        Tenant::RemoveManifest(arguments) => {
            let tenant = tenants.find(&arguments.customer).await?;
            pods::remove_manifest(&*repository, &tenant, &arguments.name)?;
            let (customer, name) = (tenant.customer, arguments.name);
            printer.talk(format!("{customer} has no manifest {name} of its own"));
        }
        _ => {}
    }
    Ok(())
}
