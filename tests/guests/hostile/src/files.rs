//! Floods of files, and ways out of those that a step is given. A way out that fails, as it must, counts
//! as `contained`.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use springline_sdk::prelude::*;

/// Opens a file again and again.
pub fn open(step: &Step) -> Result<String> {
    step.write("one", "1")?;
    let mut open = Vec::new();
    loop {
        open.push(File::open(step.output().join("one"))?);
    }
}

/// Begins to list a directory again and again.
pub fn list(step: &Step) -> Result<String> {
    let mut listings = Vec::new();
    loop {
        let mut listing = fs::read_dir(step.input())?;
        listing.next().transpose()?;
        listings.push(listing);
    }
}

/// Writes a large file.
pub fn large(step: &Step, mib: u64) -> String {
    let Ok(mut file) = File::create(step.output().join("large")) else { return "not made".into() };
    let chunk = vec![7_u8; 1 << 20];
    let written = (0..mib).take_while(|_| file.write_all(&chunk).is_ok()).count();
    format!("{written} MiB")
}

/// Makes many files.
pub fn many(step: &Step, files: u64) -> String {
    let made = (0..files).take_while(|n| fs::write(step.output().join(n.to_string()), "").is_ok()).count();
    format!("{made} files")
}

/// Makes directories in each other, moving what is made so far into the next so that no path is long.
pub fn nest(step: &Step, depth: u64) -> String {
    let (top, next) = (step.output().join("d"), step.output().join("next"));
    let mut made = u64::from(fs::create_dir(&top).is_ok());
    while made < depth {
        if fs::create_dir(&next).and_then(|()| fs::rename(&top, next.join("d"))).is_err() {
            break;
        }
        if fs::rename(&next, &top).is_err() {
            break;
        }
        made += 1;
    }
    format!("{made} deep")
}

/// Makes links that lead out, and follows those that the input has.
#[allow(deprecated)] // The other ways to make a link are unstable for WASI.
pub fn links(step: &Step) -> Result<String> {
    let (input, output) = (step.input(), step.output());
    let link = output.join("link");
    for target in ["/etc", "/etc/", "..", "../", "../in", "a/../../etc", "/", "./../..", "/in/read.txt"] {
        refused(fs::soft_link(target, &link), target)?;
        for below in ["link", "link/", "link/passwd", "link/."] {
            refused(fs::read_dir(output.join(below)).map(drop), below)?;
            refused(fs::read(output.join(below)).map(drop), below)?;
        }
    }
    for given in ["out-file", "out-dir", "out-dir/", "out-dir/passwd", "absolute", "absolute/", "absolute/passwd"] {
        refused(fs::read(input.join(given)).map(drop), given)?;
        refused(fs::read_dir(input.join(given)).map(drop), given)?;
        refused(fs::metadata(input.join(given)).map(drop), given)?;
    }
    Ok("contained".into())
}

/// Opens and makes what is outside.
pub fn names(step: &Step) -> Result<String> {
    for name in ["../in/read.txt", "../../etc/passwd", "a/../../in/read.txt", "..", "../", "x/../../.."] {
        refused(fs::write(step.output().join(name), "out"), name)?;
        refused(fs::create_dir(step.output().join(name)), name)?;
        refused(fs::write(step.input().join(name), "out"), name)?;
    }
    for path in
        ["/etc/passwd", "/proc/self/environ", "/in/../etc/passwd", "//etc/passwd", "etc/passwd", "/dev/null", "/"]
    {
        refused(fs::read(path).map(drop), path)?;
        refused(fs::read_dir(path).map(drop), path)?;
        refused(fs::write(path, "out"), path)?;
    }
    Ok("contained".into())
}

/// Changes what may only be read.
pub fn read_only(step: &Step) -> Result<String> {
    let (given, own) = (step.input().join("read.txt"), step.output().join("own"));
    fs::write(&own, "own").at(&own)?;
    refused(File::create(&given).map(drop), "truncating it")?;
    refused(OpenOptions::new().append(true).open(&given).map(drop), "appending to it")?;
    refused(OpenOptions::new().write(true).open(&given).map(drop), "writing it")?;
    refused(File::open(&given)?.set_len(0), "cutting it through a descriptor")?;
    refused(fs::rename(&own, &given), "renaming over it")?;
    refused(fs::rename(&given, step.output().join("taken")), "taking it away")?;
    refused(fs::hard_link(&given, step.output().join("linked")), "linking it")?;
    refused(fs::hard_link(&own, step.input().join("linked")), "linking into it")?;
    refused(fs::remove_file(&given), "removing it")?;
    refused(fs::create_dir(step.input().join("made")), "making a directory in it")?;
    refused(fs::write(step.input().join("new"), "new"), "making a file in it")?;
    let same = fs::read(&given).at(&given)? == b"1";
    if same { Ok("contained".into()) } else { Err(Error::failed("it was changed")) }
}

/// Writes names that are allowed and ugly.
pub fn odd_names(step: &Step) -> Result<String> {
    let names = [
        "-rf",
        "--checkpoint-action=exec=sh",
        "~",
        "$HOME",
        "%2e%2e%2fetc",
        "..\\..\\etc",
        "...",
        " ",
        "a ",
        "*",
        "CON",
        "é\u{301}",
        "\u{202e}cod.exe",
    ];
    let made = names.iter().filter(|name| fs::write(step.output().join(name), "odd").is_ok()).count();
    let refused = ["new\nline", "\u{1b}[2J", "tab\there", "\u{7f}"];
    let kept = refused.iter().filter(|name| fs::write(step.output().join(name), "odd").is_ok()).count();
    Ok(format!("{made} made, {kept} that should not be"))
}

/// Lays out what an archive that leads out would: a link, and files below a directory of the same name.
#[allow(deprecated)] // The other ways to make a link are unstable for WASI.
pub fn archive(step: &Step) -> Result<String> {
    let output = step.output();
    fs::create_dir(output.join("deep")).at(output)?;
    fs::write(output.join("deep/file"), "file").at(output)?;
    fs::soft_link("../deep", output.join("deep/up")).at(output)?;
    fs::soft_link("deep/file", output.join("inside")).at(output)?;
    refused(fs::soft_link("../../..", output.join("deep/out")), "a link that leads out")?;
    refused(fs::rename(output.join("deep/up"), output.join("up")), "a link moved to where it leads out")?;
    refused(write_through(output), "writing through a link that leads out")?;
    Ok("contained".into())
}

fn write_through(output: &Path) -> std::io::Result<()> {
    fs::write(output.join("deep/out/etc/passwd"), "out")
}

fn refused(result: std::io::Result<()>, what: &str) -> Result<()> {
    match result {
        Err(_) => Ok(()),
        Ok(()) => Err(Error::failed(format!("it got out: {what}"))),
    }
}
