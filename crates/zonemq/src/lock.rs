//! A file whose lock says that a process lives, and which one.
//!
//! POSIX record locks, because the kernel itself tells who holds one: a pid that is read here
//! belongs to the process that holds the lock at this moment, and never to a stranger that got
//! the same number later. The kernel frees the lock when the process ends, however it ends.
//!
//! A process loses its record lock when it closes *any* descriptor of that file: the holder
//! must not ask [`holder`] about its own file.
//!
//! Who waits for the end of a holder gets a lock itself, for a moment. The first byte tells who
//! holds, the second is waited for: nobody who waits is ever taken for a holder.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use nix::unistd::Pid;

/// The lock, for as long as this value lives.
#[derive(Debug)]
pub(crate) struct Held {
    _file: File,
}

/// Locked by the holder alone.
const HOLDER: libc::off_t = 0;
/// Locked by the holder too, and for a moment by everyone who has waited for its end.
const END: libc::off_t = 1;

/// Takes the lock, or says `None` where a living process has it. The file then shows our pid,
/// for people; programs ask [`holder`].
pub(crate) fn take(path: &Path) -> io::Result<Option<Held>> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    match fcntl(&file, FcntlArg::F_SETLK(&byte(HOLDER, libc::F_WRLCK))) {
        Ok(_) => {}
        Err(Errno::EACCES | Errno::EAGAIN) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    wait_for(&file, &byte(END, libc::F_WRLCK))?;
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())?;
    Ok(Some(Held { _file: file }))
}

/// The process that holds the lock at this moment.
pub(crate) fn holder(path: &Path) -> io::Result<Option<Pid>> {
    let file = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut lock = byte(HOLDER, libc::F_WRLCK);
    fcntl(&file, FcntlArg::F_GETLK(&mut lock))?;
    let free = libc::c_int::from(lock.l_type) == libc::F_UNLCK;
    Ok((!free).then(|| Pid::from_raw(lock.l_pid)))
}

/// Blocks this thread until no process holds the lock.
pub(crate) fn wait_until_free(path: &Path) -> io::Result<()> {
    let file = File::open(path)?;
    wait_for(&file, &byte(END, libc::F_RDLCK))
}

fn wait_for(file: &File, lock: &libc::flock) -> io::Result<()> {
    loop {
        match fcntl(file, FcntlArg::F_SETLKW(lock)) {
            Ok(_) => return Ok(()),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn byte(which: libc::off_t, kind: libc::c_int) -> libc::flock {
    // The constants are small and fit; their types differ between systems.
    let short = |value: libc::c_int| libc::c_short::try_from(value).unwrap_or_default();
    libc::flock {
        l_type: short(kind),
        l_whence: short(libc::SEEK_SET),
        l_start: which,
        l_len: 1,
        l_pid: 0,
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    #[test]
    fn a_file_that_nobody_locked_has_no_holder() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("node.pid");
        assert_eq!(holder(&path).expect("readable"), None);
        std::fs::write(&path, "1\n").expect("writable");
        assert_eq!(
            holder(&path).expect("readable"),
            None,
            "a stale pid is not believed"
        );
    }

    /// A process that has a lock as Python's `lockf` takes it with these words: the same kind.
    fn process_with_lock(path: &Path, words: &str) -> Child {
        let script = format!(
            "import fcntl, sys\nf = open(sys.argv[1], 'r+')\nfcntl.lockf(f, {words})\n\
             print('locked', flush=True)\nsys.stdin.read()"
        );
        let mut child = Command::new("python3")
            .args(["-c", &script])
            .arg(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 is installed");
        let mut locked = [0; 7];
        std::io::Read::read_exact(child.stdout.as_mut().expect("piped"), &mut locked)
            .expect("the child says that it holds the lock");
        child
    }

    #[test]
    fn a_dead_holder_leaves_a_free_lock() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("node.pid");
        std::fs::write(&path, "").expect("writable");
        let mut child = process_with_lock(&path, "fcntl.LOCK_EX");

        let pid = Pid::from_raw(i32::try_from(child.id()).expect("a pid"));
        assert_eq!(holder(&path).expect("readable"), Some(pid));
        assert!(take(&path).expect("writable").is_none());

        child.kill().expect("a living child");
        child.wait().expect("a child");
        wait_until_free(&path).expect("free");
        assert_eq!(holder(&path).expect("readable"), None);
        assert!(take(&path).expect("writable").is_some());
    }

    #[test]
    fn who_has_waited_for_an_end_is_no_holder() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("up.pid");
        std::fs::write(&path, "").expect("writable");
        // What `wait_until_free` has for a moment.
        let mut child = process_with_lock(&path, "fcntl.LOCK_SH, 1, 1");
        assert_eq!(holder(&path).expect("readable"), None);
        let taking = std::thread::spawn(move || take(&path).expect("writable").is_some());
        child.kill().expect("a living child");
        child.wait().expect("a child");
        assert!(taking.join().expect("no panic"));
    }
}
