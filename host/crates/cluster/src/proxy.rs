//! Which servers the proxy of the environment is for, as everything else on a machine has it.

use std::net::IpAddr;

/// The proxy for a server: what `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` say, in either case.
pub fn of_environment(server: &http::Uri) -> Option<String> {
    let read = |name: &str| {
        [name.to_owned(), name.to_lowercase()]
            .iter()
            .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    };
    let proxy = read(if server.scheme_str() == Some("http") { "HTTP_PROXY" } else { "HTTPS_PROXY" })?;
    let host = server.host().unwrap_or_default().trim_matches(['[', ']']);
    (!is_excepted(host, &read("NO_PROXY").unwrap_or_default())).then_some(proxy)
}

/// Whether a host is reached directly: this machine always is.
fn is_excepted(host: &str, exceptions: &str) -> bool {
    let address: Option<IpAddr> = host.parse().ok();
    if host.eq_ignore_ascii_case("localhost") || address.is_some_and(|address| address.is_loopback()) {
        return true;
    }
    exceptions.split([',', ' ']).map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        entry == "*"
            || match address {
                Some(address) => entry.parse() == Ok(address) || is_in_range(address, entry),
                None => is_below(host, entry),
            }
    })
}

fn is_below(host: &str, entry: &str) -> bool {
    let (host, domain) = (host.to_lowercase(), entry.trim_start_matches('*').trim_start_matches('.').to_lowercase());
    !domain.is_empty() && (host == domain || host.ends_with(&format!(".{domain}")))
}

/// Whether an address is in a range such as `10.0.0.0/8`.
fn is_in_range(address: IpAddr, range: &str) -> bool {
    let Some((start, length)) = range.split_once('/') else { return false };
    let (Ok(start), Ok(length)) = (start.parse::<IpAddr>(), length.parse::<u32>()) else { return false };
    match (address, start) {
        (IpAddr::V4(address), IpAddr::V4(start)) if length <= 32 => {
            (u32::from(address) ^ u32::from(start)).checked_shr(32 - length).unwrap_or(0) == 0
        }
        (IpAddr::V6(address), IpAddr::V6(start)) if length <= 128 => {
            (u128::from(address) ^ u128::from(start)).checked_shr(128 - length).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_excepted_by_domain_address_and_range() {
        for (host, exceptions) in [
            ("localhost", ""),
            ("127.0.0.1", ""),
            ("::1", ""),
            ("api.example.com", "*"),
            ("api.example.com", "other, EXAMPLE.com"),
            ("api.example.com", ".example.com"),
            ("10.1.2.3", "10.0.0.0/8"),
            ("10.1.2.3", "0.0.0.0/0"),
            ("10.1.2.3", "10.1.2.3"),
            ("fd00::1", "fd00::/8"),
        ] {
            assert!(is_excepted(host, exceptions), "{host} {exceptions}");
        }
        for (host, exceptions) in [
            ("api.example.com", ""),
            ("badexample.com", "example.com"),
            ("api.example.com", ".,com.example"),
            ("11.1.2.3", "10.0.0.0/8"),
            ("11.1.2.3", "fd00::/8,10.0.0.0/99,x/8"),
        ] {
            assert!(!is_excepted(host, exceptions), "{host} {exceptions}");
        }
    }
}
