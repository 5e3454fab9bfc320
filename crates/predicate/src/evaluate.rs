//! Whether a predicate holds.

use std::cmp::Ordering;

use fancy_regex::RegexBuilder;
use proplist::{Dict, Value};
use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

use crate::{
    EvaluateError, Predicate,
    parser::{Condition, Operand, Operator, Options},
};

impl Predicate {
    /// Whether it holds for `variables`; one that is not set is nil.
    ///
    /// # Errors
    /// If values are compared that have no order, or a pattern cannot be used.
    pub fn evaluate(&self, variables: &Dict) -> Result<bool, EvaluateError> {
        self.0.holds(variables)
    }
}

impl Condition {
    fn holds(&self, variables: &Dict) -> Result<bool, EvaluateError> {
        match self {
            Self::All(conditions) => {
                for condition in conditions {
                    if !condition.holds(variables)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Any(conditions) => {
                for condition in conditions {
                    if condition.holds(variables)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::Compare {
                left,
                operator,
                options,
                right,
            } => compare(
                &left.value(variables),
                *operator,
                *options,
                &right.value(variables),
            ),
            Self::Constant(holds) => Ok(*holds),
            Self::Not(condition) => condition.holds(variables).map(|holds| !holds),
        }
    }
}

impl Operand {
    fn value(&self, variables: &Dict) -> Value {
        match self {
            Self::Bool(yes) => Value::Bool(*yes),
            Self::KeyPath(names) => at_path(variables, names),
            Self::List(values) => {
                Value::Array(values.iter().map(|value| value.value(variables)).collect())
            }
            Self::Nil => Value::Null,
            Self::Number(number) => Value::Real(*number),
            Self::Text(text) => Value::String(text.clone()),
        }
    }
}

fn at_path(variables: &Dict, names: &[String]) -> Value {
    let Some((first, rest)) = names.split_first() else {
        return Value::Null;
    };
    let mut value = variables.get(first).cloned().unwrap_or(Value::Null);
    for name in rest {
        value = match (&value, name.as_str()) {
            (Value::Dict(dict), name) => dict.get(name).cloned().unwrap_or(Value::Null),
            (Value::String(text), "length") => length(text.encode_utf16().count()),
            (Value::Array(values), "@count") => length(values.len()),
            _ => Value::Null,
        };
    }
    value
}

fn length(len: usize) -> Value {
    Value::from(u64::try_from(len).unwrap_or(u64::MAX))
}

fn compare(
    left: &Value,
    operator: Operator,
    options: Options,
    right: &Value,
) -> Result<bool, EvaluateError> {
    let incomparable = || EvaluateError::Incomparable {
        left: left.python_type(),
        right: right.python_type(),
        operator: operator.as_str(),
    };
    let ordered = |holds: fn(Ordering) -> bool| match (left, right) {
        // Nothing is before or after nil.
        (Value::Null, _) | (_, Value::Null) => Ok(false),
        _ => order(left, right, options)
            .map(holds)
            .ok_or_else(incomparable),
    };
    match operator {
        Operator::Equal => Ok(equal(left, right, options)),
        Operator::NotEqual => Ok(!equal(left, right, options)),
        Operator::Less => ordered(Ordering::is_lt),
        Operator::LessOrEqual => ordered(Ordering::is_le),
        Operator::More => ordered(Ordering::is_gt),
        Operator::MoreOrEqual => ordered(Ordering::is_ge),
        Operator::Between => between(left, right, options).ok_or_else(incomparable),
        Operator::In => contains(right, left, options).ok_or_else(incomparable),
        Operator::Contains => contains(left, right, options).ok_or_else(incomparable),
        Operator::BeginsWith | Operator::EndsWith | Operator::Like | Operator::Matches => {
            match (left, right) {
                (Value::Null, _) | (_, Value::Null) => Ok(false),
                (Value::String(text), Value::String(pattern)) => {
                    text_operation(operator, &folded(text, options), pattern, options)
                }
                _ => Err(incomparable()),
            }
        }
    }
}

fn text_operation(
    operator: Operator,
    text: &str,
    pattern: &str,
    options: Options,
) -> Result<bool, EvaluateError> {
    match operator {
        Operator::BeginsWith => Ok(text.starts_with(&folded(pattern, options))),
        Operator::EndsWith => Ok(text.ends_with(&folded(pattern, options))),
        Operator::Like => matches(text, &wildcards(&folded(pattern, options)), options),
        _ => matches(text, pattern, options),
    }
}

/// A whole match.
fn matches(text: &str, pattern: &str, options: Options) -> Result<bool, EvaluateError> {
    RegexBuilder::new(&format!(r"\A(?:{pattern})\z"))
        .case_insensitive(options.ignores_case)
        .build()
        .and_then(|regex| regex.is_match(text))
        .map_err(|error| EvaluateError::Pattern(Box::new(error)))
}

/// `*` stands for any letters, `?` for one.
fn wildcards(pattern: &str) -> String {
    let mut regex = String::from("(?s)");
    for letter in pattern.chars() {
        match letter {
            '*' => regex.push_str(".*"),
            '?' => regex.push('.'),
            letter => regex.push_str(&fancy_regex::escape(&letter.to_string())),
        }
    }
    regex
}

fn equal(left: &Value, right: &Value, options: Options) -> bool {
    match (number(left), number(right)) {
        (Some(left), Some(right)) => left.total_cmp(&right).is_eq(),
        (None, None) => match (left, right) {
            (Value::String(left), Value::String(right)) => {
                folded(left, options) == folded(right, options)
            }
            _ => left == right,
        },
        // A text is never a number, whatever it says.
        _ => false,
    }
}

fn order(left: &Value, right: &Value, options: Options) -> Option<Ordering> {
    match (left, right) {
        (Value::String(left), Value::String(right)) => {
            Some(folded(left, options).cmp(&folded(right, options)))
        }
        (Value::Date(left), Value::Date(right)) => Some(left.cmp(right)),
        _ => number(left)?.partial_cmp(&number(right)?),
    }
}

/// A truth value is a number too.
#[expect(
    clippy::cast_precision_loss,
    reason = "Foundation compares numbers of different kinds as doubles too"
)]
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(yes) => Some(f64::from(u8::from(*yes))),
        Value::Integer(number) => Some(*number as f64),
        // Zero is zero whatever its sign.
        Value::Real(number) => Some(*number + 0.0),
        _ => None,
    }
}

fn between(value: &Value, bounds: &Value, options: Options) -> Option<bool> {
    let [low, high] = bounds.as_array()? else {
        return None;
    };
    if *value == Value::Null {
        return Some(false);
    }
    Some(order(value, low, options)?.is_ge() && order(value, high, options)?.is_le())
}

fn contains(whole: &Value, part: &Value, options: Options) -> Option<bool> {
    match (whole, part) {
        (Value::Null, _) | (Value::String(_), Value::Null) => Some(false),
        (Value::Array(values), part) => {
            Some(values.iter().any(|value| equal(value, part, options)))
        }
        (Value::Dict(dict), part) => Some(dict.values().any(|value| equal(value, part, options))),
        (Value::String(whole), Value::String(part)) => {
            Some(folded(whole, options).contains(&folded(part, options)))
        }
        _ => None,
    }
}

/// The text without what does not count.
fn folded(text: &str, options: Options) -> String {
    let text = if options.ignores_accents {
        text.nfd()
            .filter(|letter| !is_combining_mark(*letter))
            .collect()
    } else {
        text.to_owned()
    };
    if options.ignores_case {
        text.to_lowercase()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> Dict {
        let mut pkginfo = Dict::new();
        pkginfo.insert("name".to_owned(), "Widget".into());
        [
            ("download_changed", Value::Bool(false)),
            ("version", "24.1".into()),
            ("name", "Café".into()),
            ("count", Value::from(3_i64)),
            ("list", Value::from(vec!["a", "b"])),
            ("pkginfo", pkginfo.into()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }

    fn holds(text: &str) -> bool {
        Predicate::parse(text)
            .unwrap_or_else(|error| panic!("{text}: {error}"))
            .evaluate(&variables())
            .unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn holds_as_foundation_says() {
        for text in [
            "TRUEPREDICATE",
            "NOT FALSEPREDICATE",
            "download_changed == False",
            "download_changed = 0",
            "download_changed == FALSE\n",
            "download_changed != YES AND True == true",
            "missing == nil && missing != False",
            "(missing == nil) OR (missing.length == 0)",
            "version.length == 4",
            "list.@count == 2",
            "pkginfo.name == 'Widget'",
            "NOT version BEGINSWITH '25'",
            "!(version ENDSWITH \".2\")",
            "name ==[cd] 'CAFE'",
            "name CONTAINS[d] 'afe'",
            "name LIKE 'C*'",
            "version MATCHES '[0-9.]+'",
            "version IN {'1', '24.1'}",
            "'b' IN list",
            "list CONTAINS 'a'",
            "count BETWEEN {1, 3}",
            "count >= 3 and count =< 3 or FALSEPREDICATE",
            "(count) > -1",
            "\"it's\" == 'it\\'s'",
            "'2' != 2",
        ] {
            assert!(holds(text), "{text}");
        }
        for text in [
            "FALSEPREDICATE",
            "missing > 1",
            "missing BEGINSWITH 'a'",
            "version MATCHES '24'",
            "name == 'CAFE'",
            "FALSEPREDICATE AND TRUEPREDICATE OR FALSEPREDICATE",
        ] {
            assert!(!holds(text), "{text}");
        }
    }

    #[test]
    fn what_has_no_order_is_an_error() {
        let predicate = Predicate::parse("version > 3").unwrap();
        let error = predicate.evaluate(&variables()).unwrap_err();
        assert_eq!(error.to_string(), "str and float cannot be compared with >");
        let predicate = Predicate::parse("version MATCHES '('").unwrap();
        assert!(predicate.evaluate(&variables()).is_err());
    }

    #[test]
    fn what_is_no_predicate_is_told_where() {
        for (text, told) in [
            ("", "a value is expected at character 0, not the end"),
            (
                "version ==",
                "a value is expected at character 10, not the end",
            ),
            (
                "version",
                "a comparison is expected at character 7, not the end",
            ),
            (
                "a == 'b",
                "the text that begins at character 5 is not closed",
            ),
            (
                "a == 1 b",
                "the end, AND or OR is expected at character 7, not `b`",
            ),
            (
                "3.2.1 < 4",
                "a number is expected at character 0, not `3.2.1`",
            ),
            ("%a% == 1", "`%` at character 0 is not understood"),
            (
                "f('x') == 1",
                "`a function call` at character 1 is not understood",
            ),
            ("SELF == 1", "`SELF` at character 0 is not understood"),
        ] {
            assert_eq!(
                Predicate::parse(text).unwrap_err().to_string(),
                told,
                "{text}"
            );
        }
        let deep = "(".repeat(10_000);
        assert_eq!(Predicate::parse(&deep), Err(crate::ParseError::TooLarge));
        let many = "NOT ".repeat(10_000);
        assert_eq!(Predicate::parse(&many), Err(crate::ParseError::TooLarge));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[a-z =!<>()'\"{}\\[\\]&|.,0-9%@-]{0,40}") {
            if let Ok(predicate) = Predicate::parse(&text) {
                proptest::prop_assert!(matches!(predicate.evaluate(&variables()), Ok(_) | Err(_)));
            }
        }
    }
}
