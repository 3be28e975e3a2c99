//! FIFO order across a failover.

use crate::{Act, Check, Lesson, Queue, Receive, Step, Through, Who};

const fn order(body: &'static str, why: &'static str) -> Step {
    Step {
        says: "Send the next order of the same group.",
        act: Act::send(Queue::Fifo, body, Through::Former),
        check: Check::Acknowledged,
        why,
    }
}

pub(super) const LESSON: Lesson = Lesson {
    name: "fifo",
    title: "FIFO order across a failover",
    goal: "The order of a group, and the lock that keeps it, outlive the leader.",
    steps: &[
        Step {
            says: "Make a FIFO queue. Messages of one group come in the order in which they were sent.",
            act: Act::CreateQueue { queue: Queue::Fifo },
            check: Check::Done,
            why: "The order is the order in the log, so all nodes agree on it.",
        },
        order(
            "first",
            "It has a sequence number, which grows within the group.",
        ),
        order("second", "It stands behind the first."),
        order("third", "And this one behind both."),
        Step {
            says: "A consumer receives one message, and works on it.",
            act: Act::Receive(Receive::One {
                queue: Queue::Fifo,
                wait_seconds: 1,
            }),
            check: Check::Came { bodies: &["first"] },
            why: "The group is locked now: while its first message is in flight, none of the others is \
                  given to anybody.",
        },
        Step {
            says: "Take the leader away while the group is locked: in the terminal its process is killed, in \
                   the console its links to the others are cut.",
            act: Act::TakeAway { who: Who::Leader },
            check: Check::AnotherLeads,
            why: "The lock was set by the receive, and the receive is in the log. The new leader has \
                  applied it like all others.",
        },
        Step {
            says: "Another consumer asks the new leader for messages.",
            act: Act::Receive(Receive::One {
                queue: Queue::Fifo,
                wait_seconds: 0,
            }),
            check: Check::NothingCame,
            why: "The lock outlived the leader. Without it the second message would overtake the first.",
        },
        Step {
            says: "The first consumer is done and deletes its message, with the handle that the old \
                   leader gave it.",
            act: Act::Delete {
                queue: Queue::Fifo,
                body: "first",
            },
            check: Check::Done,
            why: "The handle is as good at the new leader: it follows from the log alone.",
        },
        Step {
            says: "Receive what is left.",
            act: Act::Receive(Receive::All { queue: Queue::Fifo }),
            check: Check::Came {
                bodies: &["second", "third"],
            },
            why: "The lock was gone with the delete, and the order is what it was.",
        },
        Step {
            says: "Bring the old leader back.",
            act: Act::Mend,
            check: Check::Whole,
            why: "It got all that it missed, in the same order.",
        },
    ],
};
