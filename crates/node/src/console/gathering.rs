//! Gathers the picture of the cluster from all nodes, once for all viewers, and only while there
//! are any.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};
use zonemq_world::World;

use super::asking::{self, Look};
use crate::admin::NodeState;
use crate::config::Member;

/// Who watches at one time; a person needs one.
pub(super) const MOST_VIEWERS: usize = 16;
/// Between two rounds of questions, each of which may make a picture.
const PAUSE: Duration = Duration::from_millis(100);
/// Whoever answers later in a round is in the next picture.
const ROUND_PATIENCE: Duration = Duration::from_millis(60);
/// Between two pictures at most, so that a viewer knows that the node lives.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Of each log.
const ENTRIES: u64 = 24;

/// Where viewers find the picture.
#[derive(Debug)]
pub(crate) struct Console {
    /// The latest one, as it is sent; empty while there is none.
    pictures: watch::Sender<Bytes>,
    viewers: watch::Sender<usize>,
}

impl Default for Console {
    fn default() -> Console {
        Console {
            pictures: watch::Sender::new(Bytes::new()),
            viewers: watch::Sender::new(0),
        }
    }
}

/// A viewer. The picture is gathered as long as there is one.
#[derive(Debug)]
pub(super) struct Viewer {
    pub(super) pictures: watch::Receiver<Bytes>,
    viewers: watch::Sender<usize>,
}

impl Console {
    /// Begins to watch, unless too many do.
    pub(super) fn join(&self) -> Option<Viewer> {
        let joined = self.viewers.send_if_modified(|viewers| {
            let has_room = *viewers < MOST_VIEWERS;
            *viewers += usize::from(has_room);
            has_room
        });
        joined.then(|| Viewer {
            pictures: self.pictures.subscribe(),
            viewers: self.viewers.clone(),
        })
    }

    /// Puts a picture where viewers find it.
    pub(super) fn show(&self, picture: Bytes) {
        self.pictures.send_replace(picture);
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.viewers.send_modify(|viewers| *viewers -= 1);
    }
}

/// What a node told, as JSON, or why it tells nothing.
type Answer = Result<String, String>;

/// What each node has told last, and in which round.
#[derive(Debug, Default)]
struct Told {
    nodes: Mutex<BTreeMap<u64, (u64, Answer)>>,
    changed: Notify,
}

impl Told {
    fn tell(&self, node: u64, round: u64, answer: Answer) {
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        nodes.insert(node, (round, answer));
        self.changed.notify_one();
    }

    /// Resolves when every node has told something in this round.
    async fn all_in(&self, round: u64, members: &[Member]) {
        let is_in = |member: &Member| {
            let nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
            nodes
                .get(&member.id)
                .is_some_and(|(last, _)| *last >= round)
        };
        while !members.iter().all(is_in) {
            self.changed.notified().await;
        }
    }

    /// The picture, once every node was asked.
    fn picture(&self, from: u64, members: &[Member]) -> Option<Bytes> {
        let nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut picture = format!("data: {{\"from\":{from},\"nodes\":[");
        for (place, member) in members.iter().enumerate() {
            let (_, told) = nodes.get(&member.id)?;
            let (seen, why) = match told {
                Ok(json) => (json.as_str(), "null".to_owned()),
                Err(why) => ("null", serde_json::Value::from(why.as_str()).to_string()),
            };
            let comma = if place == 0 { "" } else { "," };
            let zone = serde_json::Value::from(member.zone.as_str());
            // Writing to a string cannot fail.
            let _ = write!(
                picture,
                "{comma}{{\"id\":{},\"zone\":{zone},\"api\":\"{}\",\"why\":{why},\"seen\":{seen}}}",
                member.id, member.api
            );
        }
        picture.push_str("]}\n\n");
        Some(picture.into())
    }
}

/// Gathers whenever somebody watches. Runs until it is dropped.
pub(crate) async fn run<W: World>(node: Arc<NodeState<W>>) {
    let mut viewers = node.console.viewers.subscribe();
    // The sender lives in the node.
    while viewers.wait_for(|viewers| *viewers > 0).await.is_ok() {
        let told = Arc::new(Told::default());
        let rounds = watch::Sender::new(0);
        let mut asking = JoinSet::new();
        for member in node.config.members.clone() {
            let (node, told, rounds) = (node.clone(), told.clone(), rounds.subscribe());
            asking.spawn(keep_asking(node, member, told, rounds));
        }
        tokio::select! {
            () = publish(&node, &told, &rounds) => {}
            _ = viewers.wait_for(|viewers| *viewers == 0) => {}
        }
        node.console.show(Bytes::new());
    }
}

/// Asks one node in each round. A slow one misses rounds, and delays nobody else.
async fn keep_asking<W: World>(
    node: Arc<NodeState<W>>,
    member: Member,
    told: Arc<Told>,
    mut rounds: watch::Receiver<u64>,
) {
    let look = Look::Overview { entries: ENTRIES };
    while rounds.changed().await.is_ok() {
        let round = *rounds.borrow_and_update();
        let answer = asking::ask(&node, &member, &look).await;
        told.tell(member.id, round, answer);
    }
}

async fn publish<W: World>(node: &NodeState<W>, told: &Told, rounds: &watch::Sender<u64>) {
    let members = &node.config.members;
    let mut shown = Bytes::new();
    let mut shown_at = Instant::now();
    for round in 1.. {
        let at = Instant::now();
        rounds.send_replace(round);
        let _ = timeout_at(at + ROUND_PATIENCE, told.all_in(round, members)).await;
        if let Some(picture) = told.picture(node.config.id, members)
            && (picture != shown || shown_at.elapsed() >= LONGEST_PAUSE)
        {
            shown = picture.clone();
            shown_at = Instant::now();
            node.console.show(picture);
        }
        sleep_until(at + PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: u64, zone: &str) -> Member {
        Member {
            id,
            zone: zone.to_owned(),
            api: ([127, 0, 0, 1], 1).into(),
            peer: ([127, 0, 0, 1], 2).into(),
        }
    }

    #[test]
    fn a_picture_tells_of_each_node_what_it_said_or_why_it_says_nothing() {
        let told = Told::default();
        let members = [member(1, "a"), member(2, "b\"\n")];
        told.tell(1, 1, Ok(r#"{"term":3}"#.to_owned()));
        assert_eq!(told.picture(1, &members), None, "not before all were asked");
        told.tell(2, 1, Err("it is \"gone\"\n".to_owned()));
        let picture = told.picture(1, &members).unwrap();
        let text = std::str::from_utf8(&picture).unwrap();
        let json = text.strip_prefix("data: ").unwrap();
        let json = json.strip_suffix("\n\n").unwrap();
        assert!(!json.contains('\n'), "one event is one line");
        let picture: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(picture["nodes"][0]["seen"]["term"], 3);
        assert_eq!(picture["nodes"][1]["why"], "it is \"gone\"\n");
        assert_eq!(picture["nodes"][1]["seen"], serde_json::Value::Null);
    }

    #[tokio::test(start_paused = true)]
    async fn a_round_is_over_when_all_have_answered_in_it() {
        let told = Told::default();
        let members = [member(1, "a"), member(2, "b")];
        told.tell(1, 7, Ok(String::new()));
        told.tell(2, 6, Ok(String::new()));
        let soon = || Instant::now() + PAUSE;
        let late = timeout_at(soon(), told.all_in(7, &members)).await;
        assert!(late.is_err(), "the second has not answered in this round");
        told.tell(2, 7, Err("it does not answer".to_owned()));
        let all = timeout_at(soon(), told.all_in(7, &members)).await;
        assert!(all.is_ok(), "that it does not answer is an answer");
    }

    #[test]
    fn no_more_than_so_many_watch_at_a_time() {
        let console = Console::default();
        let mut viewers: Vec<Viewer> = (0..MOST_VIEWERS)
            .map(|_| console.join().expect("there is room"))
            .collect();
        assert!(console.join().is_none());
        viewers.pop();
        assert!(console.join().is_some(), "one has gone");
        assert_eq!(*console.viewers.borrow(), MOST_VIEWERS - 1);
    }
}
