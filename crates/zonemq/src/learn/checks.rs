//! Looks whether the cluster did what a lesson says, and tells what it saw.

use std::time::Duration;

use zonemq_lessons::{Act, Check};

use super::acts;
use super::classroom::{Answer, Came, Classroom};
use crate::failure::Failure;
use crate::fault;
use crate::status::ClusterStatus;

/// An election takes half a second, and much longer on a busy machine.
const WITHIN: Duration = Duration::from_secs(20);

/// What was seen, in a sentence: as it should be, or not.
pub(super) type Seen = Result<String, String>;

/// Looks.
pub(super) async fn look(check: &Check, act: &Act, room: &Classroom) -> Result<Seen, Failure> {
    Ok(match check {
        Check::Whole => whole(room).await?,
        Check::Done => done(act, room).await?,
        Check::Acknowledged => acknowledged(room).await?,
        Check::NotAcknowledged => not_acknowledged(room),
        Check::AnotherLeads => another_leads(room).await?,
        Check::Came { bodies } => came(bodies, &room.notes.received),
        Check::CameAtLeast { bodies } => came_at_least(bodies, room),
        Check::NothingCame => match room.notes.received.as_slice() {
            [] => Ok(format!("nothing came in {}.", seconds(room.notes.took))),
            some => Err(format!("{} came.", listed(some))),
        },
        Check::OneGot { body } => match (room.notes.received.as_slice(), &room.notes.rival[..]) {
            ([one], []) if one.body == *body => Ok(format!(
                "the first consumer got {body:?}, the second nothing."
            )),
            (first, second) => Err(format!(
                "the first consumer got {}, the second {}.",
                listed(first),
                listed(second)
            )),
        },
        Check::CameAgain { body, times } => match room.notes.received.as_slice() {
            [one] if one.body == *body && one.times == *times => Ok(format!(
                "{body:?} came after {}; its receive count is {times}.",
                seconds(room.notes.took)
            )),
            other => Err(format!("{} came.", listed(other))),
        },
    })
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

fn listed(came: &[Came]) -> String {
    if came.is_empty() {
        return "nothing".to_owned();
    }
    let bodies: Vec<String> = came.iter().map(|came| format!("{:?}", came.body)).collect();
    bodies.join(", ")
}

/// Whether one leads, and all follow it and have what it committed.
fn is_whole(status: &ClusterStatus) -> bool {
    let Some(leader) = status.leading() else {
        return false;
    };
    status.nodes.iter().all(|node| {
        node.role.is_some()
            && node.term == leader.term
            && node.applied_index >= leader.committed_index
    })
}

async fn whole(room: &Classroom) -> anyhow::Result<Seen> {
    let seen = room.wait_until(WITHIN, is_whole).await?;
    Ok(match &seen {
        Ok(status) => Ok(format!(
            "{}; all {} nodes are in that term and have the log up to entry {}.",
            leads(status),
            status.nodes.len(),
            committed(status)
        )),
        Err(status) => Err(format!("{}, and not all follow.", leads(status))),
    })
}

fn leads(status: &ClusterStatus) -> String {
    match status.leading() {
        Some(leader) => {
            let term = leader.term.unwrap_or(0);
            format!("n{} leads in term {term}", leader.id)
        }
        None => "nobody leads".to_owned(),
    }
}

fn committed(status: &ClusterStatus) -> u64 {
    let committed = status.nodes.iter().map(|node| node.committed_index);
    committed.max().flatten().unwrap_or(0)
}

/// What a step did that has nothing to be compared with.
async fn done(act: &Act, room: &Classroom) -> Result<Seen, Failure> {
    let took = seconds(room.notes.took);
    Ok(match act {
        Act::TakeAway { .. } | Act::CutOff { .. } | Act::LoseAnswers { .. } | Act::Mend => {
            let words = acts::words(act).unwrap_or_default();
            let active = fault::active(&room.data).await?;
            let verb = words.split(' ').next().unwrap_or_default();
            let of_it = active.iter().rev().find(|active| active.starts_with(verb));
            let status = room.status().await?;
            let run = status.nodes.iter().filter(|node| node.role.is_some());
            let run = format!("{} of {} nodes run.", run.count(), status.nodes.len());
            match of_it {
                Some(words) if active.len() > room.notes.broken => Ok(format!("{words}; {run}")),
                _ => Err(format!("no {verb} has begun; {run}")),
            }
        }
        Act::CreateQueue { queue } => Ok(format!(
            "the queue {} is there after {took}.",
            room.names.name(queue.name())
        )),
        Act::Delete { body, .. } => Ok(format!("{body:?} is deleted after {took}.")),
        Act::Look | Act::Send(_) | Act::Receive(_) => Ok(format!("done after {took}.")),
    })
}

async fn acknowledged(room: &Classroom) -> anyhow::Result<Seen> {
    let Some(sent) = &room.notes.sent else {
        return Ok(Err("nothing was sent.".to_owned()));
    };
    match &sent.answer {
        Answer::Acknowledged => {}
        Answer::Refused(why) => return Ok(Err(format!("{:?} was refused: {why}", sent.body))),
        Answer::Unknown => return Ok(not_acknowledged(room).and_then(Err)),
    }
    let before = room.notes.committed.unwrap_or(0);
    // Followers hear of it with the next word of their leader.
    let seen = room.wait_until(WITHIN, |status| committed(status) > before);
    Ok(match seen.await? {
        Ok(status) => Ok(format!(
            "n{} said 200 to {:?} after {}; the log was committed up to entry {before} before, and is \
             up to entry {} now.",
            sent.through,
            sent.body,
            seconds(room.notes.took),
            committed(&status)
        )),
        Err(_) => Err("it was acknowledged, and the log has not grown.".to_owned()),
    })
}

fn not_acknowledged(room: &Classroom) -> Seen {
    let Some(sent) = &room.notes.sent else {
        return Err("nothing was sent.".to_owned());
    };
    match &sent.answer {
        Answer::Acknowledged => Err(format!("n{} acknowledged {:?}.", sent.through, sent.body)),
        // Who is refused knows what became of the message: that is another lesson.
        Answer::Refused(why) => Err(format!("{:?} was refused: {why}", sent.body)),
        Answer::Unknown => Ok(format!(
            "n{} gave no 200 to {:?} within {}.",
            sent.through,
            sent.body,
            seconds(room.notes.took)
        )),
    }
}

async fn another_leads(room: &Classroom) -> anyhow::Result<Seen> {
    let (former, term) = (room.notes.leader, room.notes.term);
    let is_so = |status: &ClusterStatus| {
        let now = status.leading();
        now.is_some_and(|now| Some(now.id) != former && now.term > term)
    };
    let former = former.map_or_else(|| "nobody".to_owned(), |id| format!("n{id}"));
    let term = term.unwrap_or(0);
    Ok(match room.wait_until(WITHIN, is_so).await? {
        Ok(status) => Ok(format!(
            "{former} led in term {term}; {} now{}.",
            leads(&status),
            says_of_itself(&status, room)
        )),
        Err(status) => Err(format!(
            "{former} led in term {term}, and no other node leads: {}.",
            leads(&status)
        )),
    })
}

/// What the node that led before believes.
fn says_of_itself(status: &ClusterStatus, room: &Classroom) -> String {
    let former = room.notes.leader;
    let node = status.nodes.iter().find(|node| Some(node.id) == former);
    match node.map(|node| (node.id, node.role.as_deref(), node.term)) {
        Some((id, Some(role), Some(term))) => {
            format!("; n{id} says of itself that it is a {role} in term {term}")
        }
        Some((id, ..)) => format!("; n{id} says nothing"),
        None => String::new(),
    }
}

fn came(expected: &[&str], received: &[Came]) -> Seen {
    let bodies: Vec<&str> = received.iter().map(|came| came.body.as_str()).collect();
    let told = format!("{} came.", listed(received));
    if bodies == expected {
        Ok(told)
    } else {
        Err(told)
    }
}

fn came_at_least(expected: &[&str], room: &Classroom) -> Seen {
    let received = &room.notes.received;
    let came = |body: &str| received.iter().any(|came| came.body == body);
    let missing: Vec<&str> = expected
        .iter()
        .copied()
        .filter(|body| !came(body))
        .collect();
    if missing.is_empty() {
        Ok(format!("{} came.", listed(received)))
    } else {
        Err(format!(
            "{} came, and not {}.",
            listed(received),
            missing.join(", ")
        ))
    }
}
