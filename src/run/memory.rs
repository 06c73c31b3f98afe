//! How much heap a computation needs at its peak: an allocator that counts.
//!
//! The numbers are of requested bytes, not of pages: a single-threaded computation always gives the same number, also beside
//! others.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    sync::atomic::{AtomicIsize, Ordering::Relaxed},
};

use faer::Par;

/// Bytes allocated now, and the most they were since [`peak_bytes_of`] last began.
static CURRENT: AtomicIsize = AtomicIsize::new(0);
static PEAK: AtomicIsize = AtomicIsize::new(0);

thread_local! {
    /// The same of one thread: allocated here less freed here.
    static HERE: Cell<(isize, isize)> = const { Cell::new((0, 0)) };
}

/// The system's allocator, counting. A program that wants peaks declares it:
///
/// ```ignore
/// #[global_allocator]
/// static HEAP: factoreo::run::CountingAllocator = factoreo::run::CountingAllocator;
/// ```
pub struct CountingAllocator;

fn grow(bytes: usize) {
    let bytes = bytes.cast_signed();
    PEAK.fetch_max(CURRENT.fetch_add(bytes, Relaxed) + bytes, Relaxed);
    // A thread that is ending has nothing to count any more.
    let _ = HERE.try_with(|here| {
        let (current, peak) = here.get();
        here.set((current + bytes, peak.max(current + bytes)));
    });
}

fn shrink(bytes: usize) {
    let bytes = bytes.cast_signed();
    CURRENT.fetch_sub(bytes, Relaxed);
    let _ = HERE.try_with(|here| here.set((here.get().0 - bytes, here.get().1)));
}

// SAFETY: every call is passed on to `System` unchanged, which upholds the contract; counting touches two atomics and
// a constant-initialised cell of the thread, which neither allocate nor panic.
#[allow(unsafe_code, reason = "an allocator is unsafe by its trait; there is no safe way to count the heap")]
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc`, which is the same for `System`.
        let pointer = unsafe { System.alloc(layout) };
        if !pointer.is_null() {
            grow(layout.size());
        }
        pointer
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as in `alloc`.
        let pointer = unsafe { System.alloc_zeroed(layout) };
        if !pointer.is_null() {
            grow(layout.size());
        }
        pointer
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `System` through this allocator, with this layout.
        unsafe { System.dealloc(pointer, layout) };
        shrink(layout.size());
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the pointer came from `System` through this allocator, with this layout.
        let moved = unsafe { System.realloc(pointer, layout, new_size) };
        if !moved.is_null() {
            // Both blocks are counted for a moment, as if it had been moved: whether it really was depends on the heap.
            grow(new_size);
            shrink(layout.size());
        }
        moved
    }
}

/// Asks the C library to keep freed memory for the next allocation instead of handing it back to the system: the first touch of a
/// page costs as much as a hundred flops of its every entry, and a method that is timed again would pay for it again. Blocks above
/// 32 MB still come and go, but not while something is timed. Does nothing where the C library is not glibc.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // The emptied heaps of other threads are given back at once, so there is one heap; it shrinks by a gibibyte or not at all.
        set(libc::M_ARENA_MAX, 1);
        set(libc::M_TRIM_THRESHOLD, 1 << 30);
        // The most that glibc takes on 64-bit machines.
        set(libc::M_MMAP_THRESHOLD, 32 << 20);
    }
}

/// What `work` returns, while blocks of every size are kept when they are freed: for what is timed. Elsewhere large blocks in one heap
/// leave holes that nothing fits into.
pub fn keeping_all_memory<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    set(libc::M_MMAP_MAX, 0);
    let result = work();
    // What glibc begins with.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    set(libc::M_MMAP_MAX, 65536);
    result
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn set(parameter: libc::c_int, value: libc::c_int) {
    // SAFETY: `mallopt` takes two integers by value, and only sets a number of the allocator.
    #[allow(unsafe_code, reason = "the C library's setting has no safe wrapper")]
    unsafe {
        libc::mallopt(parameter, value);
    }
}

/// What `work` returns, and the most heap it had allocated at once beyond what was allocated before; `None` if the program
/// does not run on [`CountingAllocator`]. Work on one thread is counted on that thread, work on several in the whole process.
pub fn peak_bytes_of<R>(parallelism: Par, work: impl FnOnce() -> R) -> (R, Option<u64>) {
    let counted = CURRENT.load(Relaxed) > 0;
    let (result, bytes) = if matches!(parallelism, Par::Seq) {
        let (before, _) = HERE.get();
        HERE.set((before, before));
        let result = work();
        (result, HERE.get().1 - before)
    } else {
        let before = CURRENT.load(Relaxed);
        PEAK.store(before, Relaxed);
        let result = work();
        (result, PEAK.load(Relaxed) - before)
    };
    (result, counted.then(|| bytes.max(0).unsigned_abs() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[global_allocator]
    static HEAP: CountingAllocator = CountingAllocator;

    #[test]
    fn counts_what_lives_at_once() {
        // Zeroed pages cost nothing until they are touched.
        const BIG: usize = 1 << 30;
        let work = || {
            for _ in 0..3 {
                drop(std::hint::black_box(vec![0_u8; BIG]));
            }
            drop(std::hint::black_box((vec![0_u8; BIG], vec![0_u8; BIG])));
        };
        let ((), here) = peak_bytes_of(Par::Seq, work);
        assert_eq!(here, Some(2 * BIG as u64));
        // Other tests run beside this one and allocate megabytes.
        let ((), anywhere) = peak_bytes_of(Par::rayon(2), work);
        let peak = anywhere.unwrap() as usize;
        assert!(peak.abs_diff(2 * BIG) < BIG / 2, "{peak}");
    }
}
