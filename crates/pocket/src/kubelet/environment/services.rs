//! The environment variables by which containers find Services, such as `WEB_A_SERVICE_HOST`.
//!
//! A container keeps the variables of the Services that existed when it started.
//!
//! Rule: `pkg/kubelet/envvars/envvars.go` and `pkg/kubelet/kubelet_pods.go`, `getServiceEnvVarMap`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_openapi::api::core::v1::{Service, ServicePort};

/// Environment variables by name.
pub(in crate::kubelet) type Variables = BTreeMap<String, String>;

/// The variables of these Services. A Service without a cluster IP has none.
pub(super) fn variables(services: &[Service]) -> Variables {
    services.iter().flat_map(of_service).collect()
}

fn of_service(service: &Service) -> Vec<(String, String)> {
    let spec = service.spec.iter();
    let address = spec.clone().find_map(|spec| spec.cluster_ip.as_deref());
    let ports: Vec<&ServicePort> = spec.flat_map(|spec| &spec.ports).flatten().collect();
    let (Some(ip), Some(first)) = (address.and_then(|ip| ip.parse().ok()), ports.first()) else {
        return Vec::new();
    };
    let name = variable_prefix(service.metadata.name.as_deref().unwrap_or_default());
    let mut variables = vec![
        (format!("{name}_SERVICE_HOST"), IpAddr::to_string(&ip)),
        (format!("{name}_SERVICE_PORT"), first.port.to_string()),
        (format!("{name}_PORT"), url(ip, first)),
    ];
    for port in ports {
        variables.extend(of_port(&name, ip, port));
    }
    variables
}

/// The variables of one port: by its name if it has one, and in the format of Docker links.
fn of_port(service: &str, ip: IpAddr, port: &ServicePort) -> Vec<(String, String)> {
    let number = port.port.to_string();
    let protocol = protocol(port);
    let link = format!("{service}_PORT_{number}_{protocol}");
    let mut variables = vec![
        (link.clone(), url(ip, port)),
        (format!("{link}_PROTO"), protocol.to_lowercase()),
        (format!("{link}_PORT"), number.clone()),
        (format!("{link}_ADDR"), ip.to_string()),
    ];
    if let Some(name) = port.name.as_deref().filter(|name| !name.is_empty()) {
        let name = format!("{service}_SERVICE_PORT_{}", variable_prefix(name));
        variables.push((name, number));
    }
    variables
}

fn url(ip: IpAddr, port: &ServicePort) -> String {
    let number = u16::try_from(port.port).unwrap_or_default();
    let address = std::net::SocketAddr::new(ip, number);
    format!("{}://{address}", protocol(port).to_lowercase())
}

fn protocol(port: &ServicePort) -> &str {
    port.protocol.as_deref().unwrap_or("TCP")
}

fn variable_prefix(name: &str) -> String {
    name.replace('-', "_").to_uppercase()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::json;

    use super::*;

    fn service(name: &str, ip: &str) -> Service {
        let ports = json!([{"name": "http", "port": 80}, {"name": "other-one", "port": 9000}]);
        serde_json::from_value(json!({
            "metadata": {"name": name}, "spec": {"clusterIP": ip, "ports": ports},
        }))
        .unwrap()
    }

    #[test]
    fn a_service_has_variables_of_both_formats() {
        let variables = variables(&[
            service("web-a", "10.96.0.7"),
            service("headless", "None"),
            service("external", ""),
        ]);
        let lines: Vec<String> = variables
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        expect![[r"
            WEB_A_PORT=tcp://10.96.0.7:80
            WEB_A_PORT_80_TCP=tcp://10.96.0.7:80
            WEB_A_PORT_80_TCP_ADDR=10.96.0.7
            WEB_A_PORT_80_TCP_PORT=80
            WEB_A_PORT_80_TCP_PROTO=tcp
            WEB_A_PORT_9000_TCP=tcp://10.96.0.7:9000
            WEB_A_PORT_9000_TCP_ADDR=10.96.0.7
            WEB_A_PORT_9000_TCP_PORT=9000
            WEB_A_PORT_9000_TCP_PROTO=tcp
            WEB_A_SERVICE_HOST=10.96.0.7
            WEB_A_SERVICE_PORT=80
            WEB_A_SERVICE_PORT_HTTP=80
            WEB_A_SERVICE_PORT_OTHER_ONE=9000"]]
        .assert_eq(&lines.join("\n"));
    }
}
