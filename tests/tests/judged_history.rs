//! Everything that clients do while leaders die goes to the judge of histories: not only what is
//! lost, but order, visibility, counts, handles, and what comes back.

use zonemq_history::event::What;
use zonemq_tests::binary;
use zonemq_tests::cluster::TestCluster;
use zonemq_tests::recorded_load::{RecordedLoad, VISIBILITY_SECONDS};
use zonemq_tests::recording::Recording;

/// A name that ends with `.fifo` makes it a FIFO queue of several groups.
const QUEUES: [&str; 2] = ["work", "orders.fifo"];
const KILLS: usize = 2;
/// Acknowledged sends before each kill, and after it.
const SENDS_OF_A_PHASE: usize = 100;

#[tokio::test(flavor = "multi_thread")]
async fn what_clients_see_while_leaders_die_is_what_a_queue_may_do() {
    let cluster = TestCluster::start();
    let recording = Recording::new();
    let clients = cluster.clients_except(0);
    let mut loads = Vec::new();
    for queue in QUEUES {
        let url = recording
            .create_queue(&clients[0], queue, VISIBILITY_SECONDS)
            .await;
        let load = RecordedLoad::start(&recording, &clients, queue, &url);
        loads.push(load);
    }
    for _ in 0..KILLS {
        for load in &loads {
            load.acknowledge(SENDS_OF_A_PHASE).await;
        }
        let leader = cluster.leader().await;
        let text = format!("n{leader}, the leader, is killed");
        recording.note(What::Note { text });
        cluster.fault("kill", &format!("n{leader}"));
        for load in &loads {
            load.acknowledge(SENDS_OF_A_PHASE).await;
        }
        cluster.fault("restart", &format!("n{leader}"));
        cluster
            .wait_until("the killed node follows again", |status| {
                status.leader().is_some() && status.nodes.iter().all(|node| node.role.is_some())
            })
            .await;
    }
    recording.note(What::Healed);
    let summary = RecordedLoad::judged(loads, &recording, &clients[0]).await;
    let least = QUEUES.len() * 2 * KILLS * SENDS_OF_A_PHASE;
    assert!(summary.acknowledged >= least as u64, "{summary}");
    assert!(summary.redeliveries > 0, "{summary}");

    // The command says the same of the file.
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("history.jsonl");
    std::fs::write(&file, recording.lines().join("\n")).expect("the history is written");
    let checked = binary::run(&["check", &file.display().to_string()]);
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
}
