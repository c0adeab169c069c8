//! Lock files.

use crate::packages::{KEY, changed, package};
use opssight_distribution::{Lock, LockError, Locked, Package, Place};
use opssight_package::SigningKey;

fn locked(package: &Package) -> Locked {
    Locked::of(package, &Place::Mirror("/srv/mirror".into()))
}

#[test]
fn a_lock_file_is_read_as_it_was_written() {
    let mut lock = Lock::default();
    lock.put(locked(&package("other", "0.1.0")));
    lock.put(locked(&package("example", "1.0.0")));
    lock.put(locked(&package("example", "1.1.0")));
    let text = lock.to_text().unwrap();
    assert_eq!(Lock::parse(&text).unwrap(), lock);
    let ids: Vec<_> = lock.plugins.iter().map(|locked| (locked.id.as_str(), locked.version.to_string())).collect();
    assert_eq!(ids, [("example", "1.1.0".to_owned()), ("other", "0.1.0".to_owned())]);
    assert!(text.contains(&format!("key = \"{}\"", KEY.public())), "{text}");
    assert!(matches!(lock.find("nothing"), Err(LockError::Missing(_))));
    for wrong in ["format = 2", "x", "format = 1\n[[plugin]]\nid = \"a\"", &text.replace("sha256:", "sha256:../")] {
        assert!(matches!(Lock::parse(wrong), Err(LockError::Unreadable(_))), "{wrong}");
    }
}

#[test]
fn only_the_package_that_was_locked_is_accepted() {
    let package = package("example", "1.0.0");
    let locked = locked(&package);
    locked.verify(&package).unwrap();
    let error = locked.verify(&changed("example", "1.0.0")).unwrap_err();
    assert!(matches!(error, LockError::Differs { field: "digest", .. }), "{error}");
    // Even if digests could be made to fit, the key is another thing that is locked.
    let other = SigningKey::generate().unwrap();
    let content = opssight_package::unsealed(&package.bytes).unwrap();
    let resigned = Package::read(opssight_package::sign(content, "acme", &other).unwrap()).unwrap();
    let forged = Locked { digest: resigned.digest.to_string(), ..locked };
    let error = forged.verify(&resigned).unwrap_err();
    assert!(matches!(error, LockError::Differs { field: "key", .. }), "{error}");
}
