//! Which files of a bundle are sealed, and how.

use proplist::{Dict, Value};
use regex::{Regex, RegexBuilder};

use crate::flaw::Flaw;

const MAX_RULES: usize = 256;
const MAX_COMPILED_LEN: usize = 1 << 20;

/// What may be left out without making the seal worthless: nothing that is ever run.
const HARMLESS_OMISSIONS: [&str; 5] = [
    "^(.*/)?\\.DS_Store$",
    "^Info\\.plist$",
    "^PkgInfo$",
    "^.*\\.lproj/locversion.plist$",
    "^Resources/.*\\.lproj/locversion.plist$",
];

/// The rules of a seal, version 2 (`rules2`).
#[derive(Debug)]
pub(super) struct Rules {
    list: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    pattern: Regex,
    weight: f64,
    treatment: Treatment,
}

/// What becomes of a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Treatment {
    /// It is code with a signature of its own.
    Nested,
    /// It is not sealed.
    Omitted,
    /// It is sealed.
    Sealed,
}

impl Rules {
    /// Reads the rules, and refuses those that leave room for what was never signed.
    pub(super) fn read(rules: &Dict) -> Result<Self, Flaw> {
        if rules.len() > MAX_RULES {
            return Err(Flaw::new("malformed", "too many rules"));
        }
        if rules.get("^.*") != Some(&Value::Bool(true)) {
            return Err(Flaw::new(
                "weak-resource-rules",
                "the rules do not cover everything",
            ));
        }
        let list = rules
            .iter()
            .map(|(pattern, value)| Rule::read(pattern, value))
            .collect::<Result<_, _>>()?;
        Ok(Self { list })
    }

    /// What becomes of what lies at `path`, relative to the sealed folder: the heaviest rule that matches decides, of
    /// equal ones the first.
    pub(super) fn treatment(&self, path: &str) -> Treatment {
        let mut best: Option<&Rule> = None;
        for rule in &self.list {
            if rule.pattern.is_match(path) && best.is_none_or(|best| rule.weight > best.weight) {
                best = Some(rule);
            }
        }
        best.map_or(Treatment::Sealed, |rule| rule.treatment)
    }
}

impl Rule {
    fn read(pattern: &str, value: &Value) -> Result<Self, Flaw> {
        let nothing = Dict::new();
        let (options, default) = match value {
            Value::Bool(true) => (&nothing, Treatment::Sealed),
            Value::Bool(false) => (&nothing, Treatment::Omitted),
            Value::Dict(options) => (options, Treatment::Sealed),
            _ => {
                return Err(Flaw::new(
                    "malformed",
                    format!("the rule `{pattern}` says nothing"),
                ));
            }
        };
        let on = |name: &str| options.get(name) == Some(&Value::Bool(true));
        let treatment = match (on("omit"), on("nested")) {
            (true, _) => Treatment::Omitted,
            (false, true) => Treatment::Nested,
            (false, false) => default,
        };
        if treatment == Treatment::Omitted && !HARMLESS_OMISSIONS.contains(&pattern) {
            return Err(Flaw::new(
                "weak-resource-rules",
                format!("the rule `{pattern}` leaves files unsealed"),
            ));
        }
        let weight = match options.get("weight") {
            None => 1.0,
            Some(Value::Real(weight)) => *weight,
            Some(Value::Integer(weight)) => i32::try_from(*weight)
                .map(f64::from)
                .map_err(|error| Flaw::new("malformed", error.to_string()))?,
            Some(_) => return Err(Flaw::new("malformed", "a weight that is no number")),
        };
        Ok(Self {
            pattern: compile(pattern)?,
            weight,
            treatment,
        })
    }
}

/// The patterns are POSIX extended ones. Where those and ours differ in meaning, the pattern is refused.
fn compile(pattern: &str) -> Result<Regex, Flaw> {
    if pattern.contains("--") {
        return Err(Flaw::new(
            "unsupported",
            format!("the pattern `{pattern}` of a rule"),
        ));
    }
    let mut in_brackets = false;
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        let differs = match (c, in_brackets) {
            ('\\' | '[' | '&' | '~', true) => true,
            ('(', false) => chars.peek() == Some(&'?'),
            ('\\', false) => chars.next().is_none_or(|next| next.is_ascii_alphanumeric()),
            _ => false,
        };
        if differs {
            return Err(Flaw::new(
                "unsupported",
                format!("the pattern `{pattern}` of a rule"),
            ));
        }
        match c {
            '[' => in_brackets = true,
            ']' => in_brackets = false,
            _ => {}
        }
    }
    RegexBuilder::new(pattern)
        .size_limit(MAX_COMPILED_LEN)
        .dot_matches_new_line(true)
        .build()
        .map_err(|error| Flaw::new("unsupported", format!("the pattern of a rule: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(extra: &[(&str, Value)]) -> Result<Rules, Flaw> {
        let mut dict = Dict::new();
        dict.insert("^.*".to_owned(), Value::Bool(true));
        for (pattern, value) in extra {
            dict.insert((*pattern).to_owned(), value.clone());
        }
        Rules::read(&dict)
    }

    fn options(pairs: &[(&str, Value)]) -> Value {
        Value::Dict(
            pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), value.clone()))
                .collect(),
        )
    }

    #[test]
    fn the_heaviest_rule_decides() {
        let yes = Value::Bool(true);
        let rules = rules(&[
            (
                "^(Frameworks|MacOS)/",
                options(&[("nested", yes.clone()), ("weight", Value::Real(10.0))]),
            ),
            (
                "^(.*/)?\\.DS_Store$",
                options(&[("omit", yes), ("weight", Value::Integer(2000))]),
            ),
        ])
        .unwrap();
        assert_eq!(rules.treatment("Resources/a.nib"), Treatment::Sealed);
        assert_eq!(rules.treatment("MacOS/helper"), Treatment::Nested);
        assert_eq!(rules.treatment("MacOS/.DS_Store"), Treatment::Omitted);
    }

    #[test]
    fn rules_that_leave_room_are_refused() {
        let omit = options(&[("omit", Value::Bool(true))]);
        assert_eq!(
            rules(&[("^MacOS/", omit)]).unwrap_err().code,
            "weak-resource-rules"
        );
        assert_eq!(
            rules(&[("^MacOS/", Value::Bool(false))]).unwrap_err().code,
            "weak-resource-rules"
        );
        assert_eq!(
            Rules::read(&Dict::new()).unwrap_err().code,
            "weak-resource-rules"
        );
    }

    #[test]
    fn patterns_that_mean_something_else_here_are_refused() {
        for pattern in ["^[\\w]", "^\\d", "(?i)x", "[a&&b]", "a\\", "("] {
            assert!(compile(pattern).is_err(), "{pattern}");
        }
        for pattern in [
            "^[^/]+$",
            ".*\\.dSYM($|/)",
            "^(.*/)?\\.DS_Store$",
            "^Library/(Automator|Spotlight)/",
        ] {
            assert!(compile(pattern).is_ok(), "{pattern}");
        }
    }
}
