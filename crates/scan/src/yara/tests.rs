use model::FixedClock;

use super::*;

const RULES: &str = r#"
rule Marked { strings: $a = "a mark of ours" condition: $a }
rule Long { condition: filesize > 100 }
"#;

struct World {
    folder: tempfile::TempDir,
    db: Db,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = testkit::database(&folder.path().join("auto-update.db")).await;
        Self { folder, db }
    }

    fn write(&self, name: &str, text: &str) {
        fs_err::write(self.folder.path().join(name), text).unwrap();
    }

    fn yara(&self, max_mib: u64) -> Result<Option<Yara>, YaraError> {
        let config = YaraConfig {
            rules: vec![self.folder.path().to_owned()],
            max_mib,
            ..YaraConfig::default()
        };
        let clock = Arc::new(FixedClock::at(Timestamp::from_secs(1_800_000_000)));
        Yara::new(config, self.db.clone(), clock)
    }

    fn medium(&self) -> Medium {
        Medium {
            path: self.folder.path().join("x"),
            sha256: Sha256::of(b"x"),
            len_bytes: 1,
            name: "x".to_owned(),
            may_upload: false,
        }
    }
}

fn said_of(yara: &Yara, files: &[(&str, &str)]) -> YaraOpinion {
    let mut look = yara.look();
    for (path, text) in files {
        let len = text.len().try_into().unwrap();
        look.file(path, len, text.as_bytes()).unwrap();
    }
    look.opinion()
}

#[tokio::test]
async fn rules_say_what_matches_where() {
    let world = World::new().await;
    world.write("ours.yar", RULES);
    world.write("notes.txt", "no rules");
    let yara = world.yara(1).unwrap().unwrap();
    let opinion = said_of(
        &yara,
        &[("a", "nothing"), ("b/c", "here is a mark of ours")],
    );
    assert_eq!(opinion.to_string(), "YARA rules match: Marked in `b/c`");
    assert_eq!(yara.action(&opinion), Action::Hold);
    let clean = said_of(&yara, &[("a", "nothing")]);
    assert_eq!(clean.to_string(), "no YARA rule matches in 1 files");
    assert_eq!(yara.action(&clean), Action::Release);
    let long = said_of(&yara, &[("", &"x".repeat(101))]);
    assert_eq!(long.to_string(), "YARA rules match: Long");
    let large = "x".repeat((1 << 20) + 1);
    let large = said_of(&yara, &[("large", &large)]);
    assert!(large.to_string().contains("not seen large"), "{large}");
    assert_eq!(yara.action(&large), Action::Warn);
    let mut look = yara.look();
    for number in 0..1_500 {
        look.file(&number.to_string(), 14, &b"a mark of ours"[..])
            .unwrap();
    }
    let many = look.opinion();
    assert_eq!((many.found.len(), many.more), (1_000, 500));
    assert!(many.to_string().ends_with("and 980 more"), "{many}");
    // One that says it is small, and is not.
    let mut look = yara.look();
    look.file("liar", 1, io::repeat(b'x')).unwrap();
    assert_eq!(look.opinion().unseen, ["liar"]);
}

#[tokio::test]
async fn an_opinion_counts_as_long_as_the_rules_are_the_same() {
    let world = World::new().await;
    world.write("ours.yara", RULES);
    let yara = world.yara(1).unwrap().unwrap();
    let medium = world.medium();
    assert_eq!(yara.kept(&medium).await.unwrap(), None);
    let opinion = said_of(&yara, &[("a", "a mark of ours")]);
    yara.keep(&medium, &opinion).await.unwrap();
    assert_eq!(yara.kept(&medium).await.unwrap(), Some(opinion));
    world.write("ours.yara", &RULES.replace("100", "101"));
    let others = world.yara(1).unwrap().unwrap();
    assert_eq!(others.kept(&medium).await.unwrap(), None);
}

#[tokio::test]
async fn what_is_wrong_with_rules_is_told() {
    let world = World::new().await;
    assert!(matches!(world.yara(1), Err(YaraError::NoRule)));
    world.write("wrong.yar", "rule Wrong { condition: nonsense }");
    let error = world.yara(1).unwrap_err().to_string();
    assert!(
        error.contains("wrong.yar") && error.contains("nonsense"),
        "{error}"
    );
    world.write("wrong.yar", "include \"/etc/passwd\"");
    assert!(matches!(world.yara(1), Err(YaraError::Rules { .. })));
    let config = YaraConfig {
        rules: vec!["/nowhere/rules.yar".into()],
        ..YaraConfig::default()
    };
    let clock = Arc::new(FixedClock::at(Timestamp::default()));
    let error = Yara::new(config, world.db.clone(), clock).unwrap_err();
    assert!(matches!(error, YaraError::Unreadable { .. }), "{error}");
}
