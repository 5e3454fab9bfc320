//! `import-autopkg`: what of an existing set-up of AutoPkg's goes on here, and how.

mod judge;
mod load;
mod python;
mod setup;
mod show;
mod write;

use crate::{cli::import_autopkg::ImportAutopkg, exit::ExitStatus, house::House, printer::Printer};

/// Does what was asked. Reads the set-up and changes nothing in it; with `--load`, its processors are loaded in their
/// sandbox.
pub(crate) async fn run(
    arguments: ImportAutopkg,
    house: &House,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let setup = setup::Setup::find(&arguments, house)?;
    let mut titles = judge::titles(&setup);
    if arguments.load {
        load::load_all(&mut titles, house.config()?.sandbox.settings()).await?;
    }
    if arguments.json {
        printer.data(show::as_json(&setup, &titles))?;
    } else {
        show::as_text(&setup, &titles, printer)?;
    }
    if let Some(path) = &arguments.write {
        write::write(path, &setup, &titles)?;
        printer.talk(format!("Wrote `{}`", path.display()));
        printer.hint(format!(
            "look it through, then: `auto-update --config {} config check`",
            path.display()
        ));
    }
    Ok(ExitStatus::Done)
}
