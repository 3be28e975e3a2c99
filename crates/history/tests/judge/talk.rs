//! Writes histories as tests tell them: one client after the other, a millisecond a call.

use zonemq_history::event::{
    Accepted, Delivery, Event, NewMessage, Operation, Outcome, Settings, What,
};
use zonemq_history::{History, Summary, Verdict, judge};

pub(crate) struct Talk {
    events: Vec<Event>,
    now: u64,
    calls: u64,
    handles: u64,
}

pub(crate) fn standard() -> Settings {
    Settings {
        visibility_millis: 30_000,
        ..Settings::default()
    }
}

pub(crate) fn fifo() -> Settings {
    Settings {
        fifo: true,
        ..standard()
    }
}

pub(crate) fn message(body: &str) -> NewMessage {
    NewMessage {
        body: body.to_owned(),
        ..NewMessage::default()
    }
}

impl Talk {
    pub(crate) fn with(queue: &str, settings: Settings) -> Talk {
        let mut talk = Talk {
            events: Vec::new(),
            now: 0,
            calls: 0,
            handles: 0,
        };
        talk.create(queue, settings);
        talk
    }

    pub(crate) fn create(&mut self, queue: &str, settings: Settings) {
        let queue = queue.to_owned();
        self.call(
            Operation::CreateQueue { queue, settings },
            Some(Outcome::Done),
        );
    }

    pub(crate) fn now(&self) -> u64 {
        self.now
    }

    pub(crate) fn wait(&mut self, millis: u64) {
        self.now += millis * 1000;
    }

    fn event(&mut self, what: What) {
        self.now += 1000;
        self.events.push(Event { at: self.now, what });
    }

    /// A call with its outcome; unknown where there is none.
    fn call(&mut self, operation: Operation, outcome: Option<Outcome>) {
        self.calls += 1;
        let call = self.calls;
        self.event(What::Invoke {
            client: format!("c{call}"),
            call,
            operation,
        });
        self.event(match outcome {
            Some(outcome) => What::Ok { call, outcome },
            None => What::Unknown {
                call,
                why: "time out".to_owned(),
            },
        });
    }

    pub(crate) fn send(&mut self, queue: &str, body: &str, id: &str) {
        self.send_message(queue, message(body), id, None);
    }

    pub(crate) fn send_message(
        &mut self,
        queue: &str,
        sent: NewMessage,
        id: &str,
        number: Option<u64>,
    ) {
        let accepted = Accepted {
            message_id: id.to_owned(),
            sequence_number: number.map(|number| number.to_string()),
        };
        let operation = Operation::Send {
            queue: queue.to_owned(),
            messages: vec![sent],
        };
        let messages = vec![Ok(accepted)];
        self.call(operation, Some(Outcome::Sent { messages }));
    }

    pub(crate) fn send_to_group(&mut self, queue: &str, group: &str, body: &str, number: u64) {
        let sent = NewMessage {
            group: Some(group.to_owned()),
            ..message(body)
        };
        self.send_message(queue, sent, body, Some(number));
    }

    pub(crate) fn try_to_send(&mut self, queue: &str, body: &str) {
        self.try_to_send_message(queue, message(body));
    }

    pub(crate) fn try_to_send_message(&mut self, queue: &str, sent: NewMessage) {
        let operation = Operation::Send {
            queue: queue.to_owned(),
            messages: vec![sent],
        };
        self.call(operation, None);
    }

    pub(crate) fn fail_to_send(&mut self, queue: &str, body: &str) {
        self.calls += 1;
        let call = self.calls;
        self.event(What::Invoke {
            client: "c".to_owned(),
            call,
            operation: Operation::Send {
                queue: queue.to_owned(),
                messages: vec![message(body)],
            },
        });
        let code = "InvalidParameterValue".to_owned();
        self.event(What::Failed { call, code });
    }

    fn deliver(&mut self, queue: &str, deliveries: Vec<Delivery>) -> Vec<String> {
        let handles = deliveries.iter().map(|d| d.handle.clone()).collect();
        let operation = Operation::Receive {
            queue: queue.to_owned(),
            visibility_millis: None,
            attempt: None,
        };
        let messages = deliveries;
        self.call(operation, Some(Outcome::Received { messages }));
        handles
    }

    fn delivery(&mut self, body: &str, id: &str, count: u64) -> Delivery {
        self.handles += 1;
        Delivery {
            message_id: id.to_owned(),
            handle: format!("h{}", self.handles),
            body: body.to_owned(),
            receive_count: count,
            ..Delivery::default()
        }
    }

    pub(crate) fn receive(&mut self, queue: &str, body: &str, id: &str, count: u64) -> String {
        let delivery = self.delivery(body, id, count);
        self.deliver(queue, vec![delivery]).remove(0)
    }

    pub(crate) fn receive_with_handle(&mut self, queue: &str, body: &str, id: &str, handle: &str) {
        let mut delivery = self.delivery(body, id, 1);
        handle.clone_into(&mut delivery.handle);
        self.deliver(queue, vec![delivery]);
    }

    pub(crate) fn receive_dead(
        &mut self,
        queue: &str,
        source: &str,
        body: &str,
        id: &str,
        count: u64,
    ) -> String {
        let mut delivery = self.delivery(body, id, count);
        delivery.dead_letter_source = Some(source.to_owned());
        self.deliver(queue, vec![delivery]).remove(0)
    }

    pub(crate) fn receive_from_group(
        &mut self,
        queue: &str,
        group: &str,
        bodies: &[(&str, u64)],
    ) -> Vec<String> {
        let deliveries = bodies
            .iter()
            .map(|(body, number)| {
                let mut delivery = self.delivery(body, body, 1);
                delivery.group = Some(group.to_owned());
                delivery.sequence_number = Some(number.to_string());
                delivery
            })
            .collect();
        self.deliver(queue, deliveries)
    }

    pub(crate) fn delete(&mut self, queue: &str, handle: &str) {
        let refusals = vec![None];
        let outcome = Outcome::Deleted { refusals };
        self.call(delete(queue, handle), Some(outcome));
    }

    pub(crate) fn try_to_delete(&mut self, queue: &str, handle: &str) {
        self.call(delete(queue, handle), None);
    }

    pub(crate) fn change_visibility(&mut self, queue: &str, handle: &str, visibility_millis: u64) {
        let operation = Operation::ChangeVisibility {
            queue: queue.to_owned(),
            handle: handle.to_owned(),
            visibility_millis,
        };
        self.call(operation, Some(Outcome::Done));
    }

    pub(crate) fn advance_clock(&mut self, millis: u64) {
        self.call(Operation::AdvanceClock { millis }, Some(Outcome::Done));
    }

    pub(crate) fn start_move(&mut self, source: &str) {
        let operation = Operation::StartMove {
            source: source.to_owned(),
            destination: None,
        };
        self.call(operation, Some(Outcome::Done));
    }

    pub(crate) fn purge(&mut self, queue: &str) {
        let queue = queue.to_owned();
        self.call(Operation::Purge { queue }, Some(Outcome::Done));
    }

    pub(crate) fn clocks_err(&mut self) {
        self.event(What::ClocksErr);
    }

    pub(crate) fn drained(&mut self, queue: &str) {
        let queue = queue.to_owned();
        self.event(What::Drained { queue });
    }

    pub(crate) fn lines(&self) -> String {
        let lines = self.events.iter().map(serde_json::to_string);
        let lines: Result<Vec<String>, _> = lines.collect();
        lines.expect("JSON").join("\n")
    }

    pub(crate) fn history(&self) -> History {
        let mut history = History::default();
        for event in &self.events {
            history.push(event.clone()).expect("a history in order");
        }
        history
    }

    /// What a verdict on this history counts.
    pub(crate) fn summary(&self) -> Summary {
        match judge(&self.history()) {
            Verdict::Pass(summary) | Verdict::Violated(summary, _) => summary,
            Verdict::Unknown(why) => panic!("{why}"),
        }
    }
}

fn delete(queue: &str, handle: &str) -> Operation {
    Operation::Delete {
        queue: queue.to_owned(),
        handles: vec![handle.to_owned()],
    }
}
