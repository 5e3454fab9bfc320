//! What `plistlib` of Python 3.11, with expat 2.6, says of damaged property lists, as it was run.

use proptest::prelude::*;

use super::*;

/// What is read.
enum Given {
    /// A whole file.
    All(&'static str),
    /// What stands in a dictionary after the key `k`, on the fourth line.
    In(&'static str),
}
use Given::{All, In};

impl Given {
    fn file(&self) -> String {
        match self {
            All(file) => (*file).to_owned(),
            In(rest) => format!(
                "<?xml version=\"1.0\"?>\n<!DOCTYPE plist PUBLIC \"a\" \"b\">\n<plist>\n\
                 <dict><key>k</key>{rest}</dict>\n</plist>\n"
            ),
        }
    }
}

const DAMAGED: [(Given, &str); 51] = [
    (All("hello"), "Invalid file"),
    (All(""), "Invalid file"),
    (All("<dict/>"), "Invalid file"),
    (All(" <plist/>"), "Invalid file"),
    (All("<!DOCTYPE plist>"), "Invalid file"),
    (All("<plist><dict>"), "no element found: line 1, column 13"),
    (All("<plist><dict"), "unclosed token: line 1, column 7"),
    (
        All("<plist><di ct a=\"1"),
        "not well-formed (invalid token): line 1, column 14",
    ),
    (
        All("<plist></dict></plist>"),
        "mismatched tag: line 1, column 9",
    ),
    (
        All("<plist><string>a & b</string></plist>"),
        "not well-formed (invalid token): line 1, column 18",
    ),
    (
        All("<plist><string>a < b</string></plist>"),
        "not well-formed (invalid token): line 1, column 18",
    ),
    (
        All("<plist><string>]]></string></plist>"),
        "not well-formed (invalid token): line 1, column 17",
    ),
    (
        All("<plist><string>&nope;</string></plist>"),
        "undefined entity: line 1, column 15",
    ),
    (
        All("<plist><string>&#1;</string></plist>"),
        "reference to invalid character number: line 1, column 15",
    ),
    (
        All("<plist><string>&#x;</string></plist>"),
        "not well-formed (invalid token): line 1, column 18",
    ),
    (
        All("<plist/>x"),
        "junk after document element: line 1, column 8",
    ),
    (
        All("<plist/>\n<plist/>"),
        "junk after document element: line 2, column 0",
    ),
    (
        All("<plist/>\n<?xml version=\"1.0\"?>"),
        "junk after document element: line 2, column 0",
    ),
    (
        All("<?xml version=\"1.0\"?>x<plist/>"),
        "not well-formed (invalid token): line 1, column 22",
    ),
    (
        All("<?xml version=\"1.0\"?>"),
        "no element found: line 1, column 21",
    ),
    (
        All("<?xml version=\"1.0\" encoding=\"X-FOO\"?><plist/>"),
        "unknown encoding: X-FOO",
    ),
    (
        All("<plist><!-- a -- b --></plist>"),
        "not well-formed (invalid token): line 1, column 16",
    ),
    (All("<plist><!-- a"), "unclosed token: line 1, column 7"),
    (
        All("<plist><![CDATA[x]]"),
        "unclosed CDATA section: line 1, column 17",
    ),
    (
        All("<plist><![CDAT[x]]></plist>"),
        "not well-formed (invalid token): line 1, column 14",
    ),
    (
        All("<plist><a b=c/></plist>"),
        "not well-formed (invalid token): line 1, column 12",
    ),
    (
        All("<plist><a b=\"<\"/></plist>"),
        "not well-formed (invalid token): line 1, column 13",
    ),
    (
        All("<plist a=\"1\"b=\"2\"/>"),
        "not well-formed (invalid token): line 1, column 12",
    ),
    (
        All("<plist><string>\u{1}</string></plist>"),
        "not well-formed (invalid token): line 1, column 15",
    ),
    (
        All("<plist>\r\n\r<string>a\rb</string>\r\n</x>"),
        "mismatched tag: line 5, column 2",
    ),
    (
        All("<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY a \"b\">]><plist/>"),
        "XML entity declarations are not supported in plist files",
    ),
    (
        All("<plist><key>a</key></plist>"),
        "list index out of range",
    ),
    (In("<key>l</key>"), "unexpected key at line 4"),
    (In(""), "missing value for key 'k' at line 4"),
    (In("<true/><true/>"), "unexpected element at line 4"),
    (
        In("<integer>-0x1F</integer>"),
        "invalid literal for int() with base 10: '-0x1F'",
    ),
    (
        In("<integer></integer>"),
        "invalid literal for int() with base 10: ''",
    ),
    (
        In("<integer>0xZZ</integer>"),
        "invalid literal for int() with base 16: '0xZZ'",
    ),
    (
        In("<integer>1__0</integer>"),
        "invalid literal for int() with base 10: '1__0'",
    ),
    (
        In("<real>x</real>"),
        "could not convert string to float: 'x'",
    ),
    (
        In("<date>2020-13-02T03:04:05Z</date>"),
        "month must be in 1..12",
    ),
    (
        In("<date>2020-02-30T03:04:05Z</date>"),
        "day is out of range for month",
    ),
    (
        In("<date>0000-02-30T03:04:05Z</date>"),
        "year 0 is out of range",
    ),
    (
        In("<date>2020-02-03T24:04:05Z</date>"),
        "hour must be in 0..23",
    ),
    (
        In("<date>2020Z</date>"),
        "function missing required argument 'month' (pos 2)",
    ),
    (
        In("<date>2020-02Z</date>"),
        "function missing required argument 'day' (pos 3)",
    ),
    (
        In("<date>tomorrow</date>"),
        "module 'plistlib' has no attribute 'readPlistFromString'",
    ),
    (
        In("<date> 2020-01-02T03:04:05Z</date>"),
        "module 'plistlib' has no attribute 'readPlistFromString'",
    ),
    (
        In("<data>A</data>"),
        "Invalid base64-encoded string: number of data characters (1) cannot be 1 more than a multiple of 4",
    ),
    (In("<data>AA</data>"), "Incorrect padding"),
    (
        In("<data>QUJDA</data>"),
        "Invalid base64-encoded string: number of data characters (5) cannot be 1 more than a multiple of 4",
    ),
];

#[test]
fn says_what_python_says() {
    for (given, expected) in &DAMAGED {
        let file = given.file();
        assert_eq!(read(file.as_bytes()).unwrap_err(), *expected, "{file}");
    }
}

fn value(element: &str) -> Value {
    let file = In(Box::leak(element.to_owned().into_boxed_str())).file();
    let Value::Dict(mut dict) = read(file.as_bytes()).unwrap() else {
        panic!("{file}");
    };
    dict.shift_remove("k").unwrap()
}

#[test]
fn takes_what_python_takes() {
    for (element, expected) in [
        ("<integer> 1_000 </integer>", Value::Integer(1000)),
        ("<integer>0x1F</integer>", Value::Integer(31)),
        ("<integer>+7</integer>", Value::Integer(7)),
        ("<real>1_0.5</real>", Value::Real(10.5)),
        ("<data>!QU JD=</data>", Value::Data(b"ABC".to_vec())),
        ("<data>QUI=</data>", Value::Data(b"AB".to_vec())),
        (
            "<string>a&nbsp;\r\nb&#13;<![CDATA[<]]></string>",
            "a\nb\r<".into(),
        ),
        (
            "<array><foo>1</foo><true>x</true></array>",
            vec![true].into(),
        ),
    ] {
        assert_eq!(value(element), expected, "{element}");
    }
    let later = value("<date>2020-01-02T03:04:05Z and more</date>");
    assert_eq!(later, value("<date>2020-01-02T03:04:05Z</date>"));
    let two = "<plist><true/><string>b</string></plist>";
    assert_eq!(read(two.as_bytes()), Ok("b".into()));
}

#[test]
fn takes_the_encodings_that_expat_knows() {
    let declared = |name: &str| {
        format!("<?xml version='1.0' encoding='{name}'?><plist><string>é</string></plist>")
    };
    let wide = |unit: fn(u16) -> [u8; 2]| -> Vec<u8> {
        let text = format!("\u{feff}{}", declared("UTF-16"));
        text.encode_utf16().flat_map(unit).collect()
    };
    let latin: Vec<u8> = declared("ISO-8859-1")
        .chars()
        .map(|letter| u8::try_from(letter).unwrap())
        .collect();
    for file in [
        declared("utf-8").into_bytes(),
        wide(u16::to_le_bytes),
        wide(u16::to_be_bytes),
        latin,
    ] {
        assert_eq!(read(&file), Ok("é".into()));
        assert_eq!(check_xml(&file), Ok(()));
    }
    let error = read(declared("US-ASCII").as_bytes()).unwrap_err();
    assert_eq!(error, "not well-formed (invalid token): line 1, column 56");
}

#[test]
fn core_foundation_takes_spaces_before_it() {
    assert_eq!(check_xml(b"\n <?xml version='1.0'?><plist/>"), Ok(()));
    assert!(check_xml(b"<plist><dict>").is_err());
}

#[test]
fn every_truncation_is_an_error() {
    let file = In("<array><string>a&amp;<![CDATA[b]]></string><!-- c --><?d e?></array>").file();
    let whole = file.trim_end().len();
    for len in 0..whole {
        assert!(read(&file.as_bytes()[..len]).is_err(), "{len}");
    }
    assert!(read(&file.as_bytes()[..whole]).is_ok());
    let deep = "<array>".repeat(100_000);
    assert_eq!(
        read(format!("<plist>{deep}").as_bytes()),
        Err("too deeply nested".to_owned())
    );
}

proptest! {
    #[test]
    fn never_panics(bytes: Vec<u8>, text in "[<>/a-z&;#x0-9='\" \\[\\]!?-]{0,60}") {
        drop(read(&bytes));
        drop(read(format!("<plist>{text}").as_bytes()));
        drop(read(format!("<?xml{text}").as_bytes()));
        drop(read(In(Box::leak(text.into_boxed_str())).file().as_bytes()));
    }
}
