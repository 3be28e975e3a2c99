//! The yardstick as three processes: `crates/bench/examples/yardstick`.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::Context;
use zonemq_bench::Endpoint;

use crate::binary;

/// A leader and two followers. They end when this is dropped, and also if this process is killed:
/// each ends with its standard input.
pub struct Yardstick {
    nodes: Vec<Node>,
}

struct Node {
    process: Child,
    address: String,
}

impl Yardstick {
    /// Starts them with their files in a new folder.
    pub fn start(folder: &Path) -> anyhow::Result<Yardstick> {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("{} cannot be made", folder.display()))?;
        let mut nodes = Vec::new();
        for file in ["follower-1", "follower-2"] {
            nodes.push(Node::start(&["follow"], &folder.join(file), &[])?);
        }
        let followers: Vec<&str> = nodes.iter().map(|node| node.address.as_str()).collect();
        let leader = Node::start(&["lead"], &folder.join("leader"), &followers)?;
        nodes.push(leader);
        Ok(Yardstick { nodes })
    }

    /// Where the leader takes requests.
    pub fn endpoint(&self) -> anyhow::Result<Endpoint> {
        let leader = self.nodes.last().context("the yardstick has no leader")?;
        Ok(format!("http://{}", leader.address).parse()?)
    }

    /// Its processes.
    pub fn pids(&self) -> Vec<u32> {
        self.nodes.iter().map(|node| node.process.id()).collect()
    }
}

impl Node {
    fn start(role: &[&str], file: &Path, followers: &[&str]) -> anyhow::Result<Node> {
        let mut process = Command::new(binary::yardstick())
            .args(role)
            .arg(file)
            .args(followers)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the yardstick cannot be started")?;
        let mut line = String::new();
        let told = process.stdout.take().map(BufReader::new);
        let mut node = Node {
            process,
            address: String::new(),
        };
        told.context("its output is piped")?.read_line(&mut line)?;
        let address = line.trim().strip_prefix("ready ");
        let address = address.context("the yardstick ended before it was ready")?;
        address.clone_into(&mut node.address);
        Ok(node)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // One that has ended already is not there to be killed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
