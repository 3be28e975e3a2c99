//! `zonemq learn`: each lesson is played without a person, on a real cluster, and sees what it says.

use std::process::Output;

use zonemq_tests::binary;
use zonemq_tests::cluster::TestCluster;

/// Plays a lesson; what it said.
fn played(cluster: &TestCluster, lesson: &str) -> String {
    let output = cluster.zonemq(&["learn", lesson, "--demo"]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    println!("{told}");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{lesson}: {errors}\n{told}");
    assert!(told.contains("The end of the lesson."), "{told}");
    told
}

fn assert_refused(output: &Output, part: &str) {
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains(part), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_lesson_shows_what_it_teaches_and_leaves_the_cluster_as_it_was() {
    let cluster = TestCluster::start();
    cluster.leader().await;
    let listed = binary::run(&["learn"]);
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    // What each must have seen, beyond what it checks itself.
    let seen = [
        ("quorum", "gave no 200 to \"without a majority\""),
        ("leader-loss", "leads in term"),
        ("minority", "gave no 200 to \"to the old leader\""),
        ("visibility", "its receive count is 2"),
        ("fifo", "\"second\", \"third\" came"),
        ("lost-response", "\"pay 10\", \"pay 10\" came"),
    ];
    for (lesson, seen) in seen {
        assert!(listed.contains(lesson), "{lesson} is not listed: {listed}");
        let told = played(&cluster, lesson);
        assert!(told.contains(seen), "{lesson} has not seen {seen}");
        cluster.caught_up().await;
        let active = cluster.told("status");
        assert_eq!(active["faults"].as_array().map(Vec::len), Some(0));
        let queues = cluster.client(1).list_queues().send().await;
        let queues = queues.expect("a list");
        assert!(queues.queue_urls().is_empty(), "{queues:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lesson_needs_a_person_or_a_demo_and_a_cluster_in_which_all_is_well() {
    let cluster = TestCluster::start();
    cluster.leader().await;
    let waits = cluster.zonemq(&["learn", "quorum"]);
    assert_refused(&waits, "--demo plays it without");
    let unknown = cluster.zonemq(&["learn", "juggling", "--demo"]);
    assert_refused(
        &unknown,
        "invalid value 'juggling' for '[LESSON]' [possible values: quorum, leader-loss,",
    );
    cluster.told("slow n1-n2 --latency 1ms --no-watch");
    let broken = cluster.zonemq(&["learn", "quorum", "--demo"]);
    assert_refused(&broken, "`zonemq fault heal` mends it");
    cluster.told("heal");
    let nowhere = tempfile::tempdir().expect("a folder");
    let data = nowhere.path().join("data").display().to_string();
    let none = binary::run(&["learn", "quorum", "--demo", "--data", &data]);
    assert_refused(&none, "there is no cluster");
}
