//! What `zonemq learn` can be told.

use clap::Args;

use crate::args::DataArgs;

#[derive(Args, Clone, Debug)]
pub(crate) struct LearnArgs {
    /// Which lesson; all are listed if left out
    pub(crate) lesson: Option<String>,
    /// Play it without a person
    #[arg(long)]
    pub(crate) demo: bool,
    #[command(flatten)]
    pub(crate) data: DataArgs,
}
