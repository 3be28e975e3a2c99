//! A server without a network: the crate's decoder and encoder around the replicated state, and a
//! clock that stands until it is moved.

use serde_json::{Value, json};
use zonemq_queue::command::{Batch, Command, Cooldown, Reply, Request};
use zonemq_queue::ids::{RequestId, SessionId};
use zonemq_queue::time::Millis;
use zonemq_sqs::{Defaults, decode};

use crate::log::Logged;
use crate::wire::{Answer, Protocol, Refused, read, request};

pub(crate) struct Server {
    pub(crate) protocol: Protocol,
    logged: Logged,
    now: Millis,
    sequence: u64,
    cooldown: Cooldown,
}

/// Runs a test over both protocols. What it leaves behind must pass through a snapshot.
pub(crate) fn over_both(test: impl Fn(&mut Server)) {
    for protocol in [Protocol::Json, Protocol::Query] {
        eprintln!("over {protocol:?}");
        let mut server = Server::new(protocol);
        test(&mut server);
        server.logged.restore_from_snapshot();
    }
}

impl Server {
    pub(crate) fn new(protocol: Protocol) -> Server {
        Server {
            protocol,
            logged: Logged::default(),
            now: Millis(1_700_000_000_000),
            sequence: 0,
            cooldown: Cooldown::Off,
        }
    }

    pub(crate) fn with_cooldowns(&mut self) {
        self.cooldown = Cooldown::Minute;
    }

    pub(crate) fn after_seconds(&mut self, seconds: u64) {
        self.now = Millis(self.now.0 + seconds * 1000);
    }

    pub(crate) fn call(&mut self, operation: &str, input: &Value) -> Answer {
        self.send(operation, &request(self.protocol, operation, input))
    }

    pub(crate) fn send(
        &mut self,
        operation: &str,
        request: &http::Request<bytes::Bytes>,
    ) -> Answer {
        let defaults = Defaults {
            cooldown: self.cooldown,
            ..Defaults::default()
        };
        let response = match decode(request, &defaults) {
            Ok(mut call) => {
                let reply = call.take_command().map(|command| self.carry_out(command));
                call.answer(reply, "request-1")
            }
            Err(failure) => failure.into_response("request-1"),
        };
        read(self.protocol, operation, &response)
    }

    fn carry_out(&mut self, command: Command) -> Reply {
        self.sequence += 1;
        let batch = Batch {
            stamp: self.now,
            nonce: u128::from(self.sequence) << 64,
            requests: vec![Request {
                id: RequestId {
                    session: SessionId(1),
                    sequence: self.sequence,
                },
                finished_below: self.sequence,
                command,
            }],
        };
        let (mut replies, _) = self.logged.apply(&batch);
        replies.remove(0)
    }

    /// What the leader does again and again while move tasks are running.
    pub(crate) fn pump(&mut self) {
        let running: Vec<_> = self
            .logged
            .state
            .running_move_tasks()
            .map(|(source, task)| (source.clone(), task))
            .collect();
        for (source, task) in running {
            let moved = self.carry_out(Command::MoveMessages { source, task });
            moved.expect("the task is running");
        }
    }

    /// The answer of a call that must succeed.
    pub(crate) fn ok(&mut self, operation: &str, input: &Value) -> Value {
        let answer = self.call(operation, input);
        answer.unwrap_or_else(|refused| panic!("{operation} {input}: {refused:?}"))
    }

    /// The refusal of a call that must fail.
    pub(crate) fn refused(&mut self, operation: &str, input: &Value) -> Refused {
        match self.call(operation, input) {
            Ok(answer) => panic!("{operation} {input}: {answer}"),
            Err(refused) => refused,
        }
    }

    /// A call must be refused so.
    pub(crate) fn refuses(
        &mut self,
        operation: &str,
        input: &Value,
        (status, code, message): (u16, &str, &str),
    ) {
        let expected = Refused {
            status,
            code: code.to_owned(),
            message: message.to_owned(),
        };
        assert_eq!(
            self.refused(operation, input),
            expected,
            "{:?} {operation} {input}",
            self.protocol
        );
    }

    /// A new queue's URL.
    pub(crate) fn queue(&mut self, name: &str, attributes: &Value) -> String {
        let input = json!({"QueueName": name, "Attributes": attributes});
        let created = self.ok("CreateQueue", &input);
        created["QueueUrl"].as_str().expect("a URL").to_owned()
    }

    /// A new FIFO queue's URL. The attributes are those beside `FifoQueue`.
    pub(crate) fn fifo(&mut self, name: &str, attributes: &Value) -> String {
        let mut attributes = attributes.clone();
        attributes["FifoQueue"] = json!("true");
        self.queue(&format!("{name}.fifo"), &attributes)
    }

    /// The messages of one receive with everything that can be told of them.
    pub(crate) fn receive(&mut self, queue: &str, more: &Value) -> Vec<Value> {
        let mut input = json!({
            "QueueUrl": queue,
            "MaxNumberOfMessages": 10,
            "AttributeNames": ["All"],
            "MessageAttributeNames": ["All"],
        });
        for (name, value) in more.as_object().expect("an object") {
            input[name] = value.clone();
        }
        let mut answer = self.ok("ReceiveMessage", &input);
        match answer["Messages"].take() {
            Value::Array(messages) => {
                assert!(!messages.is_empty(), "an empty list is left out");
                messages
            }
            _ => Vec::new(),
        }
    }

    /// The bodies of one receive.
    pub(crate) fn bodies(&mut self, queue: &str) -> Vec<String> {
        self.receive(queue, &json!({}))
            .iter()
            .map(|message| message["Body"].as_str().expect("a body").to_owned())
            .collect()
    }

    pub(crate) fn attributes(&mut self, queue: &str) -> Value {
        let input = json!({"QueueUrl": queue, "AttributeNames": ["All"]});
        self.ok("GetQueueAttributes", &input)["Attributes"].take()
    }
}

/// The Amazon Resource Name of a queue.
pub(crate) fn arn(name: &str) -> String {
    format!("arn:aws:sqs:us-east-1:000000000000:{name}")
}

/// The URL that the server gives a queue.
pub(crate) fn url(name: &str) -> String {
    format!("http://sqs.test:9324/000000000000/{name}")
}
