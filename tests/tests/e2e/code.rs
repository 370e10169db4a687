//! The exit codes of the program, as docs/reference/exit-codes.md lists them.

pub const DIFFERS: i32 = 1;
pub const USAGE: i32 = 2;
pub const CONFIG: i32 = 3;
pub const SOURCE: i32 = 4;
pub const PLUGIN: i32 = 5;
pub const DEPLOY: i32 = 6;
pub const STATE: i32 = 7;
pub const DENIED: i32 = 8;
pub const BUSY: i32 = 9;
pub const NO_SPACE: i32 = 10;
pub const UNCONFIRMED: i32 = 11;
