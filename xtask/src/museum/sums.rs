//! `museum/SHA256SUMS`, in the format of `sha256sum`.

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Every file of every exhibit is listed, is as it was, and what is listed is there.
pub(super) fn check(museum: &Path, exhibits: &BTreeSet<String>) -> Result<()> {
    let path = museum.join("SHA256SUMS");
    let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    let mut listed = BTreeMap::new();
    for line in text.lines() {
        let (sum, file) =
            line.split_once("  ").with_context(|| format!("read {}: \"{line}\" is no sum", path.display()))?;
        if listed.insert(file.to_owned(), sum.to_owned()).is_some() {
            bail!("{} lists {file} twice", path.display());
        }
    }
    for name in exhibits {
        let folder = museum.join(name);
        for entry in fs::read_dir(&folder).with_context(|| format!("list {}", folder.display()))? {
            let file = format!("{name}/{}", entry?.file_name().to_string_lossy());
            let bytes = fs::read(museum.join(&file)).with_context(|| format!("read {file}"))?;
            let sum = hex::encode(Sha256::digest(bytes));
            match listed.remove(&file) {
                None => bail!("{file} is not in {}: add the line of `sha256sum {file}`", path.display()),
                Some(then) if then != sum => bail!("{file} was {then} and is {sum}"),
                Some(_) => {}
            }
        }
    }
    match listed.into_keys().next() {
        Some(gone) => bail!("{gone} is in {} and is not there", path.display()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use std::collections::BTreeSet;
    use std::fs;

    #[test]
    fn an_exhibit_that_was_changed_or_is_not_listed_or_is_gone_is_refused() {
        let museum = tempfile::tempdir().unwrap();
        let museum = museum.path();
        fs::create_dir(museum.join("a-1")).unwrap();
        fs::write(museum.join("a-1/plugin.wasm"), "abc").unwrap();
        let sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let exhibits = BTreeSet::from(["a-1".to_owned()]);
        let told = |sums: &str| {
            fs::write(museum.join("SHA256SUMS"), sums).unwrap();
            check(museum, &exhibits).map_err(|error| format!("{error:#}"))
        };
        let line = format!("{sum}  a-1/plugin.wasm\n");
        assert_eq!(told(&line), Ok(()));
        assert!(told("").unwrap_err().contains("add the line"));
        assert!(told("nothing\n").unwrap_err().contains("is no sum"));
        assert!(told(&format!("{line}{line}")).unwrap_err().contains("twice"));
        assert!(told(&format!("{line}{sum}  a-1/calls.json\n")).unwrap_err().contains("is not there"));
        fs::write(museum.join("a-1/plugin.wasm"), "abd").unwrap();
        assert!(told(&line).unwrap_err().contains(&format!("was {sum} and is ")));
    }
}
