//! The factors of every matrix, each computed once at its largest useful rank and kept on the disk: those of a lower rank are
//! their first columns and rows, so an allocation can be tried without factoring again, with one matrix in memory.
//!
//! A matrix whose inputs were seen is factored as W·S with S·Sᵀ = XXᵀ (Wang, Zheng, Wan & Zhang 2025, "SVD-LLM"), the word
//! embeddings as `words.rs` says, any other by its plain SVD. The two factors of a component are given the same norm: in half precision neither runs out of range.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use faer::{Mat, MatRef, Par};

use super::CompressError;
use crate::{
    linalg::{svd::SvdError, weighted_svd::Coordinates},
    low_rank::LowRank,
};

/// A matrix that was factored.
pub(super) struct Factors {
    file: PathBuf,
    rows: usize,
    columns: usize,
    /// Components in the file.
    kept: usize,
    /// (Σ_{j>k} σ_j²)/Σσ² for k = 0 … min(m, n): the squared relative error of every rank, in the coordinates that were
    /// factored in.
    pub(super) errors: Vec<f64>,
}

/// That the factorisation of a matrix failed.
pub(super) fn failed(name: &str, source: SvdError) -> CompressError {
    CompressError::Svd { matrix: name.to_owned(), source }
}

impl Factors {
    /// Factors a matrix and keeps the first `most` components in a file of its own.
    pub(super) fn compute(
        name: &str,
        matrix: MatRef<'_, f64>,
        coordinates: Coordinates<'_>,
        most: usize,
        file: PathBuf,
    ) -> Result<Self, CompressError> {
        let decomposed = coordinates.decompose(matrix, Par::rayon(0)).map_err(|source| failed(name, source))?;
        let kept = most.min(decomposed.singular_values.len());
        let errors = relative_tails(&decomposed.singular_values);
        let factors = Self { rows: matrix.nrows(), columns: matrix.ncols(), kept, errors, file };
        factors.save((0..kept).map(|j| decomposed.component(j)))?;
        Ok(factors)
    }

    /// Keeps another pair of the same shape in the place of all there were.
    pub(super) fn replace(&mut self, pair: &LowRank<f64>) -> Result<(), CompressError> {
        self.kept = pair.rank();
        let entries = |j: usize| {
            [pair.left.col(j).iter().copied().collect::<Vec<_>>(), pair.right.row(j).iter().copied().collect()]
        };
        self.save((0..self.kept).map(entries))
    }

    /// The relative error of a rank, as it is predicted.
    pub(super) fn predicted(&self, rank: usize) -> f64 {
        self.errors[rank.min(self.errors.len() - 1)].sqrt()
    }

    /// The pair of a rank.
    pub(super) fn pair(&self, rank: usize) -> Result<LowRank<f64>, CompressError> {
        assert!(rank <= self.kept, "no allocation goes beyond the ranks that pay");
        let read = || -> io::Result<LowRank<f64>> {
            let mut file = File::open(&self.file)?;
            let left = read_matrix(&file, self.rows, rank)?;
            file.seek(SeekFrom::Start((self.kept * self.rows * size_of::<f64>()) as u64))?;
            let right = read_matrix(&file, self.columns, rank)?;
            Ok(LowRank::new(left, right.transpose().to_owned()))
        };
        read().map_err(|source| CompressError::Write { path: self.file.clone(), source })
    }

    /// Columns of the left factor one after the other, then rows of the right one.
    fn save(&self, components: impl Iterator<Item = [Vec<f64>; 2]> + Clone) -> Result<(), CompressError> {
        let save = || -> io::Result<()> {
            let mut writer = BufWriter::with_capacity(1 << 20, File::create(&self.file)?);
            for side in 0..2 {
                for component in components.clone() {
                    component[side].iter().try_for_each(|entry| writer.write_all(&entry.to_le_bytes()))?;
                }
            }
            writer.flush()
        };
        save().map_err(|source| CompressError::Write { path: self.file.clone(), source })
    }
}

fn relative_tails(singular_values: &[f64]) -> Vec<f64> {
    let largest = singular_values.first().copied().unwrap_or(0.0);
    let mut tails = vec![0.0; singular_values.len() + 1];
    if largest > 0.0 {
        for (k, value) in singular_values.iter().enumerate().rev() {
            tails[k] = tails[k + 1] + (value / largest).powi(2);
        }
        let whole = tails[0];
        tails.iter_mut().for_each(|tail| *tail /= whole);
    }
    tails
}

fn read_matrix(file: &File, rows: usize, columns: usize) -> io::Result<Mat<f64>> {
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut matrix = Mat::zeros(rows, columns);
    let mut bytes = [0; size_of::<f64>()];
    for j in 0..columns {
        for i in 0..rows {
            reader.read_exact(&mut bytes)?;
            matrix[(i, j)] = f64::from_le_bytes(bytes);
        }
    }
    Ok(matrix)
}

/// The relative error ‖(W − Ŵ)X‖_F/‖WX‖_F, from XXᵀ alone: ‖DX‖² = tr(D XXᵀ Dᵀ).
pub(super) fn error_on(matrix: MatRef<'_, f64>, pair: &LowRank<f64>, gram: MatRef<'_, f64>) -> f64 {
    let parallelism = Par::rayon(0);
    let difference = matrix - pair.to_dense(parallelism);
    let squares = |matrix: MatRef<'_, f64>| -> f64 {
        let product = crate::linalg::range_finder::product(matrix, gram, parallelism);
        (0..matrix.ncols())
            .map(|j| product.col(j).iter().zip(matrix.col(j).iter()).map(|(a, b)| a * b).sum::<f64>())
            .sum()
    };
    let whole = squares(matrix);
    if whole > 0.0 { (squares(difference.as_ref()).max(0.0) / whole).sqrt() } else { 0.0 }
}

/// Where the factors of the matrix of a number are kept.
pub(super) fn place(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("{number}.factors"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        linalg::{
            gaussian::gaussian,
            whitening::{FLOOR, Whitening, gram},
        },
        random::generator,
    };

    #[test]
    fn every_rank_is_read_back_and_has_the_error_that_was_predicted() {
        let folder = tempfile::tempdir().unwrap();
        let matrix = gaussian::<f64>(20, 30, &mut generator(1));
        // Inputs whose directions differ in size by a factor of a hundred.
        let inputs = Mat::from_fn(200, 30, |_, j| 10.0_f64.powf(-2.0 * j as f64 / 29.0));
        let noise = gaussian::<f64>(200, 30, &mut generator(2));
        let inputs = Mat::from_fn(200, 30, |i, j| inputs[(i, j)] * noise[(i, j)]);
        let gram = gram(inputs.as_ref());
        let whitening = Whitening::of_gram(gram.as_ref(), FLOOR, Par::Seq).unwrap();
        let coordinates =
            |calibrated: bool| Coordinates { columns: calibrated.then_some(&whitening), ..Coordinates::default() };
        for (number, calibration) in [None, Some(gram.as_ref())].into_iter().enumerate() {
            let file = place(folder.path(), number);
            let factors = Factors::compute("w", matrix.as_ref(), coordinates(calibration.is_some()), 12, file).unwrap();
            for rank in [1, 5, 12] {
                let pair = factors.pair(rank).unwrap();
                let measure = calibration.map_or_else(|| Mat::identity(30, 30), |gram| gram.to_owned());
                let error = error_on(matrix.as_ref(), &pair, measure.as_ref());
                assert!((error - factors.predicted(rank)).abs() < 1e-7, "{error} for {}", factors.predicted(rank));
            }
        }
        // Whitening is the better of the two on what it was calibrated on.
        let pairs = [0, 1].map(|number| {
            let file = place(folder.path(), 2 + number);
            Factors::compute("w", matrix.as_ref(), coordinates(number == 1), 8, file).unwrap().pair(8).unwrap()
        });
        let errors = pairs.map(|pair| error_on(matrix.as_ref(), &pair, gram.as_ref()));
        assert!(errors[1] < 0.7 * errors[0], "{errors:?}");
    }

    #[test]
    fn nothing_has_no_error() {
        assert_eq!(relative_tails(&[0.0, 0.0]), [0.0; 3]);
    }
}
