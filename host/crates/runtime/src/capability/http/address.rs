//! Which server a request is for, and which addresses may be reached.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use springline_model::capability::Scheme;

/// A host, as a request names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Host {
    /// By name: ASCII, lower case, no dot at the end.
    Name(String),
    /// By address.
    Address(IpAddr),
}

/// A server, as a request names it: `https://example.org`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    /// How it is spoken to.
    pub(super) scheme: Scheme,
    /// Where it is.
    pub(super) host: Host,
    /// Its port.
    pub(super) port: u16,
}

impl Server {
    /// The server of a request's authority. There is one way to write each: what another program
    /// could read as another host is refused.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(scheme: Scheme, authority: &str) -> Result<Self, &'static str> {
        if authority.contains('@') {
            return Err("its address names a user, and none is sent in an address");
        }
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (address, port) = rest.split_once(']').ok_or("its address has a `[` without a `]`")?;
                let address = address.parse().map_err(|_| "what stands in brackets is no IPv6 address")?;
                (Host::Address(IpAddr::V6(address)), port)
            }
            None => {
                let end = authority.find(':').unwrap_or(authority.len());
                (host(&authority[..end])?, &authority[end..])
            }
        };
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => scheme.port(),
            Some(digits) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().ok().filter(|port| *port > 0).ok_or("its port is none")?
            }
            _ => return Err("its port is no number"),
        };
        Ok(Self { scheme, host, port })
    }

    /// The host as grants name it.
    pub(super) fn host(&self) -> String {
        match &self.host {
            Host::Name(name) => name.clone(),
            Host::Address(address) => address.to_string(),
        }
    }

    /// What the header `Host` says.
    pub(super) fn authority(&self) -> String {
        let host = match &self.host {
            Host::Address(IpAddr::V6(address)) => format!("[{address}]"),
            _ => self.host(),
        };
        if self.port == self.scheme.port() { host } else { format!("{host}:{}", self.port) }
    }
}

impl std::fmt::Display for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority())
    }
}

fn host(text: &str) -> Result<Host, &'static str> {
    if text.is_empty() {
        return Err("it names no host");
    }
    if !text.is_ascii() {
        return Err("its host is not ASCII: write an international name in its ASCII form, `xn--…`");
    }
    if text.ends_with('.') {
        return Err("its host ends in a dot: leave that out");
    }
    let clean = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    if text.len() > 253 || !text.split('.').all(clean) {
        return Err("its host is no name");
    }
    let name = text.to_ascii_lowercase();
    let last = name.rsplit('.').next().unwrap_or_default();
    let hexadecimal = last.strip_prefix("0x").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if hexadecimal || last.bytes().all(|byte| byte.is_ascii_digit()) {
        // Only as everybody writes it: `127.1`, `0177.0.0.1` and `2130706433` are read by some.
        let address = name.parse::<Ipv4Addr>().map_err(|_| "its host is an address in an odd notation")?;
        return Ok(Host::Address(IpAddr::V4(address)));
    }
    Ok(Host::Name(name))
}

/// Who may reach an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// It is on the public internet.
    Public,
    /// Who has a grant with `private: true`.
    Private(&'static str),
    /// Who has such a grant for this very address: no name may lead there.
    Named(&'static str),
    /// Nobody.
    Never(&'static str),
}

/// Clouds serve credentials to whoever asks from these.
const METADATA_V4: [Ipv4Addr; 5] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
    Ipv4Addr::new(168, 63, 129, 16),
];
const METADATA_V6: [Ipv6Addr; 2] =
    [Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)];

const METADATA: Reach = Reach::Named("an address that clouds serve credentials from");
const LINK_LOCAL: Reach = Reach::Named("a link-local address");
const LOOPBACK: Reach = Reach::Private("a loopback address");
const PRIVATE: Reach = Reach::Private("a private address");
const RESERVED: Reach = Reach::Never("a reserved address");

/// Who may reach this address.
pub(super) fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(address) => reach_v4(address),
        IpAddr::V6(address) => reach_v6(address),
    }
}

fn reach_v4(address: Ipv4Addr) -> Reach {
    let [a, b, c, _] = address.octets();
    match (a, b, c) {
        _ if METADATA_V4.contains(&address) => METADATA,
        (0, ..) => Reach::Never("the unspecified address"),
        (127, ..) => LOOPBACK,
        (10, ..) | (172, 16..=31, _) | (192, 168, _) => PRIVATE,
        (100, 64..=127, _) => Reach::Private("an address inside a provider's network"),
        (169, 254, _) => LINK_LOCAL,
        (198, 18..=19, _) => Reach::Private("an address for benchmarks"),
        (192, 0, 0 | 2) | (198, 51, 100) | (203, 0, 113) | (192, 88, 99) => RESERVED,
        (224..=239, ..) => Reach::Never("a multicast address"),
        (240.., ..) => RESERVED,
        _ => Reach::Public,
    }
}

fn reach_v6(address: Ipv6Addr) -> Reach {
    let embedded = |high: u16, low: u16| reach_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match address.segments() {
        _ if METADATA_V6.contains(&address) => METADATA,
        [0, 0, 0, 0, 0, 0, 0, 0] => Reach::Never("the unspecified address"),
        [0, 0, 0, 0, 0, 0, 0, 1] => LOOPBACK,
        // Mapped IPv4, and what translators take for it.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        [0x2002, high, low, ..] => embedded(high, low),
        [0x64, 0xff9b, 1, ..] => reach_translated(address.octets()),
        [0x2001, 0, ..] => Reach::Never("an address that tunnels (Teredo)"),
        [0x2001, 0xdb8, ..] => RESERVED,
        [0x3fff, 0..=0xfff, ..] => RESERVED,
        [0xfc00..=0xfdff, ..] => PRIVATE,
        [0xfe80..=0xfebf, ..] => LINK_LOCAL,
        [0xfec0..=0xfeff, ..] => PRIVATE,
        [0xff00..=0xffff, ..] => Reach::Never("a multicast address"),
        [0x2000..=0x3fff, ..] => Reach::Public,
        _ => RESERVED,
    }
}

/// Who may reach an address of a local translator. Only the local network knows where the IPv4
/// address is in it: behind 48, 56, 64 or 96 bits, the ninth byte left out (RFC 6052, 2.2).
fn reach_translated(o: [u8; 16]) -> Reach {
    let embedded = [
        [o[6], o[7], o[9], o[10]],
        [o[7], o[9], o[10], o[11]],
        [o[9], o[10], o[11], o[12]],
        [o[12], o[13], o[14], o[15]],
    ];
    let mut reaches = embedded.into_iter().map(|address| reach_v4(address.into()));
    reaches.find(|reach| matches!(reach, Reach::Named(_))).unwrap_or(PRIVATE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(authority: &str) -> Result<String, &'static str> {
        Server::parse(Scheme::Https, authority).map(|server| server.to_string())
    }

    #[test]
    fn a_server_is_written_in_one_way() {
        for (authority, server) in [
            ("example.org", "https://example.org"),
            ("EXAMPLE.org:443", "https://example.org"),
            ("example.org:8443", "https://example.org:8443"),
            ("xn--bcher-kva.example", "https://xn--bcher-kva.example"),
            ("127.0.0.1:80", "https://127.0.0.1:80"),
            ("[::1]", "https://[::1]"),
            ("[::FFFF:7f00:1]:80", "https://[::ffff:127.0.0.1]:80"),
            ("a_b.example", "https://a_b.example"),
            ("0xcafe.example", "https://0xcafe.example"),
        ] {
            assert_eq!(parsed(authority).as_deref(), Ok(server), "{authority}");
        }
    }

    #[test]
    fn what_could_be_another_host_is_refused() {
        for authority in [
            "",
            ":80",
            "good.example@evil.example",
            "good.example:80@evil.example",
            "bücher.example",
            "example.org.",
            "example..org",
            ".example.org",
            "-x.example",
            "127.1",
            "0177.0.0.1",
            "0x7f.0.0.1",
            "0x7f000001",
            "2130706433",
            "127.0.0.1.",
            "1.2.3.4.5",
            "256.1.1.1",
            "127.0.0.0x1",
            "exa%6dple.org",
            "example.org:0",
            "example.org:99999",
            "example.org:+80",
            "example.org:80:80",
            "example.org:",
            "[::1",
            "[::1%25eth0]",
            "[::1]x",
            "::1",
            "example.org/path",
            "example.org\r\nx",
            "example.org\\evil",
        ] {
            assert!(parsed(authority).is_err(), "{authority:?}");
        }
    }

    #[test]
    fn every_range_is_known() {
        use Reach::{Named, Never, Private, Public};
        let kind = |address: &str| match reach(address.parse().unwrap()) {
            Public => "public",
            Private(_) => "private",
            Named(_) => "named",
            Never(_) => "never",
        };
        for (expected, addresses) in [
            (
                "public",
                "93.184.215.14 172.32.0.1 100.63.255.255 100.128.0.1 192.0.1.1 2606:2800:220:1::1 ::ffff:8.8.8.8 64:ff9b::808:808 2002:808:808::1",
            ),
            (
                "private",
                "10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 127.0.0.1 127.255.255.254 100.64.0.1 198.18.0.1 ::1 fc00::1 fd12::1 ::ffff:127.0.0.1 ::ffff:10.1.2.3 64:ff9b::a00:1 64:ff9b:1::1 64:ff9b:1::808:808 64:ff9b:1:808:8:800:: 2002:7f00:1::1 fec0::1",
            ),
            (
                "named",
                "169.254.169.254 169.254.0.1 169.254.170.2 100.100.100.200 168.63.129.16 192.0.0.192 fd00:ec2::254 fd20:ce::254 fe80::1 ::ffff:169.254.169.254 64:ff9b::a9fe:a9fe 64:ff9b:1::a9fe:a9fe 64:ff9b:1:2:3::a9fe:1 64:ff9b:1:a9fe:a9:fe00:: 64:ff9b:1:a9:fe:a9fe:: 64:ff9b:1:2:a9:fea9:fe00:0 64:ff9b:1::6464:64c8 2002:a9fe:a9fe::1",
            ),
            (
                "never",
                "0.0.0.0 0.1.2.3 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255 :: ::7f00:1 ff02::1 2001::1 2001:db8::1 100::1 4000::1 192.0.2.1 203.0.113.9 ::ffff:0.0.0.0",
            ),
        ] {
            for address in addresses.split(' ') {
                assert_eq!(kind(address), expected, "{address}");
            }
        }
    }
}
