//! The loss of a leader.

use crate::{Act, Check, Lesson, Queue, Receive, Step, Through, Who};

pub(super) const LESSON: Lesson = Lesson {
    name: "leader-loss",
    title: "The loss of a leader",
    goal: "When the leader is lost, the others elect one that has every acknowledged message, and \
           clients see a pause.",
    steps: &[
        Step {
            says: "Make a queue on a cluster in which all is well.",
            act: Act::CreateQueue {
                queue: Queue::Standard,
            },
            check: Check::Whole,
            why: "The leader tells the others twenty times a second that it is there.",
        },
        Step {
            says: "Send a message through the leader.",
            act: Act::send(Queue::Standard, "before", Through::Former),
            check: Check::Acknowledged,
            why: "It is on the disks of a majority. Whichever node is lost, one that has it is left.",
        },
        Step {
            says: "Take the leader away. In the terminal its process is killed; in the console its links to \
                   the others are cut. To them it is the same.",
            act: Act::TakeAway { who: Who::Leader },
            check: Check::AnotherLeads,
            why: "The followers heard nothing for a third of a second and asked for votes. A node votes \
                  only for one whose log is at least as long as its own, so whoever wins has every \
                  committed entry. It leads in a new term, so that nobody mistakes it for the old one.",
        },
        Step {
            says: "Send a message through a node that is left. It passes it on to the new leader.",
            act: Act::send(Queue::Standard, "after", Through::Other),
            check: Check::Acknowledged,
            why: "Two of three are a majority. Had this message come during the election, the node \
                  would have kept it until somebody led.",
        },
        Step {
            says: "Bring the old leader back.",
            act: Act::Mend,
            check: Check::Whole,
            why: "It learned of the later term with the first message that it heard, and follows.",
        },
        Step {
            says: "Receive all messages.",
            act: Act::Receive(Receive::All {
                queue: Queue::Standard,
            }),
            check: Check::CameAtLeast {
                bodies: &["before", "after"],
            },
            why: "The message of the old leader's time was in the log of the new one.",
        },
    ],
};
