//! Links libarenite.a: from the directory that ARENITE_LIB_DIR names, or else from where pkg-config finds it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

fn by_pkg_config() -> Option<PathBuf> {
    let output = Command::new("pkg-config")
        .args(["--variable=libdir", "arenite-static"])
        .output()
        .ok()?;
    let directory = String::from_utf8(output.stdout).ok()?;
    output
        .status
        .success()
        .then(|| PathBuf::from(directory.trim()))
}

fn main() {
    println!("cargo:rerun-if-env-changed=ARENITE_LIB_DIR");
    println!("cargo:rerun-if-env-changed=PKG_CONFIG_PATH");
    let directory = env::var_os("ARENITE_LIB_DIR")
        .map(PathBuf::from)
        .or_else(by_pkg_config)
        .expect(
            "no libarenite.a: install arenite, or set ARENITE_LIB_DIR to the directory that has it",
        );
    let archive = directory.join("libarenite.a");
    assert!(archive.is_file(), "{} is not there", archive.display());
    println!("cargo:rerun-if-changed={}", archive.display());

    // A directory with the archive alone: beside it may be libarenite.so, and the linker would take that.
    let own = Path::new(&env::var_os("OUT_DIR").unwrap()).join("archive");
    fs::create_dir_all(&own).unwrap();
    fs::copy(&archive, own.join("libarenite.a")).unwrap();
    println!("cargo:rustc-link-search=native={}", own.display());
    println!("cargo:rustc-link-lib=static=arenite");
}
