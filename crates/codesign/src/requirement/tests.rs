use proptest::prelude::*;

use super::*;

fn round_trip(text: &str) -> String {
    let requirement = Requirement::parse(text).unwrap();
    let printed = requirement.to_string();
    assert_eq!(
        Requirement::parse(&printed).unwrap(),
        requirement,
        "{printed}"
    );
    printed
}

#[test]
fn prints_as_macos_does() {
    for text in [
        "identifier \"com.zoo.SignedApp\" and anchor apple generic",
        "anchor apple generic and identifier vault and (certificate leaf[field.1.2.840.113635.100.6.1.9] /* exists */ \
         or certificate 1[field.1.2.840.113635.100.6.2.6] /* exists */ and certificate leaf[subject.OU] = \"43AQ936H96\")",
        "cdhash H\"0123456789abcdef0123456789abcdef01234567\"",
        "! (always or never)",
        "certificate -2 = H\"0123456789abcdef0123456789abcdef01234567\"",
        "info[CFBundleVersion] >= \"1.10\" and entitlement[\"com.apple.security.app-sandbox\"] /* exists */",
        "certificate leaf[timestamp.1.2.840.113635.100.6.1.33] >= timestamp \"20190408000000Z\"",
        "certificate leaf[subject.O] = Apple* and certificate root[subject.O] = *Inc",
        "anchor apple \"Name of It\" and anchor trusted and certificate leaf trusted and notarized and legacy",
        "platform = 6",
    ] {
        assert_eq!(round_trip(text), text);
    }
}

#[test]
fn reads_what_people_write() {
    for (text, printed) in [
        ("=identifier=\"a.b\"", "identifier \"a.b\""),
        (
            "identifier a && anchor generic apple || never",
            "identifier a and anchor apple generic or never",
        ),
        (
            "(identifier a and (always and never))",
            "identifier a and always and never",
        ),
        (
            "# note\ncert leaf = H\"AB\" // note",
            "certificate leaf = H\"ab\"",
        ),
        ("anchor = H\"ab\"", "certificate root = H\"ab\""),
        (
            "certificate leaf[subject.CN] = 0x41c3a4",
            "certificate leaf[subject.CN] = 0x41c3a4",
        ),
        ("info[A] = *b*", "info[A] ~ b"),
        ("!!always", "! ! always"),
    ] {
        assert_eq!(round_trip(text), printed, "{text}");
    }
}

#[test]
fn says_where_a_text_is_wrong() {
    for (text, error) in [
        (
            "",
            "not a code requirement: a condition is expected at character 1",
        ),
        (
            "none",
            "not a code requirement: `none` is not a condition at character 1",
        ),
        (
            "%CSV_REQ%",
            "not a code requirement: a character that has no meaning at character 1",
        ),
        (
            "always always",
            "not a code requirement: `and`, `or` or the end is expected at character 8",
        ),
        (
            "identifier \"a",
            "not a code requirement: text without an end at character 12",
        ),
        (
            "(always",
            "not a code requirement: `)` is expected at character 8",
        ),
        (
            "cdhash H\"abc\"",
            "not a code requirement: hexadecimal digits in pairs are expected at character 8",
        ),
        (
            "certificate leaf[field.x] exists",
            "not a code requirement: `x` is not an object identifier at character 17",
        ),
    ] {
        assert_eq!(
            Requirement::parse(text).unwrap_err().to_string(),
            error,
            "{text}"
        );
    }
    assert!(Requirement::parse(&"(".repeat(100_000)).is_err());
    assert!(Requirement::parse(&"!".repeat(100_000)).is_err());
}

#[test]
fn knows_what_pins_nothing() {
    for text in [
        "always",
        "(always)",
        "never or always",
        "! never",
        "always and true",
    ] {
        assert!(Requirement::parse(text).unwrap().is_always_met(), "{text}");
    }
    for text in ["identifier a", "always and identifier a", "never"] {
        assert!(!Requirement::parse(text).unwrap().is_always_met(), "{text}");
    }
}

#[test]
fn every_public_requirement_is_read_and_printed_back() {
    let Some(corpus) = crate::tests::corpus() else {
        return;
    };
    let packed = std::fs::read(corpus.join("recipes/requirements.txt.xz")).unwrap();
    let tree = media::open_source(
        std::sync::Arc::new(packed),
        &wire::Budget::for_medium("requirements"),
    )
    .unwrap();
    let name = tree.children("").unwrap().remove(0).path;
    let mut text = String::new();
    std::io::Read::read_to_string(&mut tree.open(&name).unwrap(), &mut text).unwrap();
    let (mut read, mut refused) = (0, Vec::new());
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (_, json) = line.split_once('\t').unwrap();
        let requirement: String = serde_json::from_str(json).unwrap();
        match Requirement::parse(&requirement) {
            Ok(_) => {
                round_trip(&requirement);
                read += 1;
            }
            Err(_) => refused.push(requirement),
        }
    }
    println!("{read} read, refused: {refused:#?}");
    assert!(read > 2700);
    assert_eq!(refused, ["none", "%CSV_REQ%"]);
}

fn text() -> impl Strategy<Value = String> {
    "[ -~äß]{0,12}"
}

fn matching() -> impl Strategy<Value = Match> {
    prop_oneof![
        Just(Match::Absent),
        Just(Match::Exists),
        text().prop_map(Match::BeginsWith),
        text().prop_map(Match::Contains),
        text().prop_map(Match::EndsWith),
        text().prop_map(Match::Equal),
        text().prop_map(Match::Greater),
        text().prop_map(Match::LessOrEqual),
    ]
}

fn expression() -> impl Strategy<Value = Expression> {
    let slot = (-3..4).prop_map(Slot);
    let oid = Just("1.2.840.113635.100.6.2.6".to_owned());
    let leaf = prop_oneof![
        Just(Expression::Always),
        Just(Expression::AnchorApple),
        Just(Expression::AnchorAppleGeneric),
        text().prop_map(Expression::Identifier),
        (text(), matching()).prop_map(|(key, value)| Expression::Info(key, value)),
        (text(), matching()).prop_map(|(key, value)| Expression::Entitlement(key, value)),
        (slot.clone(), oid, matching())
            .prop_map(|(slot, oid, value)| Expression::CertificateExtension(slot, oid, value)),
        (slot, matching()).prop_map(|(slot, value)| {
            Expression::CertificateField(slot, "subject.OU".to_owned(), value)
        }),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            inner
                .clone()
                .prop_map(|inner| Expression::Not(Box::new(inner))),
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Expression::all_of),
            proptest::collection::vec(inner, 2..4).prop_map(Expression::any_of),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_printed_reads_as_the_same(expression in expression()) {
        let printed = Requirement::new(expression.clone()).to_string();
        let read = Requirement::parse(&printed).unwrap();
        prop_assert_eq!(read.expression(), &expression, "{}", printed);
    }

    #[test]
    fn no_text_and_no_bytes_panic(text: String, bytes: Vec<u8>) {
        drop(Requirement::parse(&text));
        let mut set = vec![0xfa, 0xde, 0x0c, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 20];
        drop(Requirement::designated_in(&bytes));
        set.extend_from_slice(&[0xfa, 0xde, 0x0c, 0]);
        set.extend(u32::try_from(bytes.len().strict_add(12)).unwrap().to_be_bytes());
        set.extend_from_slice(&[0, 0, 0, 1]);
        set.extend(bytes);
        drop(Requirement::designated_in(&set));
    }
}

#[test]
fn operations_nested_without_end_are_refused() {
    let mut set = vec![
        0xfa, 0xde, 0x0c, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 20,
    ];
    set.extend_from_slice(&[0xfa, 0xde, 0x0c, 0]);
    set.extend(400_012_u32.to_be_bytes());
    set.extend([0, 0, 0, 1]);
    set.extend([0, 0, 0, 9].repeat(100_000));
    assert!(Requirement::designated_in(&set).is_err());
}
