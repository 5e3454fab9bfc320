//! `--load`: whether the processors of recipe repositories can be loaded in their sandbox.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use model::Sha256;
use processors::{PythonHost, PythonSettings, Sources};

use super::judge::{Foreign, Loading, Title};

/// Loads every class once, with the Python files that it can import; what it says when it is loaded is read by nobody.
///
/// # Errors
/// If a file cannot be read.
pub(super) async fn load_all(titles: &mut [Title], settings: PythonSettings) -> anyhow::Result<()> {
    let host = Arc::new(PythonHost::new(settings));
    let mut loaded: BTreeMap<PathBuf, Loading> = BTreeMap::new();
    for foreign in titles.iter_mut().flat_map(|title| &mut title.foreign) {
        let loading = if let Some(loading) = loaded.get(&foreign.path) {
            loading.clone()
        } else {
            let loading = load(&host, foreign).await?;
            loaded.insert(foreign.path.clone(), loading.clone());
            loading
        };
        if loading == Loading::Loads {
            foreign.doubts.retain(|doubt| !doubt.is_of_loading());
        }
        foreign.loading = loading;
    }
    Ok(())
}

async fn load(host: &Arc<PythonHost>, foreign: &Foreign) -> anyhow::Result<Loading> {
    let loaded = host.load(&foreign.name, sources(&foreign.path)?).await;
    Ok(match loaded {
        Ok(_class) => Loading::Loads,
        Err(error) => Loading::Fails(error.message),
    })
}

/// As an approval has them: the file, and the Python files that it can import.
fn sources(processor: &Path) -> anyhow::Result<Sources> {
    let processor = recipe::absolute(processor);
    let mut paths = recipe::modules_of(&processor)?;
    paths.insert(processor.clone());
    let files = paths.into_iter().map(|path| {
        let digest = Sha256::of(&fs_err::read(&path)?);
        Ok((path, digest))
    });
    Ok(Sources {
        processor,
        files: files.collect::<anyhow::Result<_>>()?,
        resources: Vec::new(),
    })
}
