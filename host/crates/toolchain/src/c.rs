//! C and C++, for WASI by clang, as the project's Makefile says.

use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use crate::component;
use crate::{BuildError, Job, Missing, Toolchain, find, missing, newest, run};

/// Where Debian's and Ubuntu's wasi-libc lies.
const SYSTEM: &str = "/usr";
/// The release of Debian's packages that is asked for where apt knows none.
const RELEASE: u32 = 22;

/// C and C++.
pub struct C;

impl Toolchain for C {
    fn missing(&self, _: &Job<'_>) -> Vec<Missing> {
        let make = make().is_none().then(|| "make".to_owned());
        if let Some(sdk) = wasi_sdk() {
            let lacking = Compiler::of_wasi_sdk(&sdk).lacking();
            let told = |what: &str| format!("{what} in {}, which WASI_SDK_PATH names", sdk.display());
            let mut all: Vec<_> = lacking.iter().map(|part| missing(told(part.what()), &[])).collect();
            all.extend(make.map(|package| by_apt(&["GNU make"], vec![package])));
            return all;
        }
        let lacking = Compiler::of_system().map_or_else(|| Part::ALL.to_vec(), |compiler| compiler.lacking());
        if lacking.is_empty() && make.is_none() {
            return Vec::new();
        }
        let mut what: Vec<_> = lacking.iter().map(|part| part.what()).collect();
        what.extend(make.iter().map(|_| "GNU make"));
        let release = release();
        let packages = lacking.iter().map(|part| part.package(release)).chain(make.clone()).collect();
        vec![by_apt(&what, packages)]
    }

    /// Makes the core module by the project's Makefile, and the component of it.
    fn build(&self, job: &Job<'_>) -> Result<Vec<u8>, BuildError> {
        let project = job.project;
        let compiler = wasi_sdk().map(|sdk| Compiler::of_wasi_sdk(&sdk)).or_else(Compiler::of_system);
        let (Some(make), Some(compiler)) = (make(), compiler) else {
            return Err(BuildError::Missing(self.missing(job)));
        };
        let work = project.work()?;
        let build = work.strip_prefix(&project.directory).unwrap_or(&work);
        let mut command = Command::new(make);
        command.current_dir(&project.directory).args(["--silent", "--no-print-directory"]);
        command.arg(format!("-j{}", thread::available_parallelism().map_or(1, usize::from)));
        command.args(["module", &format!("PLUGIN={}", project.name), &format!("BUILD={}", build.display())]);
        command.arg(format!("CLANG={}", compiler.clang.display()));
        command.arg(format!("WASM_LD={}", compiler.linker.display()));
        command.arg(format!("WASI_SYSROOT={}", compiler.sysroot.display()));
        command.arg(format!("DEBUG={}", if job.debug { "1" } else { "" }));
        // Of a make that started us.
        command.env_remove("MAKEFLAGS").env_remove("MAKELEVEL");
        run(&mut command, job.say)?;
        let module = work.join(format!("{}.module.wasm", project.name));
        let bytes = fs::read(&module).map_err(|error| {
            let shown = project.shown(&module);
            BuildError::Project(format!(
                "`make module` left no module at {shown}: {error}; does the Makefile include springline.mk?"
            ))
        })?;
        component::of_module_for(&bytes, &project.wit(), &project.world())
    }
}

fn make() -> Option<PathBuf> {
    find("gmake").or_else(|| find("make"))
}

fn wasi_sdk() -> Option<PathBuf> {
    env::var_os("WASI_SDK_PATH").filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// A clang for WASI with what belongs to it; not all of it need be there.
struct Compiler {
    clang: PathBuf,
    linker: PathBuf,
    sysroot: PathBuf,
}

impl Compiler {
    fn of_wasi_sdk(sdk: &Path) -> Self {
        Self { clang: sdk.join("bin/clang"), linker: sdk.join("bin/wasm-ld"), sysroot: sdk.join("share/wasi-sysroot") }
    }

    /// The newest one on `PATH`.
    fn of_system() -> Option<Self> {
        let linker = newest("wasm-ld").unwrap_or_default();
        Some(Self { clang: newest("clang")?, linker, sysroot: SYSTEM.into() })
    }

    /// What is not there.
    fn lacking(&self) -> Vec<Part> {
        let has = |part: &Part| match part {
            Part::Clang => says(&self.clang, &["--print-targets"]).is_some_and(|targets| targets.contains("wasm32")),
            Part::Linker => self.linker.is_file(),
            Part::Library => {
                let libraries = self.sysroot.join("lib");
                ["wasm32-wasi", "wasm32-wasip1"].iter().any(|target| libraries.join(target).join("libc.a").is_file())
            }
            Part::Runtime => {
                let path = |target| {
                    says(&self.clang, &[target, "--rtlib=compiler-rt", "-print-libgcc-file-name"])
                        .is_some_and(|path| Path::new(path.trim()).is_file())
                };
                path("--target=wasm32-wasi") || path("--target=wasm32-wasip1")
            }
        };
        Part::ALL.into_iter().filter(|part| !has(part)).collect()
    }
}

/// What a program prints; none if it fails or is not there.
fn says(program: &Path, arguments: &[&str]) -> Option<String> {
    run(Command::new(program).args(arguments), &|_| {}).ok()
}

/// What it takes to compile C for WASI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Clang,
    Linker,
    Library,
    Runtime,
}

impl Part {
    const ALL: [Self; 4] = [Self::Clang, Self::Linker, Self::Library, Self::Runtime];

    const fn what(self) -> &'static str {
        match self {
            Self::Clang => "clang with WebAssembly support",
            Self::Linker => "the linker wasm-ld",
            Self::Library => "the C library for WASI",
            Self::Runtime => "clang's runtime library for wasm32",
        }
    }

    /// Debian's package.
    fn package(self, release: u32) -> String {
        match self {
            Self::Clang => format!("clang-{release}"),
            Self::Linker => format!("lld-{release}"),
            Self::Library => "wasi-libc".to_owned(),
            Self::Runtime => format!("libclang-rt-{release}-dev-wasm32"),
        }
    }
}

/// The release of clang's packages: that of the clang which is there, else the newest that apt has
/// with a runtime library for wasm32.
fn release() -> u32 {
    let number = |name: &str| name.split('-').find_map(|part| part.parse().ok());
    let installed = newest("clang").and_then(|clang| number(clang.file_name()?.to_str()?));
    let search = ["search", "--names-only", "^libclang-rt-[0-9]+-dev-wasm32$"];
    let newest_of_apt = || says(Path::new("apt-cache"), &search)?.lines().filter_map(number).max();
    installed.or_else(newest_of_apt).unwrap_or(RELEASE)
}

/// What apt gets, where there is one.
fn by_apt(what: &[&str], packages: Vec<String>) -> Missing {
    let what = what.join(", ");
    if find("apt-get").is_none() {
        let what = format!("{what} (a wasi-sdk has the compiler's parts: unpack it and set WASI_SDK_PATH)");
        return missing(what, &[]);
    }
    let sudo = if is_root() { Vec::new() } else { vec!["sudo".to_owned()] };
    let command = |words: &[&str], packages: &[String]| {
        let words = words.iter().map(|word| (*word).to_owned());
        sudo.iter().cloned().chain(words).chain(packages.iter().cloned()).collect::<Vec<_>>()
    };
    let install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends"];
    Missing { what, commands: vec![command(&["apt-get", "update", "-qq"], &[]), command(&install, &packages)] }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_wasi_sdk_lacks_is_named() {
        let empty = tempfile::tempdir().unwrap();
        assert_eq!(Compiler::of_wasi_sdk(empty.path()).lacking(), Part::ALL);
        let library = empty.path().join("share/wasi-sysroot/lib/wasm32-wasip1");
        fs::create_dir_all(&library).unwrap();
        fs::write(library.join("libc.a"), "").unwrap();
        assert_eq!(Compiler::of_wasi_sdk(empty.path()).lacking(), [Part::Clang, Part::Linker, Part::Runtime]);
    }

    #[test]
    fn packages_are_of_one_release() {
        let packages = Part::ALL.map(|part| part.package(22));
        assert_eq!(packages, ["clang-22", "lld-22", "wasi-libc", "libclang-rt-22-dev-wasm32"]);
    }

    #[test]
    fn apt_is_asked_once_for_all_of_it() {
        let missing = by_apt(&["a", "b"], vec!["one".into(), "two".into()]);
        assert!(missing.what.starts_with("a, b"));
        if find("apt-get").is_some() {
            assert_eq!(missing.commands.len(), 2);
            assert!(missing.commands[1].ends_with(&["one".to_owned(), "two".to_owned()]));
        }
    }
}
