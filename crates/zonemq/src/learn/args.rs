//! What `zonemq learn` can be told.

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use zonemq_lessons::{COURSE, Lesson, named};

use crate::args::DataArgs;

#[derive(Args, Clone, Debug)]
pub(crate) struct LearnArgs {
    /// Which lesson; all are listed if left out
    #[arg(value_parser = lesson())]
    pub(super) lesson: Option<&'static Lesson>,
    /// Play it without a person
    #[arg(long)]
    pub(crate) demo: bool,
    #[command(flatten)]
    pub(crate) data: DataArgs,
}

/// Reads the name of a lesson; the help lists all with their titles.
fn lesson() -> impl TypedValueParser<Value = &'static Lesson> {
    let value = |lesson: &'static Lesson| PossibleValue::new(lesson.name).help(lesson.title);
    PossibleValuesParser::new(COURSE.lessons.iter().map(value))
        .try_map(|name| named(&name).ok_or("there is no such lesson"))
}
