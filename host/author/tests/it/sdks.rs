//! What the SDKs have in common, where their own toolchains do not test it.

use std::path::Path;
use std::process::Command;

#[test]
fn the_python_sdk_reads_and_writes_times_as_the_others_do() {
    let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sdk/python");
    let mut python = Command::new("python3");
    python.args(["-B", "-m", "unittest", "-v", "tests/test_dates.py"]).current_dir(sdk);
    let output = python.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("Ran 2 tests"), "{said}");
}
