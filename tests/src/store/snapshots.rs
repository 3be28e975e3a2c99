//! When a node checkpoints, takes a snapshot or compacts, as its metrics tell.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::cluster::TestCluster;

/// A metric with one of these in its name moves when such work is done.
const TELLING: [&str; 3] = ["snapshot_index", "checkpoint", "compact"];
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Looks until it is dropped, and tells each moment at which such a metric of a node moved.
pub async fn watch(cluster: &TestCluster, mut seen: impl FnMut(Instant)) {
    let nodes: Vec<SocketAddr> = cluster.status().nodes.iter().map(|it| it.api).collect();
    let http = reqwest::Client::new();
    let mut before = BTreeMap::new();
    loop {
        for node in &nodes {
            let asked = http.get(format!("http://{node}/metrics")).send().await;
            let Ok(answer) = asked else { continue };
            let Ok(text) = answer.text().await else {
                continue;
            };
            let now = telling(&text);
            if before
                .insert(*node, now.clone())
                .is_some_and(|old| old != now)
            {
                seen(Instant::now());
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The lines of a node's metrics that tell of such work.
fn telling(metrics: &str) -> Vec<String> {
    let lines = metrics.lines().filter(|line| {
        let name = line.split(['{', ' ']).next().unwrap_or_default();
        !line.starts_with('#') && TELLING.iter().any(|telling| name.contains(telling))
    });
    lines.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_metrics_of_such_work_tell() {
        let metrics = "# HELP zonemq_raft_snapshot_index The last\n\
            zonemq_raft_snapshot_index{group=\"0\"} 7\n\
            zonemq_raft_term{group=\"0\"} 1\n\
            zonemq_compacted_bytes_total 5\n";
        let seen = telling(metrics);
        assert_eq!(seen.len(), 2, "{seen:?}");
    }
}
