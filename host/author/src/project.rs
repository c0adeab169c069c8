//! A plugin's folder: its manifest, and which language it is written in.

use anyhow::{Context, Result, bail};
use opssight_core::plugins::Manifest;
use std::fs;
use std::path::{Path, PathBuf};

/// What plugins are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Language {
    /// Compiled by cargo for wasm32-wasip2
    Rust,
    /// Bundled and run by a small JavaScript engine inside the component
    Typescript,
    /// Run by CPython inside the component
    Python,
}

impl Language {
    pub(crate) const ALL: [Self; 3] = [Self::Rust, Self::Typescript, Self::Python];

    /// As it stands on the command line and in folder names.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Typescript => "typescript",
            Self::Python => "python",
        }
    }

    /// The file that a project of this language has beside `plugin.toml`.
    fn mark(self) -> &'static str {
        match self {
            Self::Rust => "Cargo.toml",
            Self::Typescript => "package.json",
            Self::Python => "pyproject.toml",
        }
    }
}

/// A folder with a `plugin.toml`.
#[derive(Debug, Clone)]
pub(crate) struct Project {
    /// Absolute.
    pub(crate) folder: PathBuf,
    pub(crate) language: Language,
}

impl Project {
    /// The project in a folder.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let folder = folder.canonicalize().with_context(|| format!("find the project folder {}", folder.display()))?;
        if !folder.join("plugin.toml").is_file() {
            bail!("find plugin.toml in {}: run this in a plugin's folder, or name one", folder.display());
        }
        let language = Language::ALL.into_iter().find(|language| folder.join(language.mark()).is_file());
        let Some(language) = language else {
            let marks: Vec<_> = Language::ALL.iter().map(|language| language.mark()).collect();
            bail!("see what {} is written in: it has none of {}", folder.display(), marks.join(", "));
        };
        Ok(Self { folder, language })
    }

    /// What it declares, as it stands now.
    pub(crate) fn manifest(&self) -> Result<Manifest> {
        let path = self.folder.join("plugin.toml");
        let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("read {}", path.display()))
    }

    /// Where what is made of it goes: below `target`, which every template's `.gitignore` names.
    pub(crate) fn output(&self) -> Result<PathBuf> {
        let folder = self.folder.join("target").join("opssight");
        fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
        Ok(folder)
    }
}
