//! Pkginfos as nearly all are written: read, and written down again, without making values of them.
//!
//! Text that is escaped as it would be written is copied as it stands. Whatever is out of the ordinary is left to the
//! readers that make values; they would take what is taken here, too, and make the very same of it.

use std::{borrow::Cow, iter};

use chrono::NaiveDate;

use crate::{Compat, Head};

/// Hardly any pkginfo nests deeper.
const DEEPEST: usize = 16;

/// What lines begin with: of a pkginfo that is in an array, and of which each level is in the one above.
const TABS: &str = "\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t";

const DECLARATIONS: [&str; 2] = [
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
    "<?xml version=\"1.0\" encoding=\"utf-8\"?>",
];
const TYPES: [&str; 2] = [
    "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">",
    "<!DOCTYPE plist PUBLIC \"-//Apple Computer//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">",
];
const STARTS: [&str; 2] = ["<plist version=\"1.0\">", "<plist>"];

/// As long as the longest of the tags that begin a value, without what they begin with.
const LONGEST_TAG: usize = "integer>".len();

/// Letters that stand for themselves are written with these.
const REFERENCES: [(&str, &str); 3] = [("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")];

/// Hardly any pkginfo has more keys.
const USUAL_KEYS: usize = 32;

/// A dictionary's keys and values, in the order of the keys.
type Entries<'a> = Vec<Entry<'a>>;

struct Entry<'a> {
    /// How the key begins, which is nearly always enough to tell keys apart.
    begin: u64,
    key: &'a str,
    node: Node<'a>,
}

/// A value, as it is written.
enum Node<'a> {
    Text(Leaf, &'a str),
    Flag(bool),
    Array(Vec<Self>),
    Dict(Entries<'a>),
}

/// An element with text in it.
#[derive(Clone, Copy)]
enum Leaf {
    Date,
    Integer,
    String,
}

impl Leaf {
    const fn name(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::Integer => "integer",
            Self::String => "string",
        }
    }

    const fn end(self) -> &'static str {
        match self {
            Self::Date => "</date>",
            Self::Integer => "</integer>",
            Self::String => "</string>",
        }
    }

    fn is_sound(self, text: &str) -> bool {
        match self {
            Self::Date => is_date(text),
            Self::Integer => is_integer(text),
            Self::String => true,
        }
    }
}

/// The first letters of a key, as a number that is in the same order: no key has a zero in it.
fn begin_of(key: &str) -> u64 {
    let letters = key.bytes().chain(iter::repeat(0)).take(8);
    letters.fold(0, |begin, letter| begin << 8 | u64::from(letter))
}

/// Appends the pkginfo to `out` as it stands in catalogs, and answers its head; does nothing if it is out of the
/// ordinary.
pub(crate) fn append(contents: &[u8], compat: Compat, out: &mut String) -> Option<Head<'static>> {
    let text = std::str::from_utf8(contents).ok()?;
    let mut pkginfo = Reader { rest: text }.document()?;
    find(&pkginfo, "name")?;
    let keeps_notes = match (compat, find(&pkginfo, "notes")) {
        (Compat::Munki7, _) | (_, None) => false,
        // Munki 6 keeps notes in which nothing is.
        (Compat::Munki6, Some(Node::Text(Leaf::String, text))) => text.is_empty(),
        (Compat::Munki6, Some(_)) => return None,
    };
    pkginfo.retain(|Entry { key, .. }| (keeps_notes || *key != "notes") && !key.starts_with('_'));
    let head = head(&pkginfo)?;
    write_dict(&pkginfo, 1, out);
    Some(head)
}

fn find<'a, 'b>(entries: &'b Entries<'a>, wanted: &str) -> Option<&'b Node<'a>> {
    let begin = begin_of(wanted);
    let is_wanted = |entry: &&Entry<'_>| entry.begin == begin && entry.key == wanted;
    Some(&entries.iter().find(is_wanted)?.node)
}

fn head(pkginfo: &Entries<'_>) -> Option<Head<'static>> {
    let text_of = |key: &str| match find(pkginfo, key) {
        None => Some(None),
        Some(Node::Text(Leaf::String, text)) => Some(Some(unescaped(text))),
        Some(_) => None,
    };
    let catalogs = match find(pkginfo, Head::CATALOGS) {
        None => None,
        Some(Node::Array(names)) => {
            let names = names.iter().map(|name| match name {
                Node::Text(Leaf::String, text) => Some(unescaped(text)),
                _ => None,
            });
            Some(names.collect::<Option<Vec<_>>>()?)
        }
        Some(_) => return None,
    };
    Head::gather(catalogs, text_of)
}

fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return text.into();
    }
    // An ampersand comes last, since it may stand before what only looks like a reference.
    let letters = REFERENCES
        .iter()
        .fold(text.to_owned(), |text, (reference, letter)| {
            text.replace(reference, letter)
        });
    letters.into()
}

/// What is not read yet.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn document(mut self) -> Option<Entries<'a>> {
        if self.take_any(&DECLARATIONS).is_some() {
            self.spaces();
            if self.take_any(&TYPES).is_some() {
                self.spaces();
            }
        }
        self.take_any(&STARTS)?;
        self.spaces();
        self.take("<dict>")?;
        let entries = self.dict(DEEPEST, Entries::with_capacity(USUAL_KEYS))?;
        self.spaces();
        self.take("</plist>")?;
        self.spaces();
        self.rest.is_empty().then_some(entries)
    }

    #[inline]
    fn take(&mut self, what: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(what)?;
        Some(())
    }

    fn take_any(&mut self, any: &[&str]) -> Option<()> {
        any.iter().find_map(|what| self.take(what))
    }

    fn spaces(&mut self) {
        let is_space = |byte: &u8| matches!(byte, b'\n' | b'\t' | b' ');
        let len = self.rest.bytes().take_while(is_space).count();
        self.rest = self.rest.get(len..).unwrap_or_default();
    }

    /// What is in a dictionary besides these entries, and its end.
    fn dict(&mut self, deepest: usize, mut entries: Entries<'a>) -> Option<Entries<'a>> {
        loop {
            self.spaces();
            if self.take("<key>").is_none() {
                self.take("</dict>")?;
                break;
            }
            let key = self.text()?;
            self.take("</key>")?;
            // Beyond ASCII the order of letters and that of their bytes are not the same.
            if key.is_empty() || !key.is_ascii() {
                return None;
            }
            self.spaces();
            entries.push(Entry {
                begin: begin_of(key),
                key,
                node: self.value(deepest)?,
            });
        }
        entries.sort_unstable_by_key(|entry| (entry.begin, entry.key));
        let is_twice = |pair: &[Entry<'_>]| matches!(pair, [one, next] if one.key == next.key);
        (!entries.windows(2).any(is_twice)).then_some(entries)
    }

    fn array(&mut self, deepest: usize) -> Option<Vec<Node<'a>>> {
        let mut nodes = Vec::new();
        loop {
            self.spaces();
            if self.take("</array>").is_some() {
                return Some(nodes);
            }
            nodes.push(self.value(deepest)?);
        }
    }

    fn value(&mut self, deepest: usize) -> Option<Node<'a>> {
        let deeper = deepest.checked_sub(1)?;
        self.take("<")?;
        let ends_tag = |byte| byte == b'>';
        let len = self.rest.bytes().take(LONGEST_TAG).position(ends_tag)?;
        let (tag, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        self.take(">")?;
        Some(match tag {
            "string" => self.leaf(Leaf::String)?,
            "string/" => Node::Text(Leaf::String, ""),
            "integer" => self.leaf(Leaf::Integer)?,
            "date" => self.leaf(Leaf::Date)?,
            "true/" => Node::Flag(true),
            "false/" => Node::Flag(false),
            "array" => Node::Array(self.array(deeper)?),
            "array/" => Node::Array(Vec::new()),
            "dict" => Node::Dict(self.dict(deeper, Entries::new())?),
            "dict/" => Node::Dict(Entries::new()),
            _ => return None,
        })
    }

    fn leaf(&mut self, leaf: Leaf) -> Option<Node<'a>> {
        let text = self.text()?;
        self.take(leaf.end())?;
        leaf.is_sound(text).then_some(Node::Text(leaf, text))
    }

    /// Text up to the next tag, if it is written here as it will be there.
    fn text(&mut self) -> Option<&'a str> {
        let mut len = 0_usize;
        loop {
            let rest = self.rest.get(len..)?;
            let plain = plain_len(rest.as_bytes())?;
            len = len.saturating_add(plain);
            let rest = rest.get(plain..)?;
            if rest.starts_with('<') {
                break;
            }
            let (reference, _) = REFERENCES
                .iter()
                .find(|(reference, _)| rest.starts_with(reference))?;
            len = len.saturating_add(reference.len());
        }
        let (text, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(text)
    }
}

/// How many bytes are copied whatever they are, up to one that is not.
fn plain_len(bytes: &[u8]) -> Option<usize> {
    // So many at once that the machine looks at them together.
    let (blocks, _) = bytes.as_chunks::<32>();
    let is_whole = |block: &&[u8; 32]| {
        block
            .iter()
            .fold(true, |plain, byte| plain & is_plain(*byte))
    };
    let whole = blocks
        .iter()
        .take_while(is_whole)
        .count()
        .saturating_mul(32);
    let plain = bytes
        .get(whole..)?
        .iter()
        .position(|byte| !is_plain(*byte))?;
    Some(whole.saturating_add(plain))
}

/// Whether a byte of UTF-8 is copied whatever is beside it: no markup, no control character, and not the first byte of
/// U+FFFE and U+FFFF, which XML does not have.
const fn is_plain(byte: u8) -> bool {
    let is_control = byte < b' ' && byte != b'\t' && byte != b'\n';
    !is_control && byte != b'&' && byte != b'<' && byte != b'>' && byte != 0xef
}

/// Whether a whole number is written as it will be.
fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number = digits.bytes().all(|digit| digit.is_ascii_digit());
    match digits.bytes().next() {
        Some(b'1'..=b'9') => is_number && digits.len() <= 18,
        Some(b'0') => text == "0",
        _ => false,
    }
}

/// Whether a date is one, and written as it will be.
fn is_date(text: &str) -> bool {
    let number = |at: usize, len: usize| {
        let digits = text.get(at..at.saturating_add(len))?;
        let sound = digits.bytes().all(|digit| digit.is_ascii_digit());
        sound.then(|| digits.parse::<u16>().ok()).flatten()
    };
    let signs = [
        (4, "-"),
        (7, "-"),
        (10, "T"),
        (13, ":"),
        (16, ":"),
        (19, "Z"),
    ];
    let has_sign = |at: usize, sign| text.get(at..).is_some_and(|rest| rest.starts_with(sign));
    let has_shape = text.len() == 20 && signs.iter().all(|(at, sign)| has_sign(*at, *sign));
    let is_below = |at, limit| number(at, 2).is_some_and(|number| number < limit);
    let day = || {
        let year = number(0, 4).filter(|year| *year > 0)?;
        NaiveDate::from_ymd_opt(year.into(), number(5, 2)?.into(), number(8, 2)?.into())
    };
    has_shape && is_below(11, 24) && is_below(14, 60) && is_below(17, 60) && day().is_some()
}

fn write_dict(entries: &Entries<'_>, depth: usize, out: &mut String) {
    if entries.is_empty() {
        line(depth, &["<dict/>"], out);
        return;
    }
    line(depth, &["<dict>"], out);
    let deeper = depth.saturating_add(1);
    for Entry { key, node, .. } in entries {
        line(deeper, &["<key>", key, "</key>"], out);
        write(node, deeper, out);
    }
    line(depth, &["</dict>"], out);
}

fn write(node: &Node<'_>, depth: usize, out: &mut String) {
    match node {
        Node::Text(leaf, text) => line(depth, &["<", leaf.name(), ">", text, leaf.end()], out),
        Node::Flag(true) => line(depth, &["<true/>"], out),
        Node::Flag(false) => line(depth, &["<false/>"], out),
        Node::Array(nodes) if nodes.is_empty() => line(depth, &["<array/>"], out),
        Node::Array(nodes) => {
            line(depth, &["<array>"], out);
            for node in nodes {
                write(node, depth.saturating_add(1), out);
            }
            line(depth, &["</array>"], out);
        }
        Node::Dict(entries) => write_dict(entries, depth, out),
    }
}

fn line(depth: usize, parts: &[&str], out: &mut String) {
    out.push_str(TABS.get(..depth).unwrap_or(TABS));
    for part in parts {
        out.push_str(part);
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use proplist::{KeyOrder, Value, to_xml};
    use proptest::prelude::*;

    use super::*;
    use crate::{CatalogBuilder, CatalogOptions, tests::corpus};

    /// That a pkginfo is listed as the careful reader lists it; whether it was taken here.
    #[track_caller]
    fn assert_same(contents: &[u8], compat: Compat) -> bool {
        let options = CatalogOptions {
            compat,
            ..CatalogOptions::default()
        };
        let pkgs = || ["a/b.pkg".to_owned()];
        let mut quick = CatalogBuilder::new(options, pkgs());
        quick.add("x.plist", contents);
        let mut careful = CatalogBuilder::new(options, pkgs());
        careful.add_carefully("x.plist", contents);
        let (quick, careful) = (quick.finish(), careful.finish());
        let text = String::from_utf8_lossy(contents);
        assert_eq!(quick.report.notes, careful.report.notes, "{text}");
        assert_eq!(quick.report.progress, careful.report.progress, "{text}");
        assert_eq!(quick.listed(), careful.listed(), "{text}");
        assert!(quick.names().eq(careful.names()), "{text}");
        for name in careful.names() {
            let bytes = quick.pieces(name).concat();
            assert_eq!(bytes, careful.pieces(name).concat(), "{text}");
        }
        append(contents, compat, &mut String::new()).is_some()
    }

    fn assert_same_of_both(contents: &[u8]) -> bool {
        let (one, other) = (
            assert_same(contents, Compat::Munki6),
            assert_same(contents, Compat::Munki7),
        );
        one && other
    }

    const WHOLE: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\"><dict>\
        <key>name</key><string>A &amp;amp; \u{fc} &lt;b&gt; 'c' \"d\"</string> <key>catalogs</key>\n<array><string>t&amp;t\
        </string><string>p</string></array><key>notes</key><string>n</string><key>_metadata</key><dict><key>creation_date\
        </key><date>2026-01-02T03:04:05Z</date></dict><key>installer_item_location</key><string>a/b.pkg</string><key>Z</key>\
        <array/><key>a</key><array><dict/><integer>-12</integer><true/><dict><key>y</key><false/><key>x</key><string/></dict>\
        </array></dict></plist>\n\n";

    #[test]
    fn what_is_usual_is_taken_and_listed_as_the_careful_reader_lists_it() {
        assert!(assert_same_of_both(WHOLE.as_bytes()));
        let mut text = String::new();
        append(WHOLE.as_bytes(), Compat::Munki7, &mut text).unwrap();
        assert_eq!(
            text,
            "\t<dict>\n\t\t<key>Z</key>\n\t\t<array/>\n\t\t<key>a</key>\n\t\t<array>\n\t\t\t<dict/>\n\
             \t\t\t<integer>-12</integer>\n\t\t\t<true/>\n\t\t\t<dict>\n\t\t\t\t<key>x</key>\n\t\t\t\t<string></string>\n\
             \t\t\t\t<key>y</key>\n\t\t\t\t<false/>\n\t\t\t</dict>\n\t\t</array>\n\t\t<key>catalogs</key>\n\t\t<array>\n\
             \t\t\t<string>t&amp;t</string>\n\t\t\t<string>p</string>\n\t\t</array>\n\
             \t\t<key>installer_item_location</key>\n\t\t<string>a/b.pkg</string>\n\
             \t\t<key>name</key>\n\t\t<string>A &amp;amp; \u{fc} &lt;b&gt; 'c' \"d\"</string>\n\t</dict>\n"
        );
    }

    #[test]
    fn what_is_odd_is_left_to_the_careful_reader_or_read_as_it_reads_it() {
        let odd = |from: &str, to: &str| {
            let text = WHOLE.replacen(from, to, 1);
            assert_ne!(text, WHOLE, "{from}");
            assert_same_of_both(text.as_bytes())
        };
        for (from, to) in [
            ("'c'", "&apos;c&apos;"),
            ("'c'", "]]>"),
            ("'c'", "<![CDATA[c]]>"),
            ("'c'", "c\r\nd"),
            ("'c'", "&#99;"),
            ("'c'", "\u{1}"),
            ("'c'", "\u{ffff}"),
            ("'c'", "<!-- c -->"),
            ("-12", "-0"),
            ("-12", "012"),
            ("-12", "1_2"),
            ("-12", " 12"),
            ("-12", "99999999999999999999"),
            ("<integer>-12</integer>", "<real>1</real>"),
            ("<integer>-12</integer>", "<data>YQ==</data>"),
            ("2026-01-02", "2026-02-30"),
            ("2026-01-02", "0000-01-02"),
            ("03:04:05", "03:04:60"),
            ("03:04:05", "24:04:05"),
            ("<key>Z</key>", "<key>\u{fc}</key>"),
            ("<key>Z</key>", "<key></key>"),
            ("<key>Z</key>", "<key>a</key>"),
            ("<key>Z</key>", "<key>notes</key>"),
            ("<key>name</key>", "<key>names</key>"),
            ("<string>n</string>", "<array/>"),
            ("<string>p</string>", "<integer>1</integer>"),
            ("<string>a/b.pkg</string>", "<integer>1</integer>"),
            ("<dict/>", "junk<dict/>"),
            ("</plist>", "</plist><plist/>"),
            ("</plist>", "<true/></plist>"),
            ("<?xml", " <?xml"),
            ("UTF-8", "ISO-8859-1"),
            ("<plist version=\"1.0\">", "<plist  version='1.0'>"),
        ] {
            // Notes of either Munki differ, so that one of them may take what the other leaves.
            assert!(!odd(from, to), "{from} {to}");
        }
        for (from, to) in [
            ("<string>n</string>", "<string></string>"),
            ("<string>n</string>", "<string/>"),
            ("<array/>", "<array> </array>"),
            ("<dict/>", "<dict>\t</dict>"),
            ("a/b.pkg", "a/B.pkg"),
            ("a/b.pkg", "c"),
            ("<string>p</string>", "<string></string>"),
            ("-12", "0"),
        ] {
            assert!(odd(from, to), "{from} {to}");
        }
        let deep = format!("{}{}", "<array>".repeat(20), "</array>".repeat(20));
        assert!(!odd("<array/>", &deep));
        assert!(!assert_same_of_both(b"\xff\xfe<plist>"));
    }

    #[test]
    fn whatever_is_cut_or_changed_in_one_byte_is_listed_as_the_careful_reader_lists_it() {
        for at in 0..WHOLE.len() {
            assert_same(&WHOLE.as_bytes()[..at], Compat::Munki7);
            for (number, byte) in b"<&/ 0\xef".iter().enumerate() {
                let mut bytes = WHOLE.as_bytes().to_vec();
                bytes[at] = *byte;
                let is_odd = (at + number) % 2 == 1;
                assert_same(
                    &bytes,
                    if is_odd {
                        Compat::Munki6
                    } else {
                        Compat::Munki7
                    },
                );
            }
        }
    }

    #[test]
    fn pkginfos_that_munki_made_are_taken() {
        let Some(folder) = corpus("munki/pkginfo") else {
            return;
        };
        let (mut all, mut taken) = (0, 0);
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension() == Some("plist".as_ref()) {
                let contents = fs_err::read(&path).unwrap();
                let is_taken = assert_same_of_both(&contents);
                if contents.windows(11).any(|text| text == b"<key>name</") {
                    all += 1;
                    taken += usize::from(is_taken);
                }
            }
        }
        println!("{taken} of {all} pkginfos that makepkginfo made are taken without making values");
        assert_eq!(taken, all);
    }

    fn values() -> impl Strategy<Value = Value> {
        let text = prop_oneof![
            "[ -~\t\n\u{e0}-\u{ff}]{0,9}",
            prop::sample::select(vec![
                "a/b.pkg",
                "nopkg",
                "x&amp;lt;",
                "\u{fffd}",
                "\u{1f600}",
                ""
            ])
            .prop_map(str::to_owned),
        ];
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::from),
            text.prop_map(Value::String),
            prop::collection::vec(any::<u8>(), 0..4).prop_map(Value::Data),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::vec((keys(), inner), 0..5)
                    .prop_map(|entries| Value::Dict(entries.into_iter().collect())),
            ]
        })
    }

    fn keys() -> impl Strategy<Value = String> {
        let known = [
            "name",
            "catalogs",
            "notes",
            "_x",
            "installer_item_location",
            "installer_type",
            "PackageURL",
            "uninstaller_item_location",
            "uninstall_method",
        ];
        prop_oneof![
            prop::sample::select(known.to_vec()).prop_map(str::to_owned),
            "[A-Za-z_&]{1,4}",
        ]
    }

    proptest! {
        #[test]
        fn any_pkginfo_is_listed_as_the_careful_reader_lists_it(
            entries in prop::collection::vec((keys(), values()), 0..8),
            catalogs in prop::collection::vec("[a-c/]{0,3}", 0..3),
            sorted in any::<bool>(),
        ) {
            let mut dict: proplist::Dict = entries.into_iter().collect();
            dict.insert("name".to_owned(), "n".into());
            if !catalogs.is_empty() {
                dict.insert("catalogs".to_owned(), catalogs.into());
            }
            let order = if sorted { KeyOrder::Sorted } else { KeyOrder::AsIs };
            let text = to_xml(&Value::Dict(dict), order).unwrap();
            assert_same_of_both(text.as_bytes());
        }
    }
}
