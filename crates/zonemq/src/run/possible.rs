//! What real processes cannot do is refused before anything starts.

use zonemq_scenario::{Kind, Scenario, Store};

use super::steps::is_simulated_only;
use crate::cluster::MOST_NODES;
use crate::failure::Failure;

/// More clients than this are no scenario, but a load.
const MOST_CLIENTS: usize = 200;

/// A sentence where the scenario needs the simulator.
pub(super) fn check(scenario: &Scenario) -> Result<(), Failure> {
    let kinds: Vec<Kind> = scenario.kinds();
    let kinds = kinds.into_iter().filter(|kind| is_simulated_only(*kind));
    let names: Vec<String> = kinds.map(|kind| kind.to_string()).collect();
    if !names.is_empty() {
        return Err(Failure::Usage(format!(
            "real processes cannot do {}: they share this machine's power, disk and clock; \
             --engine sim can",
            names.join(", ")
        )));
    }
    if scenario.store != Store::default() {
        return Err(Failure::Usage(
            "real nodes keep their store as they always do: leave [store] out, or --engine sim"
                .to_owned(),
        ));
    }
    let nodes = usize::from(scenario.cluster.zones) * usize::from(scenario.cluster.nodes_per_zone);
    if nodes > MOST_NODES {
        return Err(Failure::Usage(format!(
            "a cluster on one machine has at most {MOST_NODES} nodes, and this would have {nodes}; \
             --engine sim takes more"
        )));
    }
    let load = &scenario.workload;
    let of_a_lane = load.senders.saturating_add(load.receivers);
    let most = u64::try_from(MOST_CLIENTS).unwrap_or(u64::MAX);
    let lanes = u64::try_from(load.lanes.len()).unwrap_or(u64::MAX);
    if of_a_lane.saturating_mul(lanes) > most {
        return Err(Failure::Usage(format!(
            "a scenario has at most {MOST_CLIENTS} clients; `zonemq bench` is for loads"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use zonemq_scenario::parse;

    use super::*;

    fn checked(text: &str) -> Result<(), String> {
        let text = format!("teaches = \"\"\n{text}");
        let scenario = parse("mine.toml", &text).expect("a scenario");
        check(&scenario).map_err(|failure| failure.to_string())
    }

    #[test]
    fn what_only_the_simulator_can_do_is_named() {
        let fault = |kind| format!("[[fault]]\nkind = \"{kind}\"\ntarget = \"n1\"\nat = 1.0");
        assert_eq!(checked(&fault("kill")), Ok(()));
        let told = checked(&fault("bit-flip")).unwrap_err();
        assert!(told.contains("cannot do bit-flip"), "{told}");
        assert!(told.contains("--engine sim"), "{told}");
        let random = "[random]\npause_millis = [1, 2]\nlasts_millis = [1, 2]\n";
        let told = checked(random).unwrap_err();
        assert!(
            told.contains("power-loss") && told.contains("clock-drift"),
            "{told}"
        );
        let some = format!("{random}[random.weights]\nkill = 1\nclock-jump = 0\n");
        assert_eq!(checked(&some), Ok(()));
    }

    #[test]
    fn a_store_of_its_own_and_a_large_cluster_are_the_simulators() {
        assert!(checked("[store]\nsegment_bytes = 4096").is_err());
        assert!(checked("[cluster]\nzones = 3\nnodes_per_zone = 4").is_err());
        assert!(checked("[workload]\nsenders = 1000").is_err());
        assert_eq!(checked("[cluster]\nzones = 3\nnodes_per_zone = 3"), Ok(()));
    }
}
