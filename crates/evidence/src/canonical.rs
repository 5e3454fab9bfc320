//! JSON that is the same for the same facts.

use serde_json::{Map, Value};

/// `value` with the members of its objects in the order of their names, without white space.
///
/// Names that are not ASCII sort by their UTF-8 bytes here and by UTF-16 in RFC 8785; verifiers do not care, because
/// what is signed is the bytes.
pub(crate) fn to_vec(value: &Value) -> Vec<u8> {
    // A `Display` of JSON cannot fail, and ends in the same bytes as any writer.
    sorted(value).to_string().into_bytes()
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(values) => values.iter().map(sorted).collect(),
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            let members = members.into_iter();
            Value::Object(
                members
                    .map(|(name, value)| (name.clone(), sorted(value)))
                    .collect::<Map<_, _>>(),
            )
        }
        other => other.clone(),
    }
}
