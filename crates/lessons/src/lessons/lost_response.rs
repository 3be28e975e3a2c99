//! A lost response, and deduplication.

use crate::{Act, Check, Lesson, Queue, Receive, Step, Through, Who};

pub(super) const LESSON: Lesson = Lesson {
    name: "lost-response",
    title: "A lost response, and deduplication",
    goal: "Whoever gets no answer must send again, and a deduplication id makes that safe.",
    steps: &[
        Step {
            says: "Make a standard queue.",
            act: Act::CreateQueue {
                queue: Queue::Standard,
            },
            check: Check::Done,
            why: "It takes every message that is sent, however often.",
        },
        Step {
            says: "And a FIFO queue.",
            act: Act::CreateQueue { queue: Queue::Fifo },
            check: Check::Whole,
            why: "Each of its messages has a deduplication id. Here it is the message's body.",
        },
        Step {
            says: "From now on the leader does what clients ask, and its answers are lost on the way.",
            act: Act::LoseAnswers { who: Who::Leader },
            check: Check::Done,
            why: "To a client this looks like a request that was never heard. It cannot tell one from \
                  the other.",
        },
        Step {
            says: "Send a message to the standard queue. Its sender waits for two seconds.",
            act: Act::send(Queue::Standard, "pay 10", Through::Former),
            check: Check::NotAcknowledged,
            why: "The message is in the queue, and its sender does not know.",
        },
        Step {
            says: "The sender tries again, through another node.",
            act: Act::send(Queue::Standard, "pay 10", Through::Other),
            check: Check::Acknowledged,
            why: "This answer came. For the queue it was another message.",
        },
        Step {
            says: "The same with the FIFO queue. First try:",
            act: Act::send(Queue::Fifo, "pay 20", Through::Former),
            check: Check::NotAcknowledged,
            why: "Again it is there, and again its sender does not know.",
        },
        Step {
            says: "Second try, under the same deduplication id, through another node:",
            act: Act::send(Queue::Fifo, "pay 20", Through::Other),
            check: Check::Acknowledged,
            why: "The queue knew the id, took no second message, and gave the answer that was lost. It \
                  remembers an id for five minutes.",
        },
        Step {
            says: "Let the answers pass again.",
            act: Act::Mend,
            check: Check::Whole,
            why: "Nothing was lost but answers.",
        },
        Step {
            says: "Receive all of the standard queue.",
            act: Act::Receive(Receive::All {
                queue: Queue::Standard,
            }),
            check: Check::Came {
                bodies: &["pay 10", "pay 10"],
            },
            why: "Two messages: a consumer of a standard queue must notice by itself that they mean \
                  the same.",
        },
        Step {
            says: "Receive all of the FIFO queue.",
            act: Act::Receive(Receive::All { queue: Queue::Fifo }),
            check: Check::Came {
                bodies: &["pay 20"],
            },
            why: "One message, though it was sent twice.",
        },
    ],
};
