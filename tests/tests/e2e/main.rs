//! The real program, driven as a user drives it: real git, real plugins, a real directory.
//!
//! `cargo xtask test` builds what these tests need and says where it is.

#![allow(missing_docs, clippy::unwrap_used)]

mod bad_input;
mod bad_plugin;
mod code;
mod crash;
mod desk;
mod diff_against;
mod docs;
mod durable;
mod fixtures;
mod full_disk;
mod git_deliver;
mod git_faults;
mod git_record;
mod git_server;
mod git_setups;
mod health;
mod history;
mod hostile;
mod kube;
mod kube_access;
mod kube_bad;
mod kube_drift;
mod kube_faults;
mod kube_fields;
mod kube_health;
mod kube_hooks;
mod kube_ignore;
mod kube_moves;
mod kube_options;
mod kube_order;
mod kube_podinfo;
mod kube_rollback;
mod kube_watch;
mod languages;
mod old_plugins;
mod other_language;
mod pins;
mod powers;
mod promotion;
mod prune;
mod purity;
mod registry;
mod sandbox;
mod sdk_c;
mod sdk_go;
mod sdk_js;
mod sdk_python;
mod socket;
mod tools;
mod verbs;
mod watch_path;
mod why;
