//! A build step for tests: does with the network and secrets what its config lists, in that order.

#[cfg(target_family = "wasm")]
mod raw;
#[cfg(not(target_family = "wasm"))]
mod raw {
    use springline_sdk::{Error, Result};

    pub fn get(_: &str, _: &str) -> Result<String> {
        Err(Error::failed("only a component can say this"))
    }

    pub fn post(_: &str, _: impl FnOnce() -> Result<Vec<u8>>) -> Result<String> {
        Err(Error::failed("only a component can say this"))
    }
}

use std::collections::BTreeMap;
use std::io::Write as _;

use springline_sdk::http::Request;
use springline_sdk::prelude::*;
use springline_sdk::secrets;

#[config]
struct Config {
    /// What to do. In texts, `{secret}`, `{hex}`, `{base64}` and `{reversed}` stand for the secret
    /// that was read last.
    ops: Vec<Op>,
}

#[config]
enum Op {
    /// Makes a request, and fails if that fails.
    Request(Wanted),
    /// Makes a request, and carries on whatever comes of it.
    Try(Wanted),
    /// Asks a server, `HOST:PORT`, with any text for the path.
    Path {
        /// The server.
        server: String,
        /// The path.
        path: String,
    },
    /// Begins to send a body to a server, `HOST:PORT`, then reads a secret, and goes on with that.
    Begin {
        /// The server.
        server: String,
        /// The secret.
        secret: String,
    },
    /// Reads the secret of this name.
    Secret(String),
    /// Logs a text.
    Log(String),
    /// Prints a text, a byte at a time.
    Print(String),
    /// Writes a file of this name.
    Write {
        /// Its path.
        path: String,
        /// Its content.
        text: String,
        /// How many bytes of nothing stand before it.
        #[serde(default)]
        after: usize,
    },
    /// Fails with this text.
    Fail(String),
}

#[config]
struct Wanted {
    url: String,
    #[serde(default)]
    method: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
    /// The body is so many bytes instead.
    #[serde(default)]
    bytes: usize,
    /// How often.
    #[serde(default)]
    count: Option<u64>,
    #[serde(default)]
    redirects: u32,
}

/// Uses the network and secrets as it is told.
#[build_step(capabilities(http = "the tests are about it", secrets = "the tests are about them"))]
fn probe_net(config: Config, step: &mut Step) -> Result<String> {
    let (mut said, mut held) = (Vec::new(), Vec::new());
    for op in config.ops {
        match op {
            Op::Request(wanted) => said.push(request(&wanted, &held)?),
            Op::Try(wanted) => said.push(request(&wanted, &held).unwrap_or_else(|error| error.to_string())),
            Op::Path { server, path } => said.push(raw::get(&server, &path)?),
            Op::Begin { server, secret } => said.push(raw::post(&server, || secrets::get(&secret))?),
            Op::Secret(name) => held = secrets::get(&name)?,
            Op::Log(text) => info!("{}", fill(&text, &held)),
            Op::Print(text) => {
                for byte in fill(&text, &held).into_bytes() {
                    std::io::stdout().write_all(&[byte])?;
                    std::io::stdout().flush()?;
                }
                println!();
            }
            Op::Write { path, text, after } => {
                let mut bytes = vec![b'.'; after];
                bytes.extend(fill(&text, &held).into_bytes());
                step.write(fill(&path, &held), bytes)?;
            }
            Op::Fail(text) => return Err(Error::failed(fill(&text, &held))),
        }
    }
    Ok(said.join(" "))
}

fn request(wanted: &Wanted, held: &[u8]) -> Result<String> {
    let mut last = String::new();
    for _ in 0..wanted.count.unwrap_or(1) {
        let method = wanted.method.as_deref().unwrap_or("GET");
        let mut request = Request::new(method, &fill(&wanted.url, held)).redirects(wanted.redirects).limit(64 << 20);
        for (name, value) in &wanted.headers {
            request = request.header(name, &fill(value, held));
        }
        request = match wanted.bytes {
            0 => request.body(fill(&wanted.body, held)),
            bytes => request.body(vec![b'x'; bytes]),
        };
        let answer = request.send()?;
        last = format!("{}:{}", answer.status, String::from_utf8_lossy(&answer.body[..answer.body.len().min(40)]));
    }
    Ok(last)
}

fn fill(text: &str, held: &[u8]) -> String {
    let hex: String = held.iter().map(|byte| format!("{byte:02x}")).collect();
    let reversed: Vec<u8> = held.iter().rev().copied().collect();
    text.replace("{secret}", &String::from_utf8_lossy(held))
        .replace("{hex}", &hex)
        .replace("{base64}", &base64(held))
        .replace("{reversed}", &String::from_utf8_lossy(&reversed))
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let number =
            group.iter().fold(0_usize, |number, byte| number << 8 | usize::from(*byte)) << (8 * (3 - group.len()));
        for digit in 0..=group.len() {
            text.push(char::from(DIGITS[number >> (18 - 6 * digit) & 63]));
        }
    }
    text
}
