//! What `zonemq fault` can be told.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::target::{Links, Sides, Target};
use crate::args::{DataArgs, Timeout};

#[derive(Args, Debug)]
pub(crate) struct FaultArgs {
    #[command(subcommand)]
    pub(crate) word: Word,
}

/// Nodes are `n2`, `leader`, `follower`, `minority`, `leader-minority`, `majority`, `zone:a`,
/// `leader-zone`, `all`, or a list of these; links are `n1-n2`, `n1->n3` (one way, in quotes), or
/// nodes, which stand for all of their links.
#[derive(Debug, Subcommand)]
pub(crate) enum Word {
    /// Cut all links between sides: zones or nodes, as `a b,c` or 'a|b,c'. Who is on no side
    /// reaches all
    Partition {
        /// Two or more sides; `rest` is all others
        #[arg(required = true, num_args = 1..)]
        sides: Vec<String>,
        #[command(flatten)]
        how: How,
    },
    /// Cut nodes off from all others; their clients still reach them
    Isolate {
        target: Target,
        #[command(flatten)]
        how: How,
    },
    /// Cut links: what is sent arrives when the link is open again, as TCP retransmits
    Cut {
        links: Links,
        #[command(flatten)]
        how: How,
    },
    /// Slow links down, in each direction that is named
    Slow {
        links: Links,
        #[command(flatten)]
        slowness: Slowness,
        #[command(flatten)]
        how: How,
    },
    /// Lose everything on links without an error, while connections stay open
    HalfOpen {
        links: Links,
        #[command(flatten)]
        how: How,
    },
    /// Break connections off and refuse new ones, as a firewall that rejects
    Refuse {
        links: Links,
        #[command(flatten)]
        how: How,
    },
    /// Let each fsync take longer
    SlowDisk {
        target: Target,
        /// How much longer, as `500ms`
        #[arg(long, value_parser = lasts)]
        fsync: Timeout,
        #[command(flatten)]
        how: How,
    },
    /// Leave no space on the disk: sends are refused where it leads
    FullDisk {
        target: Target,
        #[command(flatten)]
        how: How,
    },
    /// Cut clients off, and no peers: requests wait at the node's door
    ClientsOnly {
        target: Target,
        #[command(flatten)]
        how: How,
    },
    /// Do what clients ask and lose the answers
    LoseResponses {
        target: Target,
        #[command(flatten)]
        how: How,
    },
    /// SIGSTOP: the process stands still, its connections stay open
    Pause {
        target: Target,
        #[command(flatten)]
        how: How,
    },
    /// SIGKILL: the process is gone at once
    Kill {
        target: Target,
        #[command(flatten)]
        how: How,
    },
    /// SIGCONT: it goes on as if nothing had been
    Resume {
        target: Target,
        #[command(flatten)]
        telling: Telling,
    },
    /// Start a stopped node again; a running one is stopped first
    Restart {
        target: Target,
        #[command(flatten)]
        telling: Telling,
    },
    /// Undo one fault by its number
    Undo {
        number: u64,
        /// Not now, but when its time is over
        #[arg(long, hide = true)]
        when_due: bool,
        #[command(flatten)]
        telling: Telling,
    },
    /// Undo all faults, resume what is paused and restart what is dead
    Heal {
        #[command(flatten)]
        telling: Telling,
    },
    /// List what is active, with what is left of its time
    Status {
        /// Print JSON, whose shape stays
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        data: DataArgs,
    },
}

/// How a fault is set.
#[derive(Args, Clone, Debug)]
pub(crate) struct How {
    /// End by itself after this, as `10s`
    #[arg(long = "for", value_name = "TIME", value_parser = lasts)]
    pub(crate) lasts: Option<Timeout>,
    #[command(flatten)]
    pub(crate) telling: Telling,
}

/// What a change says, and of which cluster.
#[derive(Args, Clone, Debug)]
pub(crate) struct Telling {
    /// Say what would follow, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not watch what follows
    #[arg(long)]
    pub(crate) no_watch: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) data: DataArgs,
}

impl Telling {
    /// Says nothing, and watches nothing.
    pub(crate) fn quiet(data: &DataArgs) -> Telling {
        Telling {
            dry_run: false,
            no_watch: true,
            json: false,
            data: data.clone(),
        }
    }
}

/// How a link is slow.
#[derive(Args, Clone, Copy, Debug, Default)]
#[group(required = true, multiple = true)]
pub(crate) struct Slowness {
    /// How much later everything arrives, as `200ms`: a question and its answer take it twice
    #[arg(long, value_parser = lasts)]
    pub(crate) latency: Option<Timeout>,
    /// How much later still, at most, by chance
    #[arg(long, value_parser = lasts)]
    pub(crate) jitter: Option<Timeout>,
    /// How many packets are lost, as `5%`. TCP sends them again: what is seen is a pause of 200 ms,
    /// twice as long each time that one is lost again
    #[arg(long, value_parser = share)]
    pub(crate) loss: Option<f64>,
    /// How much passes in a second
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) bytes_per_second: Option<u64>,
}

/// A time for which something is watched; nodes take none that is longer.
fn lasts(text: &str) -> Result<Timeout, String> {
    const LONGEST: Duration = Duration::from_hours(24);
    let time: Timeout = text.parse()?;
    if time.0 > LONGEST {
        return Err("longer than a fault may be, which is 24h".to_owned());
    }
    Ok(time)
}

fn share(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%');
    let percent: Option<f64> = number.and_then(|number| number.parse().ok());
    percent
        .filter(|percent| *percent > 0.0 && *percent <= 100.0)
        .map(|percent| percent / 100.0)
        .ok_or_else(|| "not like 5%".to_owned())
}

/// What `partition` was told, in words or with bars.
pub(super) fn sides(words: &[String]) -> Result<Sides, String> {
    words.join("|").parse()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_has_a_time_that_somebody_watches() {
        assert_eq!(lasts("24h"), Ok(Timeout(Duration::from_hours(24))));
        for wrong in ["25h", "0s", "10", "s"] {
            assert!(lasts(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_share_is_a_percentage() {
        assert_eq!(share("5%"), Ok(0.05));
        for wrong in ["5", "0%", "101%", "%", "-1%"] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
    }
}
