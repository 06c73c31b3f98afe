//! Pure numerics on faer: what the methods are made of.

pub mod exponential;
mod fingerprint;
pub mod fused_attention;
pub mod gaussian;
mod head;
pub mod krylov;
mod lanes;
pub mod narrow;
pub mod normal_product;
pub mod norms;
pub mod orthonormalize;
pub mod pivoted_cholesky;
pub mod pivoted_qr;
mod pool;
pub mod pseudoinverse;
pub mod quantization;
pub mod range_finder;
mod scalar;
pub mod scale;
pub mod softmax;
pub mod svd;
pub mod tall;
pub mod weighted_svd;
pub mod whitening;
pub mod wide_attention;

pub use fingerprint::fingerprint;
pub use head::{Head, LogitsOverflow};
pub use lanes::Lanes;
pub use pool::{in_pool, in_pool_awake};
pub use scalar::{Precision, Scalar, first_non_finite, from_f64, to_f64, transposed};
