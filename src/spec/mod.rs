//! TOML → [`Experiment`]: grids, validation, diagnostics with file:line:column, JSON Schema.

mod claims;
mod coursework;
mod diagnostic;
mod document;
mod exclude;
mod family;
mod files;
mod grid;
mod only;
mod pattern;
mod property;
mod ranks;
mod schema;
mod section;
mod spelling;
mod sweep;
mod syntax;
mod tree;
mod value;

use crate::paths::Shown as _;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use coursework::{COURSEWORK, Coursework, coursework};
pub use diagnostic::{Diagnostic, Diagnostics};
pub use exclude::{AtRank, Exclude};
pub(crate) use files::{OnDisk, TensorFiles};
pub use only::Only;
pub use schema::schema;

use crate::{claim::Claim, linalg::Precision, method::MethodSpec, problem::ProblemSpec, rank::Rank, study::StudySpec};

/// Cells a spec may ask for; more is a slip of the keyboard.
const LARGEST_GRID: usize = 1_000_000;

/// Ends the name of a first look at an experiment, and of nothing else.
pub const QUICK_SUFFIX: &str = "-quick";

/// Bytes a spec may have; more is not a spec.
const LARGEST_SPEC: u64 = 1 << 20;

/// A spec, read, checked and with every grid expanded.
#[derive(Debug, Clone)]
pub struct Experiment {
    /// The file's stem: `rank_sweep`. Names the folder under `results/`.
    pub name: String,
    /// The spec's text, as read.
    pub source: String,
    pub title: Bilingual,
    pub question: Bilingual,
    pub seed: u64,
    /// Independent draws of every random method and study.
    pub trials: usize,
    pub precisions: Vec<Precision>,
    /// k, ascending, then relative ones in the order of the spec; without duplicates.
    pub target_ranks: Vec<Rank>,
    /// Cells that are not of the experiment.
    pub excludes: Vec<Exclude>,
    pub timing: Timing,
    /// Where given, attention is never formed.
    pub streaming: Option<Streaming>,
    pub problems: Vec<Instance<ProblemSpec>>,
    pub methods: Vec<Instance<MethodSpec>>,
    /// What is measured beside matrices under methods, or instead of them.
    pub studies: Vec<Instance<StudySpec>>,
    /// Labels and claims, in the order of the spec.
    pub claims: Vec<(String, Claim)>,
}

/// A text in the two languages of the report.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bilingual {
    /// In English, on one line.
    pub en: String,
    /// In Spanish, on one line.
    pub es: String,
}

/// How times are taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Timing {
    /// Timings of one draw that count; at least 10 unless timing is switched off with 0.
    #[schemars(range(max = 100_000))]
    pub repeats: usize,
    /// Runs before them that do not.
    #[schemars(range(max = 100_000))]
    pub warmup: usize,
    /// Threads of every timed kernel.
    #[schemars(range(min = 1, max = 1024))]
    pub threads: usize,
}

impl Default for Timing {
    fn default() -> Self {
        Self { repeats: 10, warmup: 1, threads: 1 }
    }
}

/// How attention is measured that is never formed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Streaming {
    /// Errors are measured on all rows up to so many tokens, and above on so many random rows, with a 95 % interval
    /// (which from fewer than a few hundred would cover less than it says).
    #[schemars(range(min = 256, max = 10_000_000))]
    pub rows: usize,
}

impl Default for Streaming {
    fn default() -> Self {
        Self { rows: 2048 }
    }
}

/// One point of the grid of a `[problem.LABEL]`, `[method.LABEL]` or `[study.LABEL]` table.
#[derive(Debug, Clone, PartialEq)]
pub struct Instance<S> {
    /// The table's label in the spec: instances of one family are summarised together in figures.
    pub family: String,
    /// The values of the swept parameters only, `head=layer0.head3`, several joined by `, `; empty if nothing is swept.
    pub variant: String,
    /// The target ranks of its table, in the place of the spec's.
    pub target_ranks: Option<Vec<Rank>>,
    pub spec: S,
}

impl<S> Instance<S> {
    /// `family` or `family (variant)`: unique within a spec.
    #[must_use]
    pub fn name(&self) -> String {
        if self.variant.is_empty() { self.family.clone() } else { format!("{} ({})", self.family, self.variant) }
    }
}

impl Experiment {
    /// The ranks a method is asked for on a problem: its own, else the problem's, else the spec's.
    #[must_use]
    pub fn ranks_of<'a>(&'a self, problem: &'a Instance<ProblemSpec>, method: &'a Instance<MethodSpec>) -> &'a [Rank] {
        ranks::asked_of(problem, method, &self.target_ranks)
    }
}

/// Whether a spec may have this name: it becomes a folder of results.
#[must_use]
pub fn can_name(name: &str) -> bool {
    spelling::is_label(name) && !name.ends_with(QUICK_SUFFIX)
}

/// Whether a table of a spec may be called this: it stands in code and links of the report.
pub(crate) fn is_label(label: &str) -> bool {
    spelling::is_label(label)
}

/// What `written` was probably meant to be: the candidate within a third of its length in edits, if any.
#[must_use]
pub fn nearest_name<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    spelling::nearest(written, candidates)
}

/// Reads and checks a spec, with every grid expanded and every file it names looked at. `root` is the project folder, to
/// which the paths in the spec are relative.
///
/// # Errors
/// Everything that is wrong with the spec, at once.
pub fn load(path: &Path, root: &Path) -> Result<Experiment, Diagnostics> {
    load_with(path, root, &OnDisk { root })
}

fn load_with(path: &Path, root: &Path, files: &dyn TensorFiles) -> Result<Experiment, Diagnostics> {
    let shown = path.shown();
    let source = read_text(path, &shown, "the spec", "name a spec, such as `experiments/quick.toml`")?;
    let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    if !spelling::is_label(name) {
        let help = "use letters without accents, digits, `_` and `-`: the name becomes a folder of results";
        let problem = Diagnostic::of_file("the file's name cannot name an experiment", help);
        return Err(Diagnostics::new(shown, source, vec![problem]));
    }
    if name.ends_with(QUICK_SUFFIX) {
        let help = "give the file another name: results of this name are those of `--quick`";
        let title = format!("names that end in `{QUICK_SUFFIX}` are kept for first looks");
        return Err(Diagnostics::new(shown, source, vec![Diagnostic::of_file(title, help)]));
    }
    document::read(&source, name, root, files)
        .map_err(|problems| Diagnostics::new(shown.clone(), source.clone(), problems))
}

/// The text of a file that people write; `what` and `help` are for messages.
fn read_text(path: &Path, shown: &str, what: &str, help: &str) -> Result<String, Diagnostics> {
    let of_file =
        |title: String| Diagnostics::new(shown.to_owned(), String::new(), vec![Diagnostic::of_file(title, help)]);
    let length = std::fs::metadata(path).map(|metadata| metadata.len());
    if length.is_ok_and(|length| length > LARGEST_SPEC) {
        return Err(of_file(format!("{what} is larger than 1 MiB")));
    }
    let bytes = std::fs::read(path).map_err(|error| match error.kind() {
        // Every system has words of its own for it.
        std::io::ErrorKind::NotFound => of_file(format!("{what} is not there")),
        _ => of_file(format!("{what} cannot be read: {error}")),
    })?;
    String::from_utf8(bytes).map_err(|error| {
        let start = error.utf8_error().valid_up_to();
        let source = String::from_utf8_lossy(error.as_bytes()).into_owned();
        let span = start..start + char::REPLACEMENT_CHARACTER.len_utf8();
        let problem = Diagnostic::new(&span, format!("{what} is not UTF-8"), "this byte", "save the file as UTF-8");
        Diagnostics::new(shown.to_owned(), source, vec![problem])
    })
}
