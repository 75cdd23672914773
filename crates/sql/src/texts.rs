//! Every statement, compiled for one dialect and one set of names.

use crate::dialect::Dialect;
use crate::names::Names;
use crate::statements::Statement;
use crate::template::{TemplateError, compile};

/// The text of every statement.
#[derive(Debug)]
pub(crate) struct Texts(Vec<Box<str>>);

impl Texts {
    /// Compiles every statement once.
    pub(crate) fn compile(names: &Names, dialect: &Dialect) -> Result<Self, TemplateError> {
        let text = |statement: &Statement| compile(statement.template(), names, dialect).map(String::into_boxed_str);
        Statement::ALL.iter().map(text).collect::<Result<_, _>>().map(Self)
    }

    /// The text of a statement.
    pub(crate) fn of(&self, statement: Statement) -> &str {
        // There is a text for every statement; the empty one does nothing and is never reached.
        self.0.get(statement as usize).map_or("", |text| text)
    }
}
