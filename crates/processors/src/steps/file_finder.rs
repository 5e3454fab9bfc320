//! `FileFinder`.

use crate::{
    Call, Env, Input, Output, Outputs, StepContext, StepError,
    disk::DiskStep,
    glob::{Depth, glob},
    place::split_image,
    variables,
};

/// Finds a file by wildcards, also in an image.
#[derive(Clone, Copy)]
pub(crate) struct FileFinder;

impl DiskStep for FileFinder {
    fn name(self) -> &'static str {
        "FileFinder"
    }

    fn description(self) -> &'static str {
        "Finds a file or folder by wildcards; the last in alphabetical order is taken."
    }

    fn inputs(self) -> Vec<Input> {
        vec![
            Input::required("pattern"),
            Input::defaulted("find_method", "glob"),
        ]
    }

    fn outputs(self) -> Vec<Output> {
        ["found_filename", "dmg_found_filename", "found_basename"]
            .iter()
            .map(|name| Output { name })
            .collect()
    }

    fn work(
        self,
        _call: &Call,
        context: &StepContext,
        env: &mut Env,
    ) -> Result<Outputs, StepError> {
        let method = variables::text(env, "find_method")?;
        if method != "glob" {
            return Err(StepError::configuration(format!(
                "Unsupported find_method: {method}"
            )));
        }
        let pattern = variables::text(env, "pattern")?;
        let found = glob(&pattern, Depth::Recursive)?;
        let Some(found) = found.last() else {
            return Err(StepError::package("No matching filename found"));
        };
        context.messages.say(&format!(
            "Found file match: '{found}' from globbed '{pattern}'"
        ));
        if let Some((_, inside)) = split_image(found) {
            env.insert("dmg_found_filename".to_owned(), inside.into());
            context
                .messages
                .say(&format!("DMG-relative file match: '{inside}'"));
        }
        let name = found
            .trim_end_matches('/')
            .rsplit('/')
            .next()
            .unwrap_or_default();
        context.messages.say(&format!("Basename match: '{name}'"));
        env.insert("found_basename".to_owned(), name.into());
        env.insert("found_filename".to_owned(), found.as_str().into());
        Ok(Outputs::Declared)
    }
}
