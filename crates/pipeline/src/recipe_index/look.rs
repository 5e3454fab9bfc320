//! One recipe, looked at closely.

use std::path::{Path, PathBuf};

use proplist::Value;
use recipe::{Auditor, Finding, Library, Scope, Severity};
use redact::Scrubber;

use super::{RecipeEntry, entry::Repositories};
use crate::{Engine, Failure, Request, Standing, engine::blocking, pretty, secrets};

/// The longest value of an argument that is shown, in bytes.
const LONGEST_VALUE: usize = 2_000;

/// One recipe, looked at closely.
#[derive(Clone, Debug)]
pub struct RecipeLook {
    /// What the index knows of it.
    pub entry: RecipeEntry,
    /// The files that it was put together from, its own first.
    pub chain: Vec<RecipeFile>,
    /// Its steps, the farthest parent's first.
    pub steps: Vec<RecipeStep>,
    /// What an audit has to say, secrets taken out.
    pub findings: Vec<RecipeFinding>,
    /// How the override stands to its approval, if it is one and could be put together.
    pub standing: Option<Standing>,
}

/// One file of a chain.
#[derive(Clone, Debug)]
pub struct RecipeFile {
    /// Its repository, and where it lies.
    pub repository: String,
    /// Where it lies.
    pub path: PathBuf,
    /// Its identifier.
    pub identifier: Option<String>,
    /// The SHA-256 of what was read.
    pub sha256: model::Sha256,
}

/// One step.
#[derive(Clone, Debug)]
pub struct RecipeStep {
    /// The processor.
    pub processor: String,
    /// The file that asks for it, as the how many-eth of the chain, from 0.
    pub file: Option<usize>,
    /// Its arguments as they are written, secrets taken out.
    pub arguments: Vec<(String, String)>,
}

/// Something that an audit says.
#[derive(Clone, Debug)]
pub struct RecipeFinding {
    /// What was looked for.
    pub rule: &'static recipe::Rule,
    /// How bad it is here.
    pub severity: Severity,
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// What is there.
    pub message: String,
    /// How it is mended.
    pub mend: String,
}

impl Engine {
    /// A recipe of the index as it is now; nothing if there is none under this key.
    ///
    /// # Errors
    /// If the thread that looks is lost.
    pub async fn look_at_recipe(&self, key: &str) -> Result<Option<RecipeLook>, Failure> {
        let Some(recipes) = self.recipe_index() else {
            return Ok(None);
        };
        let Some(entry) = recipes.find(key).cloned() else {
            return Ok(None);
        };
        let (engine, library) = (self.clone(), recipes.library());
        let mut look = blocking(move || Ok(engine.looked(&entry, &library))).await?;
        if look.entry.is_override && !look.chain.is_empty() {
            let path = look.entry.path.display().to_string();
            // An override that cannot be judged is told of by its findings.
            look.standing = self.standing(&Request::named(path)).await.ok();
        }
        Ok(Some(look))
    }

    fn looked(&self, entry: &RecipeEntry, library: &Library) -> RecipeLook {
        let handbook = self.handbook();
        let auditor = Auditor::new(library, &handbook);
        let scope = if entry.is_override {
            Scope::Overrides
        } else {
            Scope::Recipes
        };
        let name = entry.path.to_string_lossy();
        let whole = library.resolve_in(&name, scope, &[]);
        let mut scrubber = self.parts.scrubber.clone();
        let mut repositories = Repositories::of(library);
        let (chain, steps, findings) = match &whole {
            Ok(resolved) => {
                secrets::learn_plan(&mut scrubber, resolved.input(), resolved.steps());
                let chain: Vec<RecipeFile> = resolved
                    .chain()
                    .iter()
                    .map(|file| RecipeFile {
                        repository: repositories.name(file.path()),
                        path: file.path().to_owned(),
                        identifier: file.identifier().map(str::to_owned),
                        sha256: file.sha256(),
                    })
                    .collect();
                let steps = resolved.steps().iter();
                let steps = steps.map(|step| step_of(step, &chain, &scrubber)).collect();
                (chain, steps, auditor.audit(resolved))
            }
            Err(error) => {
                let refused = vec![auditor.refused(&name, error)];
                (Vec::new(), Vec::new(), refused)
            }
        };
        library.forget_contents();
        let repository = entry.repository.clone();
        RecipeLook {
            entry: RecipeEntry::of((&entry.path, scope), repository, &whole, &findings),
            findings: findings.into_iter().map(|it| told(it, &scrubber)).collect(),
            chain,
            steps,
            standing: None,
        }
    }
}

fn step_of(step: &recipe::Step, chain: &[RecipeFile], scrubber: &Scrubber) -> RecipeStep {
    let source = step.source().unwrap_or(Path::new(""));
    let shown = |(name, value): (&String, &Value)| {
        let text = match value.as_str() {
            Some(text) => text.to_owned(),
            None => pretty(value),
        };
        let mut text = if redact::is_secret_name(name) && !text.starts_with('%') {
            "(secret)".to_owned()
        } else {
            scrubber.scrub(&text)
        };
        if text.len() > LONGEST_VALUE {
            text = text.chars().take(LONGEST_VALUE).collect();
            text.push('…');
        }
        (name.clone(), text)
    };
    RecipeStep {
        processor: step.processor().to_owned(),
        file: chain.iter().position(|file| file.path == source),
        arguments: step.arguments().iter().map(shown).collect(),
    }
}

fn told(finding: Finding, scrubber: &Scrubber) -> RecipeFinding {
    RecipeFinding {
        rule: finding.rule,
        severity: finding.severity,
        file: finding.file,
        line: finding.line,
        message: scrubber.scrub(&finding.message),
        mend: scrubber.scrub(&finding.mend),
    }
}
