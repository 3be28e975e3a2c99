use zonemq_world::faulty::{ClientRule, DiskRule, LinkRule, Passage};

use super::*;
use crate::faults::Effect;

/// Nodes 1, 2, ... in zones a, b, c, a, b.
fn cluster(count: usize, leader: Option<u64>) -> Picture {
    let zones = ["a", "b", "c"].into_iter().cycle();
    Picture::of_zones(zones.take(count), leader)
}

const TIMEOUT: Duration = Duration::from_secs(10);

fn cut(pairs: &[(u64, u64)]) -> Vec<Effect> {
    let rule = LinkRule::passing(Passage::Held);
    let effect = |(from, to): &(u64, u64)| Effect::Link {
        from: *from,
        to: *to,
        rule,
    };
    pairs.iter().map(effect).collect()
}

fn both_ways(one: &[u64], other: &[u64]) -> Vec<Effect> {
    let there = one.iter().flat_map(|a| other.iter().map(|b| (*a, *b)));
    let pairs: Vec<_> = there.flat_map(|(a, b)| [(a, b), (b, a)]).collect();
    cut(&pairs)
}

fn told(after: &Picture) -> (Leadership, String) {
    let prediction = predict(after, &[], TIMEOUT);
    (prediction.leadership, prediction.says.join(" "))
}

fn changes(candidates: &[u64]) -> Leadership {
    Leadership::Changes {
        candidates: candidates.to_vec(),
    }
}

#[test]
fn a_leader_in_the_minority_is_replaced_and_its_zone_is_served_elsewhere() {
    let after = cluster(3, Some(1)).with_effects(&both_ways(&[1], &[2, 3]));
    let (leadership, says) = told(&after);
    assert_eq!(leadership, changes(&[2, 3]));
    assert_eq!(
        says,
        "2 of 3 voters (nodes whose votes count) stay connected: writes go on after an election, in \
         about half a second. n2 or n3 leads. None of these can be spared. \
         Clients of zones b, c are served through n2, n3. \
         Clients of zone a are not served there, for n1 does not reach the leader; \
         n2 or n3 would serve them."
    );
}

#[test]
fn a_follower_less_changes_nothing_but_the_margin() {
    let after = cluster(3, Some(1)).with_state(&[2], NodeState::Down);
    let (leadership, says) = told(&after);
    assert_eq!(leadership, Leadership::Stays { leader: 1 });
    assert!(
        says.starts_with(
            "2 of 3 voters (nodes whose votes count) stay connected: n1 keeps leading"
        )
    );
    assert!(says.contains("Clients of zone b are not served there, for n2 is down"));
    let after = cluster(5, Some(1)).with_state(&[2], NodeState::Paused);
    let (_, says) = told(&after);
    assert!(!says.contains("spared"), "{says}");
    assert!(says.contains("served through n1, n4, n5, n3"), "{says}");
}

#[test]
fn without_a_majority_nobody_leads_and_nothing_is_lost() {
    let apart = both_ways(&[1], &[2, 3])
        .into_iter()
        .chain(both_ways(&[2], &[3]));
    let after = cluster(3, Some(1)).with_effects(&apart.collect::<Vec<_>>());
    let prediction = predict(&after, &[], TIMEOUT);
    assert_eq!(prediction.leadership, Leadership::Nobody);
    assert_eq!(prediction.connected, 1);
    assert_eq!(prediction.says.len(), 1);
    assert!(prediction.says[0].contains("fail after 10 s; nothing that was acknowledged is lost"));
    let two_dead = cluster(3, Some(1)).with_state(&[1, 3], NodeState::Down);
    assert_eq!(told(&two_dead).0, Leadership::Nobody);
}

#[test]
fn a_link_between_leader_and_follower_leaves_the_follower_without_a_leader() {
    let after = cluster(3, Some(1)).with_effects(&cut(&[(1, 3)]));
    let (leadership, says) = told(&after);
    assert_eq!(leadership, Leadership::Stays { leader: 1 });
    assert!(
        says.contains("2 of 3 voters (nodes whose votes count) stay connected"),
        "{says}"
    );
    assert!(says.contains("zone c are not served there, for n3 does not reach the leader"));
    // Whoever leads: n1 serves only if it is n2 or itself.
    let bridge = cluster(3, None).with_effects(&both_ways(&[1], &[3]));
    let prediction = predict(&bridge, &[], TIMEOUT);
    assert_eq!(prediction.leadership, changes(&[1, 2, 3]));
    assert_eq!(prediction.zones[0].perhaps_by, [1]);
    assert_eq!(prediction.zones[1].served_by, [2]);
}

#[test]
fn a_leader_that_hears_nobody_is_noticed_late() {
    let after = cluster(3, Some(1)).with_effects(&cut(&[(2, 1), (3, 1)]));
    let (leadership, says) = told(&after);
    assert_eq!(leadership, changes(&[2, 3]));
    assert!(says.contains("may take 4 s"), "{says}");
}

#[test]
fn a_write_is_as_slow_as_the_fastest_majority() {
    let slow = |from, to| Effect::Link {
        from,
        to,
        rule: LinkRule {
            latency_millis: 200,
            ..LinkRule::default()
        },
    };
    let one = cluster(3, Some(1)).with_effects(&[slow(1, 2), slow(2, 1)]);
    assert!(told(&one).1.contains("as fast as before"));
    let both = one.with_effects(&[slow(1, 3), slow(3, 1)]);
    let says = told(&both).1;
    assert!(says.contains("about 400 ms longer"), "{says}");
    assert!(
        says.contains("takes no writes until its links are faster"),
        "{says}"
    );
    let disk = |node| Effect::Disk {
        node,
        rule: DiskRule {
            fsync_millis: 500,
            is_full: false,
        },
    };
    let one = cluster(3, Some(1)).with_effects(&[disk(2)]);
    assert!(told(&one).1.contains("as fast as before"));
    let two = one.with_effects(&[disk(3)]);
    let says = told(&two).1;
    assert!(says.contains("about 500 ms longer"), "{says}");
    assert!(!says.contains("heartbeats"), "{says}");
}

#[test]
fn an_election_may_follow_where_too_few_hear_the_leader_in_time() {
    let slow = |from, to, latency_millis, loss| Effect::Link {
        from,
        to,
        rule: LinkRule {
            latency_millis,
            loss,
            ..LinkRule::default()
        },
    };
    let three = cluster(3, Some(1));
    // n3 still hears it, and votes for nobody else.
    let one = three.with_effects(&[slow(1, 2, 400, 0.0)]);
    assert_eq!(told(&one).0, Leadership::Stays { leader: 1 });
    let may_change = Leadership::MayChange {
        candidates: vec![1, 2, 3],
    };
    for (latency, loss) in [(400, 0.0), (0, 0.3)] {
        let both = three.with_effects(&[slow(1, 2, latency, loss), slow(1, 3, latency, loss)]);
        assert_eq!(told(&both).0, may_change);
    }
    let hardly = three.with_effects(&[slow(1, 2, 100, 0.05), slow(1, 3, 100, 0.05)]);
    assert_eq!(told(&hardly).0, Leadership::Stays { leader: 1 });
}

#[test]
fn clients_that_are_cut_off_are_served_elsewhere_and_the_voter_stays() {
    let held = ClientRule {
        requests: Passage::Held,
        answers: Passage::Held,
    };
    let after = cluster(3, Some(1)).with_effects(&[Effect::Clients {
        node: 1,
        rule: held,
    }]);
    let (leadership, says) = told(&after);
    assert_eq!(leadership, Leadership::Stays { leader: 1 });
    assert!(
        says.contains("zone a are not served there, for n1 and its clients do not hear each other; n2 or n3 would serve them"),
        "{says}"
    );
}

#[test]
fn a_restarted_leader_hands_over_and_a_restarted_follower_is_not_missed() {
    let three = cluster(3, Some(1));
    let prediction = predict(&three, &[1], TIMEOUT);
    assert_eq!(prediction.leadership, changes(&[2, 3]));
    assert!(prediction.says[0].contains("when the leader has handed over"));
    let prediction = predict(&three, &[2], TIMEOUT);
    assert_eq!(prediction.leadership, Leadership::Stays { leader: 1 });
}

#[test]
fn a_full_disk_matters_where_it_leads() {
    let full = |node| Effect::Disk {
        node,
        rule: DiskRule {
            fsync_millis: 0,
            is_full: true,
        },
    };
    let three = cluster(3, Some(1));
    assert!(
        told(&three.with_effects(&[full(1)]))
            .1
            .contains("refuses sends")
    );
    assert!(
        told(&three.with_effects(&[full(2)]))
            .1
            .contains("n2 is one of the followers")
    );
}
