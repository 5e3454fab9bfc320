//! The plans of public recipes: the check of arguments refuses misspellings, and nothing that recipes do on purpose.

use std::io::{BufRead as _, BufReader};

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

#[test]
fn hardly_any_public_recipe_has_an_argument_that_nothing_reads() {
    let Some(file) = corpus("recipes/resolved.jsonl.gz") else {
        return;
    };
    let file = fs_err::File::open(file).unwrap();
    let registry = Registry::native();
    let (mut whole, mut refused) = (0_u32, Vec::new());
    for line in BufReader::new(flate2::read::GzDecoder::new(file)).lines() {
        let recipe: Json = serde_json::from_str(&line.unwrap()).unwrap();
        let Some((calls, env)) = plan(&recipe) else {
            continue;
        };
        if calls
            .iter()
            .any(|call| registry.get(&call.processor).is_none())
        {
            continue;
        }
        whole += 1;
        if let Err(error) = verify(&registry, &calls, &env) {
            refused.push(error.message);
        }
    }
    println!(
        "{} of {whole} plans refused:\n{}",
        refused.len(),
        refused.join("\n")
    );
    // Those looked at are misspelt, or meant for another processor: AutoPkg passes over them in silence.
    assert!(refused.len() * 200 < whole as usize * 3, "{refused:?}");
}
