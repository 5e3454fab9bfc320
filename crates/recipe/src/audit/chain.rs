//! A recipe and its parents, as those who look at them need them.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use proplist::{Dict, Part, Value};

use super::{Finding, Known, Manual, Rule, Severity};
use crate::{
    Library, Resolved, Step, core_processors::is_core_processor, file, substitute, substitute_all,
    yaml,
};

/// What a step is carried out by.
#[derive(Clone, Debug)]
pub(super) enum Kind<'a> {
    /// By this program.
    Native(&'a Known),
    /// By a program that lies beside a recipe.
    Community(PathBuf),
    /// By nobody, although `AutoPkg` has it.
    Unsupported,
    /// By nobody.
    Unknown,
}

impl Kind<'_> {
    /// Whether nobody knows what it reads and sets.
    pub(super) const fn is_opaque(&self) -> bool {
        matches!(self, Self::Community(_) | Self::Unknown)
    }
}

/// A step, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Placed<'a> {
    pub(super) step: &'a Step,
    pub(super) kind: Kind<'a>,
    pub(super) file: PathBuf,
    /// The how many-eth step of its file, from 0.
    pub(super) index: usize,
}

impl Placed<'_> {
    /// The way to `parts` of this step.
    pub(super) fn path(&self, parts: &[Part]) -> Vec<Part> {
        [&["Process".into(), self.index.into()], parts].concat()
    }

    /// The way to an argument.
    pub(super) fn argument(&self, name: &str) -> Vec<Part> {
        self.path(&["Arguments".into(), name.into()])
    }
}

/// A recipe and its parents, and what was found in them so far.
pub(super) struct Chain<'a> {
    pub(super) recipe: &'a Resolved,
    pub(super) library: &'a Library,
    pub(super) manual: &'a dyn Manual,
    pub(super) steps: Vec<Placed<'a>>,
    /// The merged input, substituted in itself.
    pub(super) input: Dict,
    lines: HashMap<PathBuf, HashMap<Vec<Part>, usize>>,
    found: Vec<Finding>,
}

impl<'a> Chain<'a> {
    pub(super) fn new(recipe: &'a Resolved, library: &'a Library, manual: &'a dyn Manual) -> Self {
        let mut counts: HashMap<&Path, usize> = HashMap::new();
        let steps = recipe
            .steps()
            .iter()
            .map(|step| {
                let file = step.source().unwrap_or(recipe.path());
                let count = counts.entry(file).or_default();
                let index = *count;
                *count = index.saturating_add(1);
                Placed {
                    step,
                    kind: kind(step.processor(), recipe, library, manual),
                    file: file.to_owned(),
                    index,
                }
            })
            .collect();
        let mut input = recipe.input().clone();
        substitute_all(&mut input);
        Self {
            recipe,
            library,
            manual,
            steps,
            input,
            lines: HashMap::new(),
            found: Vec::new(),
        }
    }

    /// Notes a finding of the usual severity at `place` in `file`.
    pub(super) fn find(
        &mut self,
        rule: &'static Rule,
        (file, place): (&Path, &[Part]),
        message: impl Into<String>,
        mend: impl Into<String>,
    ) {
        self.find_as(
            rule.severity,
            rule,
            (file, place),
            [message.into(), mend.into()],
        );
    }

    /// Notes a finding: what is there, and how it is mended.
    pub(super) fn find_as(
        &mut self,
        severity: Severity,
        rule: &'static Rule,
        (file, place): (&Path, &[Part]),
        [message, mend]: [String; 2],
    ) {
        let line = self.line(file, place);
        let finding = Finding {
            rule,
            severity,
            file: file.to_owned(),
            line,
            message,
            mend,
        };
        if !self.found.contains(&finding) {
            self.found.push(finding);
        }
    }

    /// In the order of the files of the chain, and of their lines.
    pub(super) fn into_findings(mut self) -> Vec<Finding> {
        let recipe = self.recipe;
        let rank = |finding: &Finding| {
            let files = &mut recipe.chain().iter();
            files.position(|recipe| recipe.path() == finding.file)
        };
        self.found
            .sort_by_key(|finding| (rank(finding), finding.line));
        self.found
    }

    /// The line of `place`, or of the nearest thing around it that has one.
    fn line(&mut self, file: &Path, place: &[Part]) -> usize {
        let lines = self
            .lines
            .entry(file.to_owned())
            .or_insert_with(|| lines(file));
        let mut place = place;
        loop {
            if let Some(line) = lines.get(place) {
                return *line;
            }
            match place.split_last() {
                Some((_, around)) => place = around,
                None => return 1,
            }
        }
    }

    /// Whether something runs before the step `index` of which nobody knows what it sets.
    pub(super) fn opaque_before(&self, index: usize) -> bool {
        self.steps
            .iter()
            .take(index)
            .any(|step| step.kind.is_opaque())
    }

    /// What `value` comes to before the first step.
    pub(super) fn filled(&self, value: &Value) -> Value {
        substitute(value, &self.input).0
    }

    /// The variable `name` as the step `index` finds it: its own argument, else the latest of an earlier step, else
    /// that of the input.
    pub(super) fn variable(&self, index: usize, name: &str) -> Option<Value> {
        let steps = self.steps.iter().take(index.saturating_add(1)).rev();
        let mut arguments = steps.filter_map(|step| step.step.arguments().get(name));
        arguments
            .next()
            .or_else(|| self.input.get(name))
            .map(|value| self.filled(value))
    }
}

fn kind<'a>(name: &str, recipe: &Resolved, library: &Library, manual: &'a dyn Manual) -> Kind<'a> {
    if let Some(known) = manual.processor(name) {
        return Kind::Native(known);
    }
    if let Some(path) = library.processor_path(recipe, name) {
        return Kind::Community(path);
    }
    if is_core_processor(name) {
        Kind::Unsupported
    } else {
        Kind::Unknown
    }
}

/// Where everything stands in a file; nothing if it cannot be read any more.
pub(super) fn lines(path: &Path) -> HashMap<Vec<Part>, usize> {
    let bytes = file::bounded(path).unwrap_or_default();
    let places = if path.as_os_str().as_encoded_bytes().ends_with(b".yaml") {
        yaml::places(&bytes)
    } else {
        proplist::places(&String::from_utf8_lossy(&bytes))
    };
    places.into_iter().collect()
}
