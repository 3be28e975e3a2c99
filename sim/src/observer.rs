//! Watches a run for its report: what nodes log, what they tell one another, what becomes of them.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;
use zonemq_raft::talk;
use zonemq_report::{LogLine, Progress, Role, RoleChange, Rpc};

use crate::cluster::{Cluster, HostIndex};
use crate::world;

/// More than this of a kind is not for reading.
const MOST_LINES: usize = 50_000;
const MOST_RPCS: usize = 400_000;

/// What was seen. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Observer(Arc<Mutex<Seen>>);

/// All that a report shows of the nodes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) roles: Vec<RoleChange>,
    pub(crate) progress: Vec<Progress>,
    pub(crate) rpcs: Vec<Rpc>,
    pub(crate) logs: Vec<LogLine>,
    /// The last words about a node: what it was, in which term.
    last_roles: BTreeMap<usize, (Role, u64)>,
    last_progress: BTreeMap<usize, Progress>,
    /// Where the messages are that are on their way.
    under_way: BTreeMap<Way, VecDeque<usize>>,
    /// What is known of the next request between two nodes.
    about: BTreeMap<(usize, usize), String>,
}

/// Names the messages of one direction of an exchange.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Way {
    from: usize,
    to: usize,
    kind: String,
    exchange: u64,
}

pub(crate) fn micros(at: Duration) -> u64 {
    u64::try_from(at.as_micros()).unwrap_or(u64::MAX)
}

impl Observer {
    fn locked(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything so far.
    pub(crate) fn seen(&self) -> Seen {
        self.locked().clone()
    }

    /// What listens to the nodes.
    pub(crate) fn layer<S: Subscriber + for<'s> LookupSpan<'s>>(&self) -> impl Layer<S> + use<S> {
        Listener(self.clone()).with_filter(
            Targets::new()
                .with_default(LevelFilter::WARN)
                .with_target("zonemq", LevelFilter::DEBUG)
                // Tells of each call, as the calls themselves do.
                .with_target("zonemq_node::edge", LevelFilter::WARN)
                // Its spans name the hosts.
                .with_target("turmoil", LevelFilter::INFO)
                .with_target(talk::TARGET, LevelFilter::TRACE),
        )
    }

    /// What listens to what nodes warn of, and to nothing else.
    pub(crate) fn layer_of_warnings<S: Subscriber + for<'s> LookupSpan<'s>>(
        &self,
    ) -> impl Layer<S> + use<S> {
        Listener(self.clone()).with_filter(
            Targets::new()
                .with_default(LevelFilter::WARN)
                // Its spans name the hosts.
                .with_target("turmoil", LevelFilter::INFO),
        )
    }

    /// What was logged since this was asked the last time.
    pub(crate) fn take_logs(&self) -> Vec<LogLine> {
        std::mem::take(&mut self.locked().logs)
    }

    /// Looks where the nodes stand now.
    pub(crate) fn look(&self, cluster: &Cluster) {
        let at = micros(cluster.now());
        let mut seen = self.locked();
        for HostIndex(node) in cluster.indexes() {
            let status = cluster.status(HostIndex(node));
            let known = seen.last_roles.get(&node).copied();
            let (role, term) = match status {
                None => (Role::Down, known.map_or(0, |(_, term)| term)),
                Some(status) => (role_of(status.role), status.term),
            };
            if known != Some((role, term)) {
                seen.last_roles.insert(node, (role, term));
                seen.roles.push(RoleChange {
                    at,
                    node,
                    role,
                    term,
                });
            }
            let Some(status) = status else { continue };
            let progress = Progress {
                at,
                node,
                last: status.last_log_index,
                committed: status.committed_index,
                applied: status.applied_index,
            };
            let known = seen.last_progress.get(&node).copied();
            if known.is_none_or(|known| Progress { at, ..known } != progress) {
                seen.last_progress.insert(node, progress);
                seen.progress.push(progress);
            }
        }
    }
}

fn role_of(role: zonemq_raft::Role) -> Role {
    match role {
        zonemq_raft::Role::Learner => Role::Learner,
        zonemq_raft::Role::Follower => Role::Follower,
        zonemq_raft::Role::Candidate => Role::Candidate,
        zonemq_raft::Role::Leader => Role::Leader,
    }
}

impl Seen {
    fn talk(&mut self, me: usize, at: u64, said: &Fields) {
        let Some(peer) = said.peer.and_then(|id| usize::try_from(id - 1).ok()) else {
            return;
        };
        if let Some(about) = &said.about {
            self.about.insert((me, peer), about.clone());
            return;
        }
        let (Some(step), Some(service), Some(exchange)) =
            (&said.step, &said.service, said.exchange)
        else {
            return;
        };
        let service = service.to_lowercase();
        let (is_sent, kind) = match step.as_str() {
            "Ask" => (true, service),
            "Asked" => (false, service),
            "Answer" => (true, format!("{service} answer")),
            _ => (false, format!("{service} answer")),
        };
        let (from, to) = if is_sent { (me, peer) } else { (peer, me) };
        let way = Way {
            from,
            to,
            kind,
            exchange,
        };
        if is_sent {
            let words = self.about.remove(&(from, to)).unwrap_or_default();
            if self.rpcs.len() < MOST_RPCS {
                let place = self.rpcs.len();
                self.rpcs.push(Rpc {
                    from,
                    to,
                    kind: way.kind.clone(),
                    words,
                    sent: at,
                    received: None,
                });
                self.under_way.entry(way).or_default().push_back(place);
            }
        } else if let Some(places) = self.under_way.get_mut(&way)
            && let Some(place) = places.pop_front()
        {
            self.rpcs[place].received = Some(at);
        }
    }
}

struct Listener(Observer);

/// The number of the host that a span is about.
struct Host(usize);

impl<S: Subscriber + for<'s> LookupSpan<'s>> Layer<S> for Listener {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().name() != "node" {
            return;
        }
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let number = fields
            .name
            .as_deref()
            .and_then(|name| name.strip_prefix('n'));
        if let Some(number) = number.and_then(|number| number.parse::<usize>().ok())
            && let Some(span) = context.span(id)
        {
            span.extensions_mut().insert(Host(number - 1));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if event.metadata().target().starts_with("turmoil") {
            return;
        }
        let mut spans = context.event_scope(event).into_iter().flatten();
        let host = spans.find_map(|span| span.extensions().get::<Host>().map(|host| host.0));
        let Some(node) = host else { return };
        let at = micros(world::elapsed());
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut seen = self.0.locked();
        if event.metadata().target() == talk::TARGET {
            seen.talk(node, at, &fields);
        } else if seen.logs.len() < MOST_LINES {
            seen.logs.push(LogLine {
                at,
                node,
                level: event.metadata().level().to_string(),
                text: format!("{}: {}", event.metadata().target(), fields.text.trim()),
            });
        }
    }
}

/// What an event says.
#[derive(Default)]
struct Fields {
    name: Option<String>,
    peer: Option<u64>,
    exchange: Option<u64>,
    step: Option<String>,
    service: Option<String>,
    about: Option<String>,
    text: String,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let value = format!("{value:?}");
        match field.name() {
            "message" => self.text.insert_str(0, &format!("{value} ")),
            "step" => self.step = Some(value),
            "service" => self.service = Some(value),
            "about" => self.about = Some(value),
            // Writing to a string cannot fail.
            name => drop(write!(self.text, "{name}={value} ")),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "name" => self.name = Some(value.to_owned()),
            name => drop(write!(self.text, "{name}={value} ")),
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "peer" => self.peer = Some(value),
            "exchange" => self.exchange = Some(value),
            name => drop(write!(self.text, "{name}={value} ")),
        }
    }
}
