//! What the configuration says of recipes, in the words of `AutoPkg`'s preferences.

use proplist::Value;
use recipe::Preferences;

use super::Config;

impl Config {
    /// Puts what the configuration says of recipes before what `preferences` say; nothing of it is kept in their
    /// file.
    pub fn put_before(&self, preferences: &mut Preferences) {
        let autopkg = &self.autopkg;
        let search_dirs = preferences.search_dirs();
        let override_dirs = preferences.override_dirs();
        for (key, first, then) in [
            (
                "RECIPE_SEARCH_DIRS",
                &autopkg.recipe_search_dirs,
                search_dirs,
            ),
            (
                "RECIPE_OVERRIDE_DIRS",
                &autopkg.recipe_override_dirs,
                override_dirs,
            ),
        ] {
            if !first.is_empty() {
                let dirs: Vec<Value> = first
                    .iter()
                    .cloned()
                    .chain(then)
                    .map(Value::String)
                    .collect();
                preferences.settle(key, Value::Array(dirs));
            }
        }
        if let Some(dir) = &autopkg.recipe_repo_dir {
            preferences.settle("RECIPE_REPO_DIR", Value::from(dir.as_str()));
        }
        if let Ok(place) = self.repository_place() {
            preferences.settle("MUNKI_REPO", Value::from(place.to_string()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn goes_before_the_preferences_and_is_not_kept_in_them() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("prefs.json");
        fs_err::write(
            &file,
            r#"{"RECIPE_SEARCH_DIRS": ["/own"], "MUNKI_REPO": "/m"}"#,
        )
        .unwrap();
        let mut preferences = Preferences::of_user(dir.path(), None);
        preferences.overlay(&file).unwrap();
        let mut config = Config {
            state_dir: "/state".into(),
            ..Config::default()
        };
        config.autopkg.recipe_search_dirs = vec!["/house".to_owned()];
        config.autopkg.recipe_repo_dir = Some("/repos".to_owned());
        config.put_before(&mut preferences);
        assert_eq!(preferences.search_dirs(), ["/house", "/own"]);
        assert_eq!(preferences.repo_dir(), Path::new("/repos"));
        assert_eq!(
            preferences.get("MUNKI_REPO"),
            Some(&Value::from("/state/repo"))
        );
        preferences.set("NEW", Value::from("value")).unwrap();
        let kept: serde_json::Value =
            serde_json::from_slice(&fs_err::read(&file).unwrap()).unwrap();
        assert_eq!(
            kept,
            serde_json::json!({"RECIPE_SEARCH_DIRS": ["/own"], "MUNKI_REPO": "/m", "NEW": "value"})
        );
    }

    #[test]
    fn leaves_alone_what_it_does_not_say() {
        let dir = tempfile::tempdir().unwrap();
        let mut preferences = Preferences::of_user(dir.path(), None);
        let before = (preferences.search_dirs(), preferences.override_dirs());
        Config::default().put_before(&mut preferences);
        assert_eq!(
            (preferences.search_dirs(), preferences.override_dirs()),
            before
        );
    }
}
