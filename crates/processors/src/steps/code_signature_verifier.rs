//! `CodeSignatureVerifier`.

use std::path::Path;

use codesign::{Outcome, Pins, Report, Requirement};
use model::{FailureClass, chain};
use proplist::Value;

use crate::{
    Call, Env, Input, Outputs, StepContext, StepError,
    disk::DiskStep,
    glob::{Depth, glob},
    variables,
};

/// Whom a recipe expects as the signer: the right names, and the ones that `AutoPkg` takes with a warning.
const REQUIREMENTS: [&str; 2] = ["requirement", "requirements"];
const AUTHORITIES: [&str; 2] = ["expected_authority_names", "expected_authorities"];

/// Checks who signed a program, an image or a package.
///
/// Unlike `AutoPkg`'s it fails when nothing is pinned, and when a step pins something that cannot apply.
#[derive(Clone, Copy)]
pub(crate) struct CodeSignatureVerifier;

impl DiskStep for CodeSignatureVerifier {
    fn name(self) -> &'static str {
        "CodeSignatureVerifier"
    }

    fn description(self) -> &'static str {
        "Checks the signature of an application, program or package, and who signed it."
    }

    fn inputs(self) -> Vec<Input> {
        let mut inputs = vec![
            Input::required("input_path"),
            Input::optional("DISABLE_CODE_SIGNATURE_VERIFICATION"),
            Input::defaulted("deep_verification", true),
            Input::optional("strict_verification"),
            Input::optional("codesign_additional_arguments"),
            Input::optional("CODE_SIGNATURE_VERIFICATION_DEBUG"),
        ];
        inputs.extend(REQUIREMENTS.map(Input::optional));
        inputs.extend(AUTHORITIES.map(Input::optional));
        inputs
    }

    fn work(self, call: &Call, context: &StepContext, env: &mut Env) -> Result<Outputs, StepError> {
        if variables::is_true(env, "DISABLE_CODE_SIGNATURE_VERIFICATION") {
            return disabled(context);
        }
        take_aliases(context, call, env);
        let pattern = variables::text(env, "input_path")?;
        let path = chosen(context, &pattern)?;
        let pins = Pins {
            revoked: context.signatures.revocations()?,
            ..pins(context, call, env, Kind::of(&path))?
        };
        let report = codesign::verify(Path::new(&path), &pins, context.clock.now())
            .map_err(|error| failed(&path, &chain(&error)).caused_by(error))?;
        judge(&path, &pins, &report)?;
        if let Some(identity) = report.identity() {
            context.identities.note(identity);
        }
        say(context, &path, &report);
        Ok(Outputs::Declared)
    }
}

/// The check is switched off: only where the operator allows that, and never silently. The variable is one of the
/// step's inputs, so that the record of the run has it.
fn disabled(context: &StepContext) -> Result<Outputs, StepError> {
    if context.signatures.may_disable {
        context
            .messages
            .warn("Code signature verification disabled for this recipe run.");
        return Ok(Outputs::Declared);
    }
    Err(StepError::configuration(
        "'DISABLE_CODE_SIGNATURE_VERIFICATION' is set, but the configuration does not allow to switch the check off.",
    )
    .with_next_step(
        "Remove the variable; or, if nobody else can vouch for the software, set `may-disable` in `[signatures]`.",
    ))
}

/// What a signature is checked by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    /// `codesign`, with a requirement.
    Code,
    /// `pkgutil`, with names of certificates.
    Package,
}

impl Kind {
    fn of(path: &str) -> Self {
        let end = path.rsplit_once('.').map_or("", |(_, end)| end);
        match end {
            "pkg" | "mpkg" | "xip" => Self::Package,
            _ => Self::Code,
        }
    }

    /// The variables that pin something for it, and those that cannot.
    const fn variables(self) -> ([&'static str; 2], [&'static str; 2]) {
        match self {
            Self::Code => (REQUIREMENTS, AUTHORITIES),
            Self::Package => (AUTHORITIES, REQUIREMENTS),
        }
    }
}

fn chosen(context: &StepContext, pattern: &str) -> Result<String, StepError> {
    let found = glob(pattern, Depth::Flat)?;
    let Some(first) = found.first() else {
        return Err(StepError::package(format!(
            "Error processing path '{pattern}' with glob. "
        )));
    };
    if found.len() > 1 {
        context.messages.warn(&format!(
            "Multiple paths match 'input_path' glob '{pattern}':\n  - {}",
            found.join("\n  - ")
        ));
    }
    if first != pattern {
        context.messages.say(&format!(
            "Using path '{first}' matched from globbed '{pattern}'."
        ));
    }
    Ok(first.clone())
}

/// A step's own misspelt names count as the right ones.
fn take_aliases(context: &StepContext, call: &Call, env: &mut Env) {
    for [right, alias] in [REQUIREMENTS, AUTHORITIES] {
        if !call.arguments.contains_key(alias) || call.arguments.contains_key(right) {
            continue;
        }
        context
            .messages
            .warn(&format!("'{alias}' is taken as '{right}'"));
        if let Some(value) = env.get(alias).cloned() {
            env.insert(right.to_owned(), value);
        }
    }
}

/// What the recipe pins for a thing of this kind.
///
/// Variables of earlier steps stay set, so one that cannot apply is passed over, unless this very step has it: then
/// its author believes that something is checked which is not.
fn pins(context: &StepContext, call: &Call, env: &Env, kind: Kind) -> Result<Pins, StepError> {
    let (_, inapplicable) = kind.variables();
    if let Some(name) = inapplicable.iter().find(|name| is_given(call, name)) {
        let (what, instead) = match kind {
            Kind::Code => ("anything but a package", "requirement"),
            Kind::Package => ("a package", "expected_authority_names"),
        };
        return Err(StepError::configuration(format!(
            "'{name}' cannot be checked for {what}, as {} asks; use '{instead}'.",
            call.origin
        )));
    }
    refuse_weakening(context, env)?;
    let pins = match kind {
        Kind::Code => Pins {
            requirement: requirement(env)?,
            ..Pins::none()
        },
        Kind::Package => Pins {
            authorities: variables::texts(env, "expected_authority_names")?,
            ..Pins::none()
        },
    };
    if pins.is_empty() {
        let ([right, _], _) = kind.variables();
        return Err(StepError::new(
            FailureClass::CodeSignature,
            format!(
                "Code signature verification pins nothing: '{right}' is not set, so any vendor's signature would do."
            ),
        )
        .with_next_step(format!(
            "Set '{right}' in the recipe to the signer of the software."
        )));
    }
    Ok(pins)
}

fn is_given(call: &Call, name: &str) -> bool {
    call.arguments.get(name).is_some_and(Value::is_truthy)
}

/// The whole check is always made: deep, and strict. An option that would leave something out is refused or passed
/// over with a warning; one that is not known is refused.
fn refuse_weakening(context: &StepContext, env: &Env) -> Result<(), StepError> {
    let is_off = |name: &str| {
        env.get(name)
            .is_some_and(|value| *value == Value::Bool(false))
    };
    for name in ["deep_verification", "strict_verification"] {
        if is_off(name) {
            context.messages.say(&format!(
                "'{name}' is off in the recipe; the check is made all the same"
            ));
        }
    }
    for argument in variables::texts(env, "codesign_additional_arguments")? {
        let harmless = [
            "--deep",
            "--strict",
            "--verbose",
            "-v",
            "--all-architectures",
        ];
        if !harmless.iter().any(|known| argument.starts_with(known)) {
            return Err(StepError::configuration(format!(
                "the codesign argument '{argument}' is not understood"
            )));
        }
    }
    Ok(())
}

fn requirement(env: &Env) -> Result<Option<Requirement>, StepError> {
    let Some(text) = variables::some_text(env, "requirement")? else {
        return Ok(None);
    };
    Requirement::parse(&text).map(Some).map_err(|error| {
        StepError::configuration(format!("the requirement cannot be read: {}", chain(&error)))
            .caused_by(error)
    })
}

fn judge(path: &str, pins: &Pins, report: &Report) -> Result<(), StepError> {
    if report.satisfies(pins) {
        return Ok(());
    }
    if report.authorities_met == Some(false) && report.verdict.is_accepted() {
        return Err(identity_changed(format!(
            "Mismatch in authority names: expected {}, found {}.",
            pins.authorities.join(" -> "),
            report.authorities.join(" -> ")
        )));
    }
    if report.requirement_met == Some(false) && report.verdict.is_accepted() {
        return Err(identity_changed(format!(
            "{path} does not satisfy the recipe's requirement; it is signed by {}.",
            signer(report)
        )));
    }
    let details: Vec<String> = report
        .failures()
        .map(|check| match &check.detail {
            Some(detail) => format!("{}: {detail}", check.name),
            None => check.name.to_owned(),
        })
        .collect();
    Err(failed(path, &details.join("; ")))
}

fn identity_changed(text: String) -> StepError {
    StepError::new(FailureClass::IdentityChanged, text).with_next_step(
        "Find out whether the vendor changed its signing identity; only then correct the recipe and approve it.",
    )
}

fn failed(path: &str, why: &str) -> StepError {
    StepError::new(
        FailureClass::CodeSignature,
        format!("Code signature verification failed for {path}: {why}"),
    )
}

fn signer(report: &Report) -> String {
    match (&report.authorities.first(), &report.team_id) {
        (Some(name), Some(team)) if !name.contains(team.as_str()) => format!("{name} ({team})"),
        (Some(name), _) => (*name).clone(),
        (None, Some(team)) => team.clone(),
        (None, None) => "nobody".to_owned(),
    }
}

fn say(context: &StepContext, path: &str, report: &Report) {
    context
        .messages
        .say(&format!("Verified {path}, signed by {}", signer(report)));
    if !report.authorities.is_empty() {
        context.messages.say(&format!(
            "Authority name chain: {}",
            report.authorities.join(" -> ")
        ));
    }
    for check in &report.checks {
        if check.result == Outcome::NotMade {
            context
                .messages
                .say(&format!("The check `{}` was not made", check.name));
        }
    }
}
