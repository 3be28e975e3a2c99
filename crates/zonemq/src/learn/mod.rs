//! `zonemq learn`: lessons in the terminal, on the learner's own cluster.
//!
//! A [`Lesson`] is data: what to read, what to do, what must come of it, and why. The learner presses
//! Enter to have each step done ([`acts`]), or does it in another terminal; then the lesson looks at the
//! cluster ([`checks`]) and says what it saw.

mod acts;
mod args;
mod checks;
mod classroom;

use std::io::{self, BufRead, IsTerminal};

use anyhow::{Context, anyhow};
use tokio::sync::mpsc;
use zonemq_lessons::{COURSE, Lesson, Step};

pub(crate) use self::args::LearnArgs;
use self::classroom::Classroom;
use crate::failure::Failure;
use crate::fault::beside;
use crate::say::{self, say};
use crate::stop_signal::StopSignal;

/// What the learner says who has done it.
const DONE: &str = "done";

/// Who does what a step says.
enum Hands {
    /// The learner, or Enter.
    Learner(mpsc::Receiver<String>),
    /// Nobody waits.
    Demo,
}

/// Lists the lessons, or gives one.
pub(crate) async fn run(args: LearnArgs) -> Result<(), Failure> {
    let Some(lesson) = args.lesson else {
        list(&args.data.said());
        return Ok(());
    };
    let hands = if args.demo {
        Hands::Demo
    } else if io::stdin().is_terminal() {
        Hands::Learner(typed())
    } else {
        return Err(Failure::Usage(
            "a lesson waits for a person at a terminal; --demo plays it without".to_owned(),
        ));
    };
    let mut stop = StopSignal::catch().context("signals cannot be caught")?;
    let mut room = Classroom::enter(&args.data).await?;
    let given = tokio::select! {
        given = give(lesson, hands, &mut room) => given,
        () = stop.received() => Err(anyhow!("the lesson was broken off").into()),
    };
    // Whatever the lesson has broken, its cluster is the learner's.
    let left = room.leave().await;
    given.and(left)
}

fn list(said: &str) {
    for lesson in COURSE.lessons {
        say!(
            "{}: {}\n{}",
            lesson.name,
            lesson.title,
            beside("", lesson.goal)
        );
    }
    say!(
        "`zonemq learn LESSON{said}` begins one on the cluster that `zonemq up` has started; the first \
         is `{}`.",
        COURSE.lessons[0].name
    );
}

async fn give(lesson: &Lesson, mut hands: Hands, room: &mut Classroom) -> Result<(), Failure> {
    say!("{}\n{}\n", lesson.title, beside("Goal:", lesson.goal));
    for (number, step) in lesson.steps.iter().enumerate() {
        let margin = format!("{} of {}", number + 1, lesson.steps.len());
        say!("{}", beside(&margin, step.says));
        acts::prepare(&step.act, room).await?;
        while !is_done(step, &mut hands, room).await? {
            say!("{}", beside("", "Not yet."));
        }
        say!("{}\n", beside("Why:", step.why));
    }
    say!("The end of the lesson. Its queues go, and nothing stays broken.");
    let mut following = COURSE.lessons.iter();
    following.find(|known| known.name == lesson.name);
    if let Some(next) = following.next() {
        say!("Next: `zonemq learn {}{}`.", next.name, room.data.said());
    }
    Ok(())
}

/// Lets the step be done, and looks. `false` where the learner has still to do it.
async fn is_done(step: &Step, hands: &mut Hands, room: &mut Classroom) -> Result<bool, Failure> {
    let is_ours = hands.leave_it_to_us(step, room).await?;
    if is_ours {
        acts::perform(&step.act, room).await?;
    }
    let seen = checks::look(&step.check, &step.act, room).await?;
    let (Ok(told) | Err(told)) = &seen;
    say!("{}", beside("Seen:", told));
    if seen.is_err() && is_ours {
        return Err(
            anyhow!("this is not what the lesson expects, so it ends here; all is mended").into(),
        );
    }
    Ok(seen.is_ok())
}

/// The lines that a person types, as they come.
fn typed() -> mpsc::Receiver<String> {
    let (tell, lines) = mpsc::channel(1);
    // A thread of its own: nobody can end a read of a terminal, and Ctrl-C must not wait for it.
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if tell.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}

impl Hands {
    /// Whether the step is to be done here, once somebody has said so.
    async fn leave_it_to_us(&mut self, step: &Step, room: &Classroom) -> Result<bool, Failure> {
        if let Some(command) = acts::command(&step.act, room) {
            // In one line, to be copied.
            say!("Command:  {command}");
        }
        let Hands::Learner(lines) = self else {
            return Ok(true);
        };
        let is_for_anybody = acts::is_for_anybody(&step.act);
        let mut question = if is_for_anybody {
            format!(
                "Press Enter and the lesson does it; or type it in another terminal, and then `{DONE}` here: "
            )
        } else {
            "Press Enter and the lesson does it: ".to_owned()
        };
        loop {
            say::ask(&format!("          {question}")).context("the terminal is gone")?;
            let line = lines.recv().await;
            let line = line.ok_or_else(|| anyhow!("the lesson was broken off"))?;
            match line.trim() {
                "" => return Ok(true),
                DONE if is_for_anybody => return Ok(false),
                _ => "Enter alone, please; Ctrl-C ends the lesson: ".clone_into(&mut question),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_of_a_lesson_is_one_that_zonemq_fault_takes_and_is_healed() {
        for lesson in COURSE.lessons {
            let words = lesson.steps.iter();
            let words: Vec<String> = words.filter_map(|step| acts::words(&step.act)).collect();
            for words in &words {
                acts::word(words).unwrap_or_else(|failure| panic!("{words}: {failure}"));
            }
            assert!(words.last().is_none_or(|last| *last == "heal"), "{words:?}");
        }
    }
}
