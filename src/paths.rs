//! Paths as the program tells them: with `/` on every system, so that messages, JSON, provenance and links are the same.

use std::path::{MAIN_SEPARATOR, Path};

/// A path in words.
pub trait Shown {
    /// With `/` between folders, which Windows reads as well.
    fn shown(&self) -> String;
}

impl Shown for Path {
    fn shown(&self) -> String {
        let text = self.display().to_string();
        // Elsewhere a backslash is a letter like any other.
        if MAIN_SEPARATOR == '\\' { text.replace('\\', "/") } else { text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_parted_by_slashes() {
        let path = Path::new("results").join("a b").join("runs.csv");
        assert_eq!(path.shown(), "results/a b/runs.csv");
    }
}
