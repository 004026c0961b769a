//! A set of flips by location: port specs and route behaviours, keyed as in the command `flip`.
//!
//! ```json
//! {"8080": {"state": "closed"}, "8080/readyz": {"status": 503}, "/livez": {"fault": "hang"}}
//! ```

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::model::behaviour::Behaviour;
use crate::model::field::{LEASED, STATE};
use crate::model::fields::Fields;
use crate::model::flip_spec::Flip;
use crate::model::location::Location;
use crate::model::parse_error::{ParseError, join};
use crate::model::port_spec::PortSpec;

/// Flips in the order in which they apply. A `Vec`, as one more map type would add 5 KB to the
/// binary.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Flips(pub Vec<(Location, Flip)>);

impl Flips {
    /// Parses an object of flips; `path` is its path in the input. Leased flips are an error.
    pub(crate) fn read(value: Value, path: &str) -> Result<Self, ParseError> {
        let mut flips = Self::default();
        for (name, value) in Fields::read(value, path)?.all() {
            let path = join(path, &name);
            let place = Location::parse(&name).map_err(|wrong| wrong.within(&path))?;
            // An object with `state` under a route comes from `refuse` and the like, which change
            // the route's port.
            let of_port = matches!(place, Location::Port(_)) || value.get(STATE.name).is_some();
            let flip = if of_port {
                Flip::Port(PortSpec::read(value, &path)?)
            } else {
                Flip::Route(Behaviour::read(value, &path)?)
            };
            unleased(flip.is_leased(), &path)?;
            flips.0.push((place, flip));
        }
        // As they are written: an escape such as `%60` sorts before the character that it is.
        flips.0.sort_by_cached_key(|(place, _)| place.to_string());
        Ok(flips)
    }
}

impl Flips {
    pub(crate) fn write(&self) -> Map<String, Value> {
        let mut object = Map::new();
        for (place, flip) in &self.0 {
            object.insert(place.to_string(), flip.write().into());
        }
        object
    }
}

impl Serialize for Flips {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.write().serialize(serializer)
    }
}

/// Rejects `leased` in the base or in persisted flips, as no lease runs at the start.
pub(crate) fn unleased(leased: bool, path: &str) -> Result<(), ParseError> {
    if leased {
        return Err(ParseError::new(
            join(path, LEASED.name),
            "no lease runs at the start",
        ));
    }
    Ok(())
}
