//! What a plan adds to the base on some boots: flips by location, and process faults.
//!
//! ```json
//! {"8080": {"state": "closed"}, "8080/readyz": {"status": 503}, "process": [{"fault": "exit"}]}
//! ```

use serde_json::{Map, Value};

use crate::model::field::{Field, FieldType};
use crate::model::fields::Fields;
use crate::model::flips::{Flips, unleased};
use crate::model::parse_error::{ParseError, join};
use crate::model::process_fault::ProcessFault;

/// The process faults of a plan, and of its boots. No location has this name.
pub(crate) const FAULTS: Field = Field::new("process", FieldType::List);

/// What is added to the base on some boots.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct BootPlan {
    /// Flips of ports and routes.
    pub flips: Flips,
    /// Process faults; each replaces one of the same name.
    pub process: Vec<ProcessFault>,
}

impl BootPlan {
    /// Parses an object of flips and `process`; `path` is its path in the input.
    pub(crate) fn read(value: Value, path: &str) -> Result<Self, ParseError> {
        let mut fields = Fields::read(value, path)?;
        let process = process_faults(&mut fields)?;
        Ok(Self {
            flips: Flips::read(fields.all().into(), path)?,
            process,
        })
    }

    pub(crate) fn write(&self) -> Map<String, Value> {
        let mut object = self.flips.write();
        if !self.process.is_empty() {
            let process = serde_json::to_value(&self.process);
            let process = process.expect("our own types must be JSON");
            object.insert(FAULTS.name.to_owned(), process);
        }
        object
    }
}

/// Parses the field `process`: at most one fault of each name, none of them leased.
pub(crate) fn process_faults(fields: &mut Fields) -> Result<Vec<ProcessFault>, ParseError> {
    let at = fields.path(FAULTS.name);
    let mut faults = Vec::new();
    let values = fields.items(&FAULTS)?.unwrap_or_default();
    for (number, value) in values.into_iter().enumerate() {
        let path = join(&at, &number.to_string());
        add(&mut faults, ProcessFault::read(value, &path)?, &path)?;
    }
    Ok(faults)
}

/// Adds a process fault; `path` is its path in the input.
pub(crate) fn add(
    faults: &mut Vec<ProcessFault>,
    fault: ProcessFault,
    path: &str,
) -> Result<(), ParseError> {
    unleased(fault.leased, path)?;
    if faults.iter().any(|known| known.name() == fault.name()) {
        let message = format!("{} is given twice", fault.name());
        return Err(ParseError::new(path, message));
    }
    faults.push(fault);
    Ok(())
}
