//! A cluster for a person, or for a program that is not a test of ours: it prints where its
//! kubeconfig is when it is ready, and ends when its standard input closes.

use std::io;
use std::process::ExitCode;

use springline_testcluster::Cluster;

fn main() -> ExitCode {
    let Some(cluster) = Cluster::start() else { return ExitCode::FAILURE };
    if std::env::args().any(|argument| argument == "--controllers") && !cluster.controllers() {
        return ExitCode::FAILURE;
    }
    println!("{}", cluster.kubeconfig().display());
    match io::copy(&mut io::stdin(), &mut io::sink()) {
        Ok(_) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
