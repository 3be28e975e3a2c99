//! Three nodes of RabbitMQ, and a quorum queue on all of them. Each member has an entry on disk
//! (`fdatasync`) before it counts, and a publisher's confirm comes once a majority has it.

use std::ffi::{OsStr, OsString};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use lapin::options::{
    BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};

use crate::load::{self, Load, Measured, Publish};
use crate::servers::{Server, free_port};

const QUEUE: &str = "bench";
const NODES: usize = 3;
/// `delivery_mode` of AMQP. A quorum queue stores everything; this says that we want it.
const PERSISTENT: u8 = 2;

/// The cluster. It ends when this is dropped.
pub(crate) struct RabbitMq {
    nodes: Vec<Server>,
    /// Tells the nodes each other's ports.
    _epmd: Server,
    address: String,
    connections: usize,
}

impl RabbitMq {
    /// Starts it with all its files in a new folder.
    pub(crate) async fn start(
        tools: &Path,
        folder: &Path,
        connections: usize,
    ) -> anyhow::Result<RabbitMq> {
        let erlang = Erlang::new(tools, folder)?;
        let mut epmd = erlang.command("epmd");
        epmd.args(["-port", &erlang.epmd_port.to_string()]);
        epmd.args(["-address", "127.0.0.1"]);
        let epmd = Server::start(&mut epmd, &folder.join("epmd.log"))?;
        let mut nodes = Vec::new();
        let mut ports = Vec::new();
        for number in 1..=NODES {
            let port = free_port()?;
            let home = folder.join(format!("rabbit{number}"));
            fs::create_dir_all(&home)?;
            fs::write(home.join("rabbitmq.conf"), configuration(port))?;
            let mut command = erlang.command(erlang.scripts.join("rabbitmq-server"));
            command
                .env("RABBITMQ_NODENAME", node_name(number))
                .env("RABBITMQ_CONFIG_FILE", home.join("rabbitmq.conf"))
                .env("RABBITMQ_ENABLED_PLUGINS_FILE", home.join("plugins"))
                .env("RABBITMQ_MNESIA_BASE", &home)
                .env("RABBITMQ_LOG_BASE", &home)
                .env("RABBITMQ_DIST_PORT", free_port()?.to_string())
                .env(
                    "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                    "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}",
                )
                // Then the script becomes the node, instead of waiting for it.
                .env("RUNNING_UNDER_SYSTEMD", "true");
            nodes.push(Server::start(&mut command, &home.join("node.log"))?);
            ports.push(port);
        }
        for node in &mut nodes {
            node.prints("Server startup complete").await?;
        }
        let rabbitmq = RabbitMq {
            nodes,
            _epmd: epmd,
            address: format!("amqp://guest:guest@127.0.0.1:{}/%2f", ports[0]),
            connections,
        };
        rabbitmq.check_members(&erlang).await?;
        Ok(rabbitmq)
    }

    pub(crate) fn pids(&self) -> Vec<u32> {
        self.nodes.iter().map(Server::pid).collect()
    }

    /// Puts the load on a new queue. Its leader is at the node that we are connected to.
    pub(crate) async fn measure(&self, load: &Load, body: &[u8]) -> anyhow::Result<Measured> {
        let control = self.connect().await?;
        let channel = control.create_channel().await?;
        declare(&channel).await?;
        let mut connections = Vec::new();
        let mut publishers = Vec::new();
        for _ in 0..self.connections.min(load.in_flight) {
            let connection = self.connect().await?;
            let channel = connection.create_channel().await?;
            channel
                .confirm_select(ConfirmSelectOptions::default())
                .await?;
            publishers.push(Publisher {
                channel,
                body: body.to_vec(),
            });
            connections.push(connection);
        }
        let measured = load::run(publishers, load, &self.pids()).await;
        // They close in the background, with their channels.
        drop(connections);
        channel
            .queue_delete(QUEUE.into(), QueueDeleteOptions::default())
            .await?;
        measured
    }

    async fn connect(&self) -> anyhow::Result<Connection> {
        let connection = Connection::connect(&self.address, ConnectionProperties::default()).await;
        connection.context("RabbitMQ takes no connection")
    }

    /// Makes sure that a queue has three members, all at work: else we would measure less.
    async fn check_members(&self, erlang: &Erlang) -> anyhow::Result<()> {
        let connection = self.connect().await?;
        let channel = connection.create_channel().await?;
        erlang.ctl(&["await_online_nodes", &NODES.to_string()])?;
        declare(&channel).await?;
        let told = erlang.ctl(&["list_queues", "--silent", "type", "members", "online"])?;
        ensure!(
            told.starts_with("quorum") && told.matches("rabbit").count() == 2 * NODES,
            "the queue of RabbitMQ does not have {NODES} members: {told}"
        );
        channel
            .queue_delete(QUEUE.into(), QueueDeleteOptions::default())
            .await?;
        Ok(())
    }
}

struct Publisher {
    channel: Channel,
    body: Vec<u8>,
}

impl Publish for Publisher {
    async fn publish(&self) -> anyhow::Result<()> {
        let properties = BasicProperties::default().with_delivery_mode(PERSISTENT);
        let publish = self.channel.basic_publish(
            "".into(),
            QUEUE.into(),
            BasicPublishOptions::default(),
            &self.body,
            properties,
        );
        let confirmation = publish.await?.await?;
        ensure!(confirmation.is_ack(), "a publish was not confirmed");
        Ok(())
    }
}

async fn declare(channel: &Channel) -> anyhow::Result<()> {
    let mut arguments = FieldTable::default();
    arguments.insert(
        "x-queue-type".into(),
        AMQPValue::LongString("quorum".into()),
    );
    let size = i32::try_from(NODES)?;
    arguments.insert(
        "x-quorum-initial-group-size".into(),
        AMQPValue::LongInt(size),
    );
    let durable = QueueDeclareOptions::durable();
    channel
        .queue_declare(QUEUE.into(), durable, arguments)
        .await?;
    Ok(())
}

fn node_name(number: usize) -> String {
    format!("rabbit{number}@localhost")
}

fn configuration(port: u16) -> String {
    let nodes = (1..=NODES).map(|number| {
        let name = node_name(number);
        format!("cluster_formation.classic_config.nodes.{number} = {name}\n")
    });
    format!(
        "listeners.tcp.default = 127.0.0.1:{port}\n\
         cluster_formation.peer_discovery_backend = classic_config\n\
         {}log.console = true\nlog.file = false\n",
        nodes.collect::<String>()
    )
}

/// Where the unpacked Erlang and the scripts of RabbitMQ are, and what they need around them.
struct Erlang {
    scripts: PathBuf,
    path: OsString,
    libraries: OsString,
    home: PathBuf,
    epmd_port: u16,
}

impl Erlang {
    fn new(tools: &Path, folder: &Path) -> anyhow::Result<Erlang> {
        let home = folder.join("home");
        fs::create_dir_all(&home)?;
        // Nodes know each other by it. Without one, each would make its own at the same time.
        let cookie = fs::read_to_string("/proc/sys/kernel/random/uuid")?;
        let file = home.join(".erlang.cookie");
        fs::write(&file, cookie.trim())?;
        fs::set_permissions(&file, Permissions::from_mode(0o400))?;
        let own_path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::iter::once(tools.join("usr/lib/erlang/bin"))
            .chain(std::env::split_paths(&own_path));
        Ok(Erlang {
            scripts: the_one_in(&tools.join("usr/lib/rabbitmq/lib"))?.join("sbin"),
            path: std::env::join_paths(path)?,
            libraries: std::env::join_paths(libraries(tools))?,
            home,
            epmd_port: free_port()?,
        })
    }

    fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env("PATH", &self.path)
            .env("LD_LIBRARY_PATH", &self.libraries)
            // The cookie lies there.
            .env("HOME", &self.home)
            .env("ERL_EPMD_PORT", self.epmd_port.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            // Nothing of the machine's own configuration.
            .env("RABBITMQ_CONF_ENV_FILE", "/dev/null");
        command
    }

    fn ctl(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let mut command = self.command(self.scripts.join("rabbitmqctl"));
        command.args(["--node", &node_name(1)]).args(arguments);
        let output = command.output().context("rabbitmqctl cannot be started")?;
        ensure!(output.status.success(), "rabbitmqctl: {output:?}");
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// The version that the packages hold.
pub(crate) fn version(tools: &Path) -> anyhow::Result<String> {
    let folder = the_one_in(&tools.join("usr/lib/rabbitmq/lib"))?;
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let version = name.rsplit('-').next().unwrap_or_default();
    Ok(version.to_owned())
}

/// The folder has the version in its name.
fn the_one_in(folder: &Path) -> anyhow::Result<PathBuf> {
    let missing = || format!("nothing is in {}", folder.display());
    let mut entries = fs::read_dir(folder).with_context(missing)?;
    Ok(entries.next().with_context(missing)??.path())
}

/// Where Debian puts libraries: those of this machine's kind.
fn libraries(tools: &Path) -> Vec<PathBuf> {
    let above = ["lib", "usr/lib"].map(|folder| fs::read_dir(tools.join(folder)));
    let all = above.into_iter().flatten().flatten().flatten();
    let paths = all.map(|entry| entry.path());
    paths
        .filter(|path| path.to_string_lossy().ends_with("-linux-gnu"))
        .collect()
}
