//! Who may look inside a node and break it: a caller on its own machine, who calls it by a name of
//! that machine.
//!
//! The address alone is not enough. A web page of a stranger may give its own name this machine's
//! address, and the browser would then ask in its stead (DNS rebinding); but the request still says
//! the stranger's name.

use std::net::{IpAddr, SocketAddr};

use axum::body::Body;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// This machine.
    Here,
    /// Another one.
    Elsewhere,
}

impl Caller {
    /// Who calls from this address.
    pub(crate) fn at(address: SocketAddr) -> Caller {
        // A v4 address may come in v6's clothes.
        if address.ip().to_canonical().is_loopback() {
            Caller::Here
        } else {
            Caller::Elsewhere
        }
    }
}

/// Lets a request through that calls this machine by one of its own names.
pub(crate) async fn called_by_a_local_name(request: Request<Body>, next: Next) -> Response {
    let asked_for = request.uri().authority();
    if asked_for.is_none_or(is_local) && names_this_machine(request.headers()) {
        next.run(request).await
    } else {
        let sentence = "this path is for callers who name this machine as localhost, 127.0.0.1 or \
                        [::1]: the request names another host\n";
        (StatusCode::FORBIDDEN, sentence).into_response()
    }
}

fn names_this_machine(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok());
    let host = host.and_then(|host| host.parse().ok());
    hosts.next().is_none() && host.is_some_and(|host| is_local(&host))
}

fn is_local(authority: &Authority) -> bool {
    if authority.as_str().contains('@') {
        return false;
    }
    let host = authority.host();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let address = address.parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_this_machine() {
        for (address, caller) in [
            ("127.0.0.1:5", Caller::Here),
            ("127.8.9.1:5", Caller::Here),
            ("[::1]:5", Caller::Here),
            ("[::ffff:127.0.0.1]:5", Caller::Here),
            ("192.168.0.7:5", Caller::Elsewhere),
            ("[::ffff:10.0.0.1]:5", Caller::Elsewhere),
            ("[fe80::1]:5", Caller::Elsewhere),
        ] {
            assert_eq!(Caller::at(address.parse().unwrap()), caller, "{address}");
        }
    }

    #[test]
    fn only_names_of_this_machine_are_local() {
        let named = |hosts: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(header::HOST, host.parse().unwrap());
            }
            names_this_machine(&headers)
        };
        for host in [
            "127.0.0.1",
            "127.0.0.1:9324",
            "localhost:1",
            "LOCALHOST",
            "[::1]",
            "[::1]:80",
        ] {
            assert!(named(&[host]), "{host}");
        }
        for host in [
            "evil.example:9324",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "127.0.0.1@evil.example",
            "evil.example@127.0.0.1",
            "10.0.0.1:9324",
            "0.0.0.0",
            "",
        ] {
            assert!(!named(&[host]), "{host}");
        }
        assert!(!named(&[]), "a host must be named");
        assert!(!named(&["localhost", "evil.example"]), "and only one");
    }
}
