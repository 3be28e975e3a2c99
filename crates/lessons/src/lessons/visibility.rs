//! The visibility timeout.

use crate::{Act, Check, Lesson, Queue, Receive, Step, Through};

pub(super) const LESSON: Lesson = Lesson {
    name: "visibility",
    title: "The visibility timeout and a consumer that crashes",
    goal: "A message that somebody received is hidden, not gone: it comes back unless it is deleted.",
    steps: &[
        Step {
            says: "Make a queue with a visibility timeout of two seconds.",
            act: Act::CreateQueue {
                queue: Queue::Standard,
            },
            check: Check::Done,
            why: "For so long a message is hidden after somebody has received it.",
        },
        Step {
            says: "Send a message.",
            act: Act::send(Queue::Standard, "a job", Through::Former),
            check: Check::Acknowledged,
            why: "It waits for a consumer.",
        },
        Step {
            says: "A consumer receives it and crashes before it has done the job. Another consumer asks \
                   at the same moment.",
            act: Act::Receive(Receive::Rivals {
                queue: Queue::Standard,
            }),
            check: Check::OneGot { body: "a job" },
            why: "A receive is a command in the log too: all nodes know that the message is hidden, and \
                  until when. The first consumer may still be at work, and two that do the same job at \
                  the same time are what the timeout prevents.",
        },
        Step {
            says: "The other consumer asks again and waits, in a long poll. What comes it works on, and \
                   deletes.",
            act: Act::Receive(Receive::OneAndDelete {
                queue: Queue::Standard,
                wait_seconds: 6,
            }),
            check: Check::CameAgain {
                body: "a job",
                times: 2,
            },
            why: "Nobody deleted the message in its time, so it came back, and its count says that it \
                  is the second try. So a job may be done twice, and consumers must be able to bear \
                  that.",
        },
        Step {
            says: "Wait for longer than the visibility timeout.",
            act: Act::Receive(Receive::One {
                queue: Queue::Standard,
                wait_seconds: 3,
            }),
            check: Check::NothingCame,
            why: "What is deleted never comes back.",
        },
    ],
};
