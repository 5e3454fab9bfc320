//! Recipes of all repositories that there are here, and what an audit says of them.

use axum::extract::State;
use pipeline::{RecipeEntry, RecipeQuery, Runs};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::{
    answer::{Answer, Asked, Json, Named},
    operation::{Endpoint, Operation},
    paging::{Page, cursor, limit},
    problem::Problem,
    words::{At, sha256},
};
use crate::AdministrationDoor;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Operation::look(
            "recipe_list",
            "/recipes",
            "Recipes that are sought, best first, and what an audit says of them",
        )
        .asking::<RecipeListQuery>()
        .answering::<Page<Recipe>>(200)
        .by(list),
        Operation::look(
            "recipe_show",
            "/recipes/{recipe}",
            "A recipe as it is now: its chain, its steps, and what an audit says",
        )
        .answering::<WholeRecipe>(200)
        .by(show),
    ]
}

fn runs(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "enum": Runs::ALL.map(Runs::name).to_vec()})
}

/// Which recipes are meant.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RecipeListQuery {
    /// Words that all have to stand in name, identifier, application, description or repository.
    #[serde(default)]
    words: Option<String>,
    /// Only those that run like this.
    #[schemars(schema_with = "runs")]
    #[serde(default)]
    runs: Option<String>,
    /// The most that is to be on the page, 1 to 200; 50 if it is not said.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// A recipe.
#[derive(JsonSchema, Serialize)]
#[expect(
    clippy::struct_field_names,
    reason = "lists of the API call the id of a row after the row"
)]
struct Recipe {
    /// What it is called here.
    recipe: String,
    /// The file's name without its extension.
    name: String,
    /// Its identifier.
    identifier: Option<String>,
    /// What it is about.
    application: Option<String>,
    /// The first of what it says of itself.
    description: String,
    /// The repository that it lies in.
    repository: String,
    /// Whether it is an override.
    is_override: bool,
    /// Whether it and all its parents are here.
    is_whole: bool,
    /// How it runs here.
    #[schemars(schema_with = "runs")]
    runs: &'static str,
    /// How many errors an audit has.
    errors: usize,
    /// How many warnings.
    warnings: usize,
    /// How many notes.
    notes: usize,
    /// The rules that found something.
    rules: Vec<&'static str>,
}

impl Recipe {
    fn of(entry: &RecipeEntry) -> Self {
        let [errors, warnings, notes] = entry.counts;
        Self {
            recipe: entry.key.clone(),
            name: entry.name.clone(),
            identifier: entry.identifier.clone(),
            application: entry.app.clone(),
            description: entry.description.clone(),
            repository: entry.repository.clone(),
            is_override: entry.is_override,
            is_whole: entry.is_whole,
            runs: entry.runs.name(),
            errors,
            warnings,
            notes,
            rules: entry.found.iter().map(|rule| rule.id).collect(),
        }
    }
}

async fn list(
    State(door): State<AdministrationDoor>,
    Asked(asked): Asked<RecipeListQuery>,
) -> Result<Page<Recipe>, Problem> {
    let limit = limit(asked.limit)?;
    // The order is by how near a recipe comes to what is sought: a page begins where the one before ended.
    let skip: usize = cursor(asked.cursor.as_deref())?.unwrap_or_default();
    let runs = match asked.runs.as_deref() {
        None => None,
        Some(word) => {
            let found = Runs::ALL.into_iter().find(|it| it.name() == word);
            let wrong = || Problem::not_understood("`runs` is `native`, `sandbox` or `cannot`.");
            Some(found.ok_or_else(wrong)?)
        }
    };
    let query = RecipeQuery {
        words: asked.words.as_deref().unwrap_or_default(),
        runs,
        ..RecipeQuery::default()
    };
    let index = door
        .engine
        .as_ref()
        .and_then(pipeline::Engine::recipe_index);
    let found = index.as_ref().map(|index| index.search(&query));
    let found = found.unwrap_or_default().into_iter();
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let rows: Vec<(usize, &RecipeEntry)> = (1..)
        .zip(found)
        .skip(skip)
        .take(most.saturating_add(1))
        .collect();
    let next = |(place, _): &(usize, &RecipeEntry)| place.to_string();
    Ok(Page::of(rows, limit, next, |(_, entry)| Recipe::of(entry)))
}

/// A recipe as it is now.
#[derive(JsonSchema, Serialize)]
struct WholeRecipe {
    #[serde(flatten)]
    recipe: Recipe,
    /// Where it lies.
    path: String,
    /// The files it was put together from, its own first.
    chain: Vec<File>,
    /// Its steps, the farthest parent's first.
    steps: Vec<Step>,
    /// What an audit says.
    findings: Vec<Finding>,
    /// How the override stands to its approval; null if it is none.
    trust: Option<Trust>,
}

/// A file of a chain.
#[derive(JsonSchema, Serialize)]
struct File {
    /// Where it lies.
    path: String,
    /// The repository that it lies in.
    repository: String,
    /// Its identifier.
    identifier: Option<String>,
    /// The SHA-256 of what was read.
    #[schemars(schema_with = "sha256")]
    sha256: String,
}

/// A step.
#[derive(JsonSchema, Serialize)]
struct Step {
    /// The processor.
    processor: String,
    /// Which file of the chain asks for it, from 0.
    file: Option<usize>,
    /// The names of its arguments.
    arguments: Vec<String>,
}

/// Something that an audit says.
#[derive(JsonSchema, Serialize)]
struct Finding {
    /// The rule.
    rule: &'static str,
    /// `error`, `warning` or `note`.
    severity: &'static str,
    /// The file.
    file: String,
    /// The line, from 1.
    line: usize,
    /// What is there.
    message: String,
    /// How it is mended.
    mend: String,
}

/// How an override stands to its approval.
#[derive(JsonSchema, Serialize)]
struct Trust {
    /// Whether it may run.
    approved: bool,
    /// When it was approved last.
    approved_at: Option<At>,
    /// By whom.
    approved_by: Option<String>,
    /// What differs from what was approved.
    changes: Vec<String>,
}

async fn show(
    State(door): State<AdministrationDoor>,
    Named(key): Named<String>,
) -> Answer<WholeRecipe> {
    let engine = door.engine.as_ref().ok_or_else(Problem::nothing_here)?;
    let look = Box::pin(engine.look_at_recipe(&key)).await?;
    let look = look.ok_or_else(Problem::nothing_here)?;
    let trust = look.standing.as_ref().map(|standing| Trust {
        approved: standing.is_approved(),
        approved_at: standing.approval.as_ref().map(|it| At(it.approved_at)),
        approved_by: standing.approval.as_ref().map(|it| it.approved_by.clone()),
        changes: standing.changes().iter().map(ToString::to_string).collect(),
    });
    let file = |file: &pipeline::RecipeFile| File {
        path: file.path.display().to_string(),
        repository: file.repository.clone(),
        identifier: file.identifier.clone(),
        sha256: file.sha256.to_string(),
    };
    let step = |step: &pipeline::RecipeStep| Step {
        processor: step.processor.clone(),
        file: step.file,
        arguments: step
            .arguments
            .iter()
            .map(|(name, _)| name.clone())
            .collect(),
    };
    let finding = |finding: &pipeline::RecipeFinding| Finding {
        rule: finding.rule.id,
        severity: finding.severity.name(),
        file: finding.file.display().to_string(),
        line: finding.line,
        message: finding.message.clone(),
        mend: finding.mend.clone(),
    };
    Ok(Json::ok(WholeRecipe {
        recipe: Recipe::of(&look.entry),
        path: look.entry.path.display().to_string(),
        chain: look.chain.iter().map(file).collect(),
        steps: look.steps.iter().map(step).collect(),
        findings: look.findings.iter().map(finding).collect(),
        trust,
    }))
}
