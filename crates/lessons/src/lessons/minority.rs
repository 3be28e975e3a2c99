//! A leader in the minority.

use crate::{Act, Check, Lesson, Queue, Receive, Step, Through, Who};

pub(super) const LESSON: Lesson = Lesson {
    name: "minority",
    title: "A leader in the minority",
    goal: "A leader that is cut off can still talk to clients, and can acknowledge nothing: there are \
           never two leaders that count.",
    steps: &[
        Step {
            says: "Make a queue on a cluster in which all is well.",
            act: Act::CreateQueue {
                queue: Queue::Standard,
            },
            check: Check::Whole,
            why: "Remember who leads: it will be cut off.",
        },
        Step {
            says: "Cut the leader off from all other nodes. Its process runs on, and clients reach it.",
            act: Act::CutOff { who: Who::Leader },
            check: Check::AnotherLeads,
            why: "The others hear no leader any more, are a majority, and elect one. The old one has \
                  not heard of it, and may believe that it leads, in an older term.",
        },
        Step {
            says: "Send a message through the old leader. Its sender waits for two seconds.",
            act: Act::send(Queue::Standard, "to the old leader", Through::Former),
            check: Check::NotAcknowledged,
            why: "It reaches no majority, so it can commit nothing, whatever it believes. That is why \
                  two leaders at the same time do no harm.",
        },
        Step {
            says: "Send a message through a node of the majority.",
            act: Act::send(Queue::Standard, "to the majority", Through::Other),
            check: Check::Acknowledged,
            why: "The new leader has its majority. A client that is not served by one zone goes to \
                  the next.",
        },
        Step {
            says: "Connect the old leader again.",
            act: Act::Mend,
            check: Check::Whole,
            why: "It heard of a later term, stepped down, and dropped from its log what it could not \
                  commit.",
        },
        Step {
            says: "Receive all messages.",
            act: Act::Receive(Receive::All {
                queue: Queue::Standard,
            }),
            check: Check::CameAtLeast {
                bodies: &["to the majority"],
            },
            why: "The acknowledged message is there. The other one was promised to nobody: if it came, \
                  then because its node kept it and sent it to the new leader when it could.",
        },
    ],
};
