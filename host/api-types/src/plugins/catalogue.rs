//! What places offer for installation.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A plugin that a place offers. None of it is believed when it is installed: what counts then is in the package.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CatalogueEntry {
    /// The plugin.
    pub id: String,
    /// The newest version.
    pub version: String,
    /// `sha256:...` of its package.
    pub digest: String,
    /// For people.
    pub name: String,
    /// Who publishes it.
    pub publisher: String,
    /// The key that signed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// One sentence.
    pub description: String,
    /// SPDX expression.
    pub licence: String,
    /// "source", "webhook", ...
    pub kinds: Vec<String>,
    /// Size in bytes.
    pub size: u64,
    /// The place that offers it.
    pub place: String,
    /// The version that runs here, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed: Option<String>,
}

/// What was found.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CatalogueFound {
    /// By id.
    pub items: Vec<CatalogueEntry>,
    /// Places that could not be looked at, in words.
    pub problems: Vec<String>,
}

/// The versions of one plugin, newest first.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CatalogueVersions {
    /// The plugin.
    pub id: String,
    /// Its versions.
    pub items: Vec<CatalogueVersion>,
}

/// One version that a place has.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CatalogueVersion {
    /// Semantic version.
    pub version: String,
    /// The place.
    pub place: String,
}

/// What to look for.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CatalogueQuery {
    /// Words that all must occur; everything without it.
    pub query: Option<String>,
    /// At most so many, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
}
