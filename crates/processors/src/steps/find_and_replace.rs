//! `FindAndReplace`.

use crate::{Call, Env, Input, Outputs, StepContext, StepError, disk::DiskStep, variables};

/// Replaces a text in a text.
#[derive(Clone, Copy)]
pub(crate) struct FindAndReplace;

impl DiskStep for FindAndReplace {
    fn name(self) -> &'static str {
        "FindAndReplace"
    }

    fn description(self) -> &'static str {
        "Replaces every occurrence of a text in another text."
    }

    fn inputs(self) -> Vec<Input> {
        vec![
            Input::required("input_string"),
            Input::required("find"),
            Input::required("replace"),
            Input::defaulted("result_output_var_name", "output_string"),
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
        let input = variables::text(env, "input_string")?;
        let find = variables::text(env, "find")?;
        let replace = variables::text(env, "replace")?;
        let name = variables::text(env, "result_output_var_name")?;
        context.messages.say(&format!(
            "Replacing \"{find}\" with \"{replace}\" in \"{input}\" and saving result to \"{name}\" variable."
        ));
        env.insert(name.clone(), input.replace(&find, &replace).into());
        Ok(Outputs::Named(vec![name]))
    }
}
