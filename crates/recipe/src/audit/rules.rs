//! Everything that is looked for.

use super::finding::{Rule, Severity};

const fn rule(
    severity: Severity,
    id: &'static str,
    title: &'static str,
    why: &'static str,
) -> Rule {
    Rule {
        id,
        severity,
        title,
        why,
    }
}

use Severity::{Error, Note, Warning};

pub(super) static COMMUNITY_PROCESSOR: Rule = rule(
    Note,
    "community-processor",
    "A step is somebody's own program",
    "The processors of recipe repositories can do anything that their sandbox allows. Read them before you approve them.",
);
pub(super) static DEPRECATED_PROCESSOR: Rule = rule(
    Warning,
    "deprecated-processor",
    "A processor is deprecated",
    "It is kept for old recipes, and has a successor or nothing left to do.",
);
pub(super) static DEPRECATED_RECIPE: Rule = rule(
    Warning,
    "deprecated-recipe",
    "The recipe says that it is deprecated",
    "Its author will not mend it when the vendor changes something, and may remove it.",
);
pub(super) static DUPLICATE_IDENTIFIER: Rule = rule(
    Warning,
    "duplicate-identifier",
    "Several files declare one identifier",
    "Which of them a child gets as its parent depends on the order of folders, and may change with the next repository that is added.",
);
pub(super) static EMPTY_PROCESS: Rule = rule(
    Warning,
    "empty-process",
    "The recipe has no steps",
    "It does nothing, with its parents' steps counted. Folders of shared processors have such recipes on purpose.",
);
pub(super) static HTTP_URL: Rule = rule(
    Warning,
    "http-url",
    "Something is fetched without encryption",
    "Anybody on the way can change what is fetched. A download over http is refused unless the plan pins a signature or a checksum.",
);
pub(super) static INAPPLICABLE_ARGUMENT: Rule = rule(
    Error,
    "inapplicable-argument",
    "A pin cannot apply to what is checked",
    "Packages are checked by the names of their certificates, everything else by a requirement. Of a pin of the other kind AutoPkg takes no notice, so that nothing is checked; here the step fails.",
);
pub(super) static INVALID_OPTION: Rule = rule(
    Error,
    "invalid-option",
    "An option of curl's is not understood",
    "There is no curl here: what is not understood would fetch something else, and the step fails.",
);
pub(super) static INVALID_PATTERN: Rule = rule(
    Error,
    "invalid-pattern",
    "A regular expression is none",
    "The step fails when it is reached.",
);
pub(super) static INVALID_PREDICATE: Rule = rule(
    Error,
    "invalid-predicate",
    "A predicate is none",
    "The step fails when it is reached.",
);
pub(super) static INVALID_REQUIREMENT: Rule = rule(
    Error,
    "invalid-requirement",
    "A code requirement is none",
    "The step fails when it is reached, whatever the vendor's signature is.",
);
pub(super) static MALFORMED: Rule = rule(
    Error,
    "malformed",
    "The recipe cannot be put together",
    "A part of it is not of the kind that merging relies on.",
);
pub(super) static MINIMUM_VERSION: Rule = rule(
    Error,
    "minimum-version",
    "The recipe asks for a newer AutoPkg",
    "A run refuses it.",
);
pub(super) static MISPLACED_ARGUMENT: Rule = rule(
    Error,
    "misplaced-argument",
    "An argument stands beside Arguments and not in it",
    "It is passed over, so the processor takes its default or fails.",
);
pub(super) static MISSING_ARGUMENT: Rule = rule(
    Error,
    "missing-argument",
    "A step lacks what it cannot go without",
    "Nothing sets the variable before the step, so that a run is refused.",
);
pub(super) static MISSING_END_OF_CHECK_PHASE: Rule = rule(
    Warning,
    "missing-end-of-check-phase",
    "There is no EndOfCheckPhase behind the download",
    "`run --check` cannot tell whether there is something new, and says so.",
);
pub(super) static MISSING_PARENT: Rule = rule(
    Error,
    "missing-parent",
    "The parent recipe is not here",
    "Without its parent the recipe cannot be run.",
);
pub(super) static MISSING_TRUST_INFO: Rule = rule(
    Warning,
    "missing-trust-info",
    "The override has no trust information",
    "Nothing records what its parents were when somebody looked at them, so AutoPkg runs whatever they become.",
);
pub(super) static MISSPELT_ARGUMENT: Rule = rule(
    Error,
    "misspelt-argument",
    "The name of an argument is misspelt",
    "Nobody reads it, so that the step does not do what was meant. A run warns of it; AutoPkg passes it over.",
);
pub(super) static MISSPELT_KEY: Rule = rule(
    Warning,
    "misspelt-key",
    "The name of a key is misspelt",
    "What stands behind it is passed over.",
);
pub(super) static MODIFIES_CONTENTS: Rule = rule(
    Note,
    "modifies-contents",
    "A step may change what the vendor made",
    "What is packaged afterwards is not only the vendor's. Look at what is added, moved and removed.",
);
pub(super) static NO_IDENTIFIER: Rule = rule(
    Warning,
    "no-identifier",
    "The recipe has no identifier",
    "It can be nobody's parent, and shares its cache with every other recipe that has none.",
);
pub(super) static NO_SIGNATURE_CHECK: Rule = rule(
    Warning,
    "no-signature-check",
    "Something is downloaded, and its signature is not checked",
    "A vendor's server that was broken into, or another file than the meant one, goes unnoticed.",
);
pub(super) static NOTHING_PINNED: Rule = rule(
    Error,
    "nothing-pinned",
    "A signature is checked, and nobody is expected as its signer",
    "Any signature that Apple's chain vouches for would do, a stranger's too. Here the step fails.",
);
pub(super) static PARENT_CIRCLE: Rule = rule(
    Error,
    "parent-circle",
    "The recipe is its own ancestor",
    "It cannot be put together.",
);
pub(super) static SHADOWED_PROCESSOR: Rule = rule(
    Warning,
    "shadowed-processor",
    "A file beside the recipe is named like a processor of AutoPkg's",
    "AutoPkg runs that file instead of its own processor, and trust information does not cover it. Here the native one is run.",
);
pub(super) static SIGNATURE_CHECK_DISABLED: Rule = rule(
    Warning,
    "signature-check-disabled",
    "The recipe switches the check of signatures off",
    "Nobody vouches for what is downloaded. Here it counts only where the configuration allows it.",
);
pub(super) static UNDEFINED_VARIABLE: Rule = rule(
    Warning,
    "undefined-variable",
    "A variable is used that nothing sets",
    "A text with one undefined variable stays as it is written, with all its percent signs.",
);
pub(super) static UNKNOWN_PROCESSOR: Rule = rule(
    Error,
    "unknown-processor",
    "A processor is not here",
    "A run is refused before its first step.",
);
pub(super) static UNREAD_ARGUMENT: Rule = rule(
    Warning,
    "unread-argument",
    "An argument is read by nobody",
    "Neither its processor nor a later step knows it. A run warns of it; AutoPkg passes it over. A recipe may set it for its children.",
);
pub(super) static UNREADABLE: Rule = rule(
    Error,
    "unreadable",
    "The file cannot be read as a recipe",
    "It is passed over in searches, so that other recipes may lose their parent.",
);
pub(super) static UNSUPPORTED_PROCESSOR: Rule = rule(
    Error,
    "unsupported-processor",
    "A processor of AutoPkg's does not exist here",
    "It needs macOS or Windows. A run is refused before its first step.",
);

/// Every rule, in the order of their names.
pub static RULES: [&Rule; 32] = [
    &COMMUNITY_PROCESSOR,
    &DEPRECATED_PROCESSOR,
    &DEPRECATED_RECIPE,
    &DUPLICATE_IDENTIFIER,
    &EMPTY_PROCESS,
    &HTTP_URL,
    &INAPPLICABLE_ARGUMENT,
    &INVALID_OPTION,
    &INVALID_PATTERN,
    &INVALID_PREDICATE,
    &INVALID_REQUIREMENT,
    &MALFORMED,
    &MINIMUM_VERSION,
    &MISPLACED_ARGUMENT,
    &MISSING_ARGUMENT,
    &MISSING_END_OF_CHECK_PHASE,
    &MISSING_PARENT,
    &MISSING_TRUST_INFO,
    &MISSPELT_ARGUMENT,
    &MISSPELT_KEY,
    &MODIFIES_CONTENTS,
    &NO_IDENTIFIER,
    &NO_SIGNATURE_CHECK,
    &NOTHING_PINNED,
    &PARENT_CIRCLE,
    &SHADOWED_PROCESSOR,
    &SIGNATURE_CHECK_DISABLED,
    &UNDEFINED_VARIABLE,
    &UNKNOWN_PROCESSOR,
    &UNREAD_ARGUMENT,
    &UNREADABLE,
    &UNSUPPORTED_PROCESSOR,
];
