//! From bytes to a plugin that can be called: read, count, compile, link.

use crate::budget::Kind;
use crate::cache::Origin;
use crate::class::SizeClass;
use crate::jail::{CompileError, Job};
use crate::plugin::Plugin;
use crate::precheck::{self, PrecheckError, Surface, kinds};
use crate::registry::Parts;
use opssight_core::plugins::installs::{PackageContents, PackageRefusal};
use opssight_core::plugins::{Manifest, digest_of};
use opssight_package::PackageError;

/// Why a package is not installed. Fits after "failed to install it:".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstallError {
    /// Its shape or what it wants.
    #[error(transparent)]
    Precheck(#[from] PrecheckError),
    /// Its manifest.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// Manifest and code do not agree.
    #[error("its manifest declares {declared}, but it does not export {kind}")]
    NotExported {
        /// What the manifest says.
        declared: &'static str,
        /// The interface that is missing.
        kind: &'static str,
    },
    /// It would read secrets, and does not say which.
    #[error("it imports opssight:plugin/reveal, but its manifest names no credential in `reveal`")]
    RevealsUnsaid,
    /// The operator does not want plugins of its size.
    #[error("it is a {class} plugin, and this host takes {largest} ones at most (`[plugins] largest`)")]
    Class {
        /// What it is.
        class: SizeClass,
        /// What the configuration allows.
        largest: SizeClass,
    },
    /// Compiling it took too much, or the compiler died of it.
    #[error(transparent)]
    Compile(CompileError),
    /// It does not compile, or does not fit the host's interfaces.
    #[error("it does not fit this host: {0}")]
    DoesNotFit(String),
}

impl InstallError {
    /// As the core takes it.
    pub(crate) fn refusal(&self) -> PackageRefusal {
        let code = match self {
            Self::Precheck(PrecheckError::Import { .. }) => "import",
            Self::Precheck(PrecheckError::TooLarge(_)) => "too-large",
            Self::Precheck(PrecheckError::TooMany { .. }) => "too-many",
            Self::Precheck(_) => "malformed",
            Self::Package(_) | Self::NotExported { .. } | Self::RevealsUnsaid => "manifest",
            Self::Class { .. } => "class",
            Self::Compile(error) => error.code(),
            Self::DoesNotFit(_) => "does-not-fit",
        };
        PackageRefusal { code: code.to_owned(), message: self.to_string() }
    }
}

/// What a package holds, without compiling it and whatever size the operator takes: all that is looked at before consent.
pub fn examine(bytes: &[u8]) -> Result<PackageContents, InstallError> {
    contents(precheck::check(bytes)?, bytes)
}

/// The same for this host, whose operator may not want plugins of its size.
pub(crate) fn read(host: &Parts, bytes: &[u8]) -> Result<PackageContents, InstallError> {
    contents(check(host, bytes)?, bytes)
}

fn contents(surface: Surface, bytes: &[u8]) -> Result<PackageContents, InstallError> {
    let manifest = opssight_package::manifest(bytes)?;
    let kinds = kinds(&surface.exports);
    agree(&manifest, &kinds, &surface.imports)?;
    let exports = kinds.into_iter().map(|kind| kind.name().to_owned()).collect();
    let remarks = remarks(&manifest, &surface);
    Ok(PackageContents { manifest, imports: surface.imports, exports, remarks })
}

/// What a manifest declares and the code cannot use: not wrong, but worth a look.
fn remarks(manifest: &Manifest, surface: &Surface) -> Vec<String> {
    let sends = surface.imports.iter().any(|import| import.starts_with("wasi:http/outgoing-handler@"));
    let mut remarks = Vec::new();
    if !manifest.egress.is_empty() && !sends {
        remarks.push("its manifest has egress rules, but its code cannot send requests".to_owned());
    }
    if manifest.egress.is_empty() && sends {
        remarks
            .push("its code can send requests, but its manifest allows none: every request will be refused".to_owned());
    }
    if !manifest.reveal.is_empty() && !reveals(&surface.imports) {
        remarks.push("its manifest names credentials to reveal, but its code cannot read any".to_owned());
    }
    if surface.class == SizeClass::Large {
        remarks.push("it is large: compiling it, once, may take minutes".to_owned());
    }
    remarks
}

fn reveals(imports: &[String]) -> bool {
    imports.iter().any(|import| import.starts_with("opssight:plugin/reveal@"))
}

fn check(host: &Parts, bytes: &[u8]) -> Result<Surface, InstallError> {
    let surface = precheck::check(bytes)?;
    if surface.class > host.largest {
        return Err(InstallError::Class { class: surface.class, largest: host.largest });
    }
    Ok(surface)
}

/// Everything up to, but not including, its place on the shelf. Takes seconds when it must compile, or
/// minutes if it is large: never call this where something waits that must be quick.
pub(crate) fn prepare(host: &Parts, bytes: &[u8]) -> Result<Plugin, InstallError> {
    let surface = check(host, bytes)?;
    let manifest = opssight_package::manifest(bytes)?;
    agree(&manifest, &kinds(&surface.exports), &surface.imports)?;
    let digest = digest_of(bytes);
    let job = Job { plugin: &manifest.id, class: surface.class, bytes };
    let compiled = host.cache.component(&host.engine.engine, &host.workshop, &digest, &job);
    let (component, origin) = compiled.map_err(not_compiled)?;
    let pre = host.linker.instantiate_pre(&component).map_err(does_not_fit)?;
    let plugin = Plugin::new(manifest, digest, bytes.len(), surface, pre, &host.caps).map_err(does_not_fit)?;
    let (id, version, digest) = (&plugin.manifest.id, &plugin.version, &plugin.digest);
    let compiled = origin == Origin::Compiled;
    tracing::info!(plugin.id = id, plugin.version = version, plugin.digest = %digest, compiled, "plugin installed");
    Ok(plugin)
}

/// What the manifest promises, the component must have.
fn agree(manifest: &Manifest, exports: &[Kind], imports: &[String]) -> Result<(), InstallError> {
    let declared = [
        (manifest.webhook.is_some(), "a webhook", Kind::Webhook),
        (!manifest.feeds.is_empty(), "feeds", Kind::Source),
        (!manifest.actions.is_empty(), "actions", Kind::Actions),
    ];
    for (declares, declared, kind) in declared {
        if declares && !exports.contains(&kind) {
            return Err(InstallError::NotExported { declared, kind: kind.name() });
        }
    }
    if manifest.reveal.is_empty() && reveals(imports) {
        return Err(InstallError::RevealsUnsaid);
    }
    Ok(())
}

fn not_compiled(error: CompileError) -> InstallError {
    match error {
        CompileError::Refused(why) => InstallError::DoesNotFit(why),
        error => InstallError::Compile(error),
    }
}

fn does_not_fit(error: wasmtime::Error) -> InstallError {
    InstallError::DoesNotFit(crate::text::clean(&format!("{error:#}"), 500))
}
