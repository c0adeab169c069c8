use super::AotCache;
use super::file::{self, Unusable};
use aws_lc_rs::hmac;
use std::fs;

const NAME: &str = "abc-0123456789abcdef.cwasm";

fn cache(dir: &tempfile::TempDir) -> AotCache {
    AotCache::open(dir.path(), 1 << 20).unwrap()
}

/// Row 24 of the hostile table: none of 10,000 changed files comes out again, so that none reaches `deserialize`.
#[test]
fn no_file_with_any_flipped_bytes_is_ever_handed_out() {
    let (key, id) = (hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]), file::key_id(&[7; 32]));
    let code: Vec<u8> = (0..5_000_u32).map(|at| (at * 31 % 251) as u8).collect();
    let good = [file::header(&key, &id, NAME, &code), code.clone()].concat();
    assert_eq!(file::code(&key, &id, NAME, good.clone()).unwrap(), code);
    let mut tried = 0;
    for round in 0..10_000_usize {
        let mut bad = good.clone();
        // Every byte of header and code once, alone, then sixteen at a time all over the file.
        let flips = if round < good.len() { 1 } else { 16 };
        for flip in 0..flips {
            let at = (round + flip * (round * 7 + 331)) % good.len();
            bad[at] ^= 1 << ((round + flip) % 8);
        }
        if bad == good {
            continue;
        }
        tried += 1;
        assert!(file::code(&key, &id, NAME, bad).is_err(), "round {round}");
    }
    assert!(tried > 9_900, "{tried}");
}

#[test]
fn what_is_wrong_with_a_file_is_said() {
    let dir = tempfile::TempDir::new().unwrap();
    let cache = cache(&dir);
    let path = dir.path().join("aot").join(NAME);
    cache.write(NAME, b"native code").unwrap();
    let good = fs::read(&path).unwrap();
    let kind = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        cache.read(NAME).unwrap_err().kind()
    };
    for length in [0, 7, 8, 20, 55, good.len() - 1] {
        assert_eq!(kind(&good[..length]), "truncated", "{length} bytes");
    }
    assert_eq!(kind(b"MZ\x90\0 something else that is long enough to have a header"), "foreign");
    let mut longer = good.clone();
    longer.push(0);
    assert_eq!(kind(&longer), "poisoned");
    // The right bytes under another name are those of another plugin.
    fs::write(dir.path().join("aot/other-0123456789abcdef.cwasm"), &good).unwrap();
    assert!(matches!(cache.read("other-0123456789abcdef.cwasm"), Err(Unusable::Poisoned)));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(matches!(cache.read(NAME), Err(Unusable::NotAFile)));
    fs::remove_dir(&path).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", &path).unwrap();
    assert!(matches!(cache.read(NAME), Err(Unusable::NotAFile)));
}

#[test]
fn what_is_not_loaded_goes_when_there_is_no_room_and_the_oldest_first() {
    let dir = tempfile::TempDir::new().unwrap();
    let cache = cache(&dir);
    let name = |digest: &str| format!("{digest}-0123456789abcdef.cwasm");
    // Three of 400 KiB in a directory of 1 MiB.
    for digest in ["a", "b", "c"] {
        cache.write(&name(digest), &vec![1; 400 << 10]).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    fs::write(dir.path().join("aot/notes.txt"), b"not ours").unwrap();
    // "a" is the oldest, but was used since.
    cache.touch(&name("a"));
    cache.sweep(|digest| digest == "sha256:none");
    let has = |digest: &str| cache.read(&name(digest)).unwrap().is_some();
    assert_eq!([has("a"), has("b"), has("c")], [true, false, true]);
    assert!(dir.path().join("aot/notes.txt").exists());
    cache.write(&name("d"), &vec![1; 400 << 10]).unwrap();
    cache.sweep(|digest| digest != "sha256:a");
    assert_eq!([has("a"), has("c"), has("d")], [false, true, true]);
    cache.write(&name("e"), &vec![1; 400 << 10]).unwrap();
    cache.sweep(|_| true);
    assert_eq!([has("c"), has("d"), has("e")], [true, true, true], "what is loaded stays, whatever it takes");
}

#[test]
fn what_another_engine_left_of_the_same_plugin_is_removed() {
    let dir = tempfile::TempDir::new().unwrap();
    let cache = cache(&dir);
    for name in ["abc-0000000000000000.cwasm", NAME, "abcd-0000000000000000.cwasm"] {
        cache.write(name, b"code").unwrap();
    }
    cache.drop_stale(NAME);
    assert!(cache.read("abc-0000000000000000.cwasm").unwrap().is_none());
    assert!(cache.read(NAME).unwrap().is_some() && cache.read("abcd-0000000000000000.cwasm").unwrap().is_some());
}
