//! `backup` and `restore`: everything that cannot be had again.

use crate::{
    cli::backup::{Backup, Restore},
    exit::ExitStatus,
    house::House,
    printer::Printer,
};

/// Writes a backup, while the service may go on.
pub(crate) async fn back_up(
    arguments: Backup,
    house: &House,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let db = house.database().await?;
    let (config, file) = (house.config()?, &arguments.file);
    let done = daemon::back_up(config, &db, file, arguments.repository).await?;
    printer.talk(format!(
        "{}: {} rows, {} files",
        file.display(),
        done.rows,
        done.files
    ));
    Ok(ExitStatus::Done)
}

/// Takes a backup in, where nothing is yet.
pub(crate) async fn restore(
    arguments: Restore,
    house: &House,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let db = house.database().await?;
    let done = daemon::restore(house.config()?, &db, &arguments.file).await?;
    printer.talk(format!(
        "{} rows and {} files are back",
        done.rows, done.files
    ));
    Ok(ExitStatus::Done)
}
