//! The store on real processes: short forms of the long checks, and disks that fail.

use std::path::{Path, PathBuf};

use zonemq_tests::binary;
use zonemq_tests::cluster::TestCluster;
use zonemq_tests::store::load::Load;
use zonemq_tests::store::memory::MemoryArgs;
use zonemq_tests::store::report::Report;
use zonemq_tests::store::restart::RestartArgs;
use zonemq_tests::store::soak::SoakArgs;
use zonemq_tests::store::{full_disk, memory, restart, soak};

const BODY_BYTES: usize = 1_000;

fn assert_holds(report: &Report) {
    assert!(report.end(), "{:#?}", report.missed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_takes_less_memory_than_its_bodies() {
    let mut report = Report::begin("memory");
    // 80 MiB of bodies.
    let args = MemoryArgs {
        messages: 10_000,
        body: 8_192,
        limit: 160.0,
    };
    memory::run(&args, &mut report).await;
    assert_holds(&report);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_nodes_serve_again_soon_and_lose_nothing() {
    let mut report = Report::begin("restart");
    let args = RestartArgs {
        messages: 10_000,
        body: BODY_BYTES,
        limit: 5.0,
        drain: true,
    };
    restart::run(&args, &mut report).await;
    assert_holds(&report);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_at_a_backlog_while_nodes_die() {
    let mut report = Report::begin("soak");
    let args = SoakArgs {
        minutes: 0.25,
        backlog: 5_000,
        body: BODY_BYTES,
        kill_every: 3.0,
        look_every: 0.5,
        // Within seconds a new cluster still grows: the long form holds it against ten percent.
        growth: 100.0,
        seed: 1,
    };
    soak::run(&args, &mut report).await;
    assert_holds(&report);
}

#[tokio::test(flavor = "multi_thread")]
async fn full_disks_refuse_sends_in_words_and_are_forgiven_when_they_have_space() {
    if !full_disk::can_mount() {
        // The simulator's scenario failing-disks shows the same where nobody may mount.
        eprintln!("no small disk can be mounted here");
        return;
    }
    let mut report = Report::begin("full disks");
    let args = full_disk::FullDiskArgs {
        disk: 256,
        ballast: 96,
        body: 16_384,
        refused_within: 15.0,
        back_within: 30.0,
    };
    full_disk::run(&args, &mut report)
        .await
        .expect("small disks");
    assert_holds(&report);
}

async fn filled(cluster: &TestCluster, messages: u64, body_bytes: usize) -> Load {
    let load = Load::create(cluster, "backlog", body_bytes, &[]).await;
    load.fill(messages).await;
    cluster.caught_up().await;
    load
}

async fn drained(cluster: &TestCluster, load: &Load) {
    cluster.caught_up().await;
    load.drain().await;
    let counts = load.ledger.counts();
    assert_eq!(load.ledger.missing(), 0, "{counts:?}");
    assert_eq!((counts.strange, counts.came_back), (0, 0), "{counts:?}");
}

/// The files of a node's log, in order.
fn segments(cluster: &TestCluster, node: u64) -> Vec<PathBuf> {
    let log = cluster.node_folder(node).join("store/log");
    let files = std::fs::read_dir(log).expect("a log");
    let paths = files.map(|file| file.expect("listed").path());
    let mut segments: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "log"))
        .collect();
    segments.sort();
    segments
}

/// Turns a bit of a file where the bodies of messages lie: the first stretch of letters and digits
/// that is as long as most of a body. Where that was.
fn damage_a_body(path: &Path) -> usize {
    let mut bytes = std::fs::read(path).expect("a segment");
    let is_body = |byte: &u8| (b'0'..b'0' + 64).contains(byte) || *byte == b' ';
    let body = bytes
        .windows(BODY_BYTES / 2)
        .position(|window| window.iter().all(is_body));
    let at = body.expect("a body in this segment") + 100;
    bytes[at] ^= 1;
    std::fs::write(path, bytes).expect("written");
    at
}

fn log_of(cluster: &TestCluster, node: u64) -> String {
    let log = cluster.node_folder(node).join("node.log");
    std::fs::read_to_string(log).expect("a node writes a log")
}

async fn wait_for_log(cluster: &TestCluster, node: u64, words: &str) {
    cluster
        .wait_until(&format!("n{node} says: {words}"), |_| {
            log_of(cluster, node).contains(words)
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_body_is_mended_from_a_peer_by_the_scrub() {
    let cluster = TestCluster::start_with(&["--scrub-pause", "200ms"]);
    // More than one segment, and a snapshot, so that the first is passed over when it is opened.
    let load = filled(&cluster, 10_000, 8 * BODY_BYTES).await;
    let follower = cluster.leader().await % 3 + 1;
    let name = format!("n{follower}");
    let snapshot = cluster
        .node_folder(follower)
        .join("store/snapshots/group-0.snapshot");
    cluster
        .wait_until("a snapshot is taken", |_| snapshot.exists())
        .await;
    // Behind these, the log knows that what is in the snapshot is purged.
    load.fill(100).await;
    cluster.caught_up().await;
    cluster.fault("kill", &name);
    damage_a_body(&segments(&cluster, follower)[0]);
    cluster.fault("restart", &name);
    wait_for_log(&cluster, follower, "mended from a peer").await;
    drained(&cluster, &load).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_entry_keeps_a_node_from_voting_until_it_has_it_again() {
    let cluster = TestCluster::start();
    let load = filled(&cluster, 2_000, BODY_BYTES).await;
    let follower = cluster.leader().await % 3 + 1;
    let name = format!("n{follower}");
    cluster.fault("kill", &name);
    damage_a_body(segments(&cluster, follower).last().expect("a segment"));
    cluster.fault("restart", &name);
    wait_for_log(&cluster, follower, "a part of the log is damaged").await;
    wait_for_log(&cluster, follower, "the log is whole again").await;
    // Now it counts: with it and one other, everything is there.
    let leader = cluster.leader().await;
    let other = (1..=3).find(|id| *id != follower && *id != leader);
    cluster.fault("kill", &format!("n{}", other.expect("three nodes")));
    load.drain().await;
    assert_eq!(load.ledger.missing(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_an_old_copy_of_its_folder_does_not_vote_until_it_has_the_rest() {
    let cluster = TestCluster::start();
    let load = filled(&cluster, 200, BODY_BYTES).await;
    let follower = cluster.leader().await % 3 + 1;
    let name = format!("n{follower}");
    let (store, copy) = (
        cluster.node_folder(follower).join("store"),
        cluster.node_folder(follower).join("copy"),
    );
    cluster.fault("kill", &name);
    std::fs::create_dir(&copy).expect("made");
    full_disk::copy_all(&store, &copy).expect("copied");
    cluster.fault("restart", &name);
    cluster.caught_up().await;
    load.fill(200).await;
    cluster.caught_up().await;
    cluster.fault("kill", &name);
    std::fs::remove_dir_all(&store).expect("removed");
    std::fs::rename(&copy, &store).expect("put back");
    cluster.fault("restart", &name);
    wait_for_log(&cluster, follower, "replaced by an old copy").await;
    wait_for_log(&cluster, follower, "the log is whole again").await;
    drained(&cluster, &load).await;
}

/// What `zonemq check-store` says of a folder, and its exit code.
fn checked(folder: &Path) -> (String, Option<i32>) {
    let output = binary::run(&["check-store", &folder.display().to_string()]);
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    said += &String::from_utf8_lossy(&output.stderr);
    (said, output.status.code())
}

/// All files of a folder with their bytes.
fn contents_of(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("listed").path();
        if path.is_dir() {
            found.extend(contents_of(&path));
        } else {
            let bytes = std::fs::read(&path).expect("readable");
            found.push((path, bytes));
        }
    }
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn check_store_counts_what_a_whole_store_holds_and_changes_nothing() {
    let mut cluster = TestCluster::start();
    let load = filled(&cluster, 10_000, 8 * BODY_BYTES).await;
    let snapshot = cluster.node_folder(3).join("store/snapshots");
    cluster
        .wait_until("a snapshot is taken", |_| {
            snapshot.join("group-0.snapshot").exists()
        })
        .await;
    load.fill(100).await;
    cluster.caught_up().await;
    // Not what was acknowledged: a send that timed out may have been carried out all the same.
    let held = load.counts(0).await.expect("a living queue").visible;
    let held = format!("messages  {}, ", indicatif::HumanCount(held));
    let (said, code) = checked(&cluster.node_folder(1));
    assert!(said.contains("runs (process"), "{said}");
    assert_eq!(code, Some(2));

    cluster.down();
    let before = contents_of(&cluster.data());
    let (said, code) = checked(&cluster.data());
    assert_eq!(code, Some(0), "{said}");
    for words in ["node n1 of zone a", held.as_str()] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert_eq!(said.matches("whole: ").count(), 3, "{said}");
    assert!(
        contents_of(&cluster.data()) == before,
        "files were changed by a check"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn check_store_finds_each_kind_of_damage() {
    let mut cluster = TestCluster::start();
    let load = filled(&cluster, 10_000, 8 * BODY_BYTES).await;
    let folder = cluster.node_folder(2);
    let snapshot = folder.join("store/snapshots/group-0.snapshot");
    cluster
        .wait_until("a snapshot is taken", |_| snapshot.exists())
        .await;
    load.fill(100).await;
    cluster.caught_up().await;
    cluster.down();

    let finds = |what: &str, words: &str| {
        let (said, code) = checked(&folder);
        assert_eq!(code, Some(1), "{what}: {said}");
        assert!(said.contains(words), "{what}: {said}");
    };
    let restored = |path: &Path, change: &dyn Fn(&Path), what: &str, words: &str| {
        let whole = std::fs::read(path).expect("readable");
        change(path);
        finds(what, words);
        std::fs::write(path, whole).expect("writable");
    };
    let log = segments(&cluster, 2);
    let last = log.last().expect("a segment");
    let damage = |path: &Path| {
        damage_a_body(path);
    };
    restored(&log[0], &damage, "a body", "the content of a message");
    restored(last, &damage, "an entry", "the log ends with entry");
    let flip = |at: usize| {
        move |path: &Path| {
            let mut bytes = std::fs::read(path).expect("readable");
            bytes[at] ^= 1;
            std::fs::write(path, bytes).expect("writable");
        }
    };
    restored(last, &flip(8), "a header's copy", "at byte 0");
    restored(
        &snapshot,
        &flip(40),
        "the snapshot",
        "the snapshot cannot be",
    );
    let remove = |path: &Path| std::fs::remove_file(path).expect("removed");
    restored(&snapshot, &remove, "no snapshot", "it is missing");
    restored(&log[1], &remove, "no segment", "is missing");
    let (said, code) = checked(&folder);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn check_store_says_what_to_name_where_there_is_no_store() {
    let folder = tempfile::tempdir().expect("a folder");
    let (said, code) = checked(folder.path());
    assert!(said.contains("neither a node nor a cluster"), "{said}");
    assert_eq!(code, Some(2));
}
