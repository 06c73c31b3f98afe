//! all-MiniLM-L6-v2, which is not kept here: tests that need it run where FACTOREO_MODEL_DIR names its folder.

use std::{env, path::PathBuf};

/// Its folder, or nothing and a word about it.
pub(crate) fn minilm() -> Option<PathBuf> {
    let folder = env::var_os("FACTOREO_MODEL_DIR").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: FACTOREO_MODEL_DIR does not name the folder of all-MiniLM-L6-v2");
    }
    folder
}
