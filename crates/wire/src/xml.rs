//! Bounds on XML, looked at before a parser that keeps all of it does.

use crate::ParseError;

const STRUCTURE: &str = "XML document";

/// Deepest nesting of elements: paths from media have at most 200 levels, and a table of contents a few more.
const MOST_LEVELS: u64 = 256;

/// Most attributes of one element: parsers compare each one with all before it.
const MOST_ATTRIBUTES: u64 = 64;

/// Most namespaces that an element declares or inherits: parsers copy all of them for each element that declares one,
/// and go through them for each name.
const MOST_NAMESPACES: u64 = 64;

/// Most declarations of namespaces in a document. Feeds there are that declare the same one in every item.
const MOST_DECLARATIONS: u64 = 10_000;

/// Most elements, attributes, comments and other pieces of markup together.
const MOST_PARTS: u64 = 2_000_000;

/// Most bytes that entities may become, and most comparisons of their names: each reference is looked up among all.
const MOST_EXPANDED: u64 = 128 << 20;

/// Most references that one reference leads to: roxmltree takes no more.
const MOST_NESTED: u64 = 255;

/// States that a parser which keeps all of an XML document in memory can be given this one: the time and memory that
/// such parsers take grow faster than what they read, with namespaces, attributes and levels.
///
/// It goes through the bytes once and tells nothing else: what is no XML is for the parser to refuse. It ends
/// comments, CDATA sections, processing instructions and quotes where a parser does, so nothing can be hidden in them.
///
/// # Errors
/// If the document has too much of something, or an element in an entity, which could be repeated at will.
pub fn bounded_xml(text: &str) -> Result<(), ParseError> {
    let mut scan = Scan::default();
    let mut rest = text.as_bytes();
    while let Some((_, _, inner)) = split(rest, b"<") {
        rest = scan.markup(inner)?;
    }
    if scan.entities == 0 {
        return Ok(());
    }
    let references = text.split('&').count() as u64;
    let nested = if scan.has_nested { MOST_NESTED } else { 1 };
    let expanded = scan.entities.saturating_mul(references);
    within(
        expanded.saturating_mul(nested),
        MOST_EXPANDED,
        "bytes from entities",
    )
}

/// What was met so far.
#[derive(Debug, Default)]
struct Scan {
    /// How many namespaces each open element declares, the outermost first.
    open: Vec<u64>,
    /// How many namespaces the open elements declare.
    namespaces: u64,
    declarations: u64,
    parts: u64,
    /// What one reference costs at most, if entities do not refer to others: each is looked up, and put in its place.
    entities: u64,
    /// An entity refers to others.
    has_nested: bool,
}

impl Scan {
    /// Takes in the markup that follows a `<`; the answer is what follows it, nothing if it does not end.
    fn markup<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], ParseError> {
        if let Some(inner) = bytes.strip_prefix(b"/") {
            let declared = self.open.pop().unwrap_or(0);
            self.namespaces = self.namespaces.saturating_sub(declared);
            return Ok(inner);
        }
        self.part()?;
        for (start, end) in [
            (&b"!--"[..], &b"-->"[..]),
            (b"![CDATA[", b"]]>"),
            (b"?", b"?>"),
        ] {
            if let Some(inner) = bytes.strip_prefix(start) {
                return Ok(after(inner, end));
            }
        }
        match bytes.strip_prefix(b"!DOCTYPE") {
            Some(inner) => self.document_type(inner),
            None => self.element(bytes),
        }
    }

    /// Takes in a start tag, without its `<`.
    fn element<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], ParseError> {
        let (mut attributes, mut declared) = (0_u64, 0_u64);
        let mut rest = bytes;
        while let Some((before, mark, inner)) = split(rest, b"\"'>") {
            if mark == b'>' {
                if !before.ends_with(b"/") {
                    self.open.push(declared);
                    self.namespaces = self.namespaces.saturating_add(declared);
                }
                within(self.open.len() as u64, MOST_LEVELS, "levels")?;
                return Ok(inner);
            }
            self.part()?;
            attributes = attributes.saturating_add(1);
            within(attributes, MOST_ATTRIBUTES, "attributes in an element")?;
            if is_declaration(before) {
                declared = declared.saturating_add(1);
                self.declarations = self.declarations.saturating_add(1);
                let inherited = self.namespaces.saturating_add(declared);
                within(inherited, MOST_NAMESPACES, "namespaces in one place")?;
                let all = self.declarations;
                within(all, MOST_DECLARATIONS, "declarations of namespaces")?;
            }
            rest = after(inner, &[mark]);
        }
        Ok(&[])
    }

    /// Takes in a document type, of which the `<!DOCTYPE` is left out.
    fn document_type<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], ParseError> {
        let mut rest = bytes;
        loop {
            let Some((_, mark, inner)) = split(rest, b"\"'[>") else {
                return Ok(&[]);
            };
            rest = inner;
            match mark {
                b'>' => return Ok(rest),
                b'[' => break,
                quote => rest = after(rest, &[quote]),
            }
        }
        loop {
            rest = rest.trim_ascii_start();
            if let Some(inner) = rest.strip_prefix(b"<!ENTITY") {
                rest = self.entity(inner)?;
            } else if let Some(inner) = rest.strip_prefix(b"<!--") {
                rest = after(inner, b"-->");
            } else if let Some(inner) = rest.strip_prefix(b"<?") {
                rest = after(inner, b"?>");
            } else if let Some(inner) = rest.strip_prefix(b"<!") {
                rest = after(inner, b">");
            } else {
                // The bracket at the end, or what no parser takes.
                return Ok(rest);
            }
        }
    }

    /// Takes in the declaration of an entity.
    fn entity<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], ParseError> {
        let mut rest = bytes;
        while let Some((_, mark, inner)) = split(rest, b"\"'>") {
            if mark == b'>' {
                return Ok(inner);
            }
            let Some((value, _, inner)) = split(inner, &[mark]) else {
                break;
            };
            if value.contains(&b'<') {
                return Err(ParseError::Unsupported {
                    structure: STRUCTURE,
                    what: "an element in an entity".to_owned(),
                });
            }
            let cost = (value.len() as u64).saturating_add(1);
            self.entities = self.entities.saturating_add(cost);
            self.has_nested |= value.contains(&b'&');
            rest = inner;
        }
        Ok(&[])
    }

    fn part(&mut self) -> Result<(), ParseError> {
        self.parts = self.parts.saturating_add(1);
        within(self.parts, MOST_PARTS, "elements and attributes")
    }
}

/// Whether what is in front of a quote ends in the name of a namespace and an equals sign.
fn is_declaration(before: &[u8]) -> bool {
    let before = before.trim_ascii_end();
    let before = before.strip_suffix(b"=").unwrap_or(before);
    before
        .trim_ascii_end()
        .rsplit(u8::is_ascii_whitespace)
        .next()
        .is_some_and(|name| name.starts_with(b"xmlns"))
}

/// What is before the first of those bytes, which one it is, and what is after it.
fn split<'a>(bytes: &'a [u8], marks: &[u8]) -> Option<(&'a [u8], u8, &'a [u8])> {
    let at = bytes.iter().position(|byte| marks.contains(byte))?;
    let (before, rest) = bytes.split_at_checked(at)?;
    let (mark, inner) = rest.split_first()?;
    Some((before, *mark, inner))
}

/// What is after the first `end`; nothing if there is none.
fn after<'a>(bytes: &'a [u8], end: &[u8]) -> &'a [u8] {
    let at = bytes.windows(end.len()).position(|window| window == end);
    at.and_then(|at| bytes.get(at.saturating_add(end.len())..))
        .unwrap_or_default()
}

const fn within(count: u64, limit: u64, unit: &'static str) -> Result<(), ParseError> {
    if count <= limit {
        return Ok(());
    }
    Err(ParseError::Budget {
        structure: STRUCTURE,
        limit,
        unit,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        bounded_xml(text).unwrap_err().to_string()
    }

    fn attributes(name: &str, count: usize) -> String {
        let all = (0..count).map(|number| format!(" {name}{number} = '>'"));
        all.collect::<Vec<_>>().concat()
    }

    #[test]
    fn levels_are_bounded() {
        let nested = |count: usize| "<a x='/'>".repeat(count) + &"</a>".repeat(count);
        bounded_xml(&nested(256)).unwrap();
        assert_eq!(refused(&nested(257)), "XML document: more than 256 levels");
        bounded_xml(&format!("<r>{}</r>", "<a/><b></b><c x=\"\"/>".repeat(300))).unwrap();
    }

    #[test]
    fn attributes_of_an_element_are_bounded() {
        bounded_xml(&format!("<a{}/><b/>", attributes("x", 64)).repeat(2)).unwrap();
        let error = refused(&format!("<a{}/>", attributes("x", 65)));
        assert!(error.contains("64 attributes in an element"), "{error}");
    }

    #[test]
    fn namespaces_are_bounded() {
        let own = attributes("xmlns:n", 40);
        bounded_xml(&format!(
            "<r>{}</r>",
            format!("<a{own}></a><a{own}/>").repeat(20)
        ))
        .unwrap();
        for text in [
            format!("<a{own}><b{own}/></a>"),
            "<a\nxmlns = \"u\">".repeat(65),
        ] {
            let error = refused(&text);
            assert!(error.contains("64 namespaces in one place"), "{error}");
        }
        let error = refused(&"<a xmlns='u'/>".repeat(10_001));
        assert!(error.contains("10000 declarations"), "{error}");
        // Neither another name nor a value is a declaration.
        bounded_xml(&"<a x='xmlns=' y=' xmlns:z='>".repeat(200)).unwrap();
    }

    #[test]
    fn elements_and_attributes_together_are_bounded() {
        bounded_xml(&"<a/>".repeat(2_000_000)).unwrap();
        for part in ["<a/>", "<a x=''/>", "<!---->", "<?x?>", "<![CDATA[]]>"] {
            let error = refused(&part.repeat(2_000_001));
            assert!(error.contains("2000000 elements and attributes"), "{error}");
        }
    }

    #[test]
    fn what_is_no_markup_does_not_count() {
        let much = "<a xmlns='u'>".repeat(300);
        for text in [
            format!("<a><!-- {much} --></a>"),
            format!("<a><![CDATA[ {much} ]]></a>"),
            format!("<?x {much} ?><a/>"),
            format!("<!DOCTYPE a [<!-- {much} --><?x {much} ?>]><a/>"),
        ] {
            bounded_xml(&text).unwrap();
        }
    }

    #[test]
    fn nothing_can_be_hidden() {
        let much = "<a>".repeat(300);
        for front in [
            "<?xml version='1.0'?>",
            "<x y='<!--'/>",
            "<x y=\"'<![CDATA[\"/>",
            "<!---->",
            "<!-- ' -->",
            "<?x '\"?>",
            "<![CDATA[<!--]]>",
            "<!DOCTYPE a>",
            "<!DOCTYPE a SYSTEM '[<!--'>",
            "<!DOCTYPE a [<!ENTITY b '>]'><!ENTITY % c SYSTEM \"'\"><!ELEMENT d '> ] >",
            "<!DOCTYPE a [ ]>",
        ] {
            assert!(bounded_xml(front).is_ok(), "{front}");
            assert!(bounded_xml(&format!("{front}{much}")).is_err(), "{front}");
        }
        let error = refused("<!DOCTYPE a [<!ENTITY b 'c'><!ENTITY d \"<e/>\">]><a>&d;</a>");
        assert!(error.contains("an element in an entity"), "{error}");
    }

    #[test]
    fn what_entities_become_is_bounded() {
        let text = |value: &str, references: usize| {
            let body = "&b;".repeat(references);
            format!("<!DOCTYPE a [<!ENTITY b '{value}'>]><a>{body}</a>")
        };
        bounded_xml(&text("Name", 10_000)).unwrap();
        bounded_xml(&text("Name &amp; Sons", 1_000)).unwrap();
        // Without entities of its own, a document may have as many references as it likes.
        bounded_xml(&"&amp;".repeat(1_000_000)).unwrap();
        let long = "x".repeat(1 << 20);
        let names = "<!ENTITY c ''>".repeat(20_000);
        for hostile in [
            text(&long, 130),
            text(&format!("&c;{long}"), 1),
            text(&"&c;".repeat(200), 10).replacen("]>", &format!("<!ENTITY c '{long}'>]>"), 1),
            text("", 10_000).replacen("]>", &format!("{names}]>"), 1),
        ] {
            let error = refused(&hostile);
            assert!(error.contains("bytes from entities"), "{error}");
        }
    }

    #[test]
    fn what_does_not_end_is_for_the_parser() {
        for text in [
            "",
            "<",
            "<!",
            "<!--",
            "<![CDATA[",
            "<?",
            "<a",
            "<a b='",
            "</",
            "</a>",
            "<!DOCTYPE",
            "<!DOCTYPE a [",
            "<!DOCTYPE a [<!ENTITY b 'c",
            "<!DOCTYPE a [<!ENTITY b 'c'",
            "<!DOCTYPE a 'b",
            "<!DOCTYPE a [x",
            "<!DOCTYPE a [<x",
            "no markup",
        ] {
            bounded_xml(text).unwrap();
        }
    }
}
