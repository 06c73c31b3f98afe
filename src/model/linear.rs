//! A linear map of the model: one matrix, or the pair of factors that replaces it.

use faer::{Accum, Mat, MatMut, MatRef, Par, linalg::matmul::matmul};

use crate::low_rank::LowRank;

/// W, outputs × inputs: as published, or factored.
#[derive(Debug, Clone)]
pub enum Map {
    Dense(Mat<f32>),
    /// W ≈ left · right.
    Pair(LowRank<f32>),
}

/// x ↦ W x + b.
#[derive(Debug, Clone)]
pub struct Linear {
    /// W.
    pub weight: Map,
    /// b.
    pub bias: Vec<f32>,
}

impl Map {
    /// Outputs × inputs.
    #[must_use]
    pub fn shape(&self) -> (usize, usize) {
        match self {
            Self::Dense(matrix) => matrix.shape(),
            Self::Pair(pair) => (pair.nrows(), pair.ncols()),
        }
    }

    /// The inner dimension of a pair; `None` of a whole matrix.
    #[must_use]
    pub fn rank(&self) -> Option<usize> {
        match self {
            Self::Dense(_) => None,
            Self::Pair(pair) => Some(pair.rank()),
        }
    }

    /// Numbers stored.
    #[must_use]
    pub fn parameters(&self) -> usize {
        match self {
            Self::Dense(matrix) => matrix.nrows() * matrix.ncols(),
            Self::Pair(pair) => pair.parameters(),
        }
    }

    /// Flops of the map on one vector.
    #[must_use]
    pub fn flops(&self) -> u64 {
        2 * self.parameters() as u64
    }

    /// The matrix, multiplied out where it is a pair.
    #[must_use]
    pub fn to_dense(&self) -> Mat<f32> {
        match self {
            Self::Dense(matrix) => matrix.clone(),
            Self::Pair(pair) => pair.to_dense(Par::Seq),
        }
    }

    /// `output` ← W · `input`, of the columns of both; `scratch` holds what lies between the factors of a pair.
    pub(super) fn apply_into(&self, input: MatRef<'_, f32>, output: MatMut<'_, f32>, scratch: &mut Vec<f32>) {
        match self {
            Self::Dense(matrix) => matmul(output, Accum::Replace, matrix, input, 1.0, Par::Seq),
            Self::Pair(pair) => {
                let mut inner = matrix_in(scratch, pair.rank(), input.ncols());
                matmul(inner.as_mut(), Accum::Replace, &pair.right, input, 1.0, Par::Seq);
                matmul(output, Accum::Replace, &pair.left, inner.as_ref(), 1.0, Par::Seq);
            }
        }
    }
}

/// A matrix of any entries in memory that is used again and again.
pub(super) fn matrix_in(scratch: &mut Vec<f32>, rows: usize, columns: usize) -> MatMut<'_, f32> {
    if scratch.len() < rows * columns {
        scratch.resize(rows * columns, 0.0);
    }
    MatMut::from_column_major_slice_mut(&mut scratch[..rows * columns], rows, columns)
}

impl Linear {
    /// W X + b, for the columns of X.
    #[must_use]
    pub fn apply(&self, input: MatRef<'_, f32>) -> Mat<f32> {
        let mut output = Mat::zeros(self.weight.shape().0, input.ncols());
        self.weight.apply_into(input, output.as_mut(), &mut Vec::new());
        for column in 0..output.ncols() {
            output.col_as_slice_mut(column).iter_mut().zip(&self.bias).for_each(|(entry, bias)| *entry += bias);
        }
        output
    }

    /// Numbers stored, the bias among them.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.weight.parameters() + self.bias.len()
    }

    /// Flops of the map on one vector.
    #[must_use]
    pub fn flops(&self) -> u64 {
        self.weight.flops() + self.bias.len() as u64
    }
}
