//! What is uploaded for each function.

use std::path::Path;
use std::process::Command;

use supergate_tests::lambda::binary;

/// The functions of this workspace: each folder in functions/ is one.
pub fn functions() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions");
    let entries = std::fs::read_dir(&folder).expect("functions/").flatten();
    let crates = entries.filter(|entry| entry.path().join("Cargo.toml").is_file());
    let mut names: Vec<String> = crates.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Bytes of the binary, and of a zip of it: made with Python, which the local stack has, at the level that cargo-lambda uses.
pub fn binary_and_zip(name: &str) -> (u64, u64) {
    let binary = binary(name);
    let zip = std::env::temp_dir().join(format!("supergate-{name}-{}.zip", std::process::id()));
    let python = std::env::var_os("SUPERGATE_TEST_PYTHON").unwrap_or_else(|| "python3".into());
    let status = Command::new(&python).args(["-m", "zipfile", "-c"]).args([&zip, &binary]).status();
    assert!(status.as_ref().is_ok_and(|status| status.success()), "{python:?} -m zipfile: {status:?}");
    let bytes = |path: &Path| std::fs::metadata(path).expect("a file").len();
    let sizes = (bytes(&binary), bytes(&zip));
    std::fs::remove_file(&zip).expect("our own file");
    sizes
}
