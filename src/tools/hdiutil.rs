//! `hdiutil attach`, `detach` and `info`: an image is extracted instead of mounted.
//!
//! Contents go into the folder that the host of processors names, which lies on disk, with a note of the image and of the
//! mount point; the mount point becomes a link to them. Without that folder they go into the temporary one.

use std::path::{Path, PathBuf};

use proplist::{Dict, KeyOrder, Value};

use super::{Refusal, Words};
use crate::printer::Printer;

/// The folder for contents.
const FOLDER: &str = "AUTO_UPDATE_ATTACHED";
/// More images are attached by no processor at a time.
const MOST: u32 = 1000;

const FLAGS: [&str; 19] = [
    "-autofsck",
    "-debug",
    "-force",
    "-noautofsck",
    "-noautoopen",
    "-nobrowse",
    "-noidme",
    "-nokernel",
    "-nomount",
    "-noverify",
    "-plist",
    "-private",
    "-puppetstrings",
    "-quiet",
    "-readonly",
    "-shadow",
    "-stdinpass",
    "-verbose",
    "-verify",
];
const VALUED: [&str; 5] = [
    "-mountpoint",
    "-mountrandom",
    "-mountroot",
    "-owners",
    "-mount",
];

pub(super) fn run(words: &[String], printer: Printer) -> Result<u8, Refusal> {
    let (verb, words) = words
        .split_first()
        .ok_or_else(|| Refusal::failed("a verb must be given"))?;
    if !["attach", "detach", "eject", "info", "mount", "unmount"].contains(&verb.as_str()) {
        return Err(Refusal::NotServed(verb.clone()));
    }
    let words = Words::read(words, &FLAGS, &VALUED)?;
    for refused in ["-nomount", "-shadow", "-stdinpass"] {
        if words.has(refused) {
            return Err(Refusal::NotServed(refused.to_owned()));
        }
    }
    let table = Table::open()?;
    match verb.as_str() {
        "attach" | "mount" => attach(&table, &words, printer),
        "info" => info(&table, &words, printer),
        _ => detach(&table, words.only("a mount point or a device")?, printer),
    }
}

/// An image whose contents lie here.
#[derive(Clone, Debug)]
struct Attached {
    number: u32,
    image: String,
    mount_point: String,
}

impl Attached {
    fn device(&self) -> String {
        // A Mac's own disks have the first numbers.
        format!("/dev/disk{}", self.number.saturating_add(10))
    }

    fn entities(&self) -> Value {
        let entity: Dict = [
            ("content-hint", Value::from("Apple_HFS")),
            ("dev-entry", self.device().into()),
            ("mount-point", self.mount_point.as_str().into()),
            ("potentially-mountable", true.into()),
            ("volume-kind", "hfs".into()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into_iter()
        .collect();
        Value::Array(vec![entity.into()])
    }
}

/// The images that are attached.
struct Table {
    folder: PathBuf,
}

impl Table {
    fn open() -> Result<Self, Refusal> {
        let folder = std::env::var_os(FOLDER).map_or_else(std::env::temp_dir, PathBuf::from);
        let folder = folder.join(".attached");
        fs_err::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    fn contents(&self, number: u32) -> PathBuf {
        self.folder.join(number.to_string())
    }

    fn note(&self, number: u32) -> PathBuf {
        self.folder.join(format!("{number}.plist"))
    }

    /// A number that nobody has, and a folder of its own for it.
    fn take(&self) -> Result<u32, Refusal> {
        for number in 0..MOST {
            match fs_err::create_dir(self.contents(number)) {
                Ok(()) => return Ok(number),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Refusal::failed(
            "attach failed - too many images are attached",
        ))
    }

    fn all(&self) -> Result<Vec<Attached>, Refusal> {
        let mut all = Vec::new();
        for number in 0..MOST {
            let note = self.note(number);
            if !note.is_file() {
                continue;
            }
            let note = proplist::from_bytes(&fs_err::read(&note)?).map_err(Refusal::failed)?;
            let text = |key: &str| {
                let value = note.as_dict().and_then(|note| note.get(key));
                value.and_then(Value::as_str).unwrap_or_default().to_owned()
            };
            all.push(Attached {
                number,
                image: text("image"),
                mount_point: text("mount-point"),
            });
        }
        Ok(all)
    }
}

fn attach(table: &Table, words: &Words, printer: Printer) -> Result<u8, Refusal> {
    let image = recipe::absolute(Path::new(words.only("an image")?));
    let shown = image.display().to_string();
    if !image.exists() {
        return Err(Refusal::failed("attach failed - No such file or directory"));
    }
    let number = table.take()?;
    let contents = table.contents(number);
    let placed = media::open(&image)
        .map_err(Refusal::from)
        .and_then(|tree| Ok(media::extract(&*tree, "", &contents)?))
        .and_then(|_extracted| mount_point(words, &image, number))
        .and_then(|point| Ok(fs_err::os::unix::fs::symlink(&contents, &point).map(|()| point)?));
    let point = match placed {
        Ok(point) => point,
        Err(refusal) => {
            fs_err::remove_dir_all(&contents)?;
            let Refusal::Failed(why, status) = refusal else {
                return Err(refusal);
            };
            return Err(Refusal::Failed(format!("attach failed - {why}"), status));
        }
    };
    let attached = Attached {
        number,
        image: shown,
        mount_point: point.display().to_string(),
    };
    let note: Dict = [
        ("image".to_owned(), attached.image.as_str().into()),
        (
            "mount-point".to_owned(),
            attached.mount_point.as_str().into(),
        ),
    ]
    .into_iter()
    .collect();
    fs_err::write(table.note(number), xml(note)?)?;
    if words.has("-plist") {
        let answer: Dict = [("system-entities".to_owned(), attached.entities())]
            .into_iter()
            .collect();
        printer.bytes(xml(answer)?.as_bytes())?;
    } else if !words.has("-quiet") {
        printer.data(format!(
            "{}\tApple_HFS\t{}",
            attached.device(),
            attached.mount_point
        ))?;
    }
    Ok(0)
}

/// Where the image is to be seen; nothing is there yet.
fn mount_point(words: &Words, image: &Path, number: u32) -> Result<PathBuf, Refusal> {
    if let Some(point) = words.value("-mountpoint") {
        let point = recipe::absolute(Path::new(point));
        if point.symlink_metadata().is_ok() {
            // Only an empty folder can be hidden without loss.
            fs_err::remove_dir(&point)?;
        }
        return Ok(point);
    }
    let name = image
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let (root, name) = match (words.value("-mountrandom"), words.value("-mountroot")) {
        (Some(root), _) => (root, format!("dmg.{number:06}")),
        (None, Some(root)) => (root, name),
        (None, None) => ("/Volumes", name),
    };
    let root = recipe::absolute(Path::new(root));
    fs_err::create_dir_all(&root)?;
    let mut point = root.join(&name);
    if point.symlink_metadata().is_ok() {
        point = root.join(format!("{name} {number}"));
    }
    Ok(point)
}

fn detach(table: &Table, which: &str, printer: Printer) -> Result<u8, Refusal> {
    let place = recipe::absolute(Path::new(which)).display().to_string();
    let found = table
        .all()?
        .into_iter()
        .find(|attached| attached.mount_point == place || attached.device() == place);
    let Some(attached) = found else {
        return Err(Refusal::failed("detach failed - No such file or directory"));
    };
    let point = Path::new(&attached.mount_point);
    if point.is_symlink() {
        fs_err::remove_file(point)?;
    }
    fs_err::remove_file(table.note(attached.number))?;
    fs_err::remove_dir_all(table.contents(attached.number))?;
    let device = attached.device();
    let disk = device.rsplit('/').next().unwrap_or_default();
    printer.data(format!("\"{disk}\" ejected."))?;
    Ok(0)
}

fn info(table: &Table, words: &Words, printer: Printer) -> Result<u8, Refusal> {
    let all = table.all()?;
    if !words.has("-plist") {
        for attached in all {
            printer.data("================================================")?;
            printer.data(format!("image-path      : {}", attached.image))?;
            printer.data(format!(
                "{}\tApple_HFS\t{}",
                attached.device(),
                attached.mount_point
            ))?;
        }
        return Ok(0);
    }
    let image = |attached: &Attached| -> Value {
        let keys: Dict = [
            ("image-path".to_owned(), attached.image.as_str().into()),
            ("system-entities".to_owned(), attached.entities()),
        ]
        .into_iter()
        .collect();
        keys.into()
    };
    let images: Vec<Value> = all.iter().map(image).collect();
    let answer: Dict = [("images".to_owned(), Value::Array(images))]
        .into_iter()
        .collect();
    printer.bytes(xml(answer)?.as_bytes())?;
    Ok(0)
}

fn xml(dict: Dict) -> Result<String, Refusal> {
    proplist::to_xml(&dict.into(), KeyOrder::Sorted).map_err(Refusal::failed)
}
