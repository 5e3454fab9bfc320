//! `DmgCreator`.

use std::path::Path;

use media::write::Compression;
use proplist::Value;

use crate::{
    Call, Env, Input, Outputs, StepContext, StepError, disk::DiskStep, removal::remove, variables,
};
use model::chain;

/// Formats that are read-only. `ULFO` and `ULMO` are newer than AutoPkg's own list.
const FORMATS: [&str; 7] = ["UDRO", "UDCO", "UDZO", "UDBZ", "UFBI", "ULFO", "ULMO"];

/// File systems that a Mac reads as it reads HFS+, which is what is made for each of them.
const FILE_SYSTEMS: [&str; 7] = [
    "APFS",
    "Case-insensitive APFS",
    "Case-sensitive APFS",
    "Case-sensitive HFS+",
    "Case-sensitive Journaled HFS+",
    "HFS+",
    "Journaled HFS+",
];

/// Makes a disk image of a folder.
#[derive(Clone, Copy)]
pub(crate) struct DmgCreator;

impl DiskStep for DmgCreator {
    fn name(self) -> &'static str {
        "DmgCreator"
    }

    fn description(self) -> &'static str {
        "Makes a compressed disk image with an HFS+ volume of a folder."
    }

    fn inputs(self) -> Vec<Input> {
        vec![
            Input::required("dmg_root"),
            Input::required("dmg_path"),
            Input::defaulted("dmg_format", "UDZO"),
            Input::defaulted("dmg_filesystem", "HFS+"),
            Input::defaulted("dmg_zlib_level", Value::Integer(5)),
            Input::optional("dmg_megabytes"),
        ]
    }

    fn work(
        self,
        _call: &Call,
        context: &StepContext,
        env: &mut Env,
    ) -> Result<Outputs, StepError> {
        let root = variables::text(env, "dmg_root")?;
        let path = variables::text(env, "dmg_path")?;
        let compression = compression(env)?;
        let failed = |why: &dyn std::fmt::Display| {
            StepError::package(format!("creation of {path} failed: {why}"))
        };
        let folder = Path::new(&root);
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        if Path::new(&path).symlink_metadata().is_ok() {
            remove(Path::new(&path)).map_err(|error| failed(&error))?;
        }
        media::HostTree::new(folder)
            .and_then(|tree| media::write::dmg_of(&tree, &name, compression, Path::new(&path)))
            .map_err(|error| failed(&chain(&error)))?;
        context
            .messages
            .say(&format!("Created dmg from {root} at {path}"));
        Ok(Outputs::Declared)
    }
}

/// How the image is compressed, if it is one that can be made.
fn compression(env: &Env) -> Result<Compression, StepError> {
    for (variable, what, known) in [
        ("dmg_format", "format", &FORMATS[..]),
        ("dmg_filesystem", "filesystem", &FILE_SYSTEMS),
    ] {
        let wanted = variables::text(env, variable)?;
        if !known.contains(&wanted.as_str()) {
            return Err(StepError::configuration(format!(
                "dmg {what} '{wanted}' is invalid. Must be one of: {}.",
                known.join(", ")
            )));
        }
    }
    let level = env.get("dmg_zlib_level").map(proplist::str_form);
    let level: Option<u32> = level.and_then(|level| level.trim().parse().ok());
    let Some(level) = level.filter(|level| (1..=9).contains(level)) else {
        return Err(StepError::configuration(
            "dmg_zlib_level must be a value between 1 and 9.",
        ));
    };
    Ok(match variables::text(env, "dmg_format")?.as_str() {
        "UDRO" => Compression::Stored,
        "UDBZ" => Compression::Bzip2,
        "ULFO" => Compression::Lzfse,
        "ULMO" => Compression::Lzma,
        // Nobody writes ADC (UDCO) any more, and UFBI is about checksums.
        _ => Compression::Zlib { level },
    })
}
