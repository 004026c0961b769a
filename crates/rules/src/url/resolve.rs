//! Resolves a URL reference against a base URL.
//!
//! Rule: RFC 3986 §5.2; Go's `net/url/url.go`, `ResolveReference` and `resolvePath`.

use super::Url;

impl Url {
    /// Resolves `reference` against this URL.
    #[must_use]
    pub fn resolve(&self, reference: &Self) -> Self {
        let mut url = reference.clone();
        if reference.scheme.is_empty() {
            url.scheme.clone_from(&self.scheme);
        }
        if !reference.scheme.is_empty() || !reference.host.is_empty() || reference.user.is_some() {
            url.path = without_dots("", &reference.path);
            return url;
        }
        // Such a reference names the base itself: RFC 3986 §5.2.2.
        if reference.path.is_empty() && reference.query.is_none() {
            url.query.clone_from(&self.query);
            if reference.fragment.is_empty() {
                url.fragment.clone_from(&self.fragment);
            }
        }
        if reference.path.is_empty() && !self.opaque.is_empty() {
            url.opaque.clone_from(&self.opaque);
            return url;
        }
        url.host.clone_from(&self.host);
        url.user.clone_from(&self.user);
        url.path = without_dots(&self.path, &reference.path);
        url
    }
}

/// Resolves `path` against `base` and removes `.` and `..`. Empty segments stay.
fn without_dots(base: &str, path: &str) -> String {
    let folder = base.rfind('/').map_or("", |slash| &base[..=slash]);
    let full = match path {
        "" => base.to_owned(),
        path if path.starts_with('/') => path.to_owned(),
        path => format!("{folder}{path}"),
    };
    if full.is_empty() {
        return full;
    }
    let mut resolved = "/".to_owned();
    // As in Go, an empty segment after a `..` that leads to the root is lost: `/a/..//b` is `/b`.
    let mut at_root = true;
    for segment in full.split('/') {
        match segment {
            "." => at_root = false,
            ".." => {
                let parent = resolved[1..].rfind('/');
                resolved.truncate(parent.map_or(1, |slash| slash + 1));
                at_root = resolved.len() == 1;
            }
            segment => {
                if !at_root {
                    resolved.push('/');
                }
                resolved += segment;
                at_root = false;
            }
        }
    }
    // A path that ends in a dot segment names a folder: RFC 3986 §5.2.4.
    if matches!(full.rsplit('/').next(), Some("." | "..")) {
        resolved.push('/');
    }
    // The first slash was written above. Two at the start would read as an authority.
    match resolved.strip_prefix("//") {
        Some(rest) => format!("/{rest}"),
        None => resolved,
    }
}
