//! A recipe and its parents become one.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
    sync::Arc,
};

use proplist::{Dict, Value};

use crate::{
    Library, LooseVersion, Recipe, ResolveError, Scope, TrustInfo, absolute, strip_extension,
};

/// One step of the flattened process.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    processor: String,
    arguments: Dict,
    source: Option<PathBuf>,
    written: Value,
}

impl Step {
    /// A step without arguments that no file asked for: `--pre` and `--post`.
    pub fn bare(processor: &str) -> Self {
        let written = [("Processor".to_owned(), Value::from(processor))];
        Self {
            processor: processor.to_owned(),
            arguments: Dict::new(),
            source: None,
            written: Value::Dict(written.into_iter().collect()),
        }
    }

    fn parse(written: &Value, source: &Path) -> Result<Self, ResolveError> {
        let malformed = |what: &str| ResolveError::Malformed {
            path: source.to_owned(),
            what: what.to_owned(),
        };
        let step = written
            .as_dict()
            .ok_or_else(|| malformed("a step is not a dictionary"))?;
        let processor = step
            .get("Processor")
            .and_then(Value::as_str)
            .ok_or_else(|| malformed("a step names no Processor"))?;
        let arguments = match step.get("Arguments") {
            None | Some(Value::Null) => Dict::new(),
            Some(Value::Dict(arguments)) => arguments.clone(),
            Some(_) => {
                return Err(malformed(&format!(
                    "the Arguments of {processor} are not a dictionary"
                )));
            }
        };
        Ok(Self {
            processor: processor.to_owned(),
            arguments,
            source: Some(source.to_owned()),
            written: written.clone(),
        })
    }

    /// The processor as the step writes it, with the recipe identifier before a slash if it has one.
    pub fn processor(&self) -> &str {
        &self.processor
    }

    /// The arguments in file order, nothing substituted.
    pub const fn arguments(&self) -> &Dict {
        &self.arguments
    }

    /// The file that the step comes from; none for `--pre` and `--post`.
    pub fn source(&self) -> Option<&Path> {
        self.source.as_deref()
    }

    /// The step as the file has it, comments and unknown keys included.
    pub const fn written(&self) -> &Value {
        &self.written
    }
}

/// A recipe or override merged with its parents: the plan of a run, before anything is substituted.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    name: String,
    identifier: Option<String>,
    description: String,
    input: Dict,
    steps: Vec<Step>,
    /// A `Process` that is no list, as the file has it.
    odd_process: Option<Value>,
    minimum_version: Option<String>,
    parents: Vec<PathBuf>,
    chain: Vec<Arc<Recipe>>,
    search_dirs: Vec<PathBuf>,
    trust_info: Option<TrustInfo>,
    is_override: bool,
}

impl Resolved {
    /// What was asked for, as it was typed.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The effective identifier: the one of the file that was asked for.
    pub fn identifier(&self) -> Option<&str> {
        self.identifier.as_deref()
    }

    /// What stands for it in the cache and in what is told of a run: its identifier, or a parent's of old, or its path
    /// without the extension and with `-` for each `/`, so that no two recipes without one share a folder.
    ///
    /// # Source
    /// `autopkglib/__init__.py`: `AutoPackager.get_recipe_identifier`.
    pub fn identifier_or_path(&self) -> Cow<'_, str> {
        let of_old = self.input.get("IDENTIFIER").and_then(Value::as_str);
        let some = |text: &&str| !text.is_empty();
        let of_path = || {
            let path = absolute(self.path()).display().to_string();
            strip_extension(&path).replace('/', "-").into()
        };
        let identifier = self.identifier().filter(some).or(of_old.filter(some));
        identifier.map_or_else(of_path, Cow::Borrowed)
    }

    /// What the nearest file that describes itself says.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The file that was asked for (`RECIPE_PATH`).
    pub fn path(&self) -> &Path {
        self.chain
            .first()
            .map_or(Path::new(""), |recipe| recipe.path())
    }

    /// The files of the parents, nearest first (`PARENT_RECIPES`).
    pub fn parents(&self) -> &[PathBuf] {
        &self.parents
    }

    /// All files that were merged, the one that was asked for first.
    pub fn chain(&self) -> &[Arc<Recipe>] {
        &self.chain
    }

    /// The merged variables, in order of substitution.
    pub const fn input(&self) -> &Dict {
        &self.input
    }

    /// The flattened steps, the farthest parent's first.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The steps as the files have them.
    pub fn process(&self) -> Value {
        self.odd_process.clone().unwrap_or_else(|| {
            Value::Array(self.steps.iter().map(|step| step.written.clone()).collect())
        })
    }

    /// The greatest version of `AutoPkg` that the chain asks for; none if a recipe without parents asks for none.
    pub fn minimum_version(&self) -> Option<&str> {
        self.minimum_version.as_deref()
    }

    /// The folders searched for this recipe's parents: those of the library, then those of the chain's own files.
    pub fn search_dirs(&self) -> &[PathBuf] {
        &self.search_dirs
    }

    /// The identifier or name of the direct parent.
    pub fn parent(&self) -> Option<&str> {
        self.chain.first().and_then(|recipe| recipe.parent())
    }

    /// The trust information of an override; other recipes' is disregarded.
    pub const fn trust_info(&self) -> Option<&TrustInfo> {
        self.trust_info.as_ref()
    }

    /// Whether the file lies in an override folder.
    pub const fn is_override(&self) -> bool {
        self.is_override
    }

    /// Whether a step names exactly this processor.
    pub fn has_step(&self, processor: &str) -> bool {
        self.steps.iter().any(|step| step.processor == processor)
    }

    /// The same with bare steps for `pre` before and `post` behind.
    #[must_use]
    pub fn with_processors(mut self, pre: &[String], post: &[String]) -> Self {
        let bare =
            |names: &[String]| -> Vec<Step> { names.iter().map(|name| Step::bare(name)).collect() };
        self.steps.splice(0..0, bare(pre));
        self.steps.extend(bare(post));
        self
    }
}

/// A chain this long is no accident of packaging; public ones have five links at most.
const LONGEST_CHAIN: usize = 64;

pub(crate) fn resolve(
    library: &Library,
    name: &str,
    scope: Scope,
    more_dirs: &[PathBuf],
) -> Result<Resolved, ResolveError> {
    let mut search_dirs = more_dirs.to_vec();
    let chain = chain(library, name, scope, &mut search_dirs)?;
    finish(library, scope, merge(name, chain)?, &search_dirs)
}

/// What `files` say, which lay at these paths.
pub(crate) fn resolve_files(
    library: &Library,
    name: &str,
    files: &[(PathBuf, Vec<u8>)],
) -> Result<Resolved, ResolveError> {
    let mut chain = Vec::new();
    let mut search_dirs = Vec::new();
    for (path, bytes) in files {
        let recipe = Recipe::parse(path, bytes).map_err(|source| ResolveError::Read {
            name: path.display().to_string(),
            source,
        })?;
        if recipe.parent().is_some() {
            search_dirs.push(Library::own_dir(path));
        }
        chain.push(Arc::new(recipe));
    }
    finish(library, Scope::Overrides, merge(name, chain)?, &search_dirs)
}

/// What the folders have to do with it.
fn finish(
    library: &Library,
    scope: Scope,
    mut resolved: Resolved,
    more_dirs: &[PathBuf],
) -> Result<Resolved, ResolveError> {
    resolved.search_dirs = [library.search_dirs(), more_dirs].concat();
    resolved.is_override = scope == Scope::Overrides && library.is_in_override_dir(resolved.path());
    if let (true, Some(top)) = (resolved.is_override, resolved.chain.first()) {
        resolved.trust_info = TrustInfo::of_recipe(top)?;
    }
    Ok(resolved)
}

/// The file that was asked for, its parent, that one's parent, …
fn chain(
    library: &Library,
    name: &str,
    scope: Scope,
    search_dirs: &mut Vec<PathBuf>,
) -> Result<Vec<Arc<Recipe>>, ResolveError> {
    let mut chain: Vec<Arc<Recipe>> = Vec::new();
    let mut names = vec![name.to_owned()];
    let mut located = library.locate(name, scope, search_dirs);
    loop {
        let sought = names.last().cloned().unwrap_or_default();
        let Some(path) = located else {
            let seekers = names.iter().rev().skip(1).cloned().collect();
            return Err(ResolveError::NotFound {
                name: sought,
                seekers,
            });
        };
        if chain.len() >= LONGEST_CHAIN || chain.iter().any(|recipe| recipe.path() == path) {
            return Err(ResolveError::Cycle {
                name: name.to_owned(),
                chain: names,
            });
        }
        let recipe = library.read(&path).map_err(|source| ResolveError::Read {
            name: sought,
            source,
        })?;
        let parent = recipe.parent().map(str::to_owned);
        chain.push(recipe);
        let Some(parent) = parent else {
            return Ok(chain);
        };
        search_dirs.push(Library::own_dir(&path));
        located = library.locate_parent(&parent, search_dirs);
        names.push(parent);
    }
}

fn merge(name: &str, chain: Vec<Arc<Recipe>>) -> Result<Resolved, ResolveError> {
    let mut resolved = Resolved {
        name: name.to_owned(),
        identifier: chain
            .first()
            .and_then(|recipe| recipe.identifier())
            .map(str::to_owned),
        description: String::new(),
        input: Dict::new(),
        steps: Vec::new(),
        odd_process: None,
        minimum_version: None,
        parents: chain
            .iter()
            .skip(1)
            .map(|recipe| recipe.path().to_owned())
            .collect(),
        chain,
        search_dirs: Vec::new(),
        trust_info: None,
        is_override: false,
    };
    let chain = resolved.chain.clone();
    for recipe in chain.iter().rev() {
        resolved.merge_one(recipe, chain.len() > 1)?;
    }
    Ok(resolved)
}

impl Resolved {
    fn merge_one(&mut self, recipe: &Recipe, has_relatives: bool) -> Result<(), ResolveError> {
        let malformed = |what: &str| ResolveError::Malformed {
            path: recipe.path().to_owned(),
            what: what.to_owned(),
        };
        match recipe.keys().get("Description") {
            None | Some(Value::Null) => {}
            Some(description) => self.description = proplist::str_form(description),
        }
        match recipe.keys().get("Input") {
            Some(Value::Dict(input)) => self.input.extend(input.clone()),
            Some(_) => return Err(malformed("Input is not a dictionary")),
            None => return Err(malformed("it has no Input")),
        }
        match recipe.keys().get("Process") {
            Some(Value::Array(steps)) => {
                for step in steps {
                    self.steps.push(Step::parse(step, recipe.path())?);
                }
            }
            // Public folders of shared processors have an empty dictionary here.
            Some(odd) if !odd.is_truthy() && !has_relatives => self.odd_process = Some(odd.clone()),
            Some(odd) if odd.is_truthy() => return Err(malformed("Process is not a list")),
            Some(_) | None => {}
        }
        self.raise_minimum_version(recipe, has_relatives);
        Ok(())
    }

    fn raise_minimum_version(&mut self, recipe: &Recipe, has_relatives: bool) {
        let own = recipe.keys().get("MinimumVersion").map(proplist::str_form);
        let own = own.or_else(|| has_relatives.then(|| "0".to_owned()));
        match (&self.minimum_version, own) {
            (Some(so_far), Some(own)) if !at_least(&own, so_far) => {}
            (_, Some(own)) => self.minimum_version = Some(own),
            (_, None) => {}
        }
    }
}

/// Where `AutoPkg`'s own order fails, between a number and a letter, the other order decides.
fn at_least(own: &str, so_far: &str) -> bool {
    let (own, so_far) = (LooseVersion::new(own), LooseVersion::new(so_far));
    own.at_least(&so_far)
        .unwrap_or_else(|_| own.compare_padded(&so_far).is_ge())
}
