//! The processes of nodes: stopped by signals, and started again.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, anyhow};
use nix::sys::signal::Signal;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use zonemq_node::Fault;
use zonemq_node::outlook::names;

use super::site::Site;
use crate::cluster::LocalNode;
use crate::failure::Failure;
use crate::http;
use crate::launch::{self, Lifetime};

/// SIGKILL takes effect within milliseconds; a process in a slow disk call may take longer.
const GONE_WITHIN: Duration = Duration::from_secs(10);
/// Recovery reads the log; the node answers `/admin/status` after that.
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);
/// A process that stood still goes on at once, and has to catch up on a busy machine.
const GOES_ON_WITHIN: Duration = Duration::from_secs(10);
const ASK_EVERY: Duration = Duration::from_millis(15);

impl Site {
    /// Kills processes, and waits until they are gone.
    pub(super) async fn kill(&self, ids: &[u64]) -> Result<(), Failure> {
        self.signal(ids, Signal::SIGKILL)?;
        let nodes = self.nodes(ids);
        if !launch::wait_until_gone(&self.folder, &nodes, GONE_WITHIN).await? {
            return Err(anyhow!("{} did not die", names(ids)).into());
        }
        Ok(())
    }

    /// Signals the processes that live; an error where none does.
    pub(super) fn signal(&self, ids: &[u64], signal: Signal) -> Result<(), Failure> {
        let nodes = self.nodes(ids);
        let living = self.folder.living(&nodes)?;
        if living.is_empty() {
            return Err(anyhow!(
                "{} is not running; `zonemq fault restart` starts it",
                names(ids)
            )
            .into());
        }
        for (_, pid) in living {
            launch::signal(pid, signal)?;
        }
        Ok(())
    }

    /// Stops the nodes that live, starts all of them under `faults`, and waits until each answers.
    pub(super) async fn restart(&self, ids: &[u64], faults: &[Fault]) -> Result<(), Failure> {
        let nodes = self.nodes(ids);
        launch::stop(&self.folder, &nodes).await?;
        self.start(&nodes, faults).await
    }

    /// Starts the nodes of these that are dead, under `faults`. Their number.
    pub(super) async fn start_dead(
        &self,
        nodes: &[LocalNode],
        faults: &[Fault],
    ) -> Result<usize, Failure> {
        let mut dead = Vec::new();
        for node in nodes {
            if self.folder.node_pid(node)?.is_none() {
                dead.push(node.clone());
            }
        }
        self.start(&dead, faults).await?;
        Ok(dead.len())
    }

    /// Waits until nodes answer that were told to go on. Whether all do in time.
    pub(super) async fn wait_for_answers(&self, ids: &[u64]) -> bool {
        let nodes = self.nodes(ids);
        let asking: JoinSet<()> = nodes.iter().map(|node| self.answers(node)).collect();
        let all = tokio::time::timeout(GOES_ON_WITHIN, asking.join_all());
        all.await.is_ok()
    }

    /// Ends when the node answers.
    fn answers(&self, node: &LocalNode) -> impl Future<Output = ()> + use<> {
        let (client, status) = (self.client.clone(), http::url(node.api, "/admin/status"));
        async move {
            loop {
                let asked = client.get(&status).send().await;
                if asked.is_ok_and(|answer| answer.status().is_success()) {
                    return;
                }
                tokio::time::sleep(ASK_EVERY).await;
            }
        }
    }

    async fn start(&self, nodes: &[LocalNode], faults: &[Fault]) -> Result<(), Failure> {
        let lifetime = match self.folder.up_pid()? {
            Some(_) => Lifetime::FollowsUp,
            None => Lifetime::Detached,
        };
        let mut started = Vec::new();
        for node in nodes {
            let child = launch::start(&self.folder, &self.cluster, node, lifetime, faults)?;
            started.push((node, child));
        }
        for (node, child) in &mut started {
            self.wait_for_answer(node, child).await?;
        }
        Ok(())
    }

    async fn wait_for_answer(&self, node: &LocalNode, child: &mut Child) -> Result<(), Failure> {
        let log = launch::log_file(&self.folder, node);
        tokio::select! {
            () = self.answers(node) => Ok(()),
            ended = child.wait() => {
                let how = ended.context("the process cannot be waited for")?;
                Err(anyhow!(
                    "{} ended at once ({how}); its log is {}", node.name(), log.display()
                ).into())
            }
            () = tokio::time::sleep(ANSWERS_WITHIN) => Err(anyhow!(
                "{} runs but does not answer; its log is {}", node.name(), log.display()
            ).into()),
        }
    }

    /// Starts a process that undoes a fault when its time is over. A node that is dead or stands
    /// still cannot do that itself.
    pub(super) fn keep_time(&self, number: u64) -> anyhow::Result<()> {
        let program = std::env::current_exe().context("the path of zonemq itself is unknown")?;
        Command::new(program)
            .args([
                "fault",
                "undo",
                &number.to_string(),
                "--when-due",
                "--no-watch",
            ])
            .arg("--data")
            .arg(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C in the terminal is not for it.
            .process_group(0)
            .spawn()
            .context("the process that keeps the time cannot be started")?;
        Ok(())
    }
}
