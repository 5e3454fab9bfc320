//! On which line each value of a property list stands.

use quick_xml::{Reader, events::Event};

/// One step on the way from the root of a property list to a value.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Part {
    /// Into a dictionary, by key.
    Key(String),
    /// Into an array, by index.
    Index(usize),
}

impl From<&str> for Part {
    fn from(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

impl From<usize> for Part {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

/// What no property list nests deeper than.
const DEEPEST: usize = 128;

/// The line, from 1, of every key of an XML property list and of every value in its arrays, in file order; of two
/// equal keys both are listed.
///
/// Meant for messages to people: it stops without a word where the text is not well-formed, and a binary property
/// list has no lines.
pub fn places(text: &str) -> Vec<(Vec<Part>, usize)> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut walk = Walk::default();
    let mut lines = Lines {
        text: text.as_bytes(),
        at: 0,
        line: 1,
    };
    loop {
        let before = reader.buffer_position();
        let Ok(event) = reader.read_event() else {
            return walk.found;
        };
        let line = lines.at(before);
        match event {
            Event::Start(tag) => walk.open(tag.name().as_ref(), line),
            Event::End(tag) => walk.close(tag.name().as_ref()),
            Event::Text(text) => walk.text.push_str(&text),
            Event::CData(text) => walk.text.push_str(&text),
            Event::GeneralRef(reference) => {
                let name: &str = &reference;
                if let Some(text) = quick_xml::escape::resolve_xml_entity(name) {
                    walk.text.push_str(text);
                }
            }
            Event::Eof => return walk.found,
            _ => {}
        }
        if walk.open.len() > DEEPEST {
            return walk.found;
        }
    }
}

/// Counts line ends on the way, each once.
struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    line: usize,
}

impl Lines<'_> {
    fn at(&mut self, position: u64) -> usize {
        let position = usize::try_from(position).unwrap_or(usize::MAX);
        if let Some(passed) = self.text.get(self.at..position) {
            let ends = passed.split(|byte| *byte == b'\n').skip(1).count();
            self.line = self.line.saturating_add(ends);
            self.at = position;
        }
        self.line
    }
}

#[derive(Default)]
struct Walk {
    /// The containers that are open: how many values an array has so far, or the key that a dictionary has reached.
    open: Vec<Part>,
    text: String,
    key_line: usize,
    found: Vec<(Vec<Part>, usize)>,
}

impl Walk {
    fn open(&mut self, name: &str, line: usize) {
        self.text.clear();
        match name {
            "plist" => {}
            "key" => self.key_line = line,
            _ => {
                if let Some(Part::Index(_)) = self.open.last() {
                    self.found.push((self.open.clone(), line));
                }
            }
        }
        match name {
            "dict" => self.open.push(Part::Key(String::new())),
            "array" => self.open.push(Part::Index(0)),
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "plist" => return,
            "key" => {
                if let Some(Part::Key(key)) = self.open.last_mut() {
                    *key = std::mem::take(&mut self.text);
                    self.found.push((self.open.clone(), self.key_line));
                }
                return;
            }
            "dict" | "array" => {
                self.open.pop();
            }
            _ => {}
        }
        if let Some(Part::Index(index)) = self.open.last_mut() {
            *index = index.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let part = |part: &Part| match part {
            Part::Key(key) => key.clone(),
            Part::Index(index) => index.to_string(),
        };
        places(text)
            .iter()
            .map(|(path, line)| {
                let path: Vec<String> = path.iter().map(part).collect();
                format!("{line} {}", path.join("/"))
            })
            .collect()
    }

    #[test]
    fn every_key_and_every_element_has_a_line() {
        let text = "<?xml version=\"1.0\"?>\n<plist>\n<dict>\n<key>A &amp; B</key>\n<string>x\ny</string>\n\
                    <key>P</key>\r\n<array>\n<dict>\n<key>n</key><true/>\n<key>\nm</key><array/></dict>\n<string/>\n\
                    </array>\n<key>Z</key><integer>1</integer></dict></plist>";
        assert_eq!(
            shown(text),
            [
                "4 A & B",
                "7 P",
                "9 P/0",
                "10 P/0/n",
                "11 P/0/\nm",
                "13 P/1",
                "15 Z"
            ]
        );
    }

    #[test]
    fn what_is_not_well_formed_ends_it() {
        assert_eq!(shown("<plist><dict>\n<key>a</key><true/></array>"), ["2 a"]);
        assert!(places("bplist00").is_empty());
        let deep = "<array>".repeat(10_000);
        assert!(places(&deep).len() <= DEEPEST);
    }

    proptest! {
        #[test]
        fn never_panics(text: String) {
            places(&text);
            places(&format!("<plist><dict>{text}"));
        }
    }
}
