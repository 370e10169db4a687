//! Plugins: what they are, what they say of themselves, how far each may go, and how they fail.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Digest;
use crate::capability::Capability;

/// The kinds of plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Turns a directory into another one.
    BuildStep,
    /// Turns source and artifacts into desired objects.
    Renderer,
    /// Turns desired objects into live ones.
    DeployTarget,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::BuildStep => "build-step",
            Self::Renderer => "renderer",
            Self::DeployTarget => "deploy-target",
        })
    }
}

/// What a plugin says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Description {
    /// Its name.
    pub name: String,
    /// Its version (semver).
    pub version: String,
    /// What it does, in a sentence.
    pub summary: String,
    /// Its kind.
    pub kind: Kind,
    /// The JSON Schema of its config.
    pub config_schema: serde_json::Value,
    /// The powers it asks for.
    pub capabilities: Vec<Capability>,
    /// The track of the contract it was made for, such as `0.1`; from its bytes, not its word.
    pub track: String,
    /// The interfaces it imports; from its bytes.
    pub imports: Vec<String>,
}

/// How far one call of a plugin may go. Every field has a safe default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Limits {
    /// Linear memory of the call, in MiB.
    pub memory_mib: u64,
    /// Elements of all its tables.
    pub table_elements: u64,
    /// Core instances in the component.
    pub instances: u32,
    /// Resource handles open at once: files, directories, streams, sinks, blobs.
    pub handles: u32,
    /// How long it may take by the clock on the wall, waiting included, in seconds.
    pub wall_seconds: u64,
    /// How long it may compute, in seconds.
    pub compute_seconds: u64,
    /// Bytes of log that are kept, in KiB.
    pub log_kib: u64,
    /// Bytes it may write to `/out` and to blobs, in MiB.
    pub output_mib: u64,
    /// Files and directories it may make below `/out`, and objects it may return.
    pub output_entries: u64,
    /// HTTP requests it may make.
    pub http_requests: u64,
    /// Bytes of the bodies it may send by HTTP, in MiB.
    pub http_sent_mib: u64,
    /// Bytes of the bodies it may get by HTTP, in MiB.
    pub http_received_mib: u64,
    /// Bytes of the headers of one request or one answer, in KiB.
    pub http_headers_kib: u64,
    /// How long finding and reaching a server may take, in seconds.
    pub http_connect_seconds: u64,
    /// How long a server may take to begin its answer, in seconds.
    pub http_first_byte_seconds: u64,
    /// How long a server may pause within its answer, in seconds.
    pub http_between_bytes_seconds: u64,
    /// How long one request and its answer may take in all, in seconds.
    pub http_total_seconds: u64,
    /// Memory of the process that compiles it, in MiB.
    pub compile_memory_mib: u64,
    /// How long compiling it may take, in seconds.
    pub compile_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_mib: 512,
            table_elements: 100_000,
            instances: 32,
            handles: 4_096,
            wall_seconds: 300,
            compute_seconds: 120,
            log_kib: 1_024,
            output_mib: 1_024,
            output_entries: 200_000,
            http_requests: 1_000,
            http_sent_mib: 64,
            http_received_mib: 256,
            http_headers_kib: 64,
            http_connect_seconds: 10,
            http_first_byte_seconds: 30,
            http_between_bytes_seconds: 30,
            http_total_seconds: 120,
            compile_memory_mib: 4_096,
            compile_seconds: 180,
        }
    }
}

/// One thing that a plugin found wrong with its input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// What is wrong.
    pub message: String,
    /// The file it is in, below the plugin's input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line in that file, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The place in the config, a JSON pointer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.file, self.line, &self.pointer) {
            (Some(file), Some(line), _) => write!(f, "{file}:{line}: {}", self.message),
            (Some(file), None, _) => write!(f, "{file}: {}", self.message),
            (None, _, Some(pointer)) => write!(f, "{pointer}: {}", self.message),
            (None, _, None) => f.write_str(&self.message),
        }
    }
}

/// A limit that a call ran into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// `memory-mib`.
    Memory,
    /// `table-elements`.
    Table,
    /// `instances`.
    Instances,
    /// `handles`.
    Handles,
    /// The stack, which is fixed.
    Stack,
    /// `wall-seconds`.
    Wall,
    /// `compute-seconds`.
    Compute,
    /// `output-mib`.
    Output,
    /// `output-entries`.
    Entries,
    /// `http-requests`.
    HttpRequests,
    /// `http-sent-mib`.
    HttpSent,
    /// `http-received-mib`.
    HttpReceived,
    /// `http-headers-kib`.
    HttpHeaders,
    /// `compile-memory-mib`.
    CompileMemory,
    /// `compile-seconds`.
    CompileTime,
}

impl Limit {
    /// The key in host.yaml that sets it; none for a fixed one.
    pub const fn setting(self) -> Option<&'static str> {
        Some(match self {
            Self::Memory => "memory-mib",
            Self::Table => "table-elements",
            Self::Instances => "instances",
            Self::Handles => "handles",
            Self::Stack => return None,
            Self::Wall => "wall-seconds",
            Self::Compute => "compute-seconds",
            Self::Output => "output-mib",
            Self::Entries => "output-entries",
            Self::HttpRequests => "http-requests",
            Self::HttpSent => "http-sent-mib",
            Self::HttpReceived => "http-received-mib",
            Self::HttpHeaders => "http-headers-kib",
            Self::CompileMemory => "compile-memory-mib",
            Self::CompileTime => "compile-seconds",
        })
    }
}

/// How a plugin, or a call of it, failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "fault")]
pub enum Fault {
    /// The plugin refused its input.
    #[error("{}", violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Invalid {
        /// What is wrong; never empty.
        violations: Vec<Violation>,
    },
    /// A power that it used was not granted.
    #[error("denied: {message}")]
    Denied {
        /// What was denied, and the line that would grant it.
        message: String,
    },
    /// Live is not what the change was planned on.
    #[error("{message}")]
    Conflict {
        /// What was found.
        message: String,
    },
    /// Something outside failed in a way that passes.
    #[error("{message}")]
    Transient {
        /// What happened.
        message: String,
        /// How long to wait before the next try.
        retry_after: Option<Duration>,
    },
    /// The plugin gave up.
    #[error("{message}")]
    Failed {
        /// Why.
        message: String,
    },
    /// The plugin stopped by a trap.
    #[error("it trapped: {message}")]
    Trap {
        /// The trap and where it was.
        message: String,
    },
    /// The call ran into one of its limits.
    #[error("it went past its limit: {message}")]
    Limit {
        /// Which.
        limit: Limit,
        /// How far it may go.
        message: String,
    },
    /// What it returned breaks the contract.
    #[error("it returned what the contract does not allow: {message}")]
    Contract {
        /// What is wrong with it.
        message: String,
    },
    /// What it returned or wrote holds a secret that it had read.
    #[error("its output holds the secret `{secret}`, in {place}, and was not kept")]
    Leak {
        /// The secret's name.
        secret: Box<str>,
        /// Where in the output.
        place: Box<str>,
    },
    /// These bytes are no plugin that this host can run.
    #[error("{message}")]
    Unusable {
        /// Why not.
        message: String,
    },
    /// The call was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// Something that the call was given could not be read: lost or damaged bytes.
    #[error("{message}")]
    Lost {
        /// What.
        message: String,
    },
    /// No space is left for what the call writes.
    #[error("{message}")]
    NoSpace {
        /// Where.
        message: String,
    },
    /// The host could not do its part.
    #[error("{message}")]
    Host {
        /// What failed.
        message: String,
    },
}

/// A plugin as springline.lock pins it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Pinned {
    /// As springline.yaml or host.yaml names it: `step-site`, `./plugins/x.wasm`, `sha256:…`.
    pub name: String,
    /// The digest of the component's bytes.
    pub digest: Digest,
}

impl std::fmt::Display for Pinned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.name, self.digest.short())
    }
}

/// A failed call: which plugin, how, and what it had logged.
#[derive(Debug, Clone, thiserror::Error)]
#[error("plugin {plugin}: {fault}")]
pub struct CallError {
    /// The plugin.
    pub plugin: Pinned,
    /// How it failed.
    pub fault: Fault,
    /// Its log up to then.
    pub log: Vec<LogLine>,
}

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// For the plugin's author.
    Debug,
    /// For whoever reads the log.
    Info,
    /// For whoever runs it.
    Warn,
    /// What failed.
    Error,
}

/// One line that a plugin logged, control characters escaped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// How much it matters.
    pub level: Level,
    /// The line, with the sink's topic in front.
    pub text: String,
}
