//! Lessons, as data: what to read, what to do, what must come of it, and why.
//!
//! `zonemq learn` gives them in the terminal, and the console gives the same in a browser. Each has its
//! own hands and eyes for what a [`Step`] says; here is nothing but what they share.

mod lesson;
mod lessons;

use serde::Serialize;

pub use self::lesson::{Act, Check, Lesson, Letter, Queue, Receive, Step, Through, Who};

/// All lessons, and what is the same in each of them.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Course {
    /// Fewer nodes have no majority to lose.
    pub least_nodes: usize,
    /// How long the sender of a message waits for its answer.
    pub sender_waits_seconds: u64,
    /// Of all messages of the FIFO queue.
    pub message_group: &'static str,
    /// In the order in which they build on each other.
    pub lessons: &'static [Lesson],
}

/// The course that a learner takes.
pub const COURSE: Course = Course {
    least_nodes: 3,
    sender_waits_seconds: 2,
    message_group: "one-group",
    lessons: &lessons::ALL,
};

/// The lesson of this name.
pub fn named(name: &str) -> Option<&'static Lesson> {
    COURSE.lessons.iter().find(|lesson| lesson.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps() -> impl Iterator<Item = &'static Step> {
        COURSE.lessons.iter().flat_map(|lesson| lesson.steps)
    }

    #[test]
    fn every_lesson_has_a_name_of_its_own_and_says_something_at_each_step() {
        let mut names: Vec<&str> = COURSE.lessons.iter().map(|lesson| lesson.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), COURSE.lessons.len());
        for lesson in COURSE.lessons {
            assert!(lesson.steps.len() >= 5, "{}", lesson.name);
            assert_eq!(
                named(lesson.name).map(|found| found.title),
                Some(lesson.title)
            );
        }
        for step in steps() {
            assert!(!step.says.is_empty() && !step.why.is_empty(), "{step:?}");
        }
    }

    #[test]
    fn what_is_sent_is_looked_at() {
        for step in steps() {
            let looks = matches!(step.check, Check::Acknowledged | Check::NotAcknowledged);
            assert_eq!(matches!(step.act, Act::Send(_)), looks, "{step:?}");
        }
    }

    #[test]
    fn whatever_is_broken_is_mended_before_the_end() {
        for lesson in COURSE.lessons {
            let mut is_broken = false;
            for step in lesson.steps {
                match step.act {
                    Act::TakeAway { .. } | Act::CutOff { .. } | Act::LoseAnswers { .. } => {
                        is_broken = true;
                    }
                    Act::Mend => is_broken = false,
                    _ => {}
                }
            }
            assert!(!is_broken, "{}", lesson.name);
        }
    }

    #[test]
    fn a_queue_is_made_before_it_is_used() {
        for lesson in COURSE.lessons {
            let mut made = Vec::new();
            for step in lesson.steps {
                let used = match step.act {
                    Act::CreateQueue { queue } => {
                        made.push(queue);
                        continue;
                    }
                    Act::Send(letter) => letter.queue,
                    Act::Receive(how) => how.queue(),
                    Act::Delete { queue, .. } => queue,
                    _ => continue,
                };
                assert!(made.contains(&used), "{step:?}");
            }
        }
    }

    #[test]
    fn a_page_reads_kinds_and_facts_of_queues() {
        let json = serde_json::to_value(COURSE).unwrap();
        assert_eq!(json["least_nodes"], 3);
        let quorum = &json["lessons"][0];
        assert_eq!(quorum["name"], "quorum");
        let act = |at: usize| quorum["steps"][at]["act"].clone();
        assert_eq!(act(0), serde_json::json!({ "kind": "look" }));
        let letters =
            serde_json::json!({ "name": "letters", "fifo": false, "visibility_seconds": 2 });
        assert_eq!(
            act(1),
            serde_json::json!({ "kind": "create_queue", "queue": letters })
        );
        assert_eq!(
            act(2),
            serde_json::json!({
                "kind": "send", "queue": letters, "body": "with all nodes", "through": "former",
            })
        );
        assert_eq!(
            act(3),
            serde_json::json!({ "kind": "take_away", "who": "follower" })
        );
        assert_eq!(
            act(8),
            serde_json::json!({ "kind": "receive", "how": "all", "queue": letters })
        );
        let check = &quorum["steps"][8]["check"];
        assert_eq!(check["kind"], "came_at_least");
        assert_eq!(check["bodies"][1], "with one node less");
    }
}
