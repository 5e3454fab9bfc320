//! Writes property lists byte for byte as Core Foundation does.

use base64::Engine as _;

use crate::{Dict, Value, WriteError, python::repr_real};

/// In what order the keys of dictionaries are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyOrder {
    /// As they are.
    AsIs,
    /// By UTF-16 code units, as Core Foundation and `plistlib` sort them: `CFBundle…` before `_metadata` before
    /// `autoremove`.
    Sorted,
}

const HEADER: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
<plist version=\"1.0\">\n";

/// The property list as XML text, with a line feed at its end.
///
/// # Errors
/// If `value` holds a null or a control character other than tab and line end.
///
/// # Source
/// Output of `CFPropertyListCreateData` and of `plistlib.dumps`, which agree but for carriage returns (kept here).
pub fn to_xml(value: &Value, order: KeyOrder) -> Result<String, WriteError> {
    let mut writer = Writer {
        text: HEADER.to_owned(),
        order,
    };
    writer.value(value, 0)?;
    writer.text.push_str("</plist>\n");
    Ok(writer.text)
}

struct Writer {
    text: String,
    order: KeyOrder,
}

impl Writer {
    fn value(&mut self, value: &Value, depth: usize) -> Result<(), WriteError> {
        match value {
            Value::Array(values) => self.array(values, depth)?,
            Value::Bool(true) => self.line(depth, "<true/>"),
            Value::Bool(false) => self.line(depth, "<false/>"),
            Value::Data(bytes) => self.data(bytes, depth),
            Value::Date(date) => {
                self.line(
                    depth,
                    &format!("<date>{}</date>", date.format("%Y-%m-%dT%H:%M:%SZ")),
                );
            }
            Value::Dict(dict) => self.dict(dict, depth)?,
            Value::Integer(number) => self.line(depth, &format!("<integer>{number}</integer>")),
            Value::Null => return Err(WriteError::Null),
            Value::Real(number) => {
                self.line(depth, &format!("<real>{}</real>", repr_real(*number)));
            }
            Value::String(text) => self.line(depth, &format!("<string>{}</string>", escape(text)?)),
        }
        Ok(())
    }

    fn array(&mut self, values: &[Value], depth: usize) -> Result<(), WriteError> {
        if values.is_empty() {
            self.line(depth, "<array/>");
            return Ok(());
        }
        self.line(depth, "<array>");
        for value in values {
            self.value(value, depth.saturating_add(1))?;
        }
        self.line(depth, "</array>");
        Ok(())
    }

    fn dict(&mut self, dict: &Dict, depth: usize) -> Result<(), WriteError> {
        if dict.is_empty() {
            self.line(depth, "<dict/>");
            return Ok(());
        }
        let mut entries: Vec<(&String, &Value)> = dict.iter().collect();
        if self.order == KeyOrder::Sorted {
            entries.sort_by(|(left, _), (right, _)| left.encode_utf16().cmp(right.encode_utf16()));
        }
        self.line(depth, "<dict>");
        for (key, value) in entries {
            self.line(
                depth.saturating_add(1),
                &format!("<key>{}</key>", escape(key)?),
            );
            self.value(value, depth.saturating_add(1))?;
        }
        self.line(depth, "</dict>");
        Ok(())
    }

    fn data(&mut self, bytes: &[u8], depth: usize) {
        let width = 76_usize.saturating_sub(depth.saturating_mul(8)).max(16);
        // Whole groups of four digits, as Python cuts them.
        let per_line = (width / 4).saturating_mul(3);
        self.line(depth, "<data>");
        for chunk in bytes.chunks(per_line) {
            self.line(
                depth,
                &base64::engine::general_purpose::STANDARD.encode(chunk),
            );
        }
        self.line(depth, "</data>");
    }

    fn line(&mut self, depth: usize, text: &str) {
        self.text.extend(std::iter::repeat_n('\t', depth));
        self.text.push_str(text);
        self.text.push('\n');
    }
}

/// Whether it is a control character that XML does not know.
pub(crate) const fn is_refused(letter: char) -> bool {
    matches!(letter, '\0'..='\u{1f}') && !matches!(letter, '\t' | '\n' | '\r')
}

fn escape(text: &str) -> Result<String, WriteError> {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            letter if is_refused(letter) => return Err(WriteError::Control(letter)),
            letter => escaped.push(letter),
        }
    }
    Ok(escaped)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::from_bytes;

    #[test]
    fn writes_as_core_foundation_does() {
        let value = from_bytes(
            b"<plist><dict><key>b</key><array/><key>_m</key><dict/><key>A</key><string>&lt;\"'&amp;</string>\
              <key>d</key><data>aGVsbG8=</data><key>c</key><array><real>2</real><integer>1</integer></array></dict></plist>",
        )
        .unwrap();
        let expected = format!(
            "{HEADER}<dict>\n\t<key>A</key>\n\t<string>&lt;\"'&amp;</string>\n\t<key>_m</key>\n\t<dict/>\n\
             \t<key>b</key>\n\t<array/>\n\t<key>c</key>\n\t<array>\n\t\t<real>2.0</real>\n\t\t<integer>1</integer>\n\
             \t</array>\n\t<key>d</key>\n\t<data>\n\taGVsbG8=\n\t</data>\n</dict>\n</plist>\n"
        );
        assert_eq!(to_xml(&value, KeyOrder::Sorted).unwrap(), expected);
    }

    #[test]
    fn refuses_what_a_property_list_cannot_hold() {
        assert_eq!(to_xml(&Value::Null, KeyOrder::AsIs), Err(WriteError::Null));
        assert_eq!(
            to_xml(&"a\0".into(), KeyOrder::AsIs),
            Err(WriteError::Control('\0'))
        );
    }

    #[test]
    fn what_was_made_fit_is_written() {
        let value: Dict = [
            (
                "a\u{1}".to_owned(),
                Value::from(vec![Value::from("1\u{1b}b\t\n"), Value::Null]),
            ),
            ("b".to_owned(), Value::from(2_i64)),
        ]
        .into_iter()
        .collect();
        let value = Value::Dict(value);
        assert!(to_xml(&value, KeyOrder::AsIs).is_err());
        let text = to_xml(&value.for_property_list(), KeyOrder::AsIs).unwrap();
        let read = serde_json::Value::from(&from_bytes(text.as_bytes()).unwrap());
        assert_eq!(
            read,
            serde_json::json!({"a\u{fffd}": ["1\u{fffd}b\t\n", ""], "b": 2})
        );
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::from),
            "[^\\x00-\\x1f\r]{0,12}".prop_map(Value::String),
            prop::collection::vec(any::<u8>(), 0..200).prop_map(Value::Data),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
                prop::collection::vec(("[a-z_A-Z]{0,6}", inner), 0..6)
                    .prop_map(|entries| Value::Dict(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_was_written_reads_back(value in values()) {
            let text = to_xml(&value, KeyOrder::AsIs).unwrap();
            prop_assert_eq!(from_bytes(text.as_bytes()).unwrap(), value);
        }
    }
}
