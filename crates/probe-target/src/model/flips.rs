//! What is laid where: openings of ports and behaviours of routes, by place as the command `flip` names it.
//!
//! ```json
//! {"8080": {"state": "closed"}, "8080/readyz": {"status": 503}, "/livez": {"fault": "hang"}}
//! ```

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::model::behaviour::Behaviour;
use crate::model::fields::Fields;
use crate::model::location::Location;
use crate::model::parse_error::{ParseError, join};
use crate::model::port_spec::PortSpec;
use crate::model::shorthand::Shorthand;

/// What is laid where, one after the other. A list, as a map of its own would add 5 KB to the program.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Flips(pub Vec<(Location, Flip)>);

/// What is laid.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Flip {
    /// Over a port.
    Port(PortSpec),
    /// Over a route.
    Route(Behaviour),
}

impl Flips {
    /// Reads an object, which stands at `path`. None of the flips may be leased.
    pub(crate) fn read(value: Value, path: &str) -> Result<Self, ParseError> {
        let mut flips = Self::default();
        for (name, value) in Fields::read(value, path)?.all() {
            let path = join(path, &name);
            let place = Location::parse(&name).map_err(|wrong| wrong.within(&path))?;
            // `{"state": "closed"}` of a route is what `refuse` on it does to its port.
            let of_port = matches!(place, Location::Port(_)) || value.get("state").is_some();
            let flip = if of_port {
                Flip::Port(PortSpec::read(value, &path)?)
            } else {
                Flip::Route(Behaviour::read(value, &path)?)
            };
            unleased(flip.is_leased(), &path)?;
            flips.0.push((place, flip));
        }
        Ok(flips)
    }
}

impl Flip {
    fn is_leased(&self) -> bool {
        match self {
            Self::Port(opening) => opening.leased,
            Self::Route(behaviour) => behaviour.leased,
        }
    }
}

impl From<Shorthand> for Flip {
    /// `refuse` and its like are about the whole port, wherever they stand.
    fn from(word: Shorthand) -> Self {
        match word.on_route() {
            Some(behaviour) => Self::Route(behaviour),
            None => Self::Port(PortSpec::new(word.on_port().unwrap_or_default())),
        }
    }
}

impl Flips {
    pub(crate) fn write(&self) -> Map<String, Value> {
        let mut object = Map::new();
        for (place, flip) in &self.0 {
            let written = match flip {
                Flip::Port(opening) => opening.write(),
                Flip::Route(behaviour) => behaviour.write(),
            };
            object.insert(place.to_string(), written.into());
        }
        object
    }
}

impl Serialize for Flips {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.write().serialize(serializer)
    }
}

/// Refuses what would end with a lease where none can run.
pub(crate) fn unleased(leased: bool, path: &str) -> Result<(), ParseError> {
    if leased {
        return Err(ParseError::new(
            join(path, "leased"),
            "no lease runs at the start",
        ));
    }
    Ok(())
}
