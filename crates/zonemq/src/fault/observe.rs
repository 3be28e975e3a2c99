//! Watches who leads while something breaks, and tells what followed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use zonemq_node::outlook::{Leadership, Picture};

use super::site::{Seen, Site};
use crate::http;

const LOOK_EVERY: Duration = Duration::from_millis(20);
/// A node whose last answer is older says nothing.
const FRESH: Duration = Duration::from_millis(250);
/// A leader that led for so long stays.
const SETTLED: Duration = Duration::from_millis(700);
/// Followers would have asked for votes several times.
const NOBODY_CAME: Duration = Duration::from_millis(1500);
/// Connections that fall silent are given up after 3 s; then there is an election.
const LONGEST: Duration = Duration::from_secs(7);

/// What was seen.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Observation {
    before: Led,
    after: Led,
    /// How long nobody led that reaches a majority.
    leaderless_millis: u64,
    watched_millis: u64,
    as_expected: bool,
}

/// Who led.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Led {
    leader: Option<u64>,
    term: Option<u64>,
}

#[derive(Clone, Debug, Deserialize)]
struct Answer {
    role: String,
    term: u64,
}

type Answers = Arc<Mutex<BTreeMap<u64, (Instant, Answer)>>>;

/// Asks all nodes again and again, each by itself: one that stands still delays nobody.
#[derive(Debug)]
pub(super) struct Watch {
    answers: Answers,
    began: Instant,
    _asking: JoinSet<()>,
}

impl Watch {
    pub(super) fn begin(site: &Site) -> Watch {
        let answers = Answers::default();
        let mut asking = JoinSet::new();
        for node in &site.cluster.nodes {
            let (id, client) = (node.id, site.client.clone());
            let url = http::url(node.api, "/admin/status");
            let answers = answers.clone();
            asking.spawn(async move {
                loop {
                    let asked = Instant::now();
                    if let Ok(answer) = client.get(&url).send().await
                        && let Ok(answer) = answer.json::<Answer>().await
                    {
                        let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
                        answers.insert(id, (asked, answer));
                    }
                    tokio::time::sleep(LOOK_EVERY).await;
                }
            });
        }
        Watch {
            answers,
            began: Instant::now(),
            _asking: asking,
        }
    }

    /// The leader that counts at this moment: one in the latest term that reaches a majority.
    fn leads(&self, picture: &Picture) -> Led {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let leads = answers
            .iter()
            .filter(|(id, (asked, answer))| {
                asked.elapsed() < FRESH && answer.role == "leader" && picture.can_lead(**id)
            })
            .max_by_key(|(_, (_, answer))| answer.term);
        Led {
            leader: leads.map(|(id, _)| *id),
            term: leads.map(|(_, (_, answer))| answer.term),
        }
    }

    /// Watches until it is clear what followed; `acting` is what breaks it.
    pub(super) async fn over<T>(
        self,
        before: &Seen,
        after: &Picture,
        expected: &Leadership,
        acting: impl Future<Output = Result<T, crate::failure::Failure>>,
    ) -> Result<(T, Observation), crate::failure::Failure> {
        let mut acting = std::pin::pin!(acting);
        let mut done = None;
        let mut acted = None;
        let mut leaderless = Duration::ZERO;
        let first = Led {
            leader: before.picture.leader,
            term: before.term,
        };
        let mut now = first;
        let mut since = self.began;
        let mut last_look = self.began;
        loop {
            tokio::select! {
                result = &mut acting, if acted.is_none() => {
                    done = Some(result?);
                    acted = Some(Instant::now());
                    continue;
                }
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let led = self.leads(after);
            let looked = Instant::now();
            if now.leader.is_none() {
                leaderless += looked - last_look;
            }
            last_look = looked;
            if led != now {
                now = led;
                since = looked;
            }
            let Some(acted) = acted else { continue };
            let steady = looked - since.max(acted);
            let is_clear = match now.leader {
                Some(_) => steady > SETTLED,
                None => steady > NOBODY_CAME && *expected == Leadership::Nobody,
            };
            if is_clear || looked - acted > LONGEST {
                break;
            }
        }
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let observation = Observation {
            before: first,
            after: now,
            leaderless_millis: millis(leaderless),
            watched_millis: millis(self.began.elapsed()),
            as_expected: match expected {
                Leadership::Stays { leader } => now.leader == Some(*leader),
                Leadership::MayChange { candidates } | Leadership::Changes { candidates } => now
                    .leader
                    .is_some_and(|leader| candidates.contains(&leader)),
                Leadership::Nobody => now.leader.is_none(),
            },
        };
        match done {
            Some(done) => Ok((done, observation)),
            // The loop ends only after it was done.
            None => Err(anyhow::anyhow!("the watch ended too early").into()),
        }
    }
}

impl Observation {
    /// In words.
    pub(super) fn says(&self) -> String {
        #[expect(clippy::cast_precision_loss, reason = "some seconds")]
        let seconds = |millis: u64| format!("{:.2} s", millis as f64 / 1000.0);
        let led = |led: Led, verb: &str| match (led.leader, led.term) {
            (Some(leader), Some(term)) => format!("n{leader} {verb} in term {term}"),
            _ => format!("nobody {verb}"),
        };
        let gap = match (self.after.leader, self.leaderless_millis) {
            (_, 0) => String::new(),
            (Some(_), millis) => format!("; nobody led for {}", seconds(millis)),
            (None, millis) => format!("; nobody has led for {}", seconds(millis)),
        };
        let told = if self.before.leader.is_none() && self.after.leader.is_none() {
            format!("nobody led before, and nobody does now{gap}.")
        } else if self.before == self.after {
            format!("{}, and still does{gap}.", led(self.before, "led"))
        } else {
            let after = led(self.after, "leads");
            format!("{} before; {after} now{gap}.", led(self.before, "led"))
        };
        let judged = if self.as_expected {
            "As expected."
        } else {
            "Not as expected: something else is at work, such as another fault."
        };
        format!("{told} {judged}")
    }
}
