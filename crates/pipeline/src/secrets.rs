//! How the secrets among a run's variables are kept out of what is written.

use processors::Env;
use proplist::{Dict, Value};
use redact::{Scrubber, is_secret_name};

/// Makes the secret values of `env`, or of what is in it, known to `scrubber`: a header of a request, too.
pub(crate) fn learn(scrubber: &mut Scrubber, env: &Env) {
    for (name, value) in env {
        learn_value(scrubber, is_secret_name(name), value);
    }
}

/// As [`learn`], for what a plan is made of: its variables, and the arguments of its steps.
pub(crate) fn learn_plan(scrubber: &mut Scrubber, env: &Env, steps: &[recipe::Step]) {
    learn(scrubber, env);
    for step in steps {
        learn(scrubber, step.arguments());
    }
}

fn learn_value(scrubber: &mut Scrubber, is_secret: bool, value: &Value) {
    match value {
        // What is to be filled in is known by its own name.
        Value::String(text) if is_secret && !text.starts_with('%') => {
            scrubber.learn(text);
            // `Bearer` and the like are followed by what is secret.
            if let Some((_scheme, secret)) = text.rsplit_once(' ') {
                scrubber.learn(secret);
            }
        }
        Value::Array(values) => {
            for value in values {
                learn_value(scrubber, is_secret, value);
            }
        }
        Value::Dict(dict) => {
            for (name, value) in dict {
                learn_value(scrubber, is_secret || is_secret_name(name), value);
            }
        }
        _ => {}
    }
}

/// `value` with every known secret taken out of its texts.
pub(crate) fn scrubbed(scrubber: &Scrubber, value: &Value) -> Value {
    match value {
        Value::Array(values) => Value::Array(
            values
                .iter()
                .map(|value| scrubbed(scrubber, value))
                .collect(),
        ),
        Value::Dict(dict) => Value::Dict(scrubbed_dict(scrubber, dict)),
        Value::String(text) => Value::String(scrubber.scrub(text)),
        other => other.clone(),
    }
}

/// As [`scrubbed`], for a dictionary.
pub(crate) fn scrubbed_dict(scrubber: &Scrubber, dict: &Dict) -> Dict {
    dict.iter()
        .map(|(name, value)| (name.clone(), scrubbed(scrubber, value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_within_something_else_is_known_too() {
        let headers: Env = [
            ("Authorization".to_owned(), Value::from("Bearer eyJhbGciOi")),
            ("Accept".to_owned(), Value::from("application/json")),
        ]
        .into_iter()
        .collect();
        let tokens: Value = vec![Value::from("first-one"), Value::from("%GITHUB_TOKEN%")].into();
        let env: Env = [
            ("request_headers".to_owned(), Value::Dict(headers)),
            ("tokens".to_owned(), tokens),
        ]
        .into_iter()
        .collect();
        let mut scrubber = Scrubber::new();
        learn(&mut scrubber, &env);
        let said = "Bearer eyJhbGciOi, eyJhbGciOi, first-one, application/json, %GITHUB_TOKEN%";
        let told = "***, ***, ***, application/json, %GITHUB_TOKEN%";
        assert_eq!(scrubber.scrub(said), told);
    }

    #[test]
    fn a_secret_is_taken_out_wherever_it_stands() {
        let env: Env = [
            ("GITHUB_TOKEN".to_owned(), Value::from("ghp_abcdef")),
            (
                "GITHUB_TOKEN_PATH".to_owned(),
                Value::from("/home/me/.token"),
            ),
            ("NAME".to_owned(), Value::from("Firefox")),
        ]
        .into_iter()
        .collect();
        let mut scrubber = Scrubber::new();
        learn(&mut scrubber, &env);
        let headers: Value = vec![
            Value::from("Authorization: ghp_abcdef"),
            Value::from("/home/me/.token Firefox"),
        ]
        .into();
        let expected: Value = vec![
            Value::from("Authorization: ***"),
            Value::from("/home/me/.token Firefox"),
        ]
        .into();
        assert_eq!(scrubbed(&scrubber, &headers), expected);
    }
}
