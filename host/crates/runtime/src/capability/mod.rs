//! What plugins may do beyond WASI: `springline:host`, one module an interface.

pub(crate) mod blobs;
pub(crate) mod context;
pub(crate) mod directory;
pub(crate) mod files;
pub(crate) mod guard;
pub(crate) mod http;
pub(crate) mod kubernetes;
pub(crate) mod lending;
pub(crate) mod log;
pub(crate) mod masks;
pub(crate) mod power;
pub(crate) mod readable;
pub(crate) mod secrets;
pub(crate) mod trees;
