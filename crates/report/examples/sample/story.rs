//! A run made up: three zones, a leader that loses power, an election, a slow link, a lost message,
//! and hostile strings in every place that takes one.

use zonemq_report::{
    Call, CallEnd, Fault, LogLine, Node, Progress, Role, RoleChange, Rpc, Timeline, Verdict,
    Violation,
};

/// What tries to break out of the page wherever text is shown.
pub(crate) const HOSTILE: &str = "</script><script>alert(1)</script><img src=x onerror=alert(2)>";

/// How much there is to draw.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// What a scenario of half a minute gives.
    Readable,
    /// 50,000 RPCs and 20,000 calls.
    Large,
}

const MILLISECOND: u64 = 1_000;
const SECOND: u64 = 1_000_000;
const END: u64 = 30 * SECOND;
const CRASH: u64 = 9_400 * MILLISECOND;
const ELECTED: u64 = CRASH + 1_180 * MILLISECOND;
const RESTART: u64 = 16 * SECOND;
const SLOW: (u64, u64) = (20 * SECOND, 23_500 * MILLISECOND);

/// The run.
pub(crate) fn leader_kill(size: Size) -> Timeline {
    let (rpcs, calls) = match size {
        Size::Readable => (6_000, 1_800),
        Size::Large => (58_000, 20_000),
    };
    let mut calls = calls_of(calls);
    let lost = calls
        .iter_mut()
        .rfind(|call| {
            call.operation == "SendMessage" && call.end == CallEnd::Ok && call.from < CRASH - 20_000
        })
        .expect("something was sent before the crash");
    lost.words = String::from("orders-6: m-4711a");
    for moment in [16_500, 16_900] {
        let received = calls
            .iter_mut()
            .find(|call| call.operation == "ReceiveMessage" && call.from > moment * MILLISECOND)
            .expect("something was received");
        received.told = format!("m-1848a (receive 1) {HOSTILE}");
    }
    let violations = vec![
        Violation {
            promise: "no loss".to_owned(),
            story: "Message m-4711a was acknowledged shortly before n1 lost power. n2 was elected \
                    without its entry, and nobody ever received the message, although the queue \
                    was drained after all faults were over."
                .to_owned(),
            at: Some(28_200 * MILLISECOND),
        },
        Violation {
            promise: "visibility exclusivity".to_owned(),
            story: format!(
                "Message m-1848a, which says {HOSTILE}, was received twice within its timeout."
            ),
            at: Some(17_050 * MILLISECOND),
        },
    ];
    Timeline {
        scenario: "leader-power-loss".to_owned(),
        teaches: "A leader that loses power takes with it whatever it had not yet written to a \
                  majority. Watch the gap in acknowledged sends: it lasts as long as the others \
                  wait before they hold an election. Whatever was acknowledged before must be on \
                  the disks of the two that remain."
            .to_owned(),
        seed: Some(u64::MAX - 58),
        replay: Some(
            "cargo sim run leader-power-loss --seed 18446744073709551557 --only 1,2".to_owned(),
        ),
        verdict: Verdict::Violation { violations },
        summary: format!(
            "{} calls were judged in 9 queues; 2 promises of 12 were broken.",
            calls.len()
        ),
        end: END,
        healed: Some(24 * SECOND),
        nodes: nodes(),
        roles: roles(),
        faults: faults(),
        progress: progress(),
        rpcs: rpcs_of(rpcs),
        calls,
        logs: logs(),
        coverage: vec![
            ("unsynced writes dropped at a power loss".to_owned(), 14),
            ("connections cut".to_owned(), 6),
            ("messages delayed".to_owned(), 1_204),
            ("snapshots interrupted".to_owned(), 0),
            (HOSTILE.to_owned(), 1),
        ],
        left_out: vec![
            "12,400 heartbeats of 18,400 RPCs: they said nothing new.".to_owned(),
            "Log lines at DEBUG.".to_owned(),
        ],
    }
}

/// Chance that is always the same.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

fn nodes() -> Vec<Node> {
    [("n1", "a"), ("n2", "b"), ("n3", "c")]
        .map(|(name, zone)| Node {
            name: name.to_owned(),
            zone: zone.to_owned(),
        })
        .to_vec()
}

fn roles() -> Vec<RoleChange> {
    [
        (0, 0, Role::Follower, 0),
        (0, 1, Role::Follower, 0),
        (0, 2, Role::Follower, 0),
        (310 * MILLISECOND, 0, Role::Candidate, 1),
        (345 * MILLISECOND, 0, Role::Leader, 1),
        (CRASH, 0, Role::Down, 1),
        (CRASH + 820 * MILLISECOND, 2, Role::Candidate, 2),
        (CRASH + 990 * MILLISECOND, 1, Role::Candidate, 3),
        (CRASH + 1_020 * MILLISECOND, 2, Role::Follower, 3),
        (ELECTED, 1, Role::Leader, 3),
        (RESTART, 0, Role::Learner, 1),
        (RESTART + 900 * MILLISECOND, 0, Role::Follower, 3),
    ]
    .map(|(at, node, role, term)| RoleChange {
        at,
        node,
        role,
        term,
    })
    .to_vec()
}

fn faults() -> Vec<Fault> {
    vec![
        Fault {
            number: 1,
            kind: "power-loss".to_owned(),
            words: "The leader loses power, and with it all that it had not synced; it is started again later."
                .to_owned(),
            nodes: vec![0],
            from: CRASH,
            to: RESTART,
        },
        Fault {
            number: 2,
            kind: "slow-link".to_owned(),
            words: format!("Everything between n2 and n3 takes 80 ms longer. {HOSTILE}"),
            nodes: vec![1, 2],
            from: SLOW.0,
            to: SLOW.1,
        },
        Fault {
            number: 3,
            kind: "clock-jump".to_owned(),
            words: "The clock of n3 jumps by an hour.".to_owned(),
            nodes: vec![2],
            from: 21 * SECOND,
            to: 21 * SECOND,
        },
    ]
}

/// Whom followers follow at a moment, if anyone.
fn leader_at(moment: u64) -> Option<usize> {
    match moment {
        345_000..CRASH => Some(0),
        ELECTED.. => Some(1),
        _ => None,
    }
}

fn is_down(node: usize, moment: u64) -> bool {
    node == 0 && (CRASH..RESTART).contains(&moment)
}

fn progress() -> Vec<Progress> {
    let mut samples = Vec::new();
    let mut end_of_log = 1_u64;
    let mut stood = [0_u64; 3];
    for at in (0..END).step_by(50_000) {
        if leader_at(at).is_some() && at < 27 * SECOND {
            end_of_log += 6;
        }
        for (node, stood) in stood.iter_mut().enumerate() {
            if is_down(node, at) {
                continue;
            }
            let lag = u64::from(node != 0) * 4
                + if node == 2 && (SLOW.0..SLOW.1).contains(&at) {
                    260
                } else {
                    0
                };
            let target = end_of_log.saturating_sub(lag);
            // A node that comes back catches up in steps.
            *stood = if at < 300_000 {
                target
            } else {
                target.min(*stood + 60).max(*stood)
            };
            let last = if node == 0 && leader_at(at) == Some(0) {
                *stood + 9
            } else {
                *stood
            };
            samples.push(Progress {
                at,
                node,
                last,
                committed: stood.saturating_sub(2),
                applied: stood.saturating_sub(5),
            });
        }
    }
    samples
}

fn rpcs_of(number: u64) -> Vec<Rpc> {
    let mut dice = Dice(7);
    let mut rpcs = votes();
    let pace = END / (number / 2);
    for turn in 0..number / 2 {
        let sent = turn * pace;
        let Some(leader) = leader_at(sent) else {
            continue;
        };
        let others: Vec<usize> = (0..3).filter(|node| *node != leader).collect();
        let to = others[usize::from(turn % 2 == 1)];
        let kind = match dice.below(12) {
            0 => "forward",
            1 if (RESTART..RESTART + SECOND).contains(&sent) && to == 0 => "snapshot",
            _ => "append",
        };
        let (from, to) = if kind == "forward" {
            (to, leader)
        } else {
            (leader, to)
        };
        if is_down(from, sent) {
            continue;
        }
        let slow = from + to == 3 && (SLOW.0..SLOW.1).contains(&sent);
        let there = sent + 700 + dice.below(900) + if slow { 80 * MILLISECOND } else { 0 };
        let received = (!is_down(to, there) && dice.below(40) != 0).then_some(there);
        rpcs.push(Rpc {
            from,
            to,
            kind: kind.to_owned(),
            words: format!(
                "term {}, entries {turn} to {}",
                if leader == 0 { 1 } else { 3 },
                turn + 3
            ),
            sent,
            received,
        });
        let Some(answered) = received else { continue };
        rpcs.push(Rpc {
            from: to,
            to: from,
            kind: format!("{kind} answer"),
            words: "success".to_owned(),
            sent: answered + 200,
            received: Some(
                answered + 900 + dice.below(700) + if slow { 80 * MILLISECOND } else { 0 },
            ),
        });
    }
    rpcs.sort_by_key(|rpc| rpc.sent);
    rpcs
}

fn votes() -> Vec<Rpc> {
    let vote = |from, to, sent: u64, words: &str, kind: &str, arrives: bool| Rpc {
        from,
        to,
        kind: kind.to_owned(),
        words: words.to_owned(),
        sent,
        received: arrives.then_some(sent + 1_100),
    };
    let third = CRASH + 820 * MILLISECOND;
    let second = CRASH + 990 * MILLISECOND;
    vec![
        vote(0, 1, 311_000, "term 1", "vote", true),
        vote(0, 2, 311_000, "term 1", "vote", true),
        vote(1, 0, 320_000, "granted", "vote answer", true),
        vote(2, 0, 321_000, "granted", "vote answer", true),
        vote(2, 1, third, "term 2, last entry 1083", "vote", true),
        vote(2, 0, third, "term 2, last entry 1083", "vote", false),
        vote(
            1,
            2,
            third + 1_500,
            "refused: its log is shorter",
            "vote answer",
            true,
        ),
        vote(1, 2, second, "term 3, last entry 1087", "vote", true),
        vote(1, 0, second, "term 3, last entry 1087", "vote", false),
        vote(2, 1, ELECTED - 4_000, "granted", "vote answer", true),
    ]
}

/// Nine clients, three in each zone, each of which waits for an answer before it asks again.
fn calls_of(number: u64) -> Vec<Call> {
    let mut dice = Dice(11);
    let pause = 9 * 27 * SECOND / number;
    let mut calls: Vec<Call> = (0..9)
        .flat_map(|client| {
            let mut from = 400 * MILLISECOND + dice.below(pause);
            let mut own = Vec::new();
            while from < 29_500 * MILLISECOND {
                let call = call_of(client, from, &mut dice);
                let spent = call.to.unwrap_or(from + 2 * SECOND) - from;
                from += spent.max(pause / 2 + dice.below(pause));
                own.push(call);
            }
            own
        })
        .collect();
    calls.sort_by_key(|call| call.from);
    for (number, call) in (0_u64..).zip(&mut calls) {
        call.number = number;
        if number % 97 == 5 {
            call.words = format!("{} {HOSTILE}", call.words);
        }
    }
    calls
}

fn call_of(client: u64, from: u64, dice: &mut Dice) -> Call {
    let zone = ["a", "b", "c"][usize::try_from(client % 3).unwrap_or_default()];
    let took = 2_500 + dice.below(9_000);
    let message = dice.below(10_000);
    // Clients drain the queues at the end.
    let (operation, words) = match dice.below(if from > 27 * SECOND { 3 } else { 7 }) {
        0 | 1 => ("ReceiveMessage", format!("orders-{client}: up to 10")),
        2 => ("DeleteMessage", format!("orders-{client}: m-{message}")),
        _ => ("SendMessage", format!("orders-{client}: m-{message}")),
    };
    let leaderless = (CRASH..ELECTED).contains(&from);
    let (end, to, told) = match dice.below(60) {
        0..20 if leaderless => (
            CallEnd::Unknown,
            Some(from + 2 * SECOND),
            "no answer in 2 s",
        ),
        20 if leaderless => (CallEnd::Unknown, None, ""),
        21..40 if leaderless => (
            CallEnd::Failed,
            Some(from + 60_000 + took),
            "ServiceUnavailable: no leader",
        ),
        _ if leaderless => (CallEnd::Ok, Some(ELECTED + took), "200"),
        0 => (CallEnd::Failed, Some(from + took), "ReceiptHandleIsInvalid"),
        _ => (CallEnd::Ok, Some(from + took), "200"),
    };
    Call {
        number: 0,
        client: format!("c{}", client + 1),
        zone: zone.to_owned(),
        operation: operation.to_owned(),
        words,
        from,
        to,
        end,
        told: told.to_owned(),
    }
}

fn logs() -> Vec<LogLine> {
    let mut lines: Vec<LogLine> = [
        (345 * MILLISECOND, 0, "INFO", "became leader of term 1"),
        (CRASH - 2_000, 0, "WARN", "sync took 48 ms"),
        (
            CRASH + 800 * MILLISECOND,
            2,
            "WARN",
            "no word from the leader in 800 ms: asking for votes in term 2",
        ),
        (
            CRASH + 822 * MILLISECOND,
            1,
            "INFO",
            "refused a vote to n3: its log ends at 1083, mine at 1087",
        ),
        (ELECTED, 1, "INFO", "became leader of term 3"),
        (
            RESTART,
            0,
            "ERROR",
            "log opened after a power loss: 14 unsynced records are gone",
        ),
        (RESTART + 20_000, 0, "INFO", HOSTILE),
        (28_200 * MILLISECOND, 1, "INFO", "queue orders-1 is empty"),
    ]
    .map(|(at, node, level, text)| LogLine {
        at,
        node,
        level: level.to_owned(),
        text: text.to_owned(),
    })
    .to_vec();
    lines.extend((1..60_u64).map(|turn| LogLine {
        at: turn * 450 * MILLISECOND,
        node: usize::try_from(1 + turn % 2).unwrap_or_default(),
        level: "INFO".to_owned(),
        text: format!("snapshot to entry {} is durable", turn * 50),
    }));
    lines.sort_by_key(|line| line.at);
    lines
}
