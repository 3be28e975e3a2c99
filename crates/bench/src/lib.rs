//! A load on any endpoint that speaks Amazon SQS, and what it measured.
//!
//! [`run`] makes queues, lets clients send, receive and delete for a while, removes the queues and
//! returns [`Results`]: rates, latencies from an HDR histogram, a timeline, and what the servers
//! took where their processes are known. [`plot::svg`] draws them.
//!
//! Load and servers often share a machine, so the load is light: HTTP/1.1 on kept connections, AWS
//! JSON 1.0 written into one buffer for each client, no SDK and no signature. Read `options` (what
//! can be asked), `load` (how it runs), `client` (what each client does), `tally` (what is counted).

mod client;
mod connection;
mod endpoint;
mod load;
mod options;
pub mod plot;
mod processes;
mod queues;
mod request_body;
mod response_body;
mod results;
mod tally;

pub use endpoint::{Endpoint, NotAnEndpoint};
pub use load::{BenchError, Progress, run};
pub use options::{Credentials, Options, OptionsError, QueueKind, Workload};
pub use processes::{ServerUse, cpu_seconds, resident_bytes};
pub use results::{Ended, Latency, OperationResults, Results, Timeline};
