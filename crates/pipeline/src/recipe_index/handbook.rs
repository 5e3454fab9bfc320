//! What an audit must know of processors, out of the registry.

use std::collections::BTreeMap;

use processors::{Processor, Registry};
use recipe::{Known, Language, Manual};

/// The native processors, and the variables of the preferences.
#[derive(Debug)]
pub struct Handbook {
    processors: BTreeMap<String, Known>,
    variables: Vec<String>,
}

impl Handbook {
    /// What those who look at recipes must know, where the preferences set these `variables`.
    pub fn new(variables: Vec<String>) -> Self {
        let registry = Registry::native();
        let known = |name: &str| Some((name.to_owned(), known(registry.get(name)?)));
        Self {
            processors: registry.names().filter_map(known).collect(),
            variables,
        }
    }
}

impl Manual for Handbook {
    fn processor(&self, name: &str) -> Option<&Known> {
        self.processors.get(name)
    }

    fn names(&self) -> Vec<&str> {
        self.processors.keys().map(String::as_str).collect()
    }

    fn variables(&self) -> Vec<String> {
        self.variables.clone()
    }

    fn autopkg_version(&self) -> &'static str {
        crate::AUTOPKG_VERSION
    }

    fn fault(&self, language: Language, text: &str) -> Option<String> {
        match language {
            Language::Options => processors::options_fault(text),
            Language::Pattern => processors::pattern_fault(text),
            Language::Predicate => processors::predicate_fault(text),
            Language::Requirement => processors::requirement_fault(text),
        }
    }
}

fn known(processor: &dyn Processor) -> Known {
    let inputs = processor.inputs();
    let names = |chosen: fn(&processors::Input) -> bool| {
        let chosen = inputs.iter().filter(|input| chosen(input));
        chosen
            .map(|input| input.name.clone().into_owned())
            .collect()
    };
    let outputs = processor.output_names().into_iter();
    Known {
        inputs: names(|_| true),
        required: names(|input| input.required),
        defaulted: names(|input| input.default.is_some()),
        also_reads: processor
            .also_reads()
            .iter()
            .map(|name| (*name).to_owned())
            .collect(),
        outputs: outputs.map(std::borrow::Cow::into_owned).collect(),
        takes_any_argument: processor.takes_any_argument(),
    }
}
