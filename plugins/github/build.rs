//! Memory for a whole delivery from the start: an instance lives for one call, and growing in the middle of it was a
//! fifth of the call's time. Pages that nobody touches cost nothing.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_CFG_TARGET_ARCH").is_some_and(|arch| arch == "wasm32") {
        println!("cargo::rustc-link-arg-cdylib=--initial-memory=2097152");
    }
}
