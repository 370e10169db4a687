//! Everything that files can do.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};

use springline_sdk::prelude::*;

/// Copies the input to the output: a link as a file that names its target.
pub fn copy(step: &Step) -> Result<String> {
    let mut files = 0;
    for entry in step.walk()? {
        let from = step.input().join(&entry.path);
        let to = step.output().join(&entry.path);
        fs::create_dir_all(to.parent().unwrap_or(step.output())).at(&to)?;
        let metadata = fs::symlink_metadata(&from).at(&from)?;
        if metadata.is_symlink() {
            fs::write(&to, fs::read_link(&from).at(&from)?.to_string_lossy().as_bytes()).at(&to)?;
        } else {
            fs::write(&to, fs::read(&from).at(&from)?).at(&to)?;
            if step.is_executable(&entry.path)? {
                step.set_executable(&entry.path, true)?;
            }
        }
        files += 1;
    }
    Ok(format!("{files} files"))
}

/// Uses files in every way there is, and says `fine` if all is as it should be.
pub fn exercise(step: &Step) -> Result<String> {
    let out = step.output();
    let a = out.join("a.txt");
    fs::write(&a, "hello").at(&a)?;
    OpenOptions::new().append(true).open(&a).at(&a)?.write_all(b" world").at(&a)?;
    expect(fs::read(&a).at(&a)? == b"hello world", "appended")?;

    let mut file = OpenOptions::new().read(true).write(true).open(&a).at(&a)?;
    file.seek(SeekFrom::Start(6)).at(&a)?;
    file.write_all(b"W").at(&a)?;
    file.seek(SeekFrom::Start(0)).at(&a)?;
    let mut text = String::new();
    file.read_to_string(&mut text).at(&a)?;
    expect(text == "hello World", "overwritten")?;
    file.set_len(5).at(&a)?;
    expect(fs::metadata(&a).at(&a)?.len() == 5, "cut")?;
    file.seek(SeekFrom::Start(7)).at(&a)?;
    file.write_all(b"!").at(&a)?;
    drop(file);
    expect(fs::read(&a).at(&a)? == b"hello\0\0!", "a gap is zeros")?;

    let large = out.join("large.bin");
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    fs::write(&large, &bytes).at(&large)?;
    expect(fs::read(&large).at(&large)? == bytes, "a large file survives")?;

    let dir = out.join("one/two");
    fs::create_dir_all(&dir).at(&dir)?;
    fs::rename(&a, dir.join("b.txt")).at(&a)?;
    expect(!a.exists(), "renamed")?;
    fs::copy(dir.join("b.txt"), out.join("one/copy")).at(&dir)?;
    let mut names: Vec<_> = fs::read_dir(out.join("one")).at(&dir)?.flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    expect(names == ["copy", "two"], "listed")?;

    expect(fs::remove_dir(out.join("one")).is_err(), "not empty")?;
    expect_error(fs::create_dir(out.join("one")), ErrorKind::AlreadyExists)?;
    expect_error(fs::remove_file(out.join("nothing")), ErrorKind::NotFound)?;
    expect(File::create_new(out.join("one/copy")).is_err(), "exclusive")?;
    fs::create_dir(out.join("empty")).at(&dir)?;
    fs::remove_file(&large).at(&large)?;
    let modified = fs::metadata(dir.join("b.txt")).at(&dir)?.modified().at(&dir)?;
    expect(modified == std::time::SystemTime::now(), "times are constant")?;
    Ok("fine".into())
}

/// Writes where nothing may be written, reads where nothing may be read, and says `contained` if
/// all of it failed.
pub fn escape(step: &Step) -> Result<String> {
    let input = step.input();
    expect(fs::write(input.join("new.txt"), "x").is_err(), "writing below /in")?;
    expect(OpenOptions::new().append(true).open(input.join("read.txt")).is_err(), "appending below /in")?;
    expect(fs::remove_file(input.join("read.txt")).is_err(), "removing below /in")?;
    expect(fs::create_dir(input.join("dir")).is_err(), "making below /in")?;
    expect(fs::rename(input.join("read.txt"), step.output().join("x")).is_err(), "moving from /in")?;
    for path in ["/etc/passwd", "/in/../etc/passwd", "/in/out-of-here", "../etc/passwd", "/"] {
        expect(fs::read(path).is_err() && fs::read_dir(path).is_err(), path)?;
    }
    Ok("contained".into())
}

fn expect(holds: bool, what: &str) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::failed(format!("not so: {what}"))) }
}

fn expect_error(result: std::io::Result<()>, kind: ErrorKind) -> Result<()> {
    match result {
        Err(error) if error.kind() == kind => Ok(()),
        other => Err(Error::failed(format!("{kind:?} was expected: {other:?}"))),
    }
}
