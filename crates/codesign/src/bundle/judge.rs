//! Judges a bundle and the code in it.

use media::Tree;
use model::Timestamp;

use super::{
    Layout,
    layout::{entry, join, read_file},
    seal::{Nested, NestedSeal, Seal},
};
use crate::{
    Requirement,
    checks::Checks,
    flaw::Flaw,
    macho,
    program::{Judged, Surroundings, judge_program},
    requirement::Context,
};

const MAX_RESOURCES_LEN: u64 = 256 << 20;

/// How deep code may nest in code.
const MAX_DEPTH: u8 = 16;

/// Judges the bundle laid out as `layout` says, with everything in it.
pub(crate) fn judge_bundle(
    tree: &dyn Tree,
    layout: &Layout,
    now: Timestamp,
    checks: &mut Checks,
) -> Judged {
    judge_at_depth(tree, layout, (now, MAX_DEPTH), checks)
}

fn judge_at_depth(
    tree: &dyn Tree,
    layout: &Layout,
    (now, depth): (Timestamp, u8),
    checks: &mut Checks,
) -> Judged {
    checks.note("bundle-structure", layout.judge_root(tree));
    let list = join(&layout.sealed, "_CodeSignature/CodeResources");
    let list = match read_file(tree, &list, MAX_RESOURCES_LEN) {
        Ok(list) => list,
        Err(flaw) => {
            checks.fail("sealed-resources", flaw);
            None
        }
    };
    let Some(program) = &layout.program else {
        return without_program(list.as_deref(), checks);
    };
    let source = match tree.source(program) {
        Ok(source) => source,
        Err(error) => {
            checks.fail("structure", Flaw::of_error("unreadable", &error));
            return Judged::default();
        }
    };
    let surroundings = Surroundings {
        info: &layout.info,
        resources: list.as_deref(),
    };
    let judged = judge_program(&source, Some(surroundings), now, checks);
    if judged.is_unsigned {
        return judged;
    }
    match list
        .as_deref()
        .map(|list| Seal::read(list)?.compare(tree, layout))
    {
        None => checks.fail(
            "sealed-resources",
            Flaw::new(
                "resources-not-sealed",
                "the bundle has no list of sealed resources",
            ),
        ),
        Some(Err(flaw)) => checks.fail("sealed-resources", flaw),
        Some(Ok(compared)) => {
            checks.pass("sealed-resources", format!("{} compared", compared.count));
            if !compared.unsealed.is_empty() {
                checks.not_made("unsealed-files", &compared.unsealed.join(", "));
            }
            judge_nested(tree, &compared.nested, (now, depth), checks);
        }
    }
    judged
}

/// A bundle without a program keeps its signature in files of its own, which are not judged here.
fn without_program(list: Option<&[u8]>, checks: &mut Checks) -> Judged {
    if list.is_some() {
        checks.fail(
            "structure",
            Flaw::new("unsupported", "the signature of a bundle without a program"),
        );
        return Judged::default();
    }
    Judged::unsigned()
}

fn judge_nested(tree: &dyn Tree, nested: &[Nested], at: (Timestamp, u8), checks: &mut Checks) {
    const NAME: &str = "nested-code";
    if nested.is_empty() {
        checks.not_applicable(NAME);
        return;
    }
    for code in nested {
        if let Err(flaw) = judge_one(tree, code, at) {
            checks.fail(NAME, flaw.within(&code.path));
        }
    }
    checks.pass(NAME, format!("{} judged", nested.len()));
}

fn judge_one(tree: &dyn Tree, code: &Nested, (now, depth): (Timestamp, u8)) -> Result<(), Flaw> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(Flaw::new("bundle-structure", "code nested too deep"));
    };
    let mut checks = Checks::default();
    let judged = match entry(tree, &code.path)? {
        Some(entry) if entry.is_folder() => match Layout::find(tree, &code.path)? {
            Some(layout) => judge_at_depth(tree, &layout, (now, depth), &mut checks),
            None => return Err(Flaw::new("nested-code-unsigned", "it is no bundle")),
        },
        _ => {
            let source = tree
                .source(&code.path)
                .map_err(|error| Flaw::of_error("unreadable", &error))?;
            let mut head = [0; 8];
            let len = wire::read_up_to(source.as_ref(), 0, &mut head)
                .map_err(|error| Flaw::new("unreadable", error.to_string()))?;
            if macho::is_program(head.get(..len).unwrap_or_default()) {
                judge_program(&source, None, now, &mut checks)
            } else {
                return Err(Flaw::new("nested-code-unsigned", "it is no program"));
            }
        }
    };
    // Who signed nested code is for the seal to say; that the signature is whole is for the code.
    if let Some(check) = checks
        .failures()
        .find(|check| check.code != Some("chain-not-apples"))
    {
        let detail = check.detail.clone().unwrap_or_default();
        return Err(Flaw::new(
            "nested-code-invalid",
            format!("{} ({detail})", check.code.unwrap_or(check.name)),
        ));
    }
    if judged.signatures.is_empty() {
        return Err(Flaw::new("nested-code-unsigned", "it is not signed"));
    }
    meets_seal(&judged, &code.seal)
}

/// The code must be the very one that was sealed, in one of its architectures, and meet the sealed requirement in all
/// of them. macOS is content with the requirement, so that nested code may be replaced by another version of itself;
/// what a vendor ships was never so replaced.
fn meets_seal(judged: &Judged, seal: &NestedSeal) -> Result<(), Flaw> {
    let Some(cdhash) = &seal.cdhash else {
        return Err(Flaw::new(
            "nested-code-unsealed",
            "the seal does not say which code it was",
        ));
    };
    if !judged
        .facts()
        .any(|facts| facts.cdhashes.iter().any(|(_, own)| own == cdhash))
    {
        return Err(Flaw::new(
            "nested-code-altered",
            "it is other code than was sealed",
        ));
    }
    let Some(text) = &seal.requirement else {
        return Ok(());
    };
    let requirement =
        Requirement::parse(text).map_err(|error| Flaw::new("malformed", error.to_string()))?;
    for facts in judged.facts() {
        let has_ticket = false;
        match requirement.is_met_by(Context { facts, has_ticket }) {
            Ok(true) => {}
            Ok(false) => {
                return Err(Flaw::new(
                    "nested-code-altered",
                    "it does not meet the sealed requirement",
                ));
            }
            Err(undecided) => {
                return Err(Flaw::new("requirement-undecided", undecided.to_string()));
            }
        }
    }
    Ok(())
}
