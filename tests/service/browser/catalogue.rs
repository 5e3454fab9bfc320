//! People at tenants.

use testkit::pages::Pages;

use super::{Visitor, configure, free_port, listening, told};
use crate::small::{Small, TITLE};

/// More titles than the house publishes, so that there is something to look for.
const OTHERS: [(&str, &str, &str, &str); 5] = [
    (
        "Compass",
        "Utilities",
        "14.2.1",
        "Finds north, and whatever else is lost. Works without a network.",
    ),
    (
        "Ledger",
        "Business",
        "2026.11",
        "Books, invoices and taxes for small companies.",
    ),
    (
        "Lantern",
        "Utilities",
        "3.0.4",
        "Keeps the screen on while something important runs.",
    ),
    (
        "Palette",
        "Graphics",
        "9.1",
        "Colours for designers: picks, mixes and names them, and tells which of them can be read on which.",
    ),
    (
        "Quill",
        "Productivity",
        "1.20",
        "A quiet editor for long texts.",
    ),
];

/// Puts more titles into the repository, as an operator would who has them from elsewhere.
async fn stock(small: &Small) {
    let root = small.house.repository();
    for (number, (name, category, version, description)) in OTHERS.into_iter().enumerate() {
        let package = small.image(version);
        let location = format!("{name}-{version}.dmg");
        let hash = model::Sha256::of(&package);
        let size = package.len() / 1024 * 1000 * (number + 1);
        let pkginfo = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\"><dict>\
             <key>catalogs</key><array><string>testing</string></array>\
             <key>category</key><string>{category}</string>\
             <key>description</key><string>{description}</string>\
             <key>developer</key><string>Example Works</string>\
             <key>display_name</key><string>{name} for Mac</string>\
             <key>installer_item_hash</key><string>{hash}</string>\
             <key>installer_item_location</key><string>{location}</string>\
             <key>installer_item_size</key><integer>{size}</integer>\
             <key>minimum_os_version</key><string>{}.0</string>\
             <key>name</key><string>{name}</string>\
             <key>version</key><string>{version}</string></dict></plist>",
            12 + number
        );
        let icon = picture_of(number);
        for (path, contents) in [
            (format!("pkgs/{location}"), &package[..]),
            (
                format!("pkgsinfo/{name}-{version}.plist"),
                pkginfo.as_bytes(),
            ),
            (format!("icons/{name}.png"), &icon),
        ] {
            let path = root.join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, contents).unwrap();
        }
    }
    small.expect(&["munki", "makecatalogs"], 0).await;
}

/// An icon: a square of one colour with a rim.
fn picture_of(number: usize) -> Vec<u8> {
    const SIDE: u32 = 64;
    let colours = [
        [11, 87, 164],
        [20, 102, 47],
        [122, 75, 0],
        [163, 22, 26],
        [91, 62, 150],
    ];
    let rim = |at: u32| !(4..SIDE - 4).contains(&at);
    let pixels: Vec<u8> = (0..SIDE * SIDE)
        .flat_map(|at| {
            let is_rim = rim(at % SIDE) || rim(at / SIDE);
            if is_rim {
                [235, 238, 240]
            } else {
                colours[number]
            }
        })
        .collect();
    let mut written = Vec::new();
    let mut encoder = png::Encoder::new(&mut written, SIDE, SIDE);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&pixels).unwrap();
    writer.finish().unwrap();
    written
}

/// Makes a tenant, and answers its code.
async fn admit(small: &Small, customer: &str, items: &[&str]) -> String {
    let mut create = vec!["tenant", "create", customer, "--ring", "testing"];
    for item in items {
        create.extend(["--item", item]);
    }
    told(small, &create).await;
    let given = told(small, &["tenant", "catalogue-access", customer]).await;
    given["code"].as_str().unwrap().to_owned()
}

fn sign_in(visitor: &Visitor, customer: &str, code: &str) {
    visitor.go("/");
    visitor.arrives("/sign-in");
    visitor.fill("Customer ID", customer);
    visitor.fill("Access code", code);
    visitor.press("Sign in");
    visitor.arrives("/");
}

/// Looks for titles, at one of them, and at what is new.
fn browse(acme: &Visitor, pages: &Pages) {
    acme.sees("6 titles");
    acme.judge("catalogue-titles");
    acme.fill("Search", "colours DESIGNERS");
    acme.press("Show");
    acme.sees("1 title");
    acme.does_not_see("Compass");
    acme.press("Palette for Mac");
    acme.sees("Example Works");
    acme.go("/titles/Small");
    acme.sees("still there");
    acme.sees("0 of 60 object");
    acme.judge("catalogue-title");
    acme.press("New versions");
    acme.sees("Small");
    acme.judge("catalogue-news");
    acme.press("Make an address");
    acme.judge_unseen("catalogue-feeds");
    let page = acme.browser.source().unwrap();
    let (_, rest) = page.split_once("<code>").unwrap();
    let feed = rest.split_once("</code>").unwrap().0.to_owned();
    acme.press("Sign out");
    acme.go("/titles/Small");
    acme.arrives("/sign-in");
    let path = feed.split_once("/feeds/").unwrap().1;
    let feed = pages.ask(&format!("/feeds/{path}"), "", &[]).unwrap();
    assert_eq!(feed.status, 200, "{}", feed.text);
    assert!(feed.text.contains("Small 1.0"), "{}", feed.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_at_tenants_browse_what_is_theirs() {
    let Some(small) = Small::stand().await else {
        return;
    };
    let port = free_port();
    configure(&small, &format!("[catalogue]\nlisten = '127.0.0.1:{port}'"));
    let Some(acme) = Visitor::with_browser(port) else {
        return;
    };
    small.release("1.0");
    small.expect(&["run", TITLE], 0).await;
    stock(&small).await;
    let codes = (
        admit(&small, "Acme Ltd", &[]).await,
        admit(&small, "Bolt", &["Quill"]).await,
    );
    let mut service = small.house.program().command(&["serve"]).spawn().unwrap();
    listening(port).await;
    acme.go("/sign-in");
    acme.judge("catalogue-sign-in");
    sign_in(&acme, "Acme Ltd", &codes.0);
    browse(&acme, &Pages::plain(port));
    let bolt = acme;
    sign_in(&bolt, "Bolt", &codes.1);
    bolt.sees("1 title");
    bolt.does_not_see("Palette");
    bolt.go("/titles/Palette");
    bolt.sees("There is nothing here");
    bolt.judge("catalogue-nothing");
    small
        .expect(&["tenant", "catalogue-access", "Bolt", "--revoke"], 0)
        .await;
    bolt.go("/");
    bolt.arrives("/sign-in");
    service.kill().await.unwrap();
}
