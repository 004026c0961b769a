//! Builds ordered maps without the sort of `collect`: 40 KB of code that nothing else needs.

use std::collections::BTreeMap;

/// A map of these pairs.
pub(super) fn collect<K: Ord, V>(pairs: impl Iterator<Item = (K, V)>) -> BTreeMap<K, V> {
    let mut map = BTreeMap::new();
    map.extend(pairs);
    map
}
