//! Templates with the names filled in.

use super::embedded::{self, File};
use crate::project::Language;
use anyhow::{Result, bail, ensure};
use std::borrow::Cow;

/// The texts that stand for `{{...}}` in templates.
pub(super) struct Names([(&'static str, String); 4]);

impl Names {
    /// All that follows from what was typed.
    pub(super) fn new(id: &str, publisher: &str, licence: &str) -> Result<Self> {
        let well = id.len() <= 40
            && id.starts_with(|c: char| c.is_ascii_lowercase())
            && !id.ends_with('-')
            && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if !well {
            bail!("use \"{id}\" as a name: take 1 to 40 lower-case letters, digits and dashes, a letter first");
        }
        for (what, text) in [("publisher", publisher), ("licence", licence)] {
            let fits = !text.is_empty() && text.chars().all(|c| !c.is_control() && !matches!(c, '"' | '\\'));
            ensure!(fits, "use \"{text}\" as {what}: leave out quotes, backslashes and line breaks");
        }
        let words = id.split('-').filter(|word| !word.is_empty());
        let capital = |word: &str| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
        };
        Ok(Self([
            ("id", id.to_owned()),
            ("name", words.map(capital).collect::<Vec<_>>().join(" ")),
            ("publisher", publisher.to_owned()),
            ("licence", licence.to_owned()),
        ]))
    }

    fn fill(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{{{name}}}}}"), value))
    }
}

/// The files of a new project: what every one has, what the kind has in every language, what the language has for
/// every kind, and what is of just this kind in this language.
pub(super) fn project(language: Language, kind: &str, names: &Names) -> Result<Vec<File>> {
    let lang = language.name();
    let folders =
        ["common/".to_owned(), format!("kinds/{kind}/"), format!("{lang}/common/"), format!("{lang}/{kind}/")];
    let mut files = Vec::new();
    for (path, bytes) in embedded::templates() {
        let Some(rest) = folders.iter().find_map(|folder| path.strip_prefix(folder.as_str())) else { continue };
        // Files that would act on this repository have other names here.
        let path = names.fill(rest).replace("dot-", ".");
        let bytes = match std::str::from_utf8(&bytes) {
            Ok(text) => Cow::Owned(names.fill(text).into_bytes()),
            Err(_) => bytes,
        };
        files.push((path, bytes));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::{Names, project};
    use crate::project::Language;

    #[test]
    fn names_that_are_no_ids_are_refused() {
        for (name, well) in [("my-ci", true), ("a", true), ("My", false), ("1a", false), ("a-", false), ("a/b", false)]
        {
            assert_eq!(Names::new(name, "acme", "MIT").is_ok(), well, "{name}");
        }
        assert!(Names::new("a", "ac\"me", "MIT").is_err());
    }

    /// A key that nothing was filled in for: a word in two pairs of braces.
    fn gap(text: &str) -> Option<&str> {
        let mut keys = text.split("{{").skip(1).filter_map(|rest| rest.split_once("}}")).map(|(key, _)| key);
        keys.find(|key| !key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase()))
    }

    #[test]
    fn every_kind_in_every_language_is_a_whole_project_without_a_gap() {
        let names = Names::new("my-ci", "acme", "MIT").unwrap();
        for language in Language::ALL {
            for kind in ["integration", "notifier", "cost", "detector"] {
                let files = project(language, kind, &names).unwrap();
                let paths: Vec<_> = files.iter().map(|(path, _)| path.as_str()).collect();
                assert!(
                    paths.contains(&"plugin.toml") && paths.contains(&".gitignore"),
                    "{language:?} {kind}: {paths:?}"
                );
                assert!(paths.iter().any(|path| path.starts_with("tests/")), "{language:?} {kind}: {paths:?}");
                for (path, bytes) in &files {
                    let text = String::from_utf8_lossy(bytes);
                    let gap = gap(&text);
                    assert_eq!(gap, None, "{language:?} {kind} {path}");
                }
                let (_, manifest) = files.iter().find(|(path, _)| path == "plugin.toml").unwrap();
                let manifest: opssight_core::plugins::Manifest =
                    toml::from_str(std::str::from_utf8(manifest).unwrap()).unwrap();
                assert_eq!(manifest.problems(), [], "{language:?} {kind}");
                assert_eq!((manifest.id.as_str(), manifest.publisher.as_str()), ("my-ci", "acme"));
            }
        }
    }
}
