//! Stand-in for zonemq-node until it lands.
#![allow(missing_docs, dead_code, clippy::all, clippy::pedantic)]
use std::{net::SocketAddr, path::PathBuf, time::Duration};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
pub(crate) struct NodeConfig {
    pub cluster: String,
    pub id: u64,
    pub zone: String,
    pub pid: u32,
    pub api: SocketAddr,
    pub data: PathBuf,
    pub members: Vec<Member>,
    pub bootstrap: bool,
    pub request_timeout: Duration,
    pub account: String,
    pub region: String,
}
pub(crate) struct Member {
    pub id: u64,
    pub zone: String,
    pub api: SocketAddr,
    pub peer: SocketAddr,
}
pub(crate) type StartError = std::io::Error;
pub(crate) struct Node;
impl Node {
    pub(crate) async fn start<W: zonemq_world::World>(
        _: W,
        c: NodeConfig,
    ) -> Result<Node, StartError> {
        std::fs::create_dir_all(&c.data)?;
        let l = tokio::net::TcpListener::bind(c.api).await?;
        tokio::spawn(async move {
            loop {
                let (mut s, _) = l.accept().await.unwrap();
                let role = if c.id == 1 { "leader" } else { "follower" };
                let body = format!(
                    r#"{{"cluster":"{}","id":{},"zone":"{}","pid":{},"api":"{}","role":"{role}","term":1,"leader":1,"last_log_index":1,"committed_index":1,"applied_index":1}}"#,
                    c.cluster, c.id, c.zone, c.pid, c.api
                );
                tokio::spawn(async move {
                    let mut b = [0; 4096];
                    let _ = s.read(&mut b).await;
                    let _ = s.write_all(format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len()).as_bytes()).await;
                });
            }
        });
        Ok(Node)
    }
    pub(crate) async fn failed(&self) -> String {
        std::future::pending().await
    }
    pub(crate) async fn shutdown(self) {}
}
