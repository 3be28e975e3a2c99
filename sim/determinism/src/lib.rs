//! Takes the system's randomness and clock away from a simulated process.
//!
//! Libraries below the node draw random numbers (openraft's election time-outs, the keys of
//! `HashMap`, tokio's `select!`) and read the time (the `Date` header). Linked into a program, this
//! crate answers `getrandom`, `getentropy` and `clock_gettime` in the C library's place: like the
//! system at first, and from a seed and a simulated clock once [`begin`] was called.
//!
//! A [`ProcessCopy`] gives one simulated past another future.
//!
//! Never link it into the server.

mod copy;

use std::ffi::{c_int, c_long, c_uint, c_void};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

static IS_SIMULATED: AtomicBool = AtomicBool::new(false);
static NOW_NANOS: AtomicU64 = AtomicU64::new(0);
static STATE: Mutex<u64> = Mutex::new(0);

/// From now on, all randomness of this process comes from `seed`, and time stands still at `now`
/// after 1970 until [`advance`] is called.
pub fn begin(seed: u64, now: Duration) {
    *STATE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner) = seed;
    advance(now);
    IS_SIMULATED.store(true, Ordering::SeqCst);
}

/// Sets the simulated clock.
pub fn advance(now: Duration) {
    let nanos = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
    NOW_NANOS.store(nanos, Ordering::SeqCst);
}

pub use crate::copy::ProcessCopy;

/// Time of the real world since some fixed moment, for measuring the simulator itself.
pub fn wall_elapsed() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` outlives the call, and the system fills it.
    unsafe { system_clock(libc::CLOCK_MONOTONIC, &raw mut time) };
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// SplitMix64.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

unsafe fn system_clock(clock: libc::clockid_t, time: *mut libc::timespec) -> c_int {
    // SAFETY: the caller vouches for `time`.
    let code = unsafe { libc::syscall(libc::SYS_clock_gettime, c_long::from(clock), time) };
    c_int::try_from(code).unwrap_or(-1)
}

/// `getrandom(2)`.
///
/// # Safety
///
/// `buffer` must be valid for writes of `length` bytes, as for the C library's function.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn getrandom(buffer: *mut c_void, length: usize, flags: c_uint) -> isize {
    if !IS_SIMULATED.load(Ordering::SeqCst) {
        // SAFETY: the caller vouches for the buffer.
        let code = unsafe { libc::syscall(libc::SYS_getrandom, buffer, length, flags) };
        return isize::try_from(code).unwrap_or(-1);
    }
    if buffer.is_null() || length == 0 {
        return 0;
    }
    // SAFETY: the caller vouches for the buffer.
    let bytes = unsafe { std::slice::from_raw_parts_mut(buffer.cast::<u8>(), length) };
    let mut state = STATE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    for chunk in bytes.chunks_mut(8) {
        chunk.copy_from_slice(&next(&mut state).to_le_bytes()[..chunk.len()]);
    }
    isize::try_from(length).unwrap_or(isize::MAX)
}

/// `getentropy(3)`.
///
/// # Safety
///
/// `buffer` must be valid for writes of `length` bytes, as for the C library's function.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn getentropy(buffer: *mut c_void, length: usize) -> c_int {
    // SAFETY: the caller vouches for the buffer.
    if length <= 256 && unsafe { getrandom(buffer, length, 0) } >= 0 {
        0
    } else {
        -1
    }
}

/// `clock_gettime(2)`.
///
/// # Safety
///
/// `time` must be valid for writes, as for the C library's function.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "C" fn clock_gettime(clock: libc::clockid_t, time: *mut libc::timespec) -> c_int {
    if !IS_SIMULATED.load(Ordering::SeqCst) {
        // SAFETY: the caller vouches for `time`.
        return unsafe { system_clock(clock, time) };
    }
    let now = Duration::from_nanos(NOW_NANOS.load(Ordering::SeqCst));
    let simulated = libc::timespec {
        tv_sec: libc::time_t::try_from(now.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: c_long::from(now.subsec_nanos()),
    };
    // SAFETY: the caller vouches for `time`.
    unsafe { time.write(simulated) };
    0
}
