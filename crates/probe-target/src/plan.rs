//! What a target starts with, as `--plan` reads it and `GET /v1/plan` writes it. The command line is laid over it in `cli/serve.rs`.
//!
//! ```json
//! {"ports": {"8080": {"protocol": "http", "state": "open", "routes": {"/readyz": {"status": 503, "for": "10s"}}}}}
//! ```

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::behaviour::Behaviour;
use crate::fields::Fields;
use crate::invalid::{Invalid, join};
use crate::opening::Opening;

/// The base of a target.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Plan {
    /// By number.
    pub ports: BTreeMap<u16, PlannedPort>,
}

/// The base of one port.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PlannedPort {
    /// How it is opened.
    pub opening: Opening,
    /// By path; 200 where nothing is said.
    pub routes: BTreeMap<String, Behaviour>,
}

impl Plan {
    /// Reads a plan's text.
    pub fn parse(text: &[u8]) -> Result<Self, Invalid> {
        let mut fields = Fields::parse(text)?;
        let mut ports = BTreeMap::new();
        for (name, value) in fields.entries("ports")? {
            let path = join("ports", &name);
            let number = name.parse().ok().filter(|number| *number != 0);
            let number: u16 =
                number.ok_or_else(|| Invalid::new(&path, "a port is a number from 1 to 65535"))?;
            ports.insert(number, PlannedPort::read(value, &path)?);
        }
        fields.finish()?;
        Ok(Self { ports })
    }
}

impl PlannedPort {
    fn read(value: Value, path: &str) -> Result<Self, Invalid> {
        let mut fields = Fields::read(value, path)?;
        let opening = Opening::fields(&mut fields)?;
        unleased(opening.leased, path)?;
        let mut routes = BTreeMap::new();
        let at = fields.path("routes");
        for (route, value) in fields.entries("routes")? {
            let path = join(&at, &route);
            if !route.starts_with('/') {
                return Err(Invalid::new(path, "a path begins with a slash"));
            }
            let behaviour = Behaviour::read(value, &path)?;
            unleased(behaviour.leased, &path)?;
            routes.insert(route, behaviour);
        }
        fields.finish()?;
        Ok(Self { opening, routes })
    }
}

fn unleased(leased: bool, path: &str) -> Result<(), Invalid> {
    if leased {
        return Err(Invalid::new(
            join(path, "leased"),
            "no lease runs at the start",
        ));
    }
    Ok(())
}

impl Serialize for PlannedPort {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = self.opening.write();
        if !self.routes.is_empty() {
            let mut routes = Map::new();
            for (path, behaviour) in &self.routes {
                routes.insert(path.clone(), behaviour.write().into());
            }
            object.insert("routes".to_owned(), routes.into());
        }
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
        check(r#"{"ports":{"8080":{"state":"shut"}}}"#, "ports.8080.state");
        check("{", "");
    }
}
