//! The client that asks nodes how they are.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use reqwest::Client;

/// A node on this machine answers within milliseconds; a paused one never does.
const TIMEOUT: Duration = Duration::from_millis(500);

/// A client for the nodes' own addresses: never through a proxy.
pub(crate) fn client() -> anyhow::Result<Client> {
    Client::builder()
        .no_proxy()
        .timeout(TIMEOUT)
        .build()
        .context("the HTTP client could not be made")
}

/// Where a node's page lies.
pub(crate) fn url(api: SocketAddr, path: &str) -> String {
    format!("http://{api}{path}")
}
