//! What a processor leaves behind for the program's own steps, and what of it they go on with.

use serde_json::json;

use testkit::vendor::Resource;

use super::Shelf;
use crate::StepError;

/// A variable as text.
fn text(shelf: &Shelf, name: &str) -> String {
    shelf.bench.text(name).to_owned()
}

async fn failed(shelf: &mut Shelf, body: &str, arguments: serde_json::Value) -> StepError {
    shelf.run(body, arguments).await.unwrap_err()
}

#[tokio::test]
async fn a_step_that_fails_leaves_no_link_either() {
    let mut shelf = Shelf::new().await;
    let outside = shelf.folder.path().join("outside");
    fs_err::create_dir(&outside).unwrap();
    let to = json!({"to": outside.display().to_string()});
    let body = "os.symlink(self.env['to'], 'downloads')\nraise ProcessorError('no vendor')";
    let failed = failed(&mut shelf, body, to).await;
    assert!(
        failed.message.contains("leads out of the workspace"),
        "{failed}"
    );
    let workspace = &shelf.bench.context.workspace;
    assert!(!workspace.join("downloads").is_symlink());
}

#[tokio::test]
async fn a_step_that_is_cancelled_leaves_none_when_its_run_is_over() {
    let mut shelf = Shelf::new().await;
    let workspace = shelf.bench.context.workspace.clone();
    let (cancelled, link) = (
        shelf.bench.context.cancelled.clone(),
        workspace.join("receipts"),
    );
    let made = link.clone();
    tokio::spawn(async move {
        while !made.is_symlink() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        cancelled.cancel();
    });
    let body = "os.symlink('/usr', 'receipts')\nimport time\ntime.sleep(60)";
    failed(&mut shelf, body, json!({})).await;
    assert!(link.is_symlink());
    crate::clear_scratch(&workspace).unwrap();
    assert!(!link.is_symlink());
}

#[tokio::test]
async fn links_that_lead_out_together_are_found() {
    let mut shelf = Shelf::new().await;
    let body = "os.makedirs('a/b')\nos.symlink('../..', 'a/b/up')\n\
        os.symlink('up/../../../../../../../../../usr', 'a/b/evil')";
    let failed = failed(&mut shelf, body, json!({})).await;
    assert!(
        failed.message.contains("a/b/evil, which leads out"),
        "{failed}"
    );
}

#[tokio::test]
async fn variables_of_the_house_stay_as_they_are() {
    let mut shelf = Shelf::new().await;
    let names = ["GITHUB_URL", "MUNKI_REPO", "RECIPE_CACHE_DIR"];
    for name in names {
        if !shelf.bench.env.contains_key(name) {
            shelf.bench.env.insert(name.to_owned(), "/house".into());
        }
    }
    let before = names.map(|name| text(&shelf, name));
    let body = "self.env['GITHUB_URL'] = 'http://127.0.0.1:1'\ndel self.env['MUNKI_REPO']\n\
        self.env['RECIPE_CACHE_DIR'] = '/usr'\nself.env['DISABLE_CODE_SIGNATURE_VERIFICATION'] = True\n\
        self.env['pathname'] = 'mine'";
    shelf.run(body, json!({})).await.unwrap();
    assert_eq!(names.map(|name| text(&shelf, name)), before);
    assert_eq!(text(&shelf, "pathname"), "mine");
    let env = &shelf.bench.env;
    assert!(!env.contains_key("DISABLE_CODE_SIGNATURE_VERIFICATION"));
    let said = shelf.bench.said().join("\n");
    assert!(
        said.contains("GITHUB_URL is not the processor's to set"),
        "{said}"
    );
}

/// Makes a tar archive with a file, and a link out of the workspace, in `folder`.
const ARCHIVE: &str = "import tarfile\nos.makedirs('folder')\nopen('kept', 'w').write('here')\n\
    os.symlink('/usr', 'evil')\nwith tarfile.open('folder/a.tar', 'w') as archive:\n    archive.add('kept')\n    \
    archive.add('evil')\nos.unlink('evil')\n";

#[tokio::test]
async fn an_image_is_opened_without_links_out_of_the_workspace() {
    let mut shelf = Shelf::new().await;
    let body = format!(
        "{ARCHIVE}folder = self.mount(os.path.abspath('folder/a.tar'))\nself.env['made'] = sorted(os.listdir(folder))"
    );
    shelf.run(&body, json!({})).await.unwrap();
    let made = shelf.bench.env["made"].clone();
    assert_eq!(made, vec!["kept"].into());
}

#[tokio::test]
async fn an_image_is_not_sought_through_links() {
    let mut shelf = Shelf::new().await;
    let body =
        format!("{ARCHIVE}os.symlink('folder', 'link')\nself.mount(os.path.abspath('link/a.tar'))");
    failed(&mut shelf, &body, json!({})).await;
    let body = "self.mount(os.path.abspath('folder/../folder/a.tar').replace('folder/a', 'x/../folder/a'))";
    let failed = failed(&mut shelf, body, json!({})).await;
    assert!(
        failed.message.contains("is not a file of this run"),
        "{failed}"
    );
}

#[tokio::test]
async fn what_was_fetched_is_not_written_over_by_a_later_step() {
    let mut shelf = Shelf::new().await;
    let vendor = &shelf.bench.vendor;
    vendor.put("/page", Resource::page("text"));
    vendor.put("/a.bin", Resource::file(vec![1, 2, 3]));
    let urls = json!({"page": vendor.url("/page"), "file": vendor.url("/a.bin")});
    for body in [
        "self.download(self.env['page'], text=True)\nself.download(self.env['file'])",
        "self.download(self.env['file'])",
    ] {
        shelf.run(body, urls.clone()).await.unwrap();
    }
    let noted = shelf.bench.context.downloads.all();
    assert_eq!(noted.len(), 2);
    assert_ne!(noted[0].path, noted[1].path);
}

#[tokio::test]
async fn more_values_than_anybody_needs_are_not_taken() {
    let mut shelf = Shelf::new().await;
    let failed = failed(&mut shelf, "self.env['made'] = [0] * (1 << 21)", json!({})).await;
    assert!(failed.message.contains("too many values"), "{failed}");
}
