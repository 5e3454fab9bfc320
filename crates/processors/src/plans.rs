//! The plans of public recipes: nearly all can run here, and the check of arguments warns of misspellings only.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
};

use proplist::Value;
use serde_json::Value as Json;

use crate::{Call, Env, Registry, bench::corpus, verify};

/// The steps and the environment of a resolved recipe; nothing if it did not resolve.
fn plan(recipe: &Json) -> Option<(Vec<Call>, Env)> {
    let calls = recipe["process"]
        .as_array()?
        .iter()
        .map(|step| {
            let arguments = step.get("Arguments").map(Value::from);
            Some(Call {
                processor: step["Processor"].as_str()?.to_owned(),
                arguments: arguments
                    .and_then(|arguments| arguments.as_dict().cloned())
                    .unwrap_or_default(),
                origin: recipe["path"].as_str()?.to_owned(),
            })
        })
        .collect::<Option<_>>()?;
    let mut env = Value::from(&recipe["input"]).as_dict()?.clone();
    for preference in ["MUNKI_REPO", "RECIPE_CACHE_DIR"] {
        env.insert(preference.to_owned(), "x".into());
    }
    Some((calls, env))
}

/// How a chain can run here.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Runs {
    /// With our own steps only.
    Natively,
    /// With processors of recipe repositories, too.
    InTheSandbox,
    /// Not at all: for lack of a step, or because the plan is refused.
    Not,
}

/// Core processors that do not come: nothing is installed here, and Windows' programs are not there.
const ELSEWHERE: [&str; 4] = [
    "ChocolateyPackager",
    "InstallFromDMG",
    "Installer",
    "SignToolVerifier",
];

/// How the chain runs, and why not.
fn judge(registry: &Registry, calls: &[Call], env: &Env) -> (Runs, String) {
    let names = || calls.iter().map(|call| call.processor.as_str());
    if let Some(elsewhere) = names().find(|name| ELSEWHERE.contains(name)) {
        return (Runs::Not, elsewhere.to_owned());
    }
    if names().any(|name| registry.get(name).is_none()) {
        return (Runs::InTheSandbox, String::new());
    }
    match verify(registry, calls, env) {
        Ok(_warnings) => (Runs::Natively, String::new()),
        Err(error) => (Runs::Not, error.message),
    }
}

fn each_plan(mut look: impl FnMut(&Json, &[Call], &Env)) -> bool {
    let Some(file) = corpus("recipes/resolved.jsonl.gz") else {
        return false;
    };
    let file = fs_err::File::open(file).unwrap();
    for line in BufReader::new(flate2::read::GzDecoder::new(file)).lines() {
        let recipe: Json = serde_json::from_str(&line.unwrap()).unwrap();
        if let Some((calls, env)) = plan(&recipe) {
            look(&recipe, &calls, &env);
        }
    }
    true
}

#[test]
fn hardly_any_public_recipe_has_an_argument_that_nothing_reads() {
    let registry = Registry::native();
    let (mut whole, mut warned) = (0_u32, Vec::new());
    let looked = each_plan(|_, calls, env| {
        if calls
            .iter()
            .all(|call| registry.get(&call.processor).is_some())
        {
            whole += 1;
            let warnings = verify(&registry, calls, env);
            warned.extend(warnings.into_iter().flatten().take(1));
        }
    });
    if !looked {
        return;
    }
    println!(
        "{} of {whole} plans have one:\n{}",
        warned.len(),
        warned.join("\n")
    );
    // Those looked at are misspelt, or meant for another processor: AutoPkg passes over them in silence.
    assert!(warned.len() * 200 < whole as usize * 3, "{warned:?}");
}

#[test]
fn public_chains_can_run_here() {
    let registry = Registry::native();
    let mut counts: BTreeMap<&str, BTreeMap<Runs, usize>> = BTreeMap::new();
    let mut causes: BTreeMap<String, usize> = BTreeMap::new();
    let looked = each_plan(|recipe, calls, env| {
        let path = recipe["path"].as_str().unwrap();
        let kinds = ["download", "pkg", "munki"];
        let Some(kind) = kinds
            .iter()
            .find(|kind| path.contains(&format!(".{kind}.recipe")))
        else {
            return;
        };
        let (runs, cause) = judge(&registry, calls, env);
        *counts.entry(kind).or_default().entry(runs).or_default() += 1;
        if runs == Runs::Not {
            *causes.entry(cause).or_default() += 1;
        }
    });
    if !looked {
        return;
    }
    println!("{causes:#?}");
    for (kind, native, runnable) in FLOORS {
        let of = |runs| counts[kind].get(&runs).copied().unwrap_or_default();
        let all: usize = counts[kind].values().sum();
        println!(
            "{kind}: {} of {all} natively, {} with steps in the sandbox, {} not",
            of(Runs::Natively),
            of(Runs::InTheSandbox),
            of(Runs::Not)
        );
        assert!(of(Runs::Natively) * 1000 >= native * all, "{kind}");
        assert!((all - of(Runs::Not)) * 1000 >= runnable * all, "{kind}");
    }
}

/// Shares of chains in thousandths: that run natively, and that can run.
const FLOORS: [(&str, usize, usize); 3] = [
    ("download", 865, 999),
    ("munki", 885, 998),
    ("pkg", 852, 998),
];
