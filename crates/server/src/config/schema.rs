//! What one setting is, and the macro that makes everything else of the table.

use std::ops::RangeInclusive;

use super::raw::Raw;

/// A section of the configuration: `[name]`.
#[derive(Debug)]
pub struct Section {
    /// Its name.
    pub name: &'static str,
    /// What it is about, one line.
    pub about: &'static str,
    /// Its keys, in the order in which they are shown.
    pub keys: &'static [Key],
}

/// One key of the configuration.
#[derive(Debug)]
pub struct Key {
    /// Its full name: `section.key`.
    pub name: &'static str,
    /// What it is for, one line.
    pub about: &'static str,
    /// How its value is written.
    pub kind: Kind,
    /// The whole numbers that are allowed.
    pub range: Option<RangeInclusive<i64>>,
    pub(super) default: fn() -> Raw,
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// A text that is never shown.
    Secret,
    /// A whole number.
    Whole,
    /// `true` or `false`.
    Flag,
    /// A list of texts; separated by commas in the environment.
    List,
    /// A section of its own, with free keys.
    Names,
}

impl Key {
    /// Its name within its section.
    pub fn short(&self) -> &'static str {
        self.name.split_once('.').map_or(self.name, |(_, short)| short)
    }

    /// The environment variable that sets it.
    pub fn variable(&self) -> String {
        format!("FIRMAN__{}", self.name.replace('.', "__").to_ascii_uppercase())
    }

    /// What may be given, to complete "give …".
    pub(super) fn expected(&self) -> String {
        match (self.kind, &self.range) {
            (Kind::Whole, Some(range)) => format!("a whole number from {} to {}", range.start(), range.end()),
            (Kind::Whole, None) => "a whole number".to_owned(),
            (Kind::Flag, _) => "true or false".to_owned(),
            (Kind::List, _) => "a list of texts".to_owned(),
            (Kind::Names, _) => "names as key = \"text\"".to_owned(),
            (Kind::Text | Kind::Secret, _) => "a text in quotes".to_owned(),
        }
    }
}

/// All keys of a table.
pub(super) fn keys(sections: &'static [Section]) -> impl Iterator<Item = &'static Key> {
    sections.iter().flat_map(|section| section.keys)
}

/// Makes of a part of the table: one struct per section, how to read and how to show it.
///
/// A line is `/// what it is for`, then `key: Type = default, range;`, the range for whole numbers only.
macro_rules! sections {
    ($(
        $(#[doc = $about_section:literal])+
        $section:ident: $Section:ident {
            $($(#[doc = $about:literal])+ $key:ident: $type:ty = $default:expr $(, $range:expr)?;)+
        }
    )+) => {
        $(
            $(#[doc = $about_section])+
            #[derive(Clone, Debug)]
            pub struct $Section {
                $($(#[doc = $about])+ pub $key: $type,)+
            }

            impl $Section {
                pub(super) const SECTION: crate::config::Section = crate::config::Section {
                    name: stringify!($section),
                    about: concat!($($about_section),+).trim_ascii(),
                    keys: &[$(crate::config::schema::key!($section $key: $type = $default $(, $range)?; $($about)+)),+],
                };

                pub(super) fn read(layers: &mut crate::config::layers::Layers) -> Option<Self> {
                    // All are read before the first missing one ends it, so that all problems are found.
                    $(let $key = layers.value::<$type>(
                        &crate::config::schema::key!($section $key: $type = $default $(, $range)?; $($about)+),
                    );)+
                    Some(Self { $($key: $key?),+ })
                }

                pub(super) fn values(&self) -> Vec<(&'static str, crate::config::raw::Raw)> {
                    vec![$((
                        concat!(stringify!($section), ".", stringify!($key)),
                        crate::config::value::Value::to_raw(&self.$key),
                    )),+]
                }
            }
        )+
    };
}

/// Makes of all sections: `Settings`, `SECTIONS`, how to read and how to show them.
macro_rules! settings {
    ($($section:ident: $Section:ident,)+) => {
        /// The effective settings.
        #[derive(Clone, Debug)]
        pub struct Settings {
            $(#[doc = concat!("`[", stringify!($section), "]`")] pub $section: $Section,)+
            pub(super) sources: super::layers::Sources,
        }

        impl Settings {
            pub(super) fn read(layers: &mut super::layers::Layers) -> Option<Self> {
                $(let $section = $Section::read(layers);)+
                Some(Self { $($section: $section?,)+ sources: layers.sources() })
            }

            /// Every key with its value, in the order of the table.
            pub(super) fn values(&self) -> Vec<(&'static str, super::raw::Raw)> {
                [$(self.$section.values()),+].concat()
            }
        }

        /// Every section and key there is.
        pub static SECTIONS: &[super::Section] = &[$($Section::SECTION),+];
    };
}

/// The [`Key`] of one line of the table.
macro_rules! key {
    ($section:ident $key:ident: $type:ty = $default:expr; $($about:literal)+) => {
        crate::config::schema::key!(@ $section $key: $type = $default, None; $($about)+)
    };
    ($section:ident $key:ident: $type:ty = $default:expr, $range:expr; $($about:literal)+) => {
        crate::config::schema::key!(@ $section $key: $type = $default, Some($range); $($about)+)
    };
    (@ $section:ident $key:ident: $type:ty = $default:expr, $range:expr; $($about:literal)+) => {
        crate::config::Key {
            name: concat!(stringify!($section), ".", stringify!($key)),
            about: concat!($($about),+).trim_ascii(),
            kind: <$type as crate::config::value::Value>::KIND,
            range: $range,
            default: || crate::config::raw::Raw::from($default),
        }
    };
}

pub(super) use {key, sections, settings};
