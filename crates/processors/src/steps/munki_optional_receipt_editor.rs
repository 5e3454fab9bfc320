//! `MunkiOptionalReceiptEditor`.

use proplist::{Dict, Value};
use publication::{Kind, Staging};

use crate::{Call, Env, Input, Outputs, StepContext, StepError, disk::DiskStep, variables};
use model::chain;

/// Marks receipts of the staged pkginfo as optional: clients do not ask for them.
#[derive(Clone, Copy)]
pub(crate) struct MunkiOptionalReceiptEditor;

impl DiskStep for MunkiOptionalReceiptEditor {
    fn name(self) -> &'static str {
        "MunkiOptionalReceiptEditor"
    }

    fn description(self) -> &'static str {
        "Marks receipts of the pkginfo that is being imported as optional."
    }

    fn inputs(self) -> Vec<Input> {
        vec![
            Input::required("pkginfo_repo_path"),
            Input::required("pkg_ids_set_optional_true"),
        ]
    }

    fn is_brief(self) -> bool {
        true
    }

    fn work(
        self,
        _call: &Call,
        context: &StepContext,
        env: &mut Env,
    ) -> Result<Outputs, StepError> {
        let path = variables::text(env, "pkginfo_repo_path")?;
        if path.is_empty() {
            context
                .messages
                .say("No pkginfo_repo_path specified, skipping");
            return Ok(Outputs::Declared);
        }
        let ids = variables::texts(env, "pkg_ids_set_optional_true")?;
        let location = staged_at(&context.staging, &path)?;
        let mut pkginfo = read(&path)?;
        let modified = set_optional(&mut pkginfo, &ids)?;
        for id in &modified {
            context
                .messages
                .say(&format!("Setting package ID {id} as optional"));
        }
        if modified.is_empty() {
            context.messages.say("No receipts modified, nothing to do");
            return Ok(Outputs::Declared);
        }
        context.messages.say(&format!("Writing pkginfo to {path}"));
        context
            .staging
            .stage_pkginfo(&location, &pkginfo)
            .map_err(|error| StepError::package(chain(&error)).caused_by(error))?;
        Ok(Outputs::Declared)
    }
}

/// Which staged pkginfo waits at `path`. What is published already is not changed behind everybody's back.
fn staged_at(staging: &Staging, path: &str) -> Result<String, StepError> {
    let locations = staging
        .list(Kind::Pkgsinfo)
        .map_err(|error| StepError::package(chain(&error)).caused_by(error))?;
    let waits = |location: &String| {
        staging
            .staged_path(Kind::Pkgsinfo, location)
            .is_some_and(|staged| staged.as_os_str() == path)
    };
    locations.into_iter().find(waits).ok_or_else(|| {
        StepError::configuration(format!("{path} is no pkginfo that this run imports"))
            .with_next_step("Let `pkginfo_repo_path` be what MunkiImporter sets.")
    })
}

fn read(path: &str) -> Result<Dict, StepError> {
    let failed = |why: &str| StepError::package(format!("Could not read {path}: {why}"));
    let bytes = fs_err::read(path).map_err(|error| failed(&error.to_string()).caused_by(error))?;
    match proplist::from_bytes(&bytes) {
        Ok(Value::Dict(pkginfo)) => Ok(pkginfo),
        Ok(_) => Err(failed("it holds no dictionary")),
        Err(error) => Err(failed(&error.to_string()).caused_by(error)),
    }
}

/// Marks the receipts with these ids; answers with their ids, in the order of the receipts.
fn set_optional(pkginfo: &mut Dict, ids: &[String]) -> Result<Vec<String>, StepError> {
    let Some(Value::Array(receipts)) = pkginfo.get_mut("receipts") else {
        return Err(StepError::package(
            "pkginfo does not contain any receipts".to_owned(),
        ));
    };
    let mut modified = Vec::new();
    for receipt in receipts.iter_mut().filter_map(Value::as_dict_mut) {
        let id = receipt.get("packageid").and_then(Value::as_str);
        if let Some(id) = id.filter(|id| ids.iter().any(|wanted| wanted == id)) {
            modified.push(id.to_owned());
            receipt.insert("optional".to_owned(), true.into());
        }
    }
    Ok(modified)
}
