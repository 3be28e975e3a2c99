//! A cluster of real processes in a folder of its own, driven through the `zonemq` command.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use aws_sdk_sqs::Client;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

use crate::{binary, client};

/// A debug build on a small, busy machine comes up within this.
const UP_WITHIN: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Three zones with one node each. All processes end, and the folder goes, when it is dropped.
pub struct TestCluster {
    home: Home,
    up: Option<Child>,
}

/// Where the folder of a cluster is.
enum Home {
    /// It goes with the cluster.
    Own(TempDir),
    /// Somebody else cares for it.
    Lent(PathBuf),
}

/// What `zonemq status --json` prints.
#[derive(Debug, Deserialize)]
pub struct Status {
    /// The cluster's name.
    pub cluster: String,
    /// One for each node, in the order of the ids.
    pub nodes: Vec<NodeStatus>,
}

/// One node in `zonemq status --json`.
#[derive(Debug, Deserialize)]
pub struct NodeStatus {
    /// Counted from 1.
    pub id: u64,
    /// Its zone.
    pub zone: String,
    /// Its process, while it lives.
    pub pid: Option<i32>,
    /// Where clients reach it.
    pub api: SocketAddr,
    /// Whether its process lives.
    pub alive: bool,
    /// Its role in the Raft group, if it answers.
    pub role: Option<String>,
    /// Its Raft term.
    pub term: Option<u64>,
    /// Of a leader: whether a majority answers it.
    pub hears_majority: Option<bool>,
    /// Its last log index.
    pub last_log_index: Option<u64>,
    /// Up to where it knows the log to be committed.
    pub committed_index: Option<u64>,
    /// Up to where it has applied the log.
    pub applied_index: Option<u64>,
}

impl Status {
    /// The node that leads: of those that believe so, the one in the latest term.
    pub fn leader(&self) -> Option<&NodeStatus> {
        self.nodes
            .iter()
            .filter(|node| node.role.as_deref() == Some("leader"))
            .max_by_key(|node| node.term)
    }

    /// Whether all nodes live, one leads, and all have applied what it committed.
    pub fn all_caught_up(&self) -> bool {
        let Some(leader) = self.leader() else {
            return false;
        };
        self.nodes.iter().all(|node| {
            node.role.is_some()
                && node.term == leader.term
                && node.applied_index >= leader.committed_index
        })
    }
}

impl TestCluster {
    /// Starts a new cluster on free ports.
    pub fn start() -> TestCluster {
        TestCluster::start_with(&[])
    }

    /// Starts a new cluster with more arguments for `zonemq up`.
    pub fn start_with(arguments: &[&str]) -> TestCluster {
        let home = tempfile::Builder::new()
            .prefix("zonemq-test-")
            .tempdir()
            .expect("a folder can be made");
        TestCluster::start_at(Home::Own(home), arguments)
    }

    /// Starts a new cluster in a folder that stays when it is dropped: `data` below `home`.
    pub fn start_in(home: &Path, arguments: &[&str]) -> TestCluster {
        TestCluster::start_at(Home::Lent(home.to_owned()), arguments)
    }

    fn start_at(home: Home, arguments: &[&str]) -> TestCluster {
        let mut cluster = TestCluster { home, up: None };
        cluster.up(&[&["--port", "0"], arguments].concat());
        cluster
    }

    /// Runs `zonemq up` on the folder and waits until it says that the cluster is ready.
    pub fn up(&mut self, arguments: &[&str]) {
        assert!(self.up.is_none(), "the cluster runs already");
        let mut up = Command::new(binary::path())
            .arg("up")
            .arg("--data")
            .arg(self.data())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("zonemq can be started");
        let output = up.stdout.take().expect("it is piped");
        self.up = Some(up);
        let (ready, is_ready) = mpsc::channel();
        // Reads to the end, so that `up` never waits for its reader.
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if line.starts_with("Ready in") {
                    let _ = ready.send(());
                }
            }
        });
        is_ready
            .recv_timeout(UP_WITHIN)
            .expect("`zonemq up` says that the cluster is ready");
    }

    /// Stops the cluster gracefully; its data stays.
    pub fn down(&mut self) {
        let output = self.zonemq(&["down"]);
        assert!(output.status.success(), "down: {output:?}");
        let up = self.up.take().expect("the cluster runs");
        let ended = up.wait_with_output().expect("`up` can be waited for");
        assert!(ended.status.success(), "up: {ended:?}");
    }

    /// Breaks or mends nodes: `zonemq fault ACTION TARGET`, without a look at what follows.
    pub fn fault(&self, action: &str, target: &str) {
        let output = self.zonemq(&["fault", action, target, "--no-watch"]);
        assert!(
            output.status.success(),
            "fault {action} {target}: {output:?}"
        );
    }

    /// Does what `zonemq fault WORDS` does, and returns what it tells as JSON.
    pub fn told(&self, words: &str) -> Value {
        let output = self.fault_words(words);
        assert!(output.status.success(), "fault {words}: {output:?}");
        serde_json::from_slice(&output.stdout).expect("it prints JSON")
    }

    /// The same, however it ends.
    pub fn fault_words(&self, words: &str) -> Output {
        let words: Vec<&str> = words.split_whitespace().collect();
        self.zonemq(&[&["fault"], &words[..], &["--json"]].concat())
    }

    /// Kills all nodes at once, as a power cut does, and starts them again.
    pub async fn kill_and_restart_all(&self) {
        let ids: Vec<u64> = self.status().nodes.iter().map(|node| node.id).collect();
        for action in ["kill", "restart"] {
            for id in &ids {
                self.fault(action, &format!("n{id}"));
            }
        }
        self.caught_up().await;
    }

    /// Kills the leader, waits until another node leads, and starts the killed one again.
    pub async fn kill_and_restart_leader(&self) {
        let killed = self.leader().await;
        self.fault("kill", &format!("n{killed}"));
        self.wait_until("another node leads", |status| status.leader().is_some())
            .await;
        self.fault("restart", &format!("n{killed}"));
        self.caught_up().await;
    }

    /// Moves the clock of the queues forward, through this node's administration.
    pub async fn advance_clock(&self, id: u64, by: Duration) {
        let advance = serde_json::json!({ "millis": by.as_millis() });
        let url = format!("http://{}/admin/clock/advance", self.api(id));
        let answer = reqwest::Client::new().post(url).json(&advance).send().await;
        let answer = answer.expect("the node answers");
        assert!(answer.status().is_success(), "advance: {answer:?}");
    }

    /// What all nodes together say of a metric, whatever its labels.
    pub async fn metric(&self, name: &str) -> f64 {
        let mut sum = 0.0;
        for node in self.status().nodes {
            let answer = reqwest::get(format!("http://{}/metrics", node.api)).await;
            let text = answer.expect("the node answers").text().await;
            let text = text.expect("metrics are text");
            let is_it = |line: &&str| line.split(['{', ' ']).next() == Some(name);
            let values = text.lines().filter(is_it);
            sum += values
                .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
                .sum::<f64>();
        }
        sum
    }

    /// Where clients reach this node, counted from 1.
    pub fn api(&self, id: u64) -> SocketAddr {
        let status = self.status();
        let node = status.nodes.iter().find(|node| node.id == id);
        node.expect("a node of this cluster").api
    }

    /// Runs a `zonemq` command on this cluster.
    pub fn zonemq(&self, arguments: &[&str]) -> Output {
        let data = self.data().display().to_string();
        binary::run(&[arguments, &["--data", &data]].concat())
    }

    /// What the nodes say about themselves.
    pub fn status(&self) -> Status {
        let output = self.zonemq(&["status", "--json"]);
        assert!(output.status.success(), "status: {output:?}");
        serde_json::from_slice(&output.stdout).expect("status prints JSON of the promised shape")
    }

    /// Waits until all nodes have applied all that any of them has, and returns the status.
    pub async fn caught_up(&self) -> Status {
        self.wait_until("all nodes caught up", Status::all_caught_up)
            .await
    }

    /// Waits until the status is like this, and returns it.
    pub async fn wait_until(&self, what: &str, is_so: impl Fn(&Status) -> bool) -> Status {
        let deadline = Instant::now() + UP_WITHIN;
        loop {
            let status = self.status();
            if is_so(&status) {
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "not within the time: {what}: {status:#?}"
            );
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The node that leads, as soon as there is one.
    pub async fn leader(&self) -> u64 {
        let status = self
            .wait_until("a node leads", |status| status.leader().is_some())
            .await;
        status.leader().expect("just seen").id
    }

    /// A client of this node, counted from 1.
    pub fn client(&self, id: u64) -> Client {
        client::connect(self.api(id))
    }

    /// Clients of all nodes but this one.
    pub fn clients_except(&self, id: u64) -> Vec<Client> {
        self.status()
            .nodes
            .iter()
            .filter(|node| node.id != id)
            .map(|node| client::connect(node.api))
            .collect()
    }

    /// The folder of the cluster.
    pub fn data(&self) -> PathBuf {
        match &self.home {
            Home::Own(folder) => folder.path().join("data"),
            Home::Lent(folder) => folder.join("data"),
        }
    }

    /// The folder of a node, counted from 1.
    pub fn node_folder(&self, id: u64) -> PathBuf {
        self.data().join(format!("n{id}"))
    }
}

impl Drop for TestCluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for id in 1..=3 {
                show_end_of(&self.node_folder(id).join("node.log"));
            }
        }
        // The kernel's locks say which processes are ours; none is met by an old number.
        let output = self.zonemq(&["status", "--json"]);
        if let Ok(status) = serde_json::from_slice::<Status>(&output.stdout) {
            for pid in status.nodes.iter().filter_map(|node| node.pid) {
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
        }
        if let Some(mut up) = self.up.take() {
            let _ = up.kill();
            let _ = up.wait();
        }
    }
}

fn show_end_of(log: &Path) {
    const LINES: usize = 15;
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let end = lines[lines.len().saturating_sub(LINES)..].join("\n  ");
    eprintln!("{} ends with\n  {end}", log.display());
}
