//! What the command line can say.

use std::net::SocketAddr;
use std::num::NonZero;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::bench::BenchArgs;
use zonemq_node::NodeConfig;

use crate::fault::FaultArgs;
use crate::learn::LearnArgs;
use crate::run::RunArgs;

/// A message queue that speaks Amazon SQS, replicated across availability zones.
#[derive(Debug, Parser)]
#[command(name = "zonemq", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a local cluster, one process a node, and wait until it answers
    Up(UpArgs),
    /// Show each node: role, term and how far its log is
    Status(StatusArgs),
    /// Watch the cluster: nodes, queues and faults, drawn again whenever something changes
    Top(TopArgs),
    /// Show what a queue holds, without receiving any of it
    Peek(PeekArgs),
    /// Ask all nodes where one message is
    Trace(TraceArgs),
    /// Stop the local cluster; its data stays
    Down(DataArgs),
    /// Run one node, for clusters over several machines
    Node(NodeArgs),
    /// Break the local cluster on purpose, and mend it
    Fault(FaultArgs),
    /// Read all that a stopped node has stored: exit code 0 if it is whole, 1 if not
    CheckStore(CheckStoreArgs),
    /// Put a load on the local cluster, or on any server that speaks SQS, and measure it
    Bench(BenchArgs),
    /// Learn how a replicated queue works, on the running local cluster: lists the lessons, or gives one
    Learn(LearnArgs),
    /// Play a scenario: clients, faults, and a verdict. Exit code 0 if every promise was kept, 1 if not,
    /// 2 if nobody knows, 3 if nothing was judged
    Run(RunArgs),
    /// Judge a history of what clients were told, one event a line: exit code 0 if every promise
    /// was kept, 1 if not, 2 if nobody knows
    Check(CheckArgs),
}

/// What is judged.
#[derive(Args, Clone, Debug)]
pub(crate) struct CheckArgs {
    /// File of JSON lines
    pub(crate) history: PathBuf,
}

/// Whose store is read.
#[derive(Args, Clone, Debug)]
pub(crate) struct CheckStoreArgs {
    /// Folder of a node, or of a local cluster for all of its nodes
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
}

/// Where the local cluster is if nobody says it.
const DEFAULT_DATA: &str = ".zonemq";

/// Which local cluster is meant.
#[derive(Args, Clone, Debug)]
pub(crate) struct DataArgs {
    /// Folder of the local cluster
    #[arg(long, default_value = DEFAULT_DATA, value_name = "FOLDER")]
    pub(crate) data: PathBuf,
}

impl DataArgs {
    /// What a command line has to say of it.
    pub(crate) fn said(&self) -> String {
        if self.data.as_os_str() == DEFAULT_DATA {
            return String::new();
        }
        format!(" --data {}", self.data.display())
    }
}

/// What a node offers to its clients.
#[derive(Args, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ServiceArgs {
    /// Account in queue URLs and ARNs
    #[arg(long, default_value = "000000000000", value_parser = account)]
    pub(crate) account: String,
    /// Region in ARNs, where the request does not name one
    #[arg(long, default_value = "us-east-1")]
    pub(crate) region: String,
    /// How long a request waits for a majority before it fails with 503, as `10s` or `500ms`
    #[arg(long, default_value = "10s")]
    pub(crate) request_timeout: Timeout,
    /// Pause between two readings of all that is stored, which mend what has been damaged since
    #[arg(long, default_value = "12h", value_name = "TIME")]
    #[serde(default = "ServiceArgs::default_scrub_pause")]
    pub(crate) scrub_pause: Timeout,
    /// AWS's 60 seconds after DeleteQueue and between purges [default: off under `up`, on under
    /// `node`]
    #[arg(long, value_name = "ON|OFF")]
    #[serde(default)]
    pub(crate) aws_cooldowns: Option<Switch>,
}

impl ServiceArgs {
    /// For clusters that were formed before there was a choice.
    fn default_scrub_pause() -> Timeout {
        Timeout(NodeConfig::SCRUB_PAUSE)
    }
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Switch {
    On,
    Off,
}

impl Switch {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Switch::On => "on",
            Switch::Off => "off",
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct UpArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Availability zones [default: a,b,c, or those of the data folder]
    #[arg(long, value_delimiter = ',', value_parser = zone)]
    pub(crate) zones: Option<Vec<String>>,
    /// Nodes in each zone [default: 1, or those of the data folder]
    #[arg(long, value_name = "COUNT")]
    pub(crate) nodes_per_zone: Option<usize>,
    /// API port of the first node; 0 picks free ones [default: 9324, or that of the data folder]
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// Remove the cluster's data first
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Return once the cluster answers; `zonemq down` stops it
    #[arg(long)]
    pub(crate) detach: bool,
    /// Stop when no process holds this file's lock any more: how a cluster follows its `run`
    #[arg(long, hide = true, value_name = "FILE", conflicts_with = "detach")]
    pub(crate) stop_with: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) service: ServiceArgs,
}

#[derive(Args, Debug)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Print JSON, whose shape stays
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct TopArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Draw once and end, as where the output is no terminal
    #[arg(long)]
    pub(crate) once: bool,
}

#[derive(Args, Debug)]
pub(crate) struct PeekArgs {
    /// Name of the queue; without one, the queues are listed
    #[arg(value_parser = queue_name)]
    pub(crate) queue: Option<String>,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// How many messages, at most 100
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub(crate) limit: u8,
    /// Print JSON, with bodies of up to 256 KiB
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct TraceArgs {
    /// The message's id, as it was answered when the message was sent
    #[arg(value_name = "MESSAGE_ID", value_parser = message_id)]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Print JSON, whose shape stays
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct NodeArgs {
    /// Name of the cluster; a data folder belongs to one cluster for ever
    #[arg(long)]
    pub(crate) cluster: String,
    /// Which of the members this node is
    #[arg(long)]
    pub(crate) id: u64,
    /// Folder of this node
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: PathBuf,
    /// Each node of the cluster, this one too, as ID=ZONE@API/PEER with two addresses:
    /// `1=a@10.0.0.1:9324/10.0.0.1:9424`. The same on every node
    #[arg(long = "member", required = true, value_name = "MEMBER")]
    pub(crate) members: Vec<MemberArg>,
    /// Form a new cluster if the data folder is empty; exactly one node is told so, once
    #[arg(long)]
    pub(crate) bootstrap: bool,
    #[command(flatten)]
    pub(crate) service: ServiceArgs,
    /// Threads that serve requests [default: the cores]
    #[arg(long, value_name = "COUNT", value_parser = threads)]
    pub(crate) threads: Option<NonZero<usize>>,
    /// How the log is written to standard error
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,
    /// Stop when no process holds this file's lock any more: how nodes follow their `up`
    #[arg(long, hide = true, value_name = "FILE")]
    pub(crate) stop_with: Option<PathBuf>,
    /// Let `zonemq fault`, and whoever asks /admin/faults from this machine, break things on purpose
    #[arg(long)]
    pub(crate) enable_faults: bool,
    /// What is broken from the start, as JSON
    #[arg(long, hide = true, value_name = "JSON", requires = "enable_faults")]
    pub(crate) active_faults: Option<String>,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

/// One node of a cluster as the command line names it: `ID=ZONE@API/PEER`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MemberArg {
    pub(crate) id: u64,
    pub(crate) zone: String,
    pub(crate) api: SocketAddr,
    pub(crate) peer: SocketAddr,
}

impl FromStr for MemberArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = || {
            let (id, rest) = text.split_once('=')?;
            let (zone, addresses) = rest.split_once('@')?;
            let (api, peer) = addresses.split_once('/')?;
            Some((
                id.parse().ok()?,
                zone,
                api.parse().ok()?,
                peer.parse().ok()?,
            ))
        };
        let (id, name, api, peer) = parts().ok_or("not like 1=a@127.0.0.1:9324/127.0.0.1:9424")?;
        Ok(MemberArg {
            id,
            zone: zone(name)?,
            api,
            peer,
        })
    }
}

impl std::fmt::Display for MemberArg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}@{}/{}", self.id, self.zone, self.api, self.peer)
    }
}

/// A span of time as people write it: `10s`, `500ms`, `12h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(crate) struct Timeout(pub(crate) Duration);

/// With the milliseconds of each.
const TIME_UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

impl FromStr for Timeout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let with_unit = |(unit, millis)| Some((text.strip_suffix(unit)?, millis));
        let (number, milliseconds_each) = TIME_UNITS
            .into_iter()
            .find_map(with_unit)
            .unwrap_or_default();
        match number.parse::<u32>() {
            Ok(number) if number > 0 => Ok(Timeout(Duration::from_millis(
                u64::from(number) * milliseconds_each,
            ))),
            _ => Err("not like 10s, 500ms or 12h".to_owned()),
        }
    }
}

impl std::fmt::Display for Timeout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let millis = self.0.as_millis();
        // As people would say it: in the largest unit that says it in full.
        let units = TIME_UNITS.into_iter().rev();
        let fits = |(_, each): &(&str, u64)| millis.is_multiple_of(u128::from(*each));
        let (unit, each) = units.into_iter().find(fits).unwrap_or(("ms", 1));
        write!(f, "{}{unit}", millis / u128::from(each))
    }
}

impl From<Timeout> for String {
    fn from(timeout: Timeout) -> Self {
        timeout.to_string()
    }
}

impl TryFrom<String> for Timeout {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// It goes into an address as it is.
fn queue_name(name: &str) -> Result<String, String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if !name.is_empty() && name.len() <= 80 && name.bytes().all(fits) {
        Ok(name.to_owned())
    } else {
        Err("a queue's name has 1 to 80 letters, digits, hyphens and underscores".to_owned())
    }
}

fn message_id(id: &str) -> Result<String, String> {
    let fits = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
    if id.bytes().all(fits) && id.len() <= 36 {
        Ok(id.to_owned())
    } else {
        Err("not like 123e4567-e89b-42d3-a456-426614174000".to_owned())
    }
}

fn threads(count: &str) -> Result<NonZero<usize>, String> {
    count
        .parse()
        .map_err(|_| "not a number from 1 upwards".to_owned())
}

pub(crate) fn zone(name: &str) -> Result<String, String> {
    const LONGEST: usize = 32;
    let letters_only = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if name.is_empty() || name.len() > LONGEST || !letters_only {
        return Err(format!(
            "a zone's name has 1 to {LONGEST} letters, digits, hyphens or underscores"
        ));
    }
    Ok(name.to_owned())
}

fn account(text: &str) -> Result<String, String> {
    if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(text.to_owned())
    } else {
        Err("an account has 12 digits".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn a_time_is_written_as_people_say_it() {
        for text in ["500ms", "1500ms", "10s", "90s", "2m", "24h"] {
            let time: Timeout = text.parse().expect("well formed");
            assert_eq!(time.to_string(), text);
        }
        let minute: Timeout = "60s".parse().expect("well formed");
        assert_eq!(minute.to_string(), "1m");
    }

    #[test]
    fn a_member_reads_back_as_it_was_written() {
        let text = "1=a@127.0.0.1:9324/127.0.0.1:9424";
        let member: MemberArg = text.parse().expect("well formed");
        assert_eq!(member.to_string(), text);
        assert!("1=a@127.0.0.1:9324".parse::<MemberArg>().is_err());
        assert!("1=@127.0.0.1:1/127.0.0.1:2".parse::<MemberArg>().is_err());
    }

    #[test]
    fn a_timeout_has_a_unit_and_is_not_zero() {
        assert_eq!("10s".parse(), Ok(Timeout(Duration::from_secs(10))));
        assert_eq!("500ms".parse(), Ok(Timeout(Duration::from_millis(500))));
        assert_eq!("12h".parse(), Ok(Timeout(Duration::from_hours(12))));
        for wrong in ["10", "0s", "-1s", "s", "ms", "1d"] {
            assert!(wrong.parse::<Timeout>().is_err(), "{wrong}");
        }
    }
}
