//! Bundles and their `Info.plist`.

use crate::{
    StepError,
    glob::{Depth, glob},
    place::Place,
};

/// The `Info.plist` of the bundle at `place`; nothing if it is no bundle.
pub(crate) fn info_plist(place: &Place) -> Result<Option<Place>, StepError> {
    if !place.is_folder() {
        return Ok(None);
    }
    Ok(place.join("Contents/Info.plist")?.filter(Place::is_file))
}

/// The first application, in order of names, at the root of the image or in the folder at `path`.
pub(crate) fn first_app(path: &str) -> Result<Option<Place>, StepError> {
    let pattern = format!("{}/*.app", path.trim_end_matches('/'));
    match glob(&pattern, Depth::Flat)?.first() {
        Some(found) => Place::find(found),
        None => Ok(None),
    }
}
