//! The form in which a client wants objects: whole, as a table, or only their metadata.
//!
//! kubectl prints the tables; clients that follow many kinds, such as a garbage collector, read
//! metadata alone. The header `Accept` names the form, as parameters of the media type.
//!
//! Rule: kubernetes.io › API concepts › Alternate representations of resources;
//! `staging/src/k8s.io/apiserver/pkg/endpoints/handlers/response.go`.

use hyper::header::{ACCEPT, HeaderMap};

use crate::api_status::ApiError;

/// The form of the objects in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The objects as they are.
    Whole,
    /// `PartialObjectMetadata`.
    Metadata(MetaVersion),
    /// `Table`: a row of cells an object.
    Table(MetaVersion, RowObject),
}

/// A version of the group `meta.k8s.io`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MetaVersion {
    V1,
    V1beta1,
}

/// What a row carries of its object beside the cells: the parameter `includeObject`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum RowObject {
    None,
    #[default]
    Metadata,
    Object,
}

impl MetaVersion {
    pub(super) fn api_version(self) -> &'static str {
        match self {
            Self::V1 => "meta.k8s.io/v1",
            Self::V1beta1 => "meta.k8s.io/v1beta1",
        }
    }
}

impl Form {
    /// The first form of the header `Accept` that is served; objects as they are without it.
    pub(super) fn of(headers: &HeaderMap, rows: RowObject) -> Result<Self, ApiError> {
        let accepted = headers.get_all(ACCEPT).iter();
        let accepted = accepted.filter_map(|value| value.to_str().ok());
        let clauses = accepted.flat_map(|value| value.split(','));
        let mut clauses = clauses
            .filter(|clause| !clause.trim().is_empty())
            .peekable();
        if clauses.peek().is_none() {
            return Ok(Self::Whole);
        }
        clauses
            .find_map(|clause| Self::of_clause(clause, rows))
            .ok_or_else(|| {
                let message = "only the following media types are accepted: application/json";
                ApiError::new(406, "NotAcceptable", message)
            })
    }

    /// The form that one media type asks for; `None` if it is not served.
    fn of_clause(clause: &str, rows: RowObject) -> Option<Self> {
        let mut parts = clause.split(';').map(str::trim);
        let media_type = parts.next().unwrap_or_default();
        if !matches!(media_type, "application/json" | "application/*" | "*/*") {
            return None;
        }
        let (mut kind, mut group, mut version) = ("", "", "");
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            match name {
                "as" => kind = value,
                "g" => group = value,
                "v" => version = value,
                _ => {}
            }
        }
        if kind.is_empty() {
            return Some(Self::Whole);
        }
        let version = match (group, version) {
            ("meta.k8s.io", "v1") => MetaVersion::V1,
            ("meta.k8s.io", "v1beta1") => MetaVersion::V1beta1,
            _ => return None,
        };
        match kind {
            "Table" => Some(Self::Table(version, rows)),
            "PartialObjectMetadata" | "PartialObjectMetadataList" => Some(Self::Metadata(version)),
            _ => None,
        }
    }
}

impl RowObject {
    /// Parses the parameter `includeObject`.
    pub(super) fn parse(value: &str) -> Result<Self, ApiError> {
        match value {
            "" | "Metadata" => Ok(Self::Metadata),
            "None" => Ok(Self::None),
            "Object" => Ok(Self::Object),
            other => Err(ApiError::bad_request(format!(
                "Unable to convert to Table as requested: includeObject: Invalid value: {other:?}: \
                 must be 'Metadata', 'Object', 'None', or empty"
            ))),
        }
    }
}
