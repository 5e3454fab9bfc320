//! The items of the repository, and which catalogs they are in.

use axum::extract::State;
use publication::ShelfItem;
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    answer::Asked,
    operation::{Endpoint, Operation},
    paging::{Page, PageQuery},
    problem::Problem,
    words::{At, sha256},
};
use crate::AdministrationDoor;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Operation::look(
            "item_list",
            "/items",
            "The items of the repository, and which catalogs they are in, by their pkginfo",
        )
        .asking::<PageQuery>()
        .answering::<Page<Item>>(200)
        .by(list),
    ]
}

/// An item of the repository.
#[derive(JsonSchema, Serialize)]
struct Item {
    /// Its name, by which Munki knows it.
    name: String,
    /// Its version.
    version: String,
    /// Where its pkginfo is, below `pkgsinfo`.
    pkginfo: String,
    /// The digest of its pkginfo.
    #[schemars(schema_with = "sha256")]
    sha256: String,
    /// The catalogs it is in.
    catalogs: Vec<Stay>,
}

/// A catalog that an item is in.
#[derive(JsonSchema, Serialize)]
struct Stay {
    /// Its name.
    catalog: String,
    /// Since when, where that is known.
    since: Option<At>,
}

async fn list(
    State(door): State<AdministrationDoor>,
    Asked(asked): Asked<PageQuery>,
) -> Result<Page<Item>, Problem> {
    let Some(engine) = &door.engine else {
        return Page::cut(Vec::<Item>::new(), &asked, |_| String::new(), |item| item);
    };
    let look = engine.look().await?;
    let told = |item: ShelfItem| {
        let stay = |catalog: &String| Stay {
            catalog: catalog.clone(),
            since: look.entered(&item, catalog).map(At),
        };
        Item {
            catalogs: item.catalogs.iter().map(stay).collect(),
            sha256: item.sha256.to_string(),
            name: item.name,
            version: item.version,
            pkginfo: item.pkginfo,
        }
    };
    let items = look.shelf.items.clone();
    Page::cut(items, &asked, |item| item.pkginfo.clone(), told)
}
