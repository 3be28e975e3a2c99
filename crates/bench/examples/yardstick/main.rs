//! The yardstick: what three nodes on this machine can do at most when a 200 means "on disk in a
//! majority". HTTP, JSON, MD5, group commit, fdatasync here and on the peers; no Raft, no queue,
//! nothing can be received. Machines differ and are noisy: a figure says something as a ratio to
//! the yardstick's in the same run.
//!
//! `yardstick follow FILE`, twice, then `yardstick lead FILE FOLLOWER FOLLOWER`. Each prints
//! `ready ADDRESS`, and ends when its standard input does.

mod commit;
mod http;
mod journal;

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::commit::Commits;
use crate::journal::Journal;

fn main() -> anyhow::Result<()> {
    end_with_standard_input();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    match arguments[..] {
        ["follow", file] => {
            // One connection, one thing at a time.
            let runtime = runtime.worker_threads(1).enable_all().build()?;
            runtime.block_on(follow(file.as_ref()))
        }
        ["lead", file, ref followers @ ..] => {
            let runtime = runtime.enable_all().build()?;
            runtime.block_on(lead(file.as_ref(), followers))
        }
        _ => bail!("not like `follow FILE` or `lead FILE FOLLOWER...`"),
    }
}

/// Whoever measures holds the other end: however it ends, nothing is left behind.
fn end_with_standard_input() {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
}

async fn listen() -> anyhow::Result<TcpListener> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = TcpListener::bind(address).await?;
    println!("ready {}", listener.local_addr()?);
    Ok(listener)
}

/// Takes records from the leader: a length, then so many bytes, for which one byte is answered
/// once they are on disk.
async fn follow(file: &Path) -> anyhow::Result<()> {
    let mut journal = Journal::create(file)?;
    let (mut leader, _) = listen().await?.accept().await?;
    leader.set_nodelay(true)?;
    let mut record = Vec::new();
    loop {
        let length = leader.read_u32().await?;
        record.resize(length as usize, 0);
        leader.read_exact(&mut record).await?;
        tokio::task::block_in_place(|| journal.append(&record))?;
        leader.write_u8(1).await?;
    }
}

async fn lead(file: &Path, followers: &[&str]) -> anyhow::Result<()> {
    let mut peers = Vec::new();
    for follower in followers {
        let peer = TcpStream::connect(follower).await;
        let peer = peer.with_context(|| format!("{follower} does not follow"))?;
        peer.set_nodelay(true)?;
        peers.push(peer);
    }
    let commits = Commits::start(Journal::create(file)?, peers);
    http::serve(listen().await?, commits).await
}
