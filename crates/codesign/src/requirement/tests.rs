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
            "identifier == a and anchor generic apple or never;",
            "identifier a and anchor apple generic or never",
        ),
        (
            "(identifier a and (always and never))",
            "identifier a and always and never",
        ),
        (
            "# note\ncert leaf H\"0123456789ABCDEF0123456789abcdef01234567\" // note",
            "certificate leaf = H\"0123456789abcdef0123456789abcdef01234567\"",
        ),
        (
            "anchor = H\"0123456789abcdef0123456789abcdef01234567\"",
            "certificate root = H\"0123456789abcdef0123456789abcdef01234567\"",
        ),
        (
            "cert trusted or (\"Some Name\")",
            "anchor trusted or (\"Some Name\")",
        ),
        (
            "cert 1[extension.1.2.840.113635.100.6.2.6] exists and info[a] < timestamp \"20110312000000Z\"",
            "certificate 1[field.1.2.840.113635.100.6.2.6] /* exists */ and info[a] < timestamp \"20110312000000Z\"",
        ),
        (
            "identifier \"host\" or identifier \"a.b\"",
            "identifier \"host\" or identifier \"a.b\"",
        ),
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
            "not a code requirement: a character that has no meaning outside quotes at character 1",
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
    for (text, at) in [
        ("certificate leaf[subject.OU] = 5VPGKXL75N", 32),
        ("certificate leaf[subject.OU] = A_B", 33),
        ("identifier com.foo-bar", 19),
        ("identifier com.7zip", 17),
        ("identifier host", 12),
        ("identifier a && always", 14),
        ("always\r\n", 7),
        ("certificate leaf[email] exists", 17),
        ("certificate anchor exists", 13),
        ("cdhash H\"abcd\"", 8),
        ("anchor = \"/some/file\"", 10),
        ("identifier \"a\\b\"", 14),
        ("platform = -1", 12),
        ("info[a] = 5", 11),
    ] {
        assert_eq!(Requirement::parse(text).unwrap_err().at, at, "{text}");
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
            Ok(tree) => {
                round_trip(&requirement);
                let bytes = tree.to_binary();
                let again = Requirement::from_binary(&bytes).unwrap();
                assert_eq!(again.expression(), tree.expression(), "{requirement}");
                assert_eq!(again.to_binary(), bytes, "{requirement}");
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
        (0_i64..4_000_000_000).prop_map(Match::OnOrAfter),
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
            (inner.clone(), inner.clone()).prop_map(|(left, right)| Expression::and(left, right)),
            (inner.clone(), inner).prop_map(|(left, right)| Expression::or(left, right)),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_printed_reads_as_the_same(expression in expression()) {
        let requirement = Requirement::new(expression);
        let printed = requirement.to_string();
        let read = Requirement::parse(&printed).unwrap();
        prop_assert_eq!(&read, &requirement, "{}", printed);
        let bytes = requirement.to_binary();
        let again = Requirement::from_binary(&bytes).unwrap();
        prop_assert_eq!(again.expression(), requirement.expression());
    }

    #[test]
    fn no_text_and_no_bytes_panic(text: String, bytes: Vec<u8>) {
        drop(Requirement::parse(&text));
        let mut set = vec![0xfa, 0xde, 0x0c, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 20];
        drop(RequirementSet::from_binary(&bytes));
        drop(Requirement::from_binary(&bytes));
        set.extend_from_slice(&[0xfa, 0xde, 0x0c, 0]);
        set.extend(u32::try_from(bytes.len().strict_add(12)).unwrap().to_be_bytes());
        set.extend_from_slice(&[0, 0, 0, 1]);
        set.extend(bytes);
        drop(RequirementSet::from_binary(&set));
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
    assert!(RequirementSet::from_binary(&set).is_err());
}

#[test]
fn sets_are_read_and_written_in_both_forms() {
    let text = "host => anchor apple\ndesignated => identifier a and (always or never)";
    let set = RequirementSet::parse(text).unwrap();
    assert_eq!(set.to_string(), text);
    let again = RequirementSet::from_binary(&set.to_binary()).unwrap();
    assert_eq!(again, set);
    let designated = set.get(RequirementKind::Designated).unwrap();
    assert_eq!(designated.to_string(), "identifier a and (always or never)");
    assert!(set.get(RequirementKind::Library).is_none());
    let numbered = RequirementSet::parse("3 => always; library => never").unwrap();
    assert_eq!(
        numbered.to_string(),
        "designated => always\nlibrary => never"
    );
    for text in ["", "always", "host => always host => never", "9 => always"] {
        assert!(RequirementSet::parse(text).is_err(), "{text}");
    }
}

/// As `csreq` writes it: operations before what they are about, texts filled up to a multiple of four.
#[test]
fn the_binary_form_is_apples() {
    let bytes = Requirement::parse("identifier abcde and ! anchor apple")
        .unwrap()
        .to_binary();
    let expected =
        "fade0c00000000280000000100000006000000020000000561626364650000000000000900000003";
    assert_eq!(hex::encode(&bytes), expected);
    let mut longer = bytes;
    longer.push(0);
    assert!(Requirement::from_binary(&longer).is_err());
}

#[test]
fn long_chains_are_no_deep_ones() {
    let one = "cdhash H\"0123456789abcdef0123456789abcdef01234567\"";
    let text = vec![one; 3000].join(" or ");
    let bytes = Requirement::parse(&text).unwrap().to_binary();
    assert_eq!(Requirement::from_binary(&bytes).unwrap().to_string(), text);
}

/// Identifiers that a library wrote as others, found by the fuzzer.
#[test]
fn no_identifier_becomes_another() {
    let text = "certificate leaf[field.0.0.0.128.0.0.0] /* exists */";
    let requirement = Requirement::parse(text).unwrap();
    let again = Requirement::from_binary(&requirement.to_binary()).unwrap();
    assert_eq!(again.to_string(), text);
    let too_long = "certificate 1[field.1.2.840.113635.100.61136353100.6.2.6] exists";
    let again = Requirement::parse(too_long).unwrap();
    let again = Requirement::from_binary(&again.to_binary()).unwrap();
    assert!(again.to_string().contains(".61136353100.6.2.6]"), "{again}");
    let none = Requirement::parse("certificate 1[field.1.2.18446744073709551616] exists");
    assert!(none.is_err());
    // The number zero in two bytes.
    let padded = hex::decode("fade0c0000000024000000010000001100000080000000030680000000000000");
    let mut padded = padded.unwrap();
    padded[7] = u8::try_from(padded.len()).unwrap();
    assert!(Requirement::from_binary(&padded).is_err());
}
