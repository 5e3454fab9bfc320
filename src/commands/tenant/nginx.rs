//! `tenant nginx`: views that NGINX serves.

use anyhow::Context as _;

use crate::{cli::tenant::Nginx, exit::ExitStatus, house::House, printer::Printer};

/// Prints its configuration, or compares or writes what it serves.
pub(super) async fn run(
    arguments: &Nginx,
    house: &House,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let mut nginx = open(house)
        .await?
        .context("the configuration has no section `pods.nginx`")?;
    if arguments.write {
        let told = nginx.turn().await?;
        printer.talk(if told {
            "NGINX has a new configuration"
        } else {
            "NGINX has its configuration already"
        });
    } else if arguments.check {
        if !nginx.is_up_to_date().await? {
            printer.talk(
                "NGINX does not have what it is to have: `auto-update tenant nginx --write` tells it",
            );
            return Ok(ExitStatus::Failed);
        }
        printer.talk("NGINX has what it is to have");
    } else {
        printer.bytes(nginx.configuration().await?.as_bytes())?;
    }
    Ok(ExitStatus::Done)
}

/// Has NGINX on this machine, if it serves views, follow what was just decided: the service would do so a second later.
pub(super) async fn follow(house: &House) -> anyhow::Result<()> {
    if let Some(mut nginx) = open(house).await?.filter(daemon::Nginx::has_begun) {
        let told = nginx.turn().await;
        told.context("it is done, but NGINX does not follow")?;
    }
    Ok(())
}

async fn open(house: &House) -> anyhow::Result<Option<daemon::Nginx>> {
    let config = house.config()?;
    if config.pods.nginx.is_none() {
        return Ok(None);
    }
    let db = house.database().await?;
    let repository = daemon::open_repository(config, &db)?;
    Ok(daemon::Nginx::new(config, &db, repository)?)
}
