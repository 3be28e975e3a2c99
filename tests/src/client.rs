//! SDK clients that say what happened: plain HTTP, one endpoint, no retries.

use std::net::SocketAddr;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::config::{
    BehaviorVersion, Config, Credentials, Region, StalledStreamProtectionConfig,
};

/// Longer than the longest long poll; a request that takes this long is lost.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);

/// A client of the node at this address.
pub fn connect(api: SocketAddr) -> Client {
    connect_for(api, REQUEST_TIMEOUT)
}

/// A client that gives a request up after so long.
pub fn connect_for(api: SocketAddr, request_timeout: Duration) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("zonemq", "zonemq", None, None, "tests"))
        .endpoint_url(format!("http://{api}"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(RetryConfig::disabled())
        .timeout_config(
            TimeoutConfig::builder()
                .operation_timeout(request_timeout)
                .build(),
        )
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build();
    Client::from_conf(config)
}

/// Creates a queue and returns its URL.
pub async fn create_queue(client: &Client, name: &str) -> String {
    client
        .create_queue()
        .queue_name(name)
        .send()
        .await
        .expect("a queue can be created")
        .queue_url
        .expect("a created queue has a URL")
}
