//! The report of a run: a [`Timeline`] goes in, one HTML page comes out that needs nothing else.
//!
//! [`render`] puts the page together from the files of `page/`: `page.html` is the frame with its
//! headings, the `.css` files how it looks, and the `.js` files, one thought each, draw what the
//! timeline says. They are joined in this order into one module, so a file may use what those before it
//! define:
//!
//! | file | what it is for |
//! |---|---|
//! | `run.js` | the run as data, and what follows from it |
//! | `elements.js` | elements of the page, made of text alone |
//! | `view.js` | which part of the run is looked at, and what is chosen |
//! | `paint.js` | colours, dashes and patterns, for light and for dark |
//! | `surface.js` | a canvas that follows its size, and the axis of time |
//! | `headline.js` | verdict, seed, the line that runs it again |
//! | `counterexample.js` | broken promises in plain words |
//! | `lanes.js` | which lane is where in the space-time diagram |
//! | `ink.js` | draws what is in the lanes |
//! | `messages.js` | draws RPCs, as lines or as density |
//! | `found.js` | what lies under the pointer, and what comes next in a lane |
//! | `details.js` | tells all about one thing |
//! | `gestures.js` | wheel, drag, pinch and keys |
//! | `diagram.js`, `overview.js` | the diagram, and the whole run above it |
//! | `availability.js`, `progress.js` | charts: acknowledged sends, and the log of each node |
//! | `table.js`, `tables.js` | tables that are filtered and paged |
//! | `main.js` | starts all of it |
//!
//! Bodies of messages and lines of logs are hostile until shown otherwise. They come to the page
//! in one way: as JSON in which no `<` is left, and from there as text, never as HTML. The page's
//! Content-Security-Policy admits this one script and this one style by their hashes, and no
//! request whatsoever.
//!
//! `cargo run -p zonemq-report --example sample > page.html` makes a page to look at;
//! `tests/browser` looks at it with a real browser.

mod page;
mod timeline;

pub use page::render;
pub use timeline::{
    Call, CallEnd, Fault, LogLine, Node, Progress, Role, RoleChange, Rpc, Timeline, Verdict,
    Violation,
};
