//! `PkgCreator`.

use proplist::{Dict, Value};

use crate::{
    Call, Env, Input, Output, Outputs, StepContext, StepError,
    disk::DiskStep,
    packaging::{Request, find_relative, owners},
    variables,
};

const SUMMARY: &str = "pkg_creator_summary_result";

/// Builds a flat package.
#[derive(Clone, Copy)]
pub(crate) struct PkgCreator;

impl DiskStep for PkgCreator {
    fn name(self) -> &'static str {
        "PkgCreator"
    }

    fn description(self) -> &'static str {
        "Builds a flat package of a folder; it is not signed."
    }

    fn inputs(self) -> Vec<Input> {
        vec![
            Input::required("pkg_request"),
            Input::defaulted("force_pkg_build", false),
        ]
    }

    fn outputs(self) -> Vec<Output> {
        ["pkg_path", "new_package_request", SUMMARY]
            .iter()
            .map(|name| Output { name })
            .collect()
    }

    fn also_reads(self) -> &'static [&'static str] {
        &[
            "id", "infofile", "pkgname", "pkgroot", "pkgtype", "scripts", "version",
        ]
    }

    fn work(
        self,
        _call: &Call,
        context: &StepContext,
        env: &mut Env,
    ) -> Result<Outputs, StepError> {
        env.shift_remove(SUMMARY);
        let asked = variables::dict(env, "pkg_request")?;
        let request = request(env, context, &asked)?;
        if request.fulfil(context, env)? {
            env.insert(SUMMARY.to_owned(), request.summary());
        }
        Ok(Outputs::Declared)
    }
}

/// The request, with what it leaves out taken from the variables of the same names.
fn request(env: &Env, context: &StepContext, asked: &Dict) -> Result<Request, StepError> {
    let some = |key: &str| {
        asked
            .get(key)
            .or_else(|| env.get(key))
            .map(proplist::str_form)
    };
    let needed = |key: &str| {
        some(key).ok_or_else(|| StepError::configuration(format!("Request key {key} missing")))
    };
    let path = |found: String| find_relative(env, &found);
    if let Some(other) = some("pkgtype").filter(|kind| kind != "flat") {
        return Err(StepError::configuration(format!(
            "Unsupported pkgtype {other}"
        )));
    }
    let root = path(needed("pkgroot")?)?;
    let folder = asked.get("pkgdir").map(proplist::str_form);
    let folder = folder.unwrap_or_else(|| context.workspace.to_string_lossy().into_owned());
    let chown = asked.get("chown").and_then(Value::as_array);
    Ok(Request {
        owners: owners(&root, chown.unwrap_or_default())?,
        root,
        folder: path(folder)?,
        name: needed("pkgname")?,
        identifier: needed("id")?,
        version: needed("version")?,
        info: path(some("infofile").unwrap_or_default())?,
        scripts: path(some("scripts").unwrap_or_default())?,
    })
}
