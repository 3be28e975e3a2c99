//! A state with the log that holds the contents of its messages, as a node has them: contents go
//! in and come out whole. The log of these tests is a list in memory.

use zonemq_queue::command::{Applied, Batch, Command, Event, Reply};
use zonemq_queue::message::{Content, ContentPlace};
use zonemq_queue::pieces::Assembly;
use zonemq_queue::state::State;

/// A state and its log.
#[derive(Default)]
pub(crate) struct Logged {
    pub(crate) state: State,
    entries: Vec<Vec<Content>>,
}

impl Logged {
    /// Appends a batch to the log, applies it, and reads what the replies refer to.
    pub(crate) fn apply(&mut self, batch: &Batch) -> (Vec<Reply>, Vec<Event>) {
        let contents = contents_of(batch);
        let places = places_of(self.entries.len() as u64, &contents);
        self.entries.push(contents);
        let Applied {
            replies, events, ..
        } = self.state.apply(batch, &places);
        let replies = replies.into_iter().map(|reply| {
            reply.map(|outcome| {
                let places = outcome.content_places();
                let contents = places.into_iter().map(|place| self.read(place));
                let contents = contents.collect();
                outcome.with_contents(contents)
            })
        });
        (replies.collect(), events)
    }

    /// Takes the state to pieces and goes on with what is put together of them, which is the same:
    /// so a node begins with a snapshot.
    pub(crate) fn restore_from_snapshot(&mut self) {
        let mut assembly = Assembly::default();
        for piece in self.state.clone().into_pieces() {
            assembly.push(piece).expect("the next piece");
        }
        let restored = assembly.finish().expect("all pieces");
        assert_eq!(restored, self.state);
        assert_eq!(restored.hash(), self.state.hash());
        self.state = restored;
    }

    fn read(&self, place: ContentPlace) -> Option<Content> {
        let entry = self.entries.get(usize::try_from(place.index).ok()?)?;
        entry.get(usize::try_from(place.offset).ok()?).cloned()
    }
}

fn contents_of(batch: &Batch) -> Vec<Content> {
    let commands = batch.requests.iter().map(|request| &request.command);
    let messages = commands.flat_map(|command| match command {
        Command::SendMessages { messages, .. } => messages.as_slice(),
        _ => &[],
    });
    messages.map(|message| message.content.clone()).collect()
}

/// In this log, offsets count contents.
fn places_of(index: u64, contents: &[Content]) -> Vec<ContentPlace> {
    (0..contents.len())
        .map(|offset| ContentPlace {
            index,
            offset: u32::try_from(offset).expect("few contents"),
            length: 1,
        })
        .collect()
}
