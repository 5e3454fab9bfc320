//! Tables of what runs did, and the report for other programs, as `AutoPkg` makes them.

use std::fmt::Write as _;

use proplist::{Dict, KeyOrder, Value, WriteError, str_form, to_xml};

use crate::StepReport;

/// What several runs did: their failures, and what their steps report in `…_summary_result`.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    failures: Vec<FailedRecipe>,
    tables: Vec<Table>,
}

/// A recipe that failed.
#[derive(Clone, Debug)]
pub struct FailedRecipe {
    /// Its name as it was typed.
    pub name: String,
    /// Its identifier, if that is known.
    pub identifier: Option<String>,
    /// What happened.
    pub message: String,
    /// The errors underneath.
    pub detail: String,
}

#[derive(Clone, Debug)]
struct Table {
    key: String,
    text: String,
    header: Vec<String>,
    rows: Vec<Dict>,
}

impl Summary {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what the steps of a run report.
    pub fn add_reports(&mut self, reports: &[StepReport]) {
        for report in reports {
            self.add(&report.name, &report.summary);
        }
    }

    /// Adds a recipe that failed.
    pub fn add_failure(&mut self, failure: FailedRecipe) {
        self.failures.push(failure);
    }

    fn add(&mut self, key: &str, summary: &Dict) {
        let Some(data) = summary
            .get("data")
            .and_then(Value::as_dict)
            .filter(|data| !data.is_empty())
        else {
            return;
        };
        if let Some(table) = self.tables.iter_mut().find(|table| table.key == key) {
            table.rows.push(data.clone());
            return;
        }
        let fields = summary.get("report_fields").and_then(Value::as_array);
        let header = match fields {
            Some(fields) if !fields.is_empty() => fields.iter().map(str_form).collect(),
            _ => data.keys().cloned().collect(),
        };
        self.tables.push(Table {
            key: key.to_owned(),
            text: summary
                .get("summary_text")
                .map(str_form)
                .unwrap_or_default(),
            header,
            rows: vec![data.clone()],
        });
    }

    /// What is printed after the last recipe, a blank line before each block.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if !self.failures.is_empty() {
            text.push_str("\nThe following recipes failed:\n");
            for failure in &self.failures {
                writeln!(text, "    {}", failure.name).unwrap_or_default();
                for line in failure.message.lines() {
                    writeln!(text, "        {line}").unwrap_or_default();
                }
            }
        }
        for table in &self.tables {
            text.push('\n');
            text.push_str(&table.text);
            text.push('\n');
            table.write(&mut text);
        }
        if self.tables.is_empty() {
            text.push_str("\nNothing downloaded, packaged or imported.\n");
        }
        text
    }

    /// The report: `failures` and `summary_results`.
    ///
    /// # Errors
    /// If it cannot be written as a property list; what no property list can hold is replaced in it.
    pub fn report(&self) -> Result<String, WriteError> {
        let failures: Vec<Value> = self.failures.iter().map(FailedRecipe::to_value).collect();
        let results: Dict = self
            .tables
            .iter()
            .map(|table| (table.key.clone(), table.to_value()))
            .collect();
        let report: Dict = [
            ("failures".to_owned(), Value::Array(failures)),
            ("summary_results".to_owned(), Value::Dict(results)),
        ]
        .into_iter()
        .collect();
        to_xml(&Value::Dict(report).for_property_list(), KeyOrder::Sorted)
    }
}

impl FailedRecipe {
    fn to_value(&self) -> Value {
        let mut dict = Dict::new();
        dict.insert("message".to_owned(), self.message.as_str().into());
        dict.insert("recipe".to_owned(), self.name.as_str().into());
        if let Some(identifier) = self
            .identifier
            .as_deref()
            .filter(|identifier| !identifier.is_empty())
        {
            dict.insert("recipe_id".to_owned(), identifier.into());
        }
        if !self.detail.is_empty() {
            dict.insert("traceback".to_owned(), self.detail.as_str().into());
        }
        Value::Dict(dict)
    }
}

impl Table {
    /// Every cell is padded to its column and two more, trailing spaces included, as `AutoPkg` does it.
    fn write(&self, text: &mut String) {
        let headings: Vec<String> = self.header.iter().map(|field| title(field)).collect();
        let underlines: Vec<String> = self
            .header
            .iter()
            .map(|field| "-".repeat(field.chars().count()))
            .collect();
        let rows = self.rows.iter().map(|row| {
            let cells = self
                .header
                .iter()
                .map(|field| row.get(field).map(str_form).unwrap_or_default());
            cells.collect::<Vec<_>>()
        });
        let lines: Vec<Vec<String>> = [headings, underlines].into_iter().chain(rows).collect();
        for line in &lines {
            text.push_str("    ");
            for (column, cell) in line.iter().enumerate() {
                let widest = lines
                    .iter()
                    .filter_map(|line| line.get(column))
                    .map(|cell| cell.chars().count())
                    .max();
                let width = widest.unwrap_or_default().saturating_add(2);
                write!(text, "{cell:width$}").unwrap_or_default();
            }
            text.push('\n');
        }
    }

    fn to_value(&self) -> Value {
        let dict: Dict = [
            ("summary_text".to_owned(), Value::from(self.text.as_str())),
            ("header".to_owned(), Value::from(self.header.clone())),
            (
                "data_rows".to_owned(),
                Value::Array(self.rows.iter().cloned().map(Value::Dict).collect()),
            ),
        ]
        .into_iter()
        .collect();
        Value::Dict(dict)
    }
}

/// Python's `field.replace("_", " ").title()`.
fn title(field: &str) -> String {
    let mut begins = true;
    field
        .chars()
        .map(|letter| if letter == '_' { ' ' } else { letter })
        .flat_map(|letter| {
            let shown: Vec<char> = if begins {
                letter.to_uppercase().collect()
            } else {
                letter.to_lowercase().collect()
            };
            begins = !letter.is_alphabetic();
            shown
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(path: &str) -> StepReport {
        let data: Dict = [("download_path".to_owned(), Value::from(path))]
            .into_iter()
            .collect();
        let summary: Dict = [
            (
                "summary_text".to_owned(),
                Value::from("The following new items were downloaded:"),
            ),
            ("data".to_owned(), Value::Dict(data)),
        ]
        .into_iter()
        .collect();
        StepReport {
            name: "url_downloader_summary_result".to_owned(),
            summary,
        }
    }

    #[test]
    fn a_table_is_as_autopkg_prints_it() {
        let mut summary = Summary::new();
        summary.add_reports(&[report("/c/A.dmg"), report("/c/Bigger-name.dmg")]);
        assert_eq!(
            summary.text(),
            "\nThe following new items were downloaded:\n    Download Path       \n    -------------       \n    /c/A.dmg            \n    /c/Bigger-name.dmg  \n"
        );
    }

    #[test]
    fn failures_come_first_and_nothing_is_said_of_nothing() {
        let mut summary = Summary::new();
        summary.add_failure(FailedRecipe {
            name: "Missing.download".to_owned(),
            identifier: Some("com.example.runs.Missing".to_owned()),
            message: "Error in com.example.runs.Missing: Processor: URLDownloader: Error: 404\n"
                .to_owned(),
            detail: String::new(),
        });
        assert_eq!(
            summary.text(),
            "\nThe following recipes failed:\n    Missing.download\n        Error in com.example.runs.Missing: Processor: URLDownloader: Error: 404\n\nNothing downloaded, packaged or imported.\n"
        );
        let report = proplist::from_bytes(summary.report().unwrap().as_bytes()).unwrap();
        let failures = report.as_dict().unwrap()["failures"].as_array().unwrap();
        assert_eq!(
            failures[0].as_dict().unwrap()["recipe"].as_str(),
            Some("Missing.download")
        );
        assert!(!failures[0].as_dict().unwrap().contains_key("traceback"));
    }

    #[test]
    fn what_is_underneath_a_failure_stands_in_place_of_a_traceback() {
        let failed = FailedRecipe {
            name: "A.munki".to_owned(),
            identifier: None,
            message: "it failed".to_owned(),
            detail: "caused by: the disk is full".to_owned(),
        };
        let value = failed.to_value();
        assert_eq!(
            value.as_dict().unwrap()["traceback"].as_str(),
            Some("caused by: the disk is full")
        );
    }

    #[test]
    fn a_control_character_costs_nobody_the_report() {
        let mut summary = Summary::new();
        summary.add_reports(&[report("/c/1\u{1}b.dmg")]);
        let report = summary.report().unwrap();
        assert!(
            report.contains("<string>/c/1\u{fffd}b.dmg</string>"),
            "{report}"
        );
    }

    #[test]
    fn a_report_of_nothing_says_so() {
        let report = Summary::new().report().unwrap();
        let report = proplist::from_bytes(report.as_bytes()).unwrap();
        assert_eq!(
            serde_json::Value::from(&report).to_string(),
            r#"{"failures":[],"summary_results":{}}"#
        );
    }

    #[test]
    fn a_heading_is_in_title_case() {
        assert_eq!(title("pkg_repo_path"), "Pkg Repo Path");
        assert_eq!(title("SHA256_hash"), "Sha256 Hash");
    }
}
