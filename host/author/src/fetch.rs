//! `opssight plugin fetch`.

use crate::access::Access;
use crate::talk::Talk;
use crate::{Usage, lock, packages};
use anyhow::Result;
use clap::Args;
use opssight_distribution::{LOCK_FILE, Locked, Package, Place, Reference};
use std::path::PathBuf;

pub(crate) const EXAMPLES: &str = "Examples:\n  opssight plugin fetch github --in oci://registry.example/acme\n  \
    opssight plugin fetch github@^1.2 --in mirror:/srv/mirror --out plugins\n  \
    opssight plugin fetch --locked --out plugins";

/// What to fetch, and from where.
#[derive(Debug, Args)]
pub struct FetchArgs {
    /// Plugins: ID, ID@VERSION, ID@^1.2 or ID@sha256:DIGEST; with --locked none means all of the lock file
    #[arg(value_name = "PLUGIN")]
    plugins: Vec<Reference>,

    /// Places to look in, in this order; with --locked instead of those that the lock file names
    #[arg(long = "in", value_name = "PLACE")]
    places: Vec<Place>,

    /// Fetch exactly what the lock file says, and nothing that is not in it
    #[arg(long)]
    locked: bool,

    /// The lock file
    #[arg(long, default_value = LOCK_FILE, value_name = "FILE", requires = "locked")]
    lock: PathBuf,

    /// Folder that the packages go to
    #[arg(long, default_value = ".", value_name = "FOLDER")]
    out: PathBuf,

    #[command(flatten)]
    access: Access,
}

pub(crate) async fn run(args: &FetchArgs, talk: &mut Talk) -> Result<()> {
    let packages = if args.locked { locked(args).await? } else { free(args).await? };
    for package in packages {
        let path = args.out.join(packages::file_name(&package));
        packages::write(&path, &package.bytes)?;
        packages::tell(talk, &package, &path)?;
    }
    Ok(())
}

async fn free(args: &FetchArgs) -> Result<Vec<Package>> {
    if args.plugins.is_empty() {
        return Err(Usage("name the plugins to fetch, or use --locked".to_owned()).into());
    }
    let places = args.access.open_all(&args.places)?;
    let mut packages = Vec::new();
    for reference in &args.plugins {
        packages.push(places.find(reference).await?.0);
    }
    Ok(packages)
}

async fn locked(args: &FetchArgs) -> Result<Vec<Package>> {
    let lock = lock::read(&args.lock)?;
    let wanted: Vec<&Locked> = if args.plugins.is_empty() {
        lock.plugins.iter().collect()
    } else {
        args.plugins.iter().map(|reference| lock.find(&reference.id)).collect::<Result<_, _>>()?
    };
    let mut packages = Vec::new();
    for locked in wanted {
        // Whatever the place says of itself: these bytes, by this publisher and key.
        let reference = locked.reference()?;
        let package = if args.places.is_empty() {
            args.access.open(&locked.source.parse()?)?.fetch(&reference).await?
        } else {
            args.access.open_all(&args.places)?.find(&reference).await?.0
        };
        locked.verify(&package)?;
        packages.push(package);
    }
    Ok(packages)
}
