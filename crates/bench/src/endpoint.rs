//! Where a server takes requests.

use std::fmt;
use std::str::FromStr;

use http::Uri;

/// The address of a server: `http://HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Host and port, as the `Host` header and the system's resolver take them.
    authority: String,
    path: String,
}

/// The text names no server that can be spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not like http://127.0.0.1:9324 (plain HTTP: the load speaks no TLS)")]
pub struct NotAnEndpoint;

impl Endpoint {
    /// Host and port.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// Where on the server requests go.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }
}

impl FromStr for Endpoint {
    type Err = NotAnEndpoint;

    fn from_str(text: &str) -> Result<Self, NotAnEndpoint> {
        let uri: Uri = text.parse().map_err(|_| NotAnEndpoint)?;
        let host = uri.host().filter(|host| !host.is_empty());
        let (Some("http"), Some(host), None) = (uri.scheme_str(), host, uri.query()) else {
            return Err(NotAnEndpoint);
        };
        let port = uri.port_u16().unwrap_or(80);
        Ok(Endpoint {
            authority: format!("{host}:{port}"),
            path: uri.path().to_owned(),
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.trim_end_matches('/');
        write!(f, "http://{}{path}", self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_has_a_host_a_port_and_perhaps_a_path() {
        let shown = |text: &str| text.parse::<Endpoint>().map(|it| it.to_string());
        let same = "http://127.0.0.1:9324";
        assert_eq!(shown(same), Ok(same.to_owned()));
        assert_eq!(shown("http://127.0.0.1:9324/"), Ok(same.to_owned()));
        let with_port = Ok("http://localhost:80".to_owned());
        assert_eq!(shown("http://localhost"), with_port);
        let ipv6: Endpoint = "http://[::1]:9324/queues".parse().expect("an endpoint");
        assert_eq!((ipv6.authority(), ipv6.path()), ("[::1]:9324", "/queues"));
    }

    #[test]
    fn what_cannot_be_spoken_to_is_no_endpoint() {
        for text in [
            "https://sqs.us-east-1.amazonaws.com",
            "127.0.0.1:9324",
            "http://",
            "http://h/?a=b",
            "",
        ] {
            assert_eq!(text.parse::<Endpoint>(), Err(NotAnEndpoint), "{text}");
        }
    }
}
