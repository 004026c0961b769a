//! All rules, in the order of their ids. An id is never given to another rule.

mod attempts;
mod coupling;
mod handler;
mod host_network;
mod kill_order;
mod lifetime;
mod probe_port;
mod readiness;
mod rollout;
mod service;
mod shared_dependency;
mod shutdown;
mod single_pod;
mod start;

use super::rule::Rule;
pub(crate) use shutdown::DRAIN;

/// The rules.
pub(super) const RULES: [Rule; 34] = [
    coupling::OTHERS_READINESS,
    coupling::UNREADY_SIBLING,
    probe_port::OTHERS_PORT,
    probe_port::UNSERVED_PORT,
    service::PUBLISHES_UNREADY,
    readiness::UNKNOWN_GATE,
    kill_order::KILLS_FIRST,
    attempts::LONG_TIMEOUT,
    attempts::QUICK_KILL,
    attempts::LOAD,
    start::LONGER_THAN_DEADLINE,
    rollout::SHORT_MIN_READY,
    readiness::SLOW_RECOVERY,
    shutdown::SHORT_PRE_STOP,
    shutdown::LONG_KILL,
    single_pod::SINGLE_POD,
    shared_dependency::READINESS,
    shared_dependency::LIVENESS,
    kill_order::SAME_HANDLER,
    handler::OTHER_HOST,
    handler::UNVERIFIED,
    attempts::COMMANDS,
    probe_port::NO_SUCH_NAME,
    lifetime::SIDECAR,
    lifetime::JOB,
    host_network::COLLISION,
    coupling::NO_READINESS,
    start::BLIND,
    rollout::ALL_AT_ONCE,
    service::SELECTS_NOTHING,
    service::LEADS_NOWHERE,
    shutdown::LONG_PRE_STOP,
    handler::CONNECTS_ONLY,
    probe_port::SAME_PORT,
];
