//! Every kind of fault on real processes, and that it really does what its word says.

use std::time::{Duration, Instant};

use serde_json::Value;
use zonemq_tests::cluster::Status;
use zonemq_tests::faulted::{FaultSite, PROMPT, SOON, assert_expected, assert_unavailable};

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_leaves_the_leader_alone_and_the_majority_elects_another() {
    let site = FaultSite::new().await;
    let told = site.cluster.told("partition leader rest");
    assert_expected(&told);
    assert_eq!(told["prediction"]["leadership"]["outlook"], "changes");
    assert!(told["observation"]["leaderless_millis"].as_u64() > Some(100));
    assert_unavailable(&site.send(site.leader, PROMPT).await);
    for follower in &site.followers {
        site.send(*follower, PROMPT).await.expect("acknowledged");
    }
    site.undo(&told);
    site.wait_until_whole().await;

    // Each alone: nobody leads, and nothing is acknowledged.
    let told = site.cluster.told("partition a b c");
    assert_expected(&told);
    assert_eq!(told["prediction"]["leadership"]["outlook"], "nobody");
    for id in 1..=3 {
        assert_unavailable(&site.send(id, PROMPT).await);
    }
    site.undo(&told);
    site.wait_until_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_isolated_zone_serves_nobody_until_its_fault_ends_by_itself() {
    let site = FaultSite::new().await;
    let away = site.followers[0];
    let zone = ["a", "b", "c"][usize::try_from(away).expect("small") - 1];
    let told = site.cluster.told(&format!("isolate zone:{zone} --for 4s"));
    let began = Instant::now();
    assert_expected(&told);
    assert_eq!(told["prediction"]["connected"], 2);
    site.leaves_behind(away).await;
    assert_unavailable(&site.send(away, PROMPT).await);
    // Whoever set it is gone; the nodes keep its time.
    site.wait_until_whole().await;
    assert!(began.elapsed() > Duration::from_secs(2));
    let active = site.cluster.told("status");
    assert_eq!(active["faults"], Value::Array(vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_cut_one_way_cuts_a_follower_off_from_its_leader_only() {
    let site = FaultSite::new().await;
    let [away, other] = site.followers;
    let told = site.cluster.told(&format!("cut n{}->n{away}", site.leader));
    assert_expected(&told);
    assert_eq!(told["prediction"]["leadership"]["outlook"], "stays");
    site.leaves_behind(away).await;
    site.send(other, PROMPT).await.expect("acknowledged");
    site.undo(&told);
    site.wait_until_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_hears_nobody_is_replaced_when_its_connections_count_as_silent() {
    let site = FaultSite::new().await;
    let told = site.cluster.told("cut all->leader");
    assert_expected(&told);
    let gap = told["observation"]["leaderless_millis"].as_u64();
    assert!(gap > Some(1000), "its heartbeats are heard first: {told:#}");
    assert_ne!(site.cluster.leader().await, site.leader);
    site.undo(&told);
    site.wait_until_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_open_and_refused_links_keep_a_follower_from_its_leader() {
    let site = FaultSite::new().await;
    let [away, other] = site.followers;
    for word in ["half-open", "refuse", "cut"] {
        let words = format!("{word} n{away}-n{}", site.leader);
        let told = site.cluster.told(&words);
        assert_expected(&told);
        site.leaves_behind(away).await;
        assert_unavailable(&site.send(away, PROMPT).await);
        site.send(other, PROMPT).await.expect("acknowledged");
        site.undo(&told);
        site.wait_until_whole().await;
    }
    let told = site.cluster.told("half-open leader");
    assert_expected(&told);
    assert_ne!(told["observation"]["after"]["leader"], site.leader);
    site.undo(&told);
    site.wait_until_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_links_slow_writes_down_by_a_question_and_its_answer() {
    let site = FaultSite::new().await;
    let usual = site.sends(site.leader, 10).await;
    // Beyond 25 ms the leader loses its lease, and takes no writes.
    let told = site.cluster.told("slow leader --latency 22ms");
    assert_expected(&told);
    let slow = site.sends(site.leader, 10).await;
    println!("usual {usual:?}, with 22 ms there and back {slow:?}");
    assert!(slow[0] >= Duration::from_millis(44), "{slow:?}");
    site.undo(&told);
    let after = site.sends(site.leader, 10).await;
    assert!(after[0] < Duration::from_millis(44), "{after:?}");

    // One of two followers: the other one makes the majority.
    let one = format!(
        "slow n{}-n{} --latency 200ms",
        site.leader, site.followers[0]
    );
    let told = site.cluster.told(&one);
    assert_expected(&told);
    let fast = site.sends(site.leader, 10).await;
    assert!(fast[0] < Duration::from_millis(200), "{fast:?}");
    site.cluster.told("heal");
}

#[tokio::test(flavor = "multi_thread")]
async fn jitter_and_loss_make_some_writes_wait() {
    let site = FaultSite::new().await;
    let usual = site.sends(site.leader, 20).await;
    let told = site.cluster.told("slow leader --jitter 24ms");
    assert_expected(&told);
    let jittery = site.sends(site.leader, 20).await;
    println!("usual {usual:?}, with jitter {jittery:?}");
    assert!(jittery[10] > usual[10] + Duration::from_millis(8));
    site.undo(&told);

    let told = site.cluster.told("slow all --loss 30%");
    assert_expected(&told);
    let lossy = site.sends(site.followers[0], 20).await;
    println!("with loss {lossy:?}");
    // The first retransmission of TCP.
    assert!(lossy[19] >= Duration::from_millis(190), "{lossy:?}");
    site.undo(&told);
    site.wait_until_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_narrow_link_takes_its_time_for_large_messages() {
    let site = FaultSite::new().await;
    let told = site.cluster.told("slow leader --bytes-per-second 100000");
    assert_expected(&told);
    let client = site.client(site.leader, SOON);
    let began = Instant::now();
    let request = client.send_message().queue_url(&site.url);
    let sent = request.message_body("m".repeat(100_000)).send().await;
    sent.expect("it is acknowledged");
    let took = began.elapsed();
    println!("100,000 bytes took {took:?}");
    assert!(took >= Duration::from_millis(900), "{took:?}");
    site.undo(&told);
    site.wait_until_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_disks_slow_writes_down_where_they_are_a_majority() {
    let site = FaultSite::new().await;
    let one = format!("slow-disk n{} --fsync 400ms", site.followers[0]);
    assert_expected(&site.cluster.told(&one));
    let fast = site.sends(site.leader, 10).await;
    assert!(fast[0] < Duration::from_millis(400), "{fast:?}");
    assert_expected(&site.cluster.told("slow-disk all --fsync 400ms"));
    let slow = site.sends(site.leader, 3).await;
    println!("one slow disk {fast:?}, all {slow:?}");
    assert!(slow[0] >= Duration::from_millis(400), "{slow:?}");
    site.cluster.told("heal");
    let after = site.sends(site.leader, 10).await;
    assert!(after[0] < Duration::from_millis(400), "{after:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_of_the_leader_refuses_sends_and_lets_receives_go_on() {
    let site = FaultSite::new().await;
    site.send(site.leader, PROMPT).await.expect("acknowledged");
    let told = site.cluster.told("full-disk leader");
    assert_expected(&told);
    let until = Instant::now() + SOON;
    let why = loop {
        match site.send(site.leader, PROMPT).await {
            Err(why) => break why,
            Ok(_) => assert!(Instant::now() < until, "sends are taken"),
        }
    };
    println!("{why}");
    let client = site.client(site.leader, PROMPT);
    let received = client.receive_message().queue_url(&site.url).send().await;
    let received = received.expect("a receive succeeds");
    assert_eq!(received.messages().len(), 1);
    site.undo(&told);
    site.serves_again(site.leader).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_are_cut_off_wait_while_their_node_follows() {
    let site = FaultSite::new().await;
    let away = site.followers[0];
    let told = site.cluster.told(&format!("clients-only n{away}"));
    assert_expected(&told);
    let held = site.send(away, Duration::from_secs(1)).await;
    assert!(held.is_err_and(|why| why.contains("timeout")));
    site.send(site.leader, PROMPT).await.expect("acknowledged");
    let wait = site.cluster.wait_until("it follows", Status::all_caught_up);
    wait.await;
    // What waits goes on when they hear each other again.
    let held_for = Duration::from_millis(500);
    let (sent, ()) = tokio::join!(site.send(away, SOON), async {
        tokio::time::sleep(held_for).await;
        site.undo(&told);
    });
    assert!(sent.expect("acknowledged") >= held_for);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_response_leaves_the_message_sent() {
    let site = FaultSite::new().await;
    let told = site.cluster.told("lose-responses leader");
    assert_expected(&told);
    let lost = site.send(site.leader, Duration::from_secs(1)).await;
    assert!(lost.is_err_and(|why| why.contains("timeout")));
    let client = site.client(site.followers[0], PROMPT);
    let received = client.receive_message().queue_url(&site.url).send().await;
    assert_eq!(received.expect("a receive").messages().len(), 1);
    site.undo(&told);
    site.serves_again(site.leader).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_are_stopped_for_a_time_come_back_by_themselves() {
    let site = FaultSite::new().await;
    let told = site.cluster.told("pause leader --for 3s");
    assert_expected(&told);
    assert_ne!(told["observation"]["after"]["leader"], site.leader);
    let active = site.cluster.told("status");
    assert_eq!(active["faults"][0]["number"], told["number"], "{active}");
    assert!(active["faults"][0]["left_millis"].as_u64() < Some(3000));
    site.wait_until_whole().await;
    site.wait_until_nothing_is_broken().await;

    let before = site.cluster.status();
    let told = site
        .cluster
        .told(&format!("kill n{} --for 2s", site.leader));
    assert_expected(&told);
    let wait = site.cluster.wait_until("another process", |status| {
        let nodes = status.nodes.iter().zip(&before.nodes);
        let mut only_it = nodes.map(|(now, then)| (now.id == site.leader) == (now.pid != then.pid));
        status.all_caught_up() && only_it.all(|is_so| is_so)
    });
    wait.await;

    // And by their numbers.
    let killed = site.cluster.told("kill follower");
    let paused = site.cluster.told("pause follower");
    assert_eq!(paused["prediction"]["leadership"]["outlook"], "nobody");
    assert_expected(&paused);
    site.undo(&paused);
    site.undo(&killed);
    site.wait_until_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_leader_hands_over_and_a_restarted_node_keeps_to_the_faults() {
    let site = FaultSite::new().await;
    let told = site.cluster.told("restart leader");
    assert_expected(&told);
    let gap = told["observation"]["leaderless_millis"].as_u64();
    assert!(gap < Some(300), "{told:#}");
    let leader = site.cluster.leader().await;

    let away = (1..=3).find(|id| *id != leader).expect("a follower");
    let cut = site.cluster.told(&format!("isolate n{away}"));
    site.cluster.fault("restart", &format!("n{away}"));
    assert_unavailable(&site.send(away, PROMPT).await);
    let told_to = |active: &Value| active["faults"][0]["nodes"].as_array().map(Vec::len);
    let active = site.cluster.told("status");
    assert_eq!(told_to(&active), Some(3), "{active:#}");

    // What is set or undone while a node stands still, it hears when it goes on.
    site.cluster.fault("pause", &format!("n{away}"));
    site.undo(&cut);
    let slow = site.cluster.told("slow all --latency 10ms --no-watch");
    assert_eq!(slow["untold"], Value::from(vec![away]));
    site.cluster.fault("resume", &format!("n{away}"));
    let active = site.cluster.told("status");
    assert_eq!(active["faults"].as_array().map(Vec::len), Some(1));
    assert_eq!(told_to(&active), Some(3), "{active:#}");
    site.cluster.told("heal");
    site.wait_until_whole().await;
}
