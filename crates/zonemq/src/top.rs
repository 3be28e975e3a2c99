//! `zonemq top`: the cluster in a terminal, drawn again whenever something changes. Where the
//! output is no terminal, it is drawn once.

mod drawing;
mod events;
mod rates;
mod screen;

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::args::TopArgs;
use crate::cluster::{Cluster, DataFolder};
use crate::failure::Failure;
use crate::paint::painted;
use crate::say;
use crate::stop_signal::StopSignal;
use events::Events;
use rates::Rates;
use screen::Screen;

/// Before the nodes are asked again when none of them shows anything.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(500);

pub(crate) async fn run(args: TopArgs) -> Result<(), Failure> {
    let (_, cluster) = DataFolder::existing(&args.data.data)?;
    if std::io::stdout().is_terminal() && !args.once {
        watch(&cluster).await
    } else {
        once(&cluster).await
    }
}

async fn once(cluster: &Cluster) -> Result<(), Failure> {
    let mut events = Events::of_any(cluster).await?;
    let none = || anyhow::anyhow!("no node of the cluster shows it: `zonemq status` tells more");
    let picture = match &mut events {
        Some(events) => events.next().await,
        None => None,
    };
    let picture = picture.ok_or_else(none)?;
    // One picture tells no rate.
    let drawn = drawing::drawn(&picture, &Rates::default());
    say::text(&painted(&drawn));
    Ok(())
}

async fn watch(cluster: &Cluster) -> Result<(), Failure> {
    let mut stop = StopSignal::catch().map_err(anyhow::Error::from)?;
    let screen = Screen::take()?;
    let watching = async {
        loop {
            // Whichever node answers, and another one when it has gone.
            if let Some(mut events) = Events::of_any(cluster).await? {
                let mut rates = Rates::default();
                while let Some(picture) = events.next().await {
                    rates.note(Instant::now(), &picture);
                    let text = painted(&drawing::drawn(&picture, &rates));
                    screen.draw(&format!("{text}q quits\n"))?;
                }
            }
            screen.draw("No node of the cluster answers. q quits\n")?;
            sleep(ASK_AGAIN_AFTER).await;
        }
    };
    let quit = screen::quit(&mut stop);
    tokio::select! {
        ended = watching => ended,
        () = quit => Ok(()),
    }
}
