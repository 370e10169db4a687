//! A program that compiles plugins, for this crate's own tests. In the product the host's program
//! does it, under a hidden verb.

fn main() -> std::process::ExitCode {
    springline_runtime::compile_child()
}
