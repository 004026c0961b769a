//! Leaves out of the tiny static binary what it never reaches: see `tiny.ld`. No other build is
//! touched.

use std::env;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo::rerun-if-changed=tiny.ld");
    println!("cargo::rustc-check-cfg=cfg(without_backtraces)");
    if is_tiny() {
        let folder = env::var("CARGO_MANIFEST_DIR").expect("cargo must name the folder");
        println!("cargo::rustc-link-arg-bins=-Wl,-T,{folder}/tiny.ld");
        println!("cargo::rustc-cfg=without_backtraces");
    }
}

/// Whether this is the image's binary, on the platform where the toolchain brings a linker that can
/// do this.
fn is_tiny() -> bool {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo must name the output folder"));
    // PROFILE says `release` for whatever inherits from it; the folder is
    // …/PROFILE/build/PACKAGE/out.
    let profile = out.ancestors().nth(3).and_then(Path::file_name);
    let has = |name, value: &str| {
        env::var(name).is_ok_and(|found| found.split(',').any(|found| found == value))
    };
    profile.is_some_and(|profile| profile == "tiny")
        && has("CARGO_CFG_TARGET_ARCH", "x86_64")
        && has("CARGO_CFG_TARGET_OS", "linux")
        && has("CARGO_CFG_TARGET_ENV", "gnu")
        && has("CARGO_CFG_TARGET_FEATURE", "crt-static")
}
