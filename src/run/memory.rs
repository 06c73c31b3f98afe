//! How much heap a computation needs at its peak: an allocator that counts.
//!
//! The numbers are of requested bytes, not of pages: a single-threaded computation always gives the same number.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

/// Bytes allocated now.
static CURRENT: AtomicUsize = AtomicUsize::new(0);
/// The most [`CURRENT`] was since [`peak_bytes_of`] last began.
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, counting. A program that wants peaks declares it:
///
/// ```ignore
/// #[global_allocator]
/// static HEAP: factoreo::run::CountingAllocator = factoreo::run::CountingAllocator;
/// ```
pub struct CountingAllocator;

fn grow(bytes: usize) {
    PEAK.fetch_max(CURRENT.fetch_add(bytes, Relaxed) + bytes, Relaxed);
}

fn shrink(bytes: usize) {
    CURRENT.fetch_sub(bytes, Relaxed);
}

// SAFETY: every call is passed on to `System` unchanged, which upholds the contract; counting touches two atomics, neither
// allocates nor panics.
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

/// What `work` returns, and the most heap it had allocated at once beyond what was allocated before; `None` if the program
/// does not run on [`CountingAllocator`].
pub fn peak_bytes_of<R>(work: impl FnOnce() -> R) -> (R, Option<u64>) {
    let before = CURRENT.load(Relaxed);
    PEAK.store(before, Relaxed);
    let result = work();
    let peak = PEAK.load(Relaxed);
    (result, (before > 0).then(|| peak.saturating_sub(before) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[global_allocator]
    static HEAP: CountingAllocator = CountingAllocator;

    #[test]
    fn counts_what_lives_at_once() {
        // Zeroed pages cost nothing until they are touched. Other tests run beside this one and allocate megabytes.
        const BIG: usize = 1 << 30;
        let ((), peak) = peak_bytes_of(|| {
            for _ in 0..3 {
                drop(std::hint::black_box(vec![0_u8; BIG]));
            }
            drop(std::hint::black_box((vec![0_u8; BIG], vec![0_u8; BIG])));
        });
        let peak = peak.unwrap() as usize;
        assert!(peak.abs_diff(2 * BIG) < BIG / 2, "{peak}");
    }
}
