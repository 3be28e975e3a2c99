//! Quorum and commit.

use crate::{Act, Check, Lesson, Queue, Receive, Step, Through, Who};

pub(super) const LESSON: Lesson = Lesson {
    name: "quorum",
    title: "Quorum and commit",
    goal: "An acknowledged message is on the disks of a majority, and without a majority nothing is \
           acknowledged.",
    steps: &[
        Step {
            says: "A cluster is some nodes, here three, that hold the same queues. Each keeps a log: all \
                   commands that changed them, in one order. One node leads: it puts each new command \
                   at the end of its log and sends it to the others, its followers. Look at them \
                   first.",
            act: Act::Look,
            check: Check::Whole,
            why: "A place in a log is an entry, with a number; each new leader begins with an empty one. \
                  The nodes elect their leader, by a majority of votes. Its time is a term, and terms \
                  are numbered too: the next leader has a higher one. An entry is committed once a \
                  majority of the nodes, here two of three, has it on disk: then it stays, whoever \
                  fails. Such a majority is a quorum. Any two quorums share a node, as n1 with n2 and \
                  n2 with n3 share n2: so one cannot decide against the other.",
        },
        Step {
            says: "Make a queue. That is a command in the log, like everything that changes a queue.",
            act: Act::CreateQueue {
                queue: Queue::Standard,
            },
            check: Check::Done,
            why: "The answer came when a majority had the command on disk.",
        },
        Step {
            says: "Send a message through the leader. Its answer to a message that is safe is HTTP's 200: \
                   the message is acknowledged.",
            act: Act::send(Queue::Standard, "with all nodes", Through::Former),
            check: Check::Acknowledged,
            why: "The leader answered as soon as a majority, itself among it, had made the message \
                  durable: the disk has it, not only the memory. It did not wait for the last one.",
        },
        Step {
            says: "Now take one follower away. In the terminal its process is killed at once, with SIGKILL, \
                   as the system does when memory is short; in the console its links to the others are \
                   cut. To the other nodes it is the same: they hear nothing of it.",
            act: Act::TakeAway { who: Who::Follower },
            check: Check::Done,
            why: "Of three nodes, two are a majority. Nothing else is needed.",
        },
        Step {
            says: "Send another message.",
            act: Act::send(Queue::Standard, "with one node less", Through::Former),
            check: Check::Acknowledged,
            why: "A majority has it. The node that is away gets it from the leader when it is back.",
        },
        Step {
            says: "Take the next follower away. Now the majority is gone.",
            act: Act::TakeAway { who: Who::Follower },
            check: Check::Done,
            why: "The node that is left cannot know whether the others are dead, or live and have \
                  elected somebody else. So it must not decide anything alone.",
        },
        Step {
            says: "Send a third message. The lesson waits for its answer for two seconds; the aws command \
                   would try again for a minute.",
            act: Act::send(Queue::Standard, "without a majority", Through::Former),
            check: Check::NotAcknowledged,
            why: "Without a majority nothing is committed, so nothing is answered. The node that is left \
                  may still hold that it leads, until it hears of a higher term. No answer is no refusal: \
                  nobody knows yet whether the next leader will have the message.",
        },
        Step {
            says: "Bring all nodes back.",
            act: Act::Mend,
            check: Check::Whole,
            why: "Each node kept what its log had, and got from the leader what it lacked.",
        },
        Step {
            says: "Receive all messages.",
            act: Act::Receive(Receive::All {
                queue: Queue::Standard,
            }),
            check: Check::CameAtLeast {
                bodies: &["with all nodes", "with one node less"],
            },
            why: "What was acknowledged is there, always. What was not may be there or not; its \
                  sender has to send it again to be sure.",
        },
    ],
};
