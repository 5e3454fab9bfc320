//! `tenant`: who may read the repository.

mod manifests;
mod nginx;
mod pins;
mod profile;

use std::time::Duration;

use serde_json::{Value as Json, json};
use tenancy::{Credential, NewTenant, Tenants, Welcome};

use crate::{
    cli::tenant::{CatalogueAccess, CheckIns, Create, Entitle, List, One, Rotate, Tenant},
    exit::ExitStatus,
    house::House,
    ledger::Ledger,
    person,
    printer::Printer,
};

/// Does what was asked.
pub(crate) async fn run(
    verb: Tenant,
    house: &House,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    // These need no state.
    match verb {
        Tenant::JamfSchema => {
            printer.data(format!("{:#}", tenancy::profile::jamf_schema()))?;
            Ok(ExitStatus::Done)
        }
        Tenant::Pins(arguments) => pins::run(&arguments, house, printer),
        Tenant::Nginx(arguments) => nginx::run(&arguments, house, printer).await,
        verb => {
            let ledger = Ledger::new(&house.database().await?, None);
            let changes = changes_a_pod(&verb);
            let status = run_on(verb, (&open(house).await?, &ledger), house, printer).await?;
            if changes {
                nginx::follow(house).await?;
            }
            Ok(status)
        }
    }
}

/// Whether what it does must be seen in the views that NGINX serves. Changing the key that seals is not seen there.
const fn changes_a_pod(verb: &Tenant) -> bool {
    matches!(
        verb,
        Tenant::Assign(_)
            | Tenant::Create(_)
            | Tenant::Delete(_)
            | Tenant::Entitle(_)
            | Tenant::PutManifest(_)
            | Tenant::RemoveManifest(_)
            | Tenant::Resume(_)
            | Tenant::RotateCredential(_)
            | Tenant::Suspend(_)
    )
}

async fn run_on(
    verb: Tenant,
    (tenants, ledger): (&Tenants, &Ledger),
    house: &House,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let Some((did, about, detail)) = deed(&verb) else {
        look(verb, tenants, house, printer).await?;
        return Ok(ExitStatus::Done);
    };
    ledger.asked((did, &about, detail.clone())).await?;
    let done = change(verb, tenants, house, printer).await;
    let wrong = done.as_ref().err().map(ToString::to_string);
    let noted = ledger.ended((did, &about, detail), wrong.as_deref()).await;
    done?;
    noted?;
    Ok(ExitStatus::Done)
}

/// What a verb does, to whom, and what else there is to say, if it changes something or shows a secret.
fn deed(verb: &Tenant) -> Option<(&'static str, String, String)> {
    let nothing = String::new;
    let (did, about, detail) = match verb {
        Tenant::Assign(it) => ("tenant.assign", &it.customer, format!("ring {}", it.ring)),
        Tenant::CatalogueAccess(it) => {
            let did = if it.revoke {
                "tenant.revoke-catalogue-access"
            } else {
                "tenant.give-catalogue-access"
            };
            (did, &it.customer, nothing())
        }
        Tenant::Create(it) => ("tenant.create", &it.customer, format!("ring {}", it.ring)),
        Tenant::Delete(it) => ("tenant.delete", &it.customer, nothing()),
        Tenant::Entitle(it) => {
            let items = if it.all {
                "all titles".to_owned()
            } else {
                it.items.join(", ")
            };
            ("tenant.entitle", &it.customer, items)
        }
        Tenant::Profile(it) => ("tenant.profile", &it.customer, nothing()),
        Tenant::PutManifest(it) => ("tenant.put-manifest", &it.customer, it.name.clone()),
        Tenant::RemoveManifest(it) => ("tenant.remove-manifest", &it.customer, it.name.clone()),
        Tenant::Resume(it) => ("tenant.resume", &it.customer, nothing()),
        Tenant::RotateCredential(it) => ("tenant.rotate-credential", &it.customer, nothing()),
        Tenant::RotateKey(_) => {
            return Some(("tenant.rotate-key", "all secrets".to_owned(), nothing()));
        }
        Tenant::RotateToken(it) => ("tenant.rotate-token", &it.customer, nothing()),
        Tenant::Suspend(it) => ("tenant.suspend", &it.customer, nothing()),
        Tenant::CheckIns(_)
        | Tenant::JamfSchema
        | Tenant::List(_)
        | Tenant::Manifests(_)
        | Tenant::Nginx(_)
        | Tenant::Pins(_)
        | Tenant::Show(_) => return None,
    };
    Some((did, about.clone(), detail))
}

/// Verbs that change nothing.
async fn look(
    verb: Tenant,
    tenants: &Tenants,
    house: &House,
    printer: Printer,
) -> anyhow::Result<()> {
    match verb {
        Tenant::CheckIns(arguments) => check_ins(&arguments, tenants, printer).await,
        Tenant::List(arguments) => list(&arguments, tenants, printer).await,
        Tenant::Show(One { customer, json }) => {
            let tenant = tenants.find(&customer).await?;
            tell(tenants, &tenant, json, printer).await
        }
        verb => manifests::run(verb, tenants, house, printer).await,
    }
}

/// Verbs that change something.
async fn change(
    verb: Tenant,
    tenants: &Tenants,
    house: &House,
    printer: Printer,
) -> anyhow::Result<()> {
    match verb {
        Tenant::Assign(arguments) => {
            let tenant = tenants.assign(&arguments.customer, &arguments.ring).await?;
            tell(tenants, &tenant, arguments.json, printer).await?;
        }
        Tenant::CatalogueAccess(arguments) => {
            catalogue_access(&arguments, tenants, printer).await?;
        }
        Tenant::Create(arguments) => create(arguments, tenants, printer).await?,
        Tenant::Delete(arguments) => {
            let tenant = tenants.delete(&arguments.customer).await?;
            tell(tenants, &tenant, arguments.json, printer).await?;
        }
        Tenant::Entitle(arguments) => entitle(arguments, tenants, printer).await?,
        Tenant::Profile(arguments) => profile::run(arguments, tenants, house, printer).await?,
        Tenant::Resume(arguments) => {
            let tenant = tenants.resume(&arguments.customer).await?;
            tell(tenants, &tenant, arguments.json, printer).await?;
        }
        Tenant::RotateCredential(arguments) => {
            let overlap = overlap(&arguments);
            let rotating = tenants.rotate_credential(&arguments.customer, overlap);
            let credential = rotating.await?;
            show_secrets(credential_to_json(&credential), arguments.json, printer)?;
        }
        Tenant::RotateKey(arguments) => {
            let id = tenants.rotate_key().await?;
            if arguments.json {
                printer.data(json!({"schema": 1, "key": id}))?;
            } else {
                printer.talk(format!("Every secret is sealed with key {id} now"));
            }
        }
        Tenant::RotateToken(arguments) => {
            let overlap = overlap(&arguments);
            let token = tenants.rotate_token(&arguments.customer, overlap).await?;
            show_secrets(json!({"token": token.expose()}), arguments.json, printer)?;
        }
        Tenant::Suspend(arguments) => {
            let tenant = tenants.suspend(&arguments.customer).await?;
            tell(tenants, &tenant, arguments.json, printer).await?;
        }
        verb => manifests::run(verb, tenants, house, printer).await?,
    }
    Ok(())
}

/// The tenants of the configured house.
///
/// # Errors
/// If the configuration cannot be read or the state cannot be opened.
pub(super) async fn open(house: &House) -> anyhow::Result<Tenants> {
    let db = house.database().await?;
    Ok(daemon::open_tenants(house.config()?, db))
}

fn overlap(arguments: &Rotate) -> Duration {
    Duration::from_hours(1).saturating_mul(arguments.overlap_hours)
}

async fn create(arguments: Create, tenants: &Tenants, printer: Printer) -> anyhow::Result<()> {
    let new = NewTenant {
        customer: arguments.customer,
        ring: arguments.ring,
        entitled: (!arguments.items.is_empty()).then_some(arguments.items),
        by: person::named(arguments.by.as_deref())?,
    };
    let Welcome {
        tenant,
        token,
        credential,
    } = tenants.create(new).await?;
    let mut shown = credential_to_json(&credential);
    if let Json::Object(shown) = &mut shown {
        shown.insert("customer".to_owned(), tenant.customer.into());
        shown.insert("slug".to_owned(), tenant.slug.into());
        shown.insert("token".to_owned(), token.expose().as_str().into());
    }
    show_secrets(shown, arguments.json, printer)
}

async fn catalogue_access(
    arguments: &CatalogueAccess,
    tenants: &Tenants,
    printer: Printer,
) -> anyhow::Result<()> {
    let tenant = tenants.find(&arguments.customer).await?;
    let access = tenants.catalogue();
    if !arguments.revoke {
        let by = person::named(None).unwrap_or_else(|_nobody| person::user());
        let code = access.give(&tenant, &by).await?;
        let shown = json!({"customer": tenant.customer, "code": code.expose()});
        return show_secrets(shown, arguments.json, printer);
    }
    let was = access.revoke(&tenant).await?;
    if arguments.json {
        printer.data(json!({"schema": 1, "customer": tenant.customer, "revoked": was}))?;
    } else if was {
        printer.talk(format!(
            "Nobody at {} is let in to its catalogue any more",
            tenant.customer
        ));
    } else {
        printer.talk(format!(
            "Nobody at {} was let in to its catalogue",
            tenant.customer
        ));
    }
    Ok(())
}

fn credential_to_json(credential: &Credential) -> Json {
    json!({
        "user": credential.user,
        "password": credential.password.expose(),
    })
}

/// The only place where secrets of tenants are shown.
fn show_secrets(mut shown: Json, as_json: bool, printer: Printer) -> anyhow::Result<()> {
    let Json::Object(values) = &mut shown else {
        return Ok(());
    };
    if as_json {
        values.insert("schema".to_owned(), 1.into());
        printer.data(shown)?;
        return Ok(());
    }
    for (name, value) in values {
        let text = value.as_str().unwrap_or_default();
        printer.data(format!("{name}: {text}"))?;
    }
    printer.talk("Keep these now: they are not shown again");
    Ok(())
}

async fn entitle(arguments: Entitle, tenants: &Tenants, printer: Printer) -> anyhow::Result<()> {
    let items = (!arguments.all).then_some(arguments.items);
    let tenant = tenants.entitle(&arguments.customer, items).await?;
    tell(tenants, &tenant, arguments.json, printer).await
}

async fn list(arguments: &List, tenants: &Tenants, printer: Printer) -> anyhow::Result<()> {
    let listed = tenants.list(arguments.all).await?;
    for tenant in &listed {
        tell(tenants, tenant, arguments.json, printer).await?;
    }
    if listed.is_empty() && !arguments.json {
        printer.talk("There are no tenants");
    }
    Ok(())
}

async fn check_ins(
    arguments: &CheckIns,
    tenants: &Tenants,
    printer: Printer,
) -> anyhow::Result<()> {
    let tenant = tenants.find(&arguments.customer).await?;
    for check_in in tenants.check_ins(&tenant, arguments.limit).await? {
        let (at, local, public) = (check_in.at, check_in.local_ip, check_in.public_ip);
        if arguments.json {
            let at = at.to_string();
            printer.data(json!({"schema": 1, "at": at, "local_ip": local, "public_ip": public}))?;
        } else {
            printer.data(format!("{at} {local} from {public}"))?;
        }
    }
    Ok(())
}

async fn tell(
    tenants: &Tenants,
    tenant: &store::Tenant,
    as_json: bool,
    printer: Printer,
) -> anyhow::Result<()> {
    let ring = tenants.ring_of(tenant).await?;
    if as_json {
        printer.data(json!({
            "schema": 1,
            "customer": tenant.customer,
            "slug": tenant.slug,
            "state": tenant.state.as_str(),
            "ring": ring,
            "items": tenant.entitled,
            "created_at": tenant.created_at.to_string(),
            "created_by": tenant.created_by,
        }))?;
        return Ok(());
    }
    let items = match &tenant.entitled {
        None => "everything".to_owned(),
        Some(names) => names.join(", "),
    };
    printer.data(format!(
        "{} ({}): {}, ring {}, may have {items}; made on {} by {}",
        tenant.customer,
        tenant.slug,
        tenant.state.as_str(),
        ring.as_deref().unwrap_or("none"),
        tenant.created_at,
        tenant.created_by
    ))?;
    Ok(())
}
