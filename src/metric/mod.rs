//! How well, and at what cost: one file per family of metrics. Everything accumulates in f64.
