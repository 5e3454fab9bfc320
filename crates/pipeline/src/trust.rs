//! The trust gate: nothing is downloaded before it passed.

use model::FailureClass;
use proplist::Value;
use recipe::{Distrust, History, verify_trust};

use crate::{Failure, Recipes, Request, approval::Standing, plan::Plan, recorded::Past};

/// Whether the run may publish what it makes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Trust {
    /// Everything that it reaches is approved.
    Approved,
    /// A person asked for the steps in spite of everything; nothing is published.
    Waived,
}

/// Holds a plan against `AutoPkg`'s trust information in its override, and against its approval. Blocking.
///
/// Both must pass: the first is what other tools see, the second also covers what it leaves out. Answers what there
/// is to warn of as well.
///
/// # Errors
/// [`FailureClass::Trust`] if either does not pass.
pub(crate) fn check(
    plan: &Plan,
    recipes: &Recipes,
    request: &Request,
    standing: &Standing,
    history: &dyn History,
) -> Result<(Trust, Vec<String>), Failure> {
    if request.ignore_trust {
        return Ok((
            Trust::Waived,
            vec![format!(
                "{} is run without verifying trust; nothing of it will be published.",
                request.name
            )],
        ));
    }
    let mut warnings = Vec::new();
    if plan.recipe.trust_info().is_none() && !is_required(plan, recipes, request) {
        warnings.push(format!(
            "{} is missing trust info and FAIL_RECIPES_WITHOUT_TRUST_INFO is not set. Proceeding...",
            request.name
        ));
    } else {
        verify_trust(
            &plan.recipe,
            &plan.library,
            history,
            &Plan::cloned_repositories(recipes),
            request.verbosity,
        )
        .map_err(|distrust| refused(&distrust, standing, history))?;
    }
    standing.check(history)?;
    Ok((Trust::Approved, warnings))
}

/// Holds what a run went by, which was trusted then, against what is there now. Blocking.
///
/// # Errors
/// If nothing of the title is approved any more, or something that is not kept has changed.
pub(crate) fn check_past(
    request: &Request,
    standing: &Standing,
    past: &Past,
) -> Result<(Trust, Vec<String>), Failure> {
    if let Some(run) = request.replays {
        past.check(&standing.now, run)?;
    }
    if request.ignore_trust {
        return Ok((Trust::Waived, Vec::new()));
    }
    match standing.approval {
        Some(_) => Ok((Trust::Approved, Vec::new())),
        None => Err(standing.never_approved()),
    }
}

/// Whether a recipe without trust information fails: a variable of the run decides before the preferences do, by
/// Python's truth, so that the text `NO` turns it on.
fn is_required(plan: &Plan, recipes: &Recipes, request: &Request) -> bool {
    const KEY: &str = "FAIL_RECIPES_WITHOUT_TRUST_INFO";
    let given = request.variables.iter().rev().find(|(name, _)| name == KEY);
    let environment = plan.outside.environment.iter();
    match given {
        Some((_, value)) => Value::from(value).is_truthy(),
        None => environment
            .filter(|(name, _)| name.strip_prefix("AUTOPKG_") == Some(KEY))
            .map(|(_, value)| !value.is_empty())
            .next_back()
            .unwrap_or_else(|| recipes.preferences.fails_without_trust()),
    }
}

fn refused(distrust: &Distrust, standing: &Standing, history: &dyn History) -> Failure {
    let failure = Failure::from_error(FailureClass::Trust, distrust);
    let difference = standing.difference(history);
    if difference.is_empty() {
        return failure;
    }
    failure.with_detail(difference).with_advice(format!(
        "Look at the difference with `auto-update trust diff {0}`. If it is right, take it over with `auto-update \
         update-trust-info {0}`, then `auto-update trust approve {0}`.",
        standing.title
    ))
}
