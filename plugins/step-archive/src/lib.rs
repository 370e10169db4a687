//! Packs the input into one archive: the same files give the same bytes, wherever and whenever.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod matcher;
mod pack;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};

use matcher::HashChain;
use pack::Layout;
use springline_sdk::files;
use springline_sdk::prelude::*;
use structured_zstd::encoding::{CompressionLevel, StreamingEncoder};

/// How the input is packed.
#[config]
struct Config {
    /// The format of the archive.
    #[serde(default)]
    format: Format,
    /// The file that is written; `archive.tar.zst` or `archive.tar` without it.
    #[serde(default)]
    name: Option<String>,
    /// A directory that everything in the archive is put below.
    #[serde(default)]
    prefix: Option<String>,
    /// How hard to compress: from 1, which is fast, to 9, which is small.
    #[serde(default = "default_level")]
    #[schemars(range(min = 1, max = 9))]
    level: u32,
    /// The time that every file in the archive bears.
    #[serde(default)]
    mtime: Mtime,
}

const fn default_level() -> u32 {
    2
}

#[config]
#[derive(Copy, Default)]
enum Format {
    /// A tar archive, compressed with Zstandard.
    #[default]
    #[serde(rename = "tar.zst")]
    TarZst,
    /// A tar archive.
    Tar,
}

impl Format {
    const fn default_name(self) -> &'static str {
        match self {
            Self::TarZst => "archive.tar.zst",
            Self::Tar => "archive.tar",
        }
    }
}

#[config]
#[derive(Copy, Default)]
enum Mtime {
    /// The start of 1970.
    #[default]
    Zero,
    /// The time of the commit: every commit makes another archive.
    Commit,
}

/// Packs a directory into one archive, the same bytes for the same files.
#[build_step]
fn archive(config: Config, step: &mut Step) -> Result<String> {
    let name = config.name.as_deref().unwrap_or(config.format.default_name());
    let mut out = Counted { inner: create(step, name)?, bytes: 0 };
    let layout = Layout {
        prefix: prefix(config.prefix.as_deref())?,
        mtime: match config.mtime {
            Mtime::Zero => 0,
            Mtime::Commit => u64::try_from(step.context().commit_time()).unwrap_or_default(),
        },
    };
    let packed = match config.format {
        Format::Tar => pack::pack(step, &layout, &mut out)?,
        Format::TarZst => {
            let mut encoder =
                StreamingEncoder::new_with_matcher(HashChain::new(config.level), &mut out, CompressionLevel::Default);
            encoder.set_content_checksum(true).at(name)?;
            let packed = pack::pack(step, &layout, &mut encoder)?;
            encoder.finish().at(name)?;
            packed
        }
    };
    out.flush().at(name)?;
    if packed.entries == 0 {
        warn!("the input is empty, and so is {name}");
    }
    Ok(format!("{} files of {} bytes, packed into {}", packed.entries, packed.bytes, out.bytes))
}

/// Makes the file that the archive is written to.
fn create(step: &Step, name: &str) -> Result<BufWriter<File>> {
    let at =
        files::below(step.output(), name).map_err(|_| Violation::new("no path below a directory").pointer("/name"))?;
    if let Some(parent) = at.parent() {
        fs::create_dir_all(parent).at(parent)?;
    }
    Ok(BufWriter::new(File::create(&at).at(&at)?))
}

/// What stands before every path in the archive.
fn prefix(prefix: Option<&str>) -> Result<String> {
    match prefix.map(|prefix| prefix.trim_end_matches('/')) {
        None => Ok(String::new()),
        Some(prefix) if files::is_clean(prefix) => Ok(format!("{prefix}/")),
        Some(_) => Err(Violation::new("no path below a directory").pointer("/prefix").into()),
    }
}

/// Counts what goes through it.
struct Counted<W> {
    inner: W,
    bytes: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests;
