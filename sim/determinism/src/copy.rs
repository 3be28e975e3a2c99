//! Copies of the whole process: each goes on from the same moment, to the byte, and none knows of
//! what another does.

use std::io::{self, BufRead, BufReader, PipeReader, PipeWriter};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The exit code of a copy that panicked.
const PANICKED: i32 = 101;

/// A copy of this process that is at work. What it writes can be read here, line by line.
#[derive(Debug)]
pub struct ProcessCopy {
    id: libc::pid_t,
    told: BufReader<PipeReader>,
}

impl ProcessCopy {
    /// Copies this process, which must have one thread only. The copy does its work, writes what
    /// it has to tell, and ends; it also ends with the process that it was copied from.
    pub fn begin(work: impl FnOnce(&mut PipeWriter)) -> io::Result<ProcessCopy> {
        // A copy has one thread; what others held locked would stay so for ever.
        if std::fs::read_dir("/proc/self/task")?.count() != 1 {
            let problem = "a process with several threads cannot be copied";
            return Err(io::Error::other(problem));
        }
        let (told, mut tells) = io::pipe()?;
        // SAFETY: there is no other thread, so whatever the copy finds in memory is consistent.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => {
                // SAFETY: a call into the kernel that touches no memory of ours.
                unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
                drop(told);
                let worked = catch_unwind(AssertUnwindSafe(|| work(&mut tells)));
                let code = if worked.is_ok() { 0 } else { PANICKED };
                // SAFETY: ends the copy at once. What the original has not yet written to its own
                // streams is the original's to write.
                unsafe { libc::_exit(code) }
            }
            id => Ok(ProcessCopy {
                id,
                told: BufReader::new(told),
            }),
        }
    }

    /// The next line that it writes; `None` when it has no more to tell.
    pub fn next_line(&mut self) -> io::Result<Option<String>> {
        let mut line = String::new();
        let length = self.told.read_line(&mut line)?;
        Ok((length > 0).then(|| line.trim_end_matches('\n').to_owned()))
    }

    /// Waits for its end, which must be a good one.
    pub fn finish(self) -> io::Result<()> {
        let mut status = 0;
        loop {
            // SAFETY: `status` outlives the call; the process is a child of this one, and nobody
            // else waits for it.
            if unsafe { libc::waitpid(self.id, &raw mut status, 0) } == self.id {
                break;
            }
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
        if libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0 {
            return Ok(());
        }
        let problem = format!("a copy of the process ended badly, with status {status:#x}");
        Err(io::Error::other(problem))
    }
}
