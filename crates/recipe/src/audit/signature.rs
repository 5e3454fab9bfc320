//! Whether the signer of what is downloaded is checked.

use proplist::Value;

use super::{
    chain::{Chain, Placed},
    files::says,
    rules,
};

const VERIFIER: &str = "CodeSignatureVerifier";
const DISABLE: &str = "DISABLE_CODE_SIGNATURE_VERIFICATION";
/// Pins of code, and names that `AutoPkg` takes for them.
const CODE: [&str; 2] = ["requirement", "requirements"];
/// Pins of packages.
const PACKAGE: [&str; 2] = ["expected_authority_names", "expected_authorities"];

/// What a signature belongs to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Thing {
    Code,
    Package,
}

impl Thing {
    fn of_name(name: &str) -> Option<Self> {
        let (stem, end) = name.rsplit_once('.')?;
        // The end of a variable's name is no extension.
        if end.contains(['%', '/']) || stem.is_empty() {
            return None;
        }
        Some(if matches!(end, "pkg" | "mpkg" | "xip") {
            Self::Package
        } else {
            Self::Code
        })
    }
}

pub(super) fn look(chain: &mut Chain<'_>) {
    disabled(chain);
    for (index, placed) in chain.steps.clone().iter().enumerate() {
        if placed.step.processor() == VERIFIER {
            pins(chain, index, placed);
        }
    }
}

fn disabled(chain: &mut Chain<'_>) {
    for placed in chain.steps.clone() {
        if says(placed.step.arguments().get(DISABLE)) {
            disable(chain, &placed.file, &placed.argument(DISABLE));
        }
    }
    for recipe in chain.recipe.chain() {
        let input = recipe.keys().get("Input").and_then(Value::as_dict);
        if says(input.and_then(|input| input.get(DISABLE))) {
            disable(chain, recipe.path(), &["Input".into(), DISABLE.into()]);
        }
    }
}

fn disable(chain: &mut Chain<'_>, file: &std::path::Path, place: &[proplist::Part]) {
    chain.find(
        &rules::SIGNATURE_CHECK_DISABLED,
        (file, place),
        format!("`{DISABLE}` is set"),
        "Remove it; if the vendor signs nothing, leave the CodeSignatureVerifier out and let it be seen.",
    );
}

fn pins(chain: &mut Chain<'_>, index: usize, placed: &Placed<'_>) {
    let thing = checked(chain, index);
    let given = |names: [&str; 2]| {
        let mut names = names.into_iter();
        names.any(|name| says(chain.variable(index, name).as_ref()))
    };
    let is_pinned = match thing {
        Some(Thing::Code) => given(CODE),
        Some(Thing::Package) => given(PACKAGE),
        None => given(CODE) || given(PACKAGE),
    };
    let (inapplicable, what, instead) = match thing {
        Some(Thing::Code) => (PACKAGE, "anything but a package", CODE[0]),
        Some(Thing::Package) => (CODE, "a package", PACKAGE[0]),
        None => ([""; 2], "", CODE[0]),
    };
    let mut wrong = false;
    for name in inapplicable {
        if says(placed.step.arguments().get(name)) {
            wrong = true;
            chain.find(
                &rules::INAPPLICABLE_ARGUMENT,
                (&placed.file, &placed.argument(name)),
                format!("`{name}` cannot be checked for {what}"),
                format!("Say `{instead}` in its place."),
            );
        }
    }
    if !is_pinned && !wrong {
        chain.find(
            &rules::NOTHING_PINNED,
            (&placed.file, &placed.path(&["Processor".into()])),
            "the check names no signer, so anybody's signature would do",
            format!(
                "Give it `{instead}`; `auto-update codesign verify` shows what the vendor's signature says."
            ),
        );
    }
}

/// What the step `index` checks, as far as names tell: that of its path, else, if its path is what was downloaded,
/// that of the download.
fn checked(chain: &Chain<'_>, index: usize) -> Option<Thing> {
    let text = |index: usize, name: &str| match chain.variable(index, name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    let path = text(index, "input_path")?;
    if path != "%pathname%" {
        return Thing::of_name(&path);
    }
    let downloaded = chain
        .steps
        .iter()
        .take(index)
        .rposition(|placed| super::download::is_downloader(placed.step.processor()))?;
    Thing::of_name(&text(downloaded, "filename")?)
}
