//! How the secrets among a run's variables are kept out of what is written.

use processors::Env;
use proplist::{Dict, Value};
use redact::{Scrubber, is_secret_name};

/// Makes the secret values of `env` known to `scrubber`.
pub(crate) fn learn(scrubber: &mut Scrubber, env: &Env) {
    for (name, value) in env {
        if let (true, Some(text)) = (is_secret_name(name), value.as_str()) {
            scrubber.learn(text);
        }
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
