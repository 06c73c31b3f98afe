//! A column, and the macro that declares a table once: its row, its names, units and descriptions, and both conversions.

use polars::prelude::{Column as Series, DataFrame, DataType, Schema};

use super::{Status, TableError};
use crate::method::Role;

/// What the values of a column are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Says which row it is.
    Key,
    /// Says something in words, or in a number that is not to be averaged.
    Label,
    /// A measured or computed number, in this unit (`1` if it has none): summarised by group.
    Quantity(&'static str),
}

impl Meaning {
    /// The unit of a quantity; empty for the rest.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::Key | Self::Label => "",
            Self::Quantity(unit) => unit,
        }
    }
}

/// One column of one table, as `columns.csv` describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub table: &'static str,
    pub name: &'static str,
    pub meaning: Meaning,
    pub description: String,
}

/// A row of a table.
pub trait Row: Sized {
    /// The table's name, which is its files' stem.
    const TABLE: &'static str;

    /// Its columns, in order.
    fn columns() -> Vec<Column>;

    /// The types of its columns, which a CSV file does not say itself.
    fn schema() -> Schema;

    /// Rows → polars.
    ///
    /// # Errors
    /// polars refuses, which is a mistake of ours.
    fn to_frame(rows: &[Self]) -> Result<DataFrame, TableError>;

    /// polars → rows.
    ///
    /// # Errors
    /// A column is missing, has another type, or is empty where it must not be.
    fn from_frame(frame: &DataFrame) -> Result<Vec<Self>, TableError>;
}

/// A type a column can hold.
pub(super) trait Field: Sized {
    fn data_type() -> DataType;
    fn column<'a>(name: &str, values: impl Iterator<Item = &'a Self>) -> Series
    where
        Self: 'a;
    /// The column's values; `None` at the first row whose value does not fit.
    fn values(column: &Series) -> Option<Vec<Self>>;
}

macro_rules! number_field {
    ($type:ty, $data_type:ident, $accessor:ident) => {
        impl Field for Option<$type> {
            fn data_type() -> DataType {
                DataType::$data_type
            }
            fn column<'a>(name: &str, values: impl Iterator<Item = &'a Self>) -> Series {
                Series::new(name.into(), values.copied().collect::<Vec<_>>())
            }
            fn values(column: &Series) -> Option<Vec<Self>> {
                Some(column.$accessor().ok()?.iter().collect())
            }
        }
        impl Field for $type {
            fn data_type() -> DataType {
                DataType::$data_type
            }
            fn column<'a>(name: &str, values: impl Iterator<Item = &'a Self>) -> Series {
                Series::new(name.into(), values.copied().collect::<Vec<_>>())
            }
            fn values(column: &Series) -> Option<Vec<Self>> {
                column.$accessor().ok()?.iter().collect()
            }
        }
    };
}
number_field!(u64, UInt64, u64);
number_field!(f64, Float64, f64);

impl Field for Option<String> {
    fn data_type() -> DataType {
        DataType::String
    }
    fn column<'a>(name: &str, values: impl Iterator<Item = &'a Self>) -> Series {
        Series::new(name.into(), values.map(Option::as_deref).collect::<Vec<_>>())
    }
    fn values(column: &Series) -> Option<Vec<Self>> {
        Some(column.str().ok()?.iter().map(|value| value.map(str::to_owned)).collect())
    }
}

impl Field for String {
    fn data_type() -> DataType {
        DataType::String
    }
    fn column<'a>(name: &str, values: impl Iterator<Item = &'a Self>) -> Series {
        Series::new(name.into(), values.map(String::as_str).collect::<Vec<_>>())
    }
    fn values(column: &Series) -> Option<Vec<Self>> {
        column.str().ok()?.iter().map(|value| value.map(str::to_owned)).collect()
    }
}

impl Field for Status {
    fn data_type() -> DataType {
        DataType::String
    }
    fn column<'a>(name: &str, values: impl Iterator<Item = &'a Self>) -> Series {
        Series::new(name.into(), values.map(|status| status.name()).collect::<Vec<_>>())
    }
    fn values(column: &Series) -> Option<Vec<Self>> {
        column
            .str()
            .ok()?
            .iter()
            .map(|value| Self::ALL.into_iter().find(|status| Some(status.name()) == value))
            .collect()
    }
}

impl Field for Option<Role> {
    fn data_type() -> DataType {
        DataType::String
    }
    fn column<'a>(name: &str, values: impl Iterator<Item = &'a Self>) -> Series {
        Series::new(name.into(), values.map(|role| role.map(Role::name)).collect::<Vec<_>>())
    }
    fn values(column: &Series) -> Option<Vec<Self>> {
        let role = |value: Option<&str>| Role::ALL.into_iter().find(|role| Some(role.name()) == value);
        Some(column.str().ok()?.iter().map(role).collect())
    }
}

/// Declares a table: the struct of its row, and everything [`Row`] knows of it.
///
/// The doc comment of a field is the description of its column; what follows `=>` is its [`Meaning`].
macro_rules! table {
    (
        $(#[doc = $about:literal])*
        pub struct $row:ident in $table:literal {
            $( $(#[doc = $description:literal])+ pub $field:ident: $type:ty => $meaning:expr, )*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        pub struct $row {
            $( $(#[doc = $description])+ pub $field: $type, )*
        }

        impl Row for $row {
            const TABLE: &'static str = $table;

            fn columns() -> Vec<Column> {
                vec![$( Column {
                    table: $table,
                    name: stringify!($field),
                    meaning: $meaning,
                    description: [$($description.trim()),+].join(" "),
                } ),*]
            }

            fn schema() -> Schema {
                Schema::from_iter([$( (stringify!($field).into(), <$type as Field>::data_type()) ),*])
            }

            fn to_frame(rows: &[Self]) -> Result<DataFrame, TableError> {
                let columns = vec![$( Field::column(stringify!($field), rows.iter().map(|row| &row.$field)) ),*];
                DataFrame::new(rows.len(), columns).map_err(|source| TableError::Polars { table: $table, source })
            }

            fn from_frame(frame: &DataFrame) -> Result<Vec<Self>, TableError> {
                $( let mut $field = column::read::<$type>(frame, $table, stringify!($field))?.into_iter(); )*
                // Every column has as many values as the frame has rows, so no iterator ends early.
                Ok((0..frame.height()).map_while(|_| Some(Self { $( $field: $field.next()? ),* })).collect())
            }
        }
    };
}
pub(super) use table;

/// The values of one column of a frame.
pub(super) fn read<F: Field>(frame: &DataFrame, table: &'static str, name: &'static str) -> Result<Vec<F>, TableError> {
    let column = frame.column(name).map_err(|_| TableError::MissingColumn { table, column: name })?;
    F::values(column).ok_or(TableError::WrongColumn { table, column: name })
}
