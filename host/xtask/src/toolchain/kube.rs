//! A Kubernetes control plane for the tests: that of `KUBEBUILDER_ASSETS`, or one built from the
//! module in `tests/apiserver`.

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, anyhow};
use sha2::{Digest as _, Sha256};

use super::tools::needs_go;
use crate::context::Context;
use crate::process;

/// Where controller tests everywhere look; the tests look there first.
const ASSETS: &str = "KUBEBUILDER_ASSETS";
/// What one program is, by the name by which it is called.
const NAMES: [&str; 4] = ["etcd", "kube-apiserver", CONTROLLERS, "kubectl"];
/// The one that only some tests need.
const CONTROLLERS: &str = "kube-controller-manager";

/// The directory with the programs, built once.
pub fn find(context: &Context, directory: &Path) -> Result<PathBuf> {
    if let Some(assets) = env::var_os(ASSETS).map(PathBuf::from) {
        match missing(&assets)[..] {
            [] => return Ok(assets),
            [CONTROLLERS] => {
                println!(
                    "    {ASSETS} has no {CONTROLLERS}: what needs it is not tested (unset {ASSETS} to have it built)"
                );
                return Ok(assets);
            }
            ref missing => println!("    {ASSETS} has no {}: it is not used", missing.join(", ")),
        }
    }
    let module = Module::read(&context.root.join("tests/apiserver"))?;
    let directory = directory.join(format!("kube-{}-{}", module.version, module.digest));
    // The last of what is made.
    if !directory.join(NAMES[3]).exists() {
        let built = module.build(&directory);
        built.map_err(|error| anyhow!("{error:#}; or set {ASSETS} to a directory with {}", NAMES.join(", ")))?;
    }
    Ok(directory)
}

/// The programs that a directory does not have.
fn missing(directory: &Path) -> Vec<&'static str> {
    NAMES.into_iter().filter(|name| !directory.join(name).exists()).collect()
}

/// The module that the programs are built from.
struct Module {
    root: PathBuf,
    /// That of Kubernetes, `1.36.3`.
    version: String,
    /// Of all that decides what is built.
    digest: String,
}

impl Module {
    fn read(root: &Path) -> Result<Self> {
        let read = |name| fs::read_to_string(root.join(name)).with_context(|| format!("can't read {name}"));
        let (requirements, sums, source) = (read("go.mod")?, read("go.sum")?, read("main.go")?);
        let version = requirements.lines().find_map(|line| line.trim().strip_prefix("k8s.io/kubernetes v"));
        let version = version.context("go.mod requires no k8s.io/kubernetes")?.to_owned();
        let digest = Sha256::digest([requirements, sums, source].concat());
        let digest = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { root: root.to_owned(), version, digest })
    }

    /// Builds the one program, with its names beside it. What is in it for debuggers would take a
    /// fifth longer to compile.
    fn build(&self, directory: &Path) -> Result<()> {
        needs_go()?;
        println!("    building Kubernetes {} (once, 9 minutes of one core)", self.version);
        fs::create_dir_all(directory)?;
        let mut command = Command::new("go");
        command.args(["build", "-trimpath", "-buildvcs=false", "-gcflags=all=-dwarf=false"]);
        command.arg(format!("-ldflags={}", self.linker_flags()));
        command.arg("-o").arg(directory.join("kube")).arg(".");
        process::run(command.env("CGO_ENABLED", "0").current_dir(&self.root))?;
        for name in NAMES {
            let link = directory.join(name);
            if !link.is_symlink() {
                symlink("kube", link)?;
            }
        }
        Ok(())
    }

    /// The version is stamped in: without one, kubectl takes the server for a development build.
    fn linker_flags(&self) -> String {
        let Self { version, .. } = self;
        let mut numbers = version.split('.');
        let (major, minor) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
        let stamp = |package: &str| {
            format!("-X {package}.gitVersion=v{version} -X {package}.gitMajor={major} -X {package}.gitMinor={minor}")
        };
        format!("-s -w {} {}", stamp("k8s.io/component-base/version"), stamp("k8s.io/client-go/pkg/version"))
    }
}
