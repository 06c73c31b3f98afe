//! The Gaussian kernel matrix of random points: A_ij = exp(−‖x_i − x_j‖² / (2h²)), positive semi-definite.

use faer::Mat;
use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Outline, Problem, ProblemError, Source, Structure, StructureKind, Tensor, VALUE_COLUMNS};
use crate::{
    linalg::gaussian::gaussian,
    parameters::{Invalid, Parameters},
    random::Rng,
};

/// A Gaussian kernel of random points.
///
/// Without clusters the points are standard normal. With c clusters, each point is one of c standard normal centres, chosen
/// evenly, plus a tenth of a standard normal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kernel {
    /// n, the points: the matrix is points×points.
    pub points: usize,
    /// Coordinates of each point.
    pub dimension: usize,
    /// h in exp(−‖x − y‖²/(2h²)): the wider, the lower the rank.
    #[serde(default = "default_bandwidth")]
    pub bandwidth: f64,
    /// Groups of close points; 0 for none.
    #[serde(default)]
    pub clusters: usize,
}

fn default_bandwidth() -> f64 {
    1.0
}

/// Standard deviation of the points around the centre of their cluster.
const CLUSTER_SPREAD: f64 = 0.1;

impl Parameters for Kernel {
    const KIND: &'static str = "kernel";
    const VERSION: u32 = 1;

    fn check(&self) -> Result<(), Invalid> {
        super::check_side("points", self.points, 512)?;
        super::check_side("dimension", self.dimension, 3)?;
        if !(1e-6..=1e6).contains(&self.bandwidth) {
            let reason = "must be positive, from 1e-6 to 1e6";
            return Err(Invalid::new("bandwidth", reason, "for example `bandwidth = 1.0`"));
        }
        if self.clusters > self.points {
            let reason = format!("must not exceed points = {}", self.points);
            return Err(Invalid::new(
                "clusters",
                reason,
                format!("for example `clusters = {}`, or 0 for none", self.points.min(16)),
            ));
        }
        Ok(())
    }
}

impl Source for Kernel {
    fn outline(&self, _tensors: &[Vec<usize>]) -> Result<Outline, String> {
        Ok(Outline {
            rows: self.points,
            columns: self.points,
            value_columns: VALUE_COLUMNS,
            structure: StructureKind::PositiveSemidefinite,
        })
    }

    fn build(&self, _tensors: &[Tensor], rng: &mut Rng) -> Result<Problem<f64>, ProblemError> {
        // One point per column, so that a distance reads two contiguous runs.
        let mut points = gaussian::<f64>(self.dimension, self.points, rng);
        if self.clusters > 0 {
            let centres = gaussian::<f64>(self.dimension, self.clusters, rng);
            for point in points.col_iter_mut() {
                let centre = centres.col(rng.random_range(0..self.clusters));
                for (coordinate, &middle) in point.iter_mut().zip(centre.iter()) {
                    *coordinate = middle + CLUSTER_SPREAD * *coordinate;
                }
            }
        }
        let values = gaussian(self.points, VALUE_COLUMNS, rng);

        let mut matrix = Mat::<f64>::identity(self.points, self.points);
        for j in 0..self.points {
            for i in 0..j {
                let squared: f64 = points.col(i).iter().zip(points.col(j).iter()).map(|(x, y)| (x - y) * (x - y)).sum();
                let similarity = (-squared / (2.0 * self.bandwidth * self.bandwidth)).exp();
                // Both from one number: symmetric exactly, not up to rounding.
                matrix[(i, j)] = similarity;
                matrix[(j, i)] = similarity;
            }
        }
        Ok(Problem {
            formed: Some(matrix),
            structure: Structure::PositiveSemidefinite,
            values,
            prescribed_singular_values: None,
        })
    }
}
