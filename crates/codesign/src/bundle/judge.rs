//! Judges a bundle and the code in it.

use media::Tree;
use wire::ReadAt;

use super::{
    Layout,
    layout::{entry, join, read_file},
    links::Scope,
    seal::{Nested, NestedSeal, Seal},
};
use crate::{
    Requirement,
    checks::Checks,
    flaw::Flaw,
    loose::LooseSignature,
    macho,
    program::{Judged, Surroundings, judge_program},
    requirement::Context,
    terms::Terms,
};

const MAX_RESOURCES_LEN: u64 = 256 << 20;

/// How deep code may nest in code.
const MAX_DEPTH: u8 = 16;

/// Judges the bundle laid out as `layout` says, with everything in it.
pub(crate) fn judge_bundle(
    tree: &dyn Tree,
    layout: &Layout,
    terms: Terms<'_>,
    checks: &mut Checks,
) -> Judged {
    let root = layout.judge_root(tree).and_then(|others| {
        let other = others.first();
        other.map_or(Ok(()), |path| {
            let detail = format!("`{path}` is not the version that is judged");
            Err(Flaw::new("unsealed-root", detail))
        })
    });
    checks.note("bundle-structure", root);
    let around = Around {
        terms,
        depth: MAX_DEPTH,
        scope: None,
    };
    judge_at_depth(tree, layout, around, checks)
}

/// What a bundle or program is judged in.
#[derive(Clone, Copy)]
struct Around<'a> {
    terms: Terms<'a>,
    depth: u8,
    /// The bundle that it lies in.
    scope: Option<&'a Scope<'a>>,
}

fn judge_at_depth(
    tree: &dyn Tree,
    layout: &Layout,
    around: Around<'_>,
    checks: &mut Checks,
) -> Judged {
    let list = join(&layout.sealed, "_CodeSignature/CodeResources");
    let list = match read_file(tree, &list, MAX_RESOURCES_LEN) {
        Ok(list) => list,
        Err(flaw) => {
            checks.fail("sealed-resources", flaw);
            None
        }
    };
    let surroundings = Surroundings {
        info: &layout.info,
        resources: list.as_deref(),
    };
    let judged = match judge_main(tree, layout, (surroundings, around.terms), checks) {
        Ok(judged) => judged,
        Err(flaw) => {
            checks.fail("structure", flaw);
            return Judged::default();
        }
    };
    if judged.is_unsigned {
        return judged;
    }
    let Some(list) = &list else {
        let detail = "the bundle has no list of sealed resources";
        checks.fail(
            "sealed-resources",
            Flaw::new("resources-not-sealed", detail),
        );
        return judged;
    };
    if let Err(flaw) = judge_resources(tree, layout, (list, around), checks) {
        checks.fail("sealed-resources", flaw);
    }
    judged
}

/// Judges the main program. What is no program, and what stands for one in a bundle without, has its signature in
/// files of the bundle.
fn judge_main(
    tree: &dyn Tree,
    layout: &Layout,
    (surroundings, terms): (Surroundings<'_>, Terms<'_>),
    checks: &mut Checks,
) -> Result<Judged, Flaw> {
    let main = layout.program.as_ref().unwrap_or(&layout.info_path);
    let source = tree
        .source(main)
        .map_err(|error| Flaw::of_error("unreadable", &error))?;
    if is_program(source.as_ref())? {
        checks.note("bundle-structure", layout.judge_signature_folder(tree, &[]));
        return Ok(judge_program(&source, Some(surroundings), terms, checks));
    }
    let folder = join(&layout.sealed, "_CodeSignature");
    let Some(signature) = LooseSignature::in_folder(tree, &folder)? else {
        return Ok(Judged::unsigned());
    };
    checks.note(
        "bundle-structure",
        layout.judge_signature_folder(tree, &signature.names()),
    );
    Ok(signature.judge(source.as_ref(), Some(surroundings), terms, checks))
}

fn is_program(source: &dyn ReadAt) -> Result<bool, Flaw> {
    let mut head = [0; 8];
    let len = wire::read_up_to(source, 0, &mut head)
        .map_err(|error| Flaw::new("unreadable", error.to_string()))?;
    Ok(macho::is_program(head.get(..len).unwrap_or_default()))
}

fn judge_resources(
    tree: &dyn Tree,
    layout: &Layout,
    (list, around): (&[u8], Around<'_>),
    checks: &mut Checks,
) -> Result<(), Flaw> {
    let seal = Seal::read(list)?;
    let scope = seal.scope(layout, around.scope);
    let compared = seal.compare(tree, &scope)?;
    checks.pass("sealed-resources", format!("{} compared", compared.count));
    if !compared.unsealed.is_empty() {
        checks.not_made("unsealed-files", &compared.unsealed.join(", "));
    }
    let inner = Around {
        scope: Some(&scope),
        ..around
    };
    judge_nested(tree, &compared.nested, inner, checks);
    Ok(())
}

fn judge_nested(tree: &dyn Tree, nested: &[Nested], around: Around<'_>, checks: &mut Checks) {
    const NAME: &str = "nested-code";
    if nested.is_empty() {
        checks.not_applicable(NAME);
        return;
    }
    for code in nested {
        if let Err(flaw) = judge_one(tree, code, around) {
            checks.fail(NAME, flaw.within(&code.path));
        }
    }
    checks.pass(NAME, format!("{} judged", nested.len()));
}

fn judge_one(tree: &dyn Tree, code: &Nested, around: Around<'_>) -> Result<(), Flaw> {
    let Some(depth) = around.depth.checked_sub(1) else {
        return Err(Flaw::new("bundle-structure", "code nested too deep"));
    };
    let around = Around { depth, ..around };
    let is_folder = entry(tree, &code.path)?.is_some_and(|entry| entry.is_folder());
    if !is_folder {
        return meets_seal(
            &judge_nested_file(tree, &code.path, around.terms)?,
            &code.seal,
        );
    }
    let Some(layout) = Layout::find(tree, &code.path)? else {
        return Err(Flaw::new("nested-code-unsigned", "it is no bundle"));
    };
    let others = layout.judge_root(tree)?;
    meets_seal(&judge_nested_bundle(tree, &layout, around)?, &code.seal)?;
    for path in others {
        other_version(tree, &path, (&code.seal, around)).map_err(|flaw| flaw.within(&path))?;
    }
    Ok(())
}

/// A further version of a framework is other code than was sealed, of which only the requirement can say anything.
fn other_version(
    tree: &dyn Tree,
    path: &str,
    (seal, around): (&NestedSeal, Around<'_>),
) -> Result<(), Flaw> {
    let Some(layout) = Layout::find(tree, path)? else {
        return Err(Flaw::new("nested-code-unsigned", "it is no bundle"));
    };
    let judged = judge_nested_bundle(tree, &layout, around)?;
    if seal.requirement.is_none() {
        return Err(Flaw::new(
            "nested-code-unsealed",
            "the seal has no requirement that it could meet",
        ));
    }
    meets_requirement(&judged, seal)
}

fn judge_nested_file(tree: &dyn Tree, path: &str, terms: Terms<'_>) -> Result<Judged, Flaw> {
    let mut checks = Checks::default();
    let source = tree
        .source(path)
        .map_err(|error| Flaw::of_error("unreadable", &error))?;
    let judged = if is_program(source.as_ref())? {
        judge_program(&source, None, terms, &mut checks)
    } else if let Some(signature) = LooseSignature::in_attributes(tree, path)? {
        signature.judge(source.as_ref(), None, terms, &mut checks)
    } else {
        return Err(Flaw::new("nested-code-unsigned", "it is not signed"));
    };
    whole(judged, &checks)
}

fn judge_nested_bundle(
    tree: &dyn Tree,
    layout: &Layout,
    around: Around<'_>,
) -> Result<Judged, Flaw> {
    let mut checks = Checks::default();
    let judged = judge_at_depth(tree, layout, around, &mut checks);
    whole(judged, &checks)
}

/// Who signed nested code is for the seal to say; that the signature is whole is for the code.
fn whole(judged: Judged, checks: &Checks) -> Result<Judged, Flaw> {
    let counting = || {
        let failures = checks.failures();
        failures.filter(|check| check.code != Some("chain-not-apples"))
    };
    let revoked = counting().find(|check| check.code == Some("revoked"));
    let failure = revoked.or_else(|| counting().next());
    match failure {
        Some(check) if check.code == Some("revoked") => Err(Flaw::new(
            "revoked",
            check.detail.clone().unwrap_or_default(),
        )),
        Some(check) => {
            let detail = check.detail.clone().unwrap_or_default();
            Err(Flaw::new(
                "nested-code-invalid",
                format!("{} ({detail})", check.code.unwrap_or(check.name)),
            ))
        }
        None if judged.signatures.is_empty() => {
            Err(Flaw::new("nested-code-unsigned", "it is not signed"))
        }
        None => Ok(judged),
    }
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
    meets_requirement(judged, seal)
}

fn meets_requirement(judged: &Judged, seal: &NestedSeal) -> Result<(), Flaw> {
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
