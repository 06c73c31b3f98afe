//! What a table of a spec can describe: the parameters of one problem or of one method.
//!
//! A kind is one struct with `serde` and `schemars` derives in its own file, plus one line in the registry of its family
//! ([`crate::problem::ProblemSpec`], [`crate::method::MethodSpec`]). The spec reader, the JSON Schema, the cell hash and the
//! tables all read the struct through these traits, so nothing else lists the kinds.

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

/// Parameters of one kind of problem or method.
///
/// Every numeric or string field may be swept in a spec (scalar, list or range); the struct itself holds one point of that
/// grid. Use `#[serde(deny_unknown_fields)]` and `#[serde(default)]` where a default is sensible, and doc comments on every
/// field: they become the descriptions of the JSON Schema.
pub trait Parameters: Serialize + DeserializeOwned + JsonSchema + Clone + PartialEq + std::fmt::Debug {
    /// The name by which a spec asks for it.
    const KIND: &'static str;
    /// What reports say of it: a small TOML file beside its own.
    const WORDS: &'static str = "";
    /// Part of every cell's identity: raise it when the numbers a kind produces change.
    const VERSION: u32;

    /// The parameters that another's value makes idle: each is read with some values of a choice, and with no other. An idle
    /// parameter is no part of a point of a grid, nor of its name and identity.
    const BELONGS: &'static [Belongs] = &[];

    /// The parameters whose values are things of one kind that were not chosen for a value (heads, tensors, files): their cells are
    /// replicates of each other. All other parameters are swept, and never pooled.
    const REPLICATES: &'static [&'static str] = &[];

    /// Puts in what a spec may leave out because other parameters say it.
    fn complete(_written: &mut Map<String, Value>) {}

    /// The version of what just these values ask for: another than [`Self::VERSION`] where a kind holds several algorithms and
    /// one of them has changed alone.
    fn version(&self) -> u32 {
        Self::VERSION
    }

    /// Refuses values that have the right type but no meaning (a negative length, a temperature of zero). Where every value of
    /// every field has one, there is nothing to refuse.
    ///
    /// # Errors
    /// The first parameter found impossible.
    fn check(&self) -> Result<(), Invalid> {
        Ok(())
    }
}

/// That a parameter is read with some values of another, its choice, and idle with all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Belongs {
    pub parameter: &'static str,
    pub choice: &'static str,
    pub when: When,
}

/// With which values of a choice a parameter is read, as a spec writes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    Is(&'static [&'static str]),
    IsNot(&'static str),
}

impl Belongs {
    #[must_use]
    pub const fn to(parameter: &'static str, choice: &'static str, values: &'static [&'static str]) -> Self {
        Self { parameter, choice, when: When::Is(values) }
    }

    #[must_use]
    pub const fn unless(parameter: &'static str, choice: &'static str, value: &'static str) -> Self {
        Self { parameter, choice, when: When::IsNot(value) }
    }

    /// Whether the parameter is read where its choice has this value.
    #[must_use]
    pub fn is_read_with(&self, value: &Value) -> bool {
        let written = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match self.when {
            When::Is(values) => values.contains(&&*written),
            When::IsNot(other) => written != other,
        }
    }
}

/// A parameter whose value cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// The field's name, as in the spec.
    pub parameter: &'static str,
    /// What is wrong, as a clause: "must be positive".
    pub reason: String,
    /// What to write instead: "for example `length = 512`".
    pub instead: String,
}

impl Invalid {
    pub fn new(parameter: &'static str, reason: impl Into<String>, instead: impl Into<String>) -> Self {
        Self { parameter, reason: reason.into(), instead: instead.into() }
    }
}

/// Declares the enum of all kinds of a family and everything that would otherwise be a hand-kept parallel list.
///
/// `registry! { pub enum MethodSpec as dyn Method { TruncatedSvd(truncated_svd::TruncatedSvd), … } }` gives `KINDS`, `kind()`,
/// `version()`, `from_parameters()`, `parameters()`, `check()`, `schemas()` and the exhaustive `match` behind `each!`.
macro_rules! registry {
    ($(#[$meta:meta])* pub enum $name:ident { $($variant:ident($kind:ty)),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub enum $name { $($variant($kind)),* }

        impl $name {
            /// Every kind a spec may name, in the order of the registry.
            pub const KINDS: &'static [&'static str] = &[$(<$kind as $crate::parameters::Parameters>::KIND),*];

            /// The name by which a spec asks for this kind.
            #[must_use]
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$variant(_) => <$kind as $crate::parameters::Parameters>::KIND),* }
            }

            /// Version of the numbers this kind produces; part of the cell's identity.
            #[must_use]
            pub fn version(&self) -> u32 {
                match self { $(Self::$variant(kind) => $crate::parameters::Parameters::version(kind)),* }
            }

            /// One kind from its name and parameters; `None` if no such kind exists.
            #[must_use]
            pub fn from_parameters(kind: &str, mut parameters: serde_json::Map<String, serde_json::Value>)
                -> Option<Result<Self, serde_json::Error>> {
                match kind {
                    $(k if k == <$kind as $crate::parameters::Parameters>::KIND => {
                        <$kind as $crate::parameters::Parameters>::complete(&mut parameters);
                        Some(serde_json::from_value::<$kind>(serde_json::Value::Object(parameters)).map(Self::$variant))
                    })*
                    _ => None,
                }
            }

            /// What reports say of a kind, as its file holds it; empty if there is no such kind.
            #[must_use]
            pub fn words(kind: &str) -> &'static str {
                match kind {
                    $(k if k == <$kind as $crate::parameters::Parameters>::KIND =>
                        <$kind as $crate::parameters::Parameters>::WORDS,)*
                    _ => "",
                }
            }

            /// Which parameters of a kind another's value makes idle.
            #[must_use]
            pub fn belongs(kind: &str) -> &'static [$crate::parameters::Belongs] {
                match kind {
                    $(k if k == <$kind as $crate::parameters::Parameters>::KIND =>
                        <$kind as $crate::parameters::Parameters>::BELONGS,)*
                    _ => &[],
                }
            }

            /// Which parameters of a kind tell replicates apart.
            #[must_use]
            pub fn replicates(kind: &str) -> &'static [&'static str] {
                match kind {
                    $(k if k == <$kind as $crate::parameters::Parameters>::KIND =>
                        <$kind as $crate::parameters::Parameters>::REPLICATES,)*
                    _ => &[],
                }
            }

            /// All parameters, defaults included, in the order of the struct's fields.
            #[must_use]
            pub fn parameters(&self) -> serde_json::Map<String, serde_json::Value> {
                let value = match self { $(Self::$variant(kind) => serde_json::to_value(kind)),* };
                match value {
                    Ok(serde_json::Value::Object(map)) => map,
                    // A unit-like parameter struct has no parameters.
                    _ => serde_json::Map::new(),
                }
            }

            /// Refuses values that have the right type but no meaning.
            ///
            /// # Errors
            /// The first parameter found impossible.
            pub fn check(&self) -> Result<(), $crate::parameters::Invalid> {
                match self { $(Self::$variant(kind) => $crate::parameters::Parameters::check(kind)),* }
            }

            /// The JSON Schema of every kind's parameter struct (one point of the grid, before sweeps are allowed).
            #[must_use]
            pub fn schemas() -> Vec<(&'static str, schemars::Schema)> {
                vec![$((<$kind as $crate::parameters::Parameters>::KIND, schemars::schema_for!($kind))),*]
            }
        }
    };
}
pub(crate) use registry;
