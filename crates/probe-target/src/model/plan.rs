//! The base of a target, as `--plan` reads it and `GET /v1/plan` writes it.
//! `cli/serve.rs` adds the command line's settings.
//!
//! ```json
//! {"ports": {"8080": {"protocol": "http", "state": "open",
//!                     "routes": {"/readyz": {"status": 503, "for": "10s"}}}},
//!  "process": [{"fault": "exit", "code": 3, "after": "1m"}],
//!  "boots": {"1-2": {"8080/startupz": {"status": 503}}, "2-": {"process": [{"fault": "exit"}]}}}
//! ```

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::model::behaviour::Behaviour;
use crate::model::boot_plan::{self, BootPlan};
use crate::model::boots::Boots;
use crate::model::field::{Field, FieldType};
use crate::model::fields::Fields;
use crate::model::flip_spec::Flip;
use crate::model::flips::unleased;
use crate::model::location::{self, Location};
use crate::model::parse_error::{ParseError, join};
use crate::model::port_spec::PortSpec;
use crate::model::process_fault::ProcessFault;
use crate::model::route_path::RoutePath;

const PORTS: Field = Field::new("ports", FieldType::Object);
const BOOTS: Field = Field::new("boots", FieldType::Object);
const ADDRESS: Field = Field::new("address", FieldType::Text);
const ROUTES: Field = Field::new("routes", FieldType::Object);

/// The base of a target.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Plan {
    /// The ports by number.
    pub ports: BTreeMap<u16, PlannedPort>,
    /// Whether the plan says that there are no ports: `ports` is given and empty.
    pub no_ports: bool,
    /// The process faults, at most one of each name.
    pub process: Vec<ProcessFault>,
    /// What is added to the base on some boots, sorted by boot; later ones override earlier ones.
    pub boots: Vec<(Boots, BootPlan)>,
}

/// The base of one port.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PlannedPort {
    /// The port's protocol, state and bounds.
    pub opening: PortSpec,
    /// The loopback address to listen on; `None` for all addresses of the Pod.
    pub address: Option<IpAddr>,
    /// The routes' behaviours; all others answer 200.
    pub routes: BTreeMap<RoutePath, Behaviour>,
}

impl Plan {
    /// Parses the text of a plan.
    pub fn parse(text: &[u8]) -> Result<Self, ParseError> {
        let mut fields = Fields::parse(text)?;
        let is_given = fields.has(&PORTS);
        let mut ports = BTreeMap::new();
        for (name, value) in fields.entries(&PORTS)? {
            let path = join(PORTS.name, &name);
            let number = location::number(&name)
                .ok_or_else(|| ParseError::new(&path, "a port is a number from 1 to 65535"))?;
            ports.insert(number, PlannedPort::read(value, &path)?);
        }
        let mut boots: Vec<(Boots, BootPlan)> = Vec::new();
        for (name, value) in fields.entries(&BOOTS)? {
            let path = join(BOOTS.name, &name);
            let read: Result<Boots, _> = name.parse();
            let read = read.map_err(|message| ParseError::new(&path, message))?;
            let place = boots.partition_point(|(before, _)| *before < read);
            boots.insert(place, (read, BootPlan::read(value, &path)?));
        }
        let plan = Self {
            no_ports: is_given && ports.is_empty(),
            ports,
            process: boot_plan::process_faults(&mut fields)?,
            boots,
        };
        fields.finish()?;
        Ok(plan)
    }

    /// Adds a process fault; `path` is its path in the input.
    pub(crate) fn set_process_fault(
        &mut self,
        fault: ProcessFault,
        path: &str,
    ) -> Result<(), ParseError> {
        boot_plan::add(&mut self.process, fault, path)
    }

    /// Sets a process fault in place of one of the same name.
    pub(crate) fn replace_process_fault(&mut self, fault: ProcessFault) {
        self.process.retain(|known| known.name() != fault.name());
        self.process.push(fault);
    }

    /// Merges `flip` into the base if `holds`. An unknown port is an error in any case.
    pub(crate) fn apply(
        &mut self,
        place: &Location,
        flip: &Flip,
        holds: bool,
    ) -> Result<(), ParseError> {
        let given = place.port();
        if let Some(port) = given.filter(|port| !self.ports.contains_key(port)) {
            let message = format!("{port} is none of the ports");
            return Err(ParseError::new(place.to_string(), message));
        }
        let of_route = matches!(flip, Flip::Route(_));
        for (number, port) in &mut self.ports {
            let lacks = of_route && !port.opening.protocol.unwrap_or_default().has_routes();
            if lacks && given == Some(*number) {
                return Err(ParseError::new(place.to_string(), without_routes(*number)));
            }
            if holds && !lacks && given.is_none_or(|given| given == *number) {
                port.apply(place, flip);
            }
        }
        Ok(())
    }
}

/// Parses a loopback address. Other single addresses are an error: a kubelet probes the Pod's
/// address.
pub(crate) fn loopback(text: &str) -> Result<IpAddr, String> {
    let address = text.parse().ok().filter(IpAddr::is_loopback);
    address.ok_or_else(|| {
        format!("must be a loopback address such as 127.0.0.1 or ::1, or none for all addresses, not `{text}`")
    })
}

/// The error message about a route of a TCP port.
pub(crate) fn without_routes(port: u16) -> String {
    format!("{port} speaks tcp and has no routes; what it does is its state")
}

impl PlannedPort {
    fn read(value: Value, path: &str) -> Result<Self, ParseError> {
        let mut fields = Fields::read(value, path)?;
        let opening = PortSpec::fields(&mut fields)?;
        unleased(opening.leased, path)?;
        let address = fields.text(&ADDRESS)?.map(|text| {
            let wrong = |message| ParseError::new(fields.path(ADDRESS.name), message);
            loopback(&text).map_err(wrong)
        });
        let address = address.transpose()?;
        let mut routes = BTreeMap::new();
        let at = fields.path(ROUTES.name);
        for (route, value) in fields.entries(&ROUTES)? {
            let path = join(&at, &route);
            if !opening.protocol.unwrap_or_default().has_routes() {
                let message = "a port that speaks tcp has no routes";
                return Err(ParseError::new(path, message));
            }
            let parsed: Result<RoutePath, _> = route.parse();
            let route = parsed.map_err(|message| ParseError::new(&path, message))?;
            let behaviour = Behaviour::read(value, &path)?;
            unleased(behaviour.leased, &path)?;
            // Two encodings of one route are different keys in JSON.
            if routes.insert(route, behaviour).is_some() {
                return Err(ParseError::new(path, "this route is given twice"));
            }
        }
        fields.finish()?;
        Ok(Self {
            opening,
            address,
            routes,
        })
    }

    fn apply(&mut self, place: &Location, flip: &Flip) {
        match (place, flip) {
            (Location::Route(_, route), Flip::Route(behaviour)) => {
                if self.opening.route.as_ref() == Some(route) {
                    self.opening = PortSpec {
                        protocol: self.opening.protocol,
                        ..PortSpec::default()
                    };
                }
                self.routes.insert(route.clone(), behaviour.clone());
            }
            (place, Flip::Port(opening)) => {
                let route = match place {
                    Location::Port(_) => None,
                    Location::Route(_, route) => Some(route.clone()),
                };
                if let Some(route) = &route {
                    self.routes.remove(route);
                }
                self.opening = PortSpec {
                    protocol: opening.protocol.or(self.opening.protocol),
                    route,
                    ..opening.clone()
                };
            }
            (Location::Port(_), Flip::Route(_)) => unreachable!("a port takes an opening"),
        }
    }
}

impl Serialize for Plan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(None)?;
        // An empty `ports` says that there are none; without it there is the default port.
        if self.no_ports || !self.ports.is_empty() {
            fields.serialize_entry(PORTS.name, &self.ports)?;
        }
        if !self.process.is_empty() {
            fields.serialize_entry(boot_plan::FAULTS.name, &self.process)?;
        }
        if !self.boots.is_empty() {
            fields.serialize_entry(BOOTS.name, &by_name(&self.boots))?;
        }
        fields.end()
    }
}

fn by_name(boots: &[(Boots, BootPlan)]) -> Map<String, Value> {
    let boots = boots.iter();
    let written = boots.map(|(boots, plan)| (boots.to_string(), plan.write().into()));
    written.collect()
}

impl Serialize for PlannedPort {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = self.opening.write();
        let address = self.address.map(|address| address.to_string());
        ADDRESS.write(&mut object, address);
        let routes = self.routes.iter();
        let routes = routes.map(|(route, behaviour)| (route.to_string(), behaviour.write().into()));
        let routes: Map<String, Value> = routes.collect();
        ROUTES.write(
            &mut object,
            Some(routes).filter(|routes| !routes.is_empty()),
        );
        object.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, field: &str) {
        assert_eq!(Plan::parse(text.as_bytes()).unwrap_err().field, field);
    }

    #[test]
    fn a_plan_is_read_as_it_is_written() {
        let text = r#"{"ports":{"8080":{"protocol":"http","routes":{"/b":{"fault":"hang"},"/a":{"status":404}},"state":"open"},"9000":{"protocol":"http","state":"closed"}}}"#;
        let plan = Plan::parse(text.as_bytes()).unwrap();
        let written = serde_json::to_string(&plan).unwrap();
        assert_eq!(Plan::parse(written.as_bytes()).unwrap(), plan);
        assert_eq!(plan.ports[&8080].routes.len(), 2);
    }

    #[test]
    fn a_port_closed_for_a_route_and_one_of_loopback_are_written_as_they_are_read() {
        let text = r#"{"ports":{"8080":{"protocol":"http","state":"closed","route":"/x","address":"::1"}}}"#;
        let plan = Plan::parse(text.as_bytes()).unwrap();
        let written = serde_json::to_string(&plan).unwrap();
        assert_eq!(Plan::parse(written.as_bytes()).unwrap(), plan);
        assert!(written.contains(r#""address":"::1""#), "{written}");
        assert!(written.contains(r#""route":"/x""#), "{written}");
        check(
            r#"{"ports":{"80":{"address":"10.0.0.1"}}}"#,
            "ports.80.address",
        );
    }

    #[test]
    fn what_is_said_of_boots_is_written_as_it_is_read() {
        let text = r#"{"ports":{},"boots":{"10":{},"2":{},"2-10":{"8080":{"state":"closed"},"8080/%78/*":{"status":503},"/y":{"fault":"hang"},"process":[{"code":3,"fault":"exit"}]},"2-":{}}}"#;
        let plan = Plan::parse(text.as_bytes()).unwrap();
        let written = serde_json::to_string(&plan).unwrap();
        assert_eq!(Plan::parse(written.as_bytes()).unwrap(), plan);
        let boots: Vec<_> = plan
            .boots
            .iter()
            .map(|(boots, _)| boots.to_string())
            .collect();
        assert_eq!(boots, ["2", "2-10", "2-", "10"]);
        let flips = &plan.boots[1].1.flips.0;
        let places: Vec<_> = flips.iter().map(|(place, _)| place.to_string()).collect();
        assert_eq!(places, ["/y", "8080", "8080/x/*"]);
    }

    #[test]
    fn ports_are_written_as_they_are_read() {
        for text in ["{}", r#"{"ports":{}}"#] {
            let plan = Plan::parse(text.as_bytes()).unwrap();
            assert_eq!(serde_json::to_string(&plan).unwrap(), text);
        }
    }

    #[test]
    fn flips_of_boots_keep_their_order_when_they_are_written() {
        let closed = r#"{"state":"closed"}"#;
        let text = format!(
            r#"{{"ports":{{}},"boots":{{"2":{{"/1":{closed},"/`":{closed},"/%61":{closed}}}}}}}"#
        );
        let plan = Plan::parse(text.as_bytes()).unwrap();
        let written = serde_json::to_string(&plan).unwrap();
        assert_eq!(Plan::parse(written.as_bytes()).unwrap(), plan);
        let places: Vec<_> = plan.boots[0]
            .1
            .flips
            .0
            .iter()
            .map(|(place, _)| place.to_string())
            .collect();
        assert_eq!(places, ["/%60", "/1", "/a"]);
    }

    #[test]
    fn a_refusal_names_the_path_down_to_the_field() {
        check(r#"{"port":{}}"#, "port");
        check(r#"{"ports":{"0":{}}}"#, "ports.0");
        check(r#"{"ports":{"8080":{"route":{}}}}"#, "ports.8080.route");
        check(
            r#"{"ports":{"8080":{"routes":{"x":{"status":200}}}}}"#,
            "ports.8080.routes.x",
        );
        check(
            r#"{"ports":{"8080":{"routes":{"/x":{"status":99}}}}}"#,
            "ports.8080.routes./x.status",
        );
        check(
            r#"{"ports":{"8080":{"routes":{"/x":{"status":200,"leased":true}}}}}"#,
            "ports.8080.routes./x.leased",
        );
        check(
            r#"{"ports":{"8080":{"routes":{"/x?y":{"status":200}}}}}"#,
            "ports.8080.routes./x?y",
        );
        check(
            r#"{"ports":{"8080":{"routes":{"/x":{"status":200},"/%78":{"status":404}}}}}"#,
            "ports.8080.routes./x",
        );
        check(r#"{"ports":{"8080":{"state":"shut"}}}"#, "ports.8080.state");
        check(
            r#"{"ports":{"80":{"protocol":"tcp","routes":{"/x":{"status":200}}}}}"#,
            "ports.80.routes./x",
        );
        check(r#"{"ports":{"08080":{}}}"#, "ports.08080");
        check(r#"{"ports":{"80":{},"81":{},"80":{}}}"#, "ports.80");
        check(r#"{"boots":{"0":{}}}"#, "boots.0");
        check(r#"{"boots":{"1":[]}}"#, "boots.1");
        check(r#"{"boots":{"1":{"x":{}}}}"#, "boots.1.x");
        check(r#"{"boots":{"1":{"/%x":{}}}}"#, "boots.1./%x");
        check(
            r#"{"boots":{"1":{"80/x":{"status":99}}}}"#,
            "boots.1.80/x.status",
        );
        check(
            r#"{"boots":{"1":{"80":{"leased":true}}}}"#,
            "boots.1.80.leased",
        );
        check(
            r#"{"boots":{"1":{"process":[{"fault":"exit"},{"fault":"exit"}]}}}"#,
            "boots.1.process.1",
        );
        check(
            r#"{"process":[{"fault":"exit","code":-1}]}"#,
            "process.0.code",
        );
        check(
            r#"{"process":[{"fault":"exit"},{"fault":"exit"}]}"#,
            "process.1",
        );
        check(
            r#"{"process":[{"fault":"exit","leased":true}]}"#,
            "process.0.leased",
        );
        check("{", "");
    }
}
