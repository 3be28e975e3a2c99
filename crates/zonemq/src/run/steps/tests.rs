use std::path::PathBuf;

use zonemq_scenario::Fault;
use zonemq_workload::Seeded;

use super::*;

fn three() -> Vec<Member> {
    let zones = (1..).zip(["a", "b", "c"]);
    let member = |(id, zone): (u64, &str)| Member {
        id,
        zone: zone.to_owned(),
    };
    zones.map(member).collect()
}

fn planned(kind: Kind, target: &str, amount: f64) -> Planned {
    Planned {
        number: 0,
        at: Duration::from_secs(2),
        lasts: Duration::from_secs(3),
        fault: Fault {
            kind,
            target: target.parse().expect("a target"),
            amount,
        },
    }
}

fn done(kind: Kind, target: &str, amount: f64) -> Vec<Step> {
    let data = DataArgs {
        data: PathBuf::from("nowhere"),
    };
    let planned = planned(kind, target, amount);
    steps(&planned, &three(), &mut Seeded::new(1, "steps"), &data)
}

#[test]
fn every_kind_that_is_not_the_simulators_alone_has_a_word() {
    for kind in Kind::ALL {
        let (least, most) = kind.amounts();
        let steps = done(kind, "leader", least.midpoint(most));
        assert_eq!(steps.is_empty(), is_simulated_only(kind), "{kind}");
    }
}

#[test]
fn a_fault_begins_at_its_time_and_ends_by_itself() {
    let [step] = done(Kind::Kill, "leader", 0.0)
        .try_into()
        .expect("one step");
    let Step { at, lasts, word } = step;
    assert_eq!((at.as_secs(), lasts.as_secs()), (2, 3));
    let Word::Kill { target, how } = word else {
        panic!("{word:?}");
    };
    assert_eq!(target, Target::Leader);
    assert_eq!(how.lasts, Some(Timeout(Duration::from_secs(3))));
}

#[test]
fn a_link_is_cut_where_a_node_is_isolated() {
    let words = |target| done(Kind::Isolate, target, 0.0).remove(0).word;
    assert!(matches!(words("n2"), Word::Isolate { .. }));
    let Word::Cut { links, .. } = words("n1->n3") else {
        panic!("a link is cut");
    };
    assert_eq!(links.to_string(), "n1->n3");
}

#[test]
fn nodes_are_restarted_one_after_the_other_as_long_as_it_lasts() {
    let steps = done(Kind::RollingRestart, "all", 1000.0);
    let told: Vec<(u64, String)> = steps
        .iter()
        .map(|step| match &step.word {
            Word::Kill { target, .. } => (step.at.as_secs(), target.to_string()),
            other => panic!("{other:?}"),
        })
        .collect();
    let expected = [(2, "n1"), (3, "n2"), (4, "n3")];
    assert_eq!(told, expected.map(|(at, name)| (at, name.to_owned())));
}

#[test]
fn a_cluster_falls_into_halves_by_chance_and_the_same_from_the_same_seed() {
    let sides = || match done(Kind::Halves, "all", 0.0).remove(0).word {
        Word::Partition { sides, .. } => sides,
        other => panic!("{other:?}"),
    };
    assert_eq!(sides(), sides());
    let names: Vec<String> = sides().join(",").split(',').map(str::to_owned).collect();
    assert_eq!(names.len(), 3);
}

#[test]
fn neighbours_on_a_ring_hear_each_other() {
    assert_eq!(strangers(&[3, 1, 2]), [(3, 1)]);
    assert_eq!(strangers(&[1, 2, 3, 4]), [(1, 3), (2, 4)]);
    assert_eq!(strangers(&[1, 2]), []);
}
