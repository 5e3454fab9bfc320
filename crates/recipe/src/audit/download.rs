//! Downloads: whether they are checked, encrypted, and known to be the end of what a look costs.

use proplist::{Dict, Part, Value};

use super::{chain::Chain, rules};

/// Values that look like addresses and are names.
const NAMES_OF_NAMESPACES: [&str; 1] = ["alternate_xmlns_url"];

pub(super) fn is_downloader(processor: &str) -> bool {
    matches!(
        processor,
        "CURLDownloader" | "URLDownloader" | "URLDownloaderPython"
    )
}

pub(super) fn look(chain: &mut Chain<'_>) {
    let steps = chain.steps.clone();
    let downloads = || {
        steps
            .iter()
            .filter(|placed| is_downloader(placed.step.processor()))
    };
    if let Some(first) = downloads().next()
        && !chain.recipe.has_step("CodeSignatureVerifier")
    {
        chain.find(
            &rules::NO_SIGNATURE_CHECK,
            (&first.file, &first.path(&["Processor".into()])),
            "no CodeSignatureVerifier checks what is downloaded here",
            "Add one behind the download that pins the vendor's requirement or authority names.",
        );
    }
    if let Some(last) = downloads().next_back()
        && !chain.recipe.has_step("EndOfCheckPhase")
    {
        chain.find(
            &rules::MISSING_END_OF_CHECK_PHASE,
            (&last.file, &last.path(&["Processor".into()])),
            "no EndOfCheckPhase stands behind this download",
            "Add one behind it.",
        );
    }
    plain(chain);
}

/// Values of the input and of arguments that are fetched without encryption.
fn plain(chain: &mut Chain<'_>) {
    for recipe in chain.recipe.chain() {
        let Some(Value::Dict(input)) = recipe.keys().get("Input") else {
            continue;
        };
        for name in plain_in(input) {
            let place: [Part; 2] = ["Input".into(), name.into()];
            let message = format!("`{name}` is an address without encryption");
            chain.find(&rules::HTTP_URL, (recipe.path(), &place), message, MEND);
        }
    }
    for placed in chain.steps.clone() {
        for name in plain_in(placed.step.arguments()) {
            chain.find(
                &rules::HTTP_URL,
                (&placed.file, &placed.argument(name)),
                format!(
                    "`{name}` of {} is an address without encryption",
                    placed.step.processor()
                ),
                MEND,
            );
        }
    }
}

const MEND: &str = "Use https if the vendor has it; otherwise pin a signature.";

fn plain_in(values: &Dict) -> impl Iterator<Item = &str> {
    let plain = values.iter().filter(|(name, value)| {
        let is_plain = value.as_str().is_some_and(|text| text.starts_with("http:"));
        is_plain && !NAMES_OF_NAMESPACES.contains(&name.as_str())
    });
    plain.map(|(name, _)| name.as_str())
}
