//! Converts label selectors from API objects to the rules' form.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use rules::selector::{Operator, Requirement, Selector};

/// The rules' form of `selector`; `None` if an operator is unknown.
pub(crate) fn of(selector: &LabelSelector) -> Option<Selector> {
    let labels = selector.match_labels.iter().flatten();
    let equal = labels.map(|(key, value)| Some(Requirement::equal(key, value)));
    let expressions = selector.match_expressions.iter().flatten().map(requirement);
    equal
        .chain(expressions)
        .collect::<Option<Vec<_>>>()
        .map(Selector::from_iter)
}

fn requirement(expression: &LabelSelectorRequirement) -> Option<Requirement> {
    let values = || -> BTreeSet<String> { expression.values.iter().flatten().cloned().collect() };
    let operator = match expression.operator.as_str() {
        "In" => Operator::In(values()),
        "NotIn" => Operator::NotIn(values()),
        "Exists" => Operator::Exists,
        "DoesNotExist" => Operator::DoesNotExist,
        _ => return None,
    };
    Some(Requirement {
        key: expression.key.clone(),
        operator,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn labels_and_expressions_must_all_hold() {
        let check = |selector, expected: Option<&str>| {
            let selector: LabelSelector = serde_json::from_value(selector).unwrap();
            assert_eq!(
                of(&selector)
                    .map(|selector| selector.to_string())
                    .as_deref(),
                expected
            );
        };
        let expression =
            |operator| json!({"matchExpressions": [{"key": "tier", "operator": operator}]});
        check(json!({"matchLabels": {"app": "web"}}), Some("app=web"));
        check(expression("DoesNotExist"), Some("!tier"));
        check(expression("Like"), None);
        check(json!({}), Some(""));
    }
}
