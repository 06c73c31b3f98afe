//! Where parallel work starts from.

use std::sync::atomic::{AtomicBool, Ordering};

use faer::Par;

/// What `work` returns, run inside the thread pool if it is to use more than one thread.
///
/// From outside the pool every parallel product sleeps until a worker has woken, worked and answered: on a virtual machine half a
/// millisecond each time. Inside, it is pushed to a worker that is awake already.
pub fn in_pool<R: Send>(parallelism: Par, work: impl FnOnce() -> R + Send) -> R {
    if parallelism.degree() > 1 { rayon::scope(|_| work()) } else { work() }
}

/// [`in_pool`], with the other workers kept awake meanwhile: for many short products one after another, between which `work` is
/// alone for longer than an idle worker waits before it sleeps. A third of the time of block Lanczos at 1024×1024.
pub fn in_pool_awake<R: Send>(parallelism: Par, work: impl FnOnce() -> R + Send) -> R {
    if parallelism.degree() < 2 {
        return work();
    }
    let done = &AtomicBool::new(false);
    rayon::scope(|scope| {
        let own = rayon::current_thread_index();
        for _ in 1..parallelism.degree() {
            scope.spawn(move |_| {
                if rayon::current_thread_index() != own {
                    take_work_until(done);
                }
            });
        }
        let _done = SetOnDrop(done);
        work()
    })
}

/// Takes up whatever work there is, without sleeping, until `done`; or until there has been none for some milliseconds, so that
/// nobody who is beneath this on a worker's stack waits for long.
fn take_work_until(done: &AtomicBool) {
    const MOST_IDLE_TURNS: usize = 20_000;
    let mut idle = 0;
    while idle < MOST_IDLE_TURNS && !done.load(Ordering::Acquire) {
        if rayon::yield_now() == Some(rayon::Yield::Executed) {
            idle = 0;
        } else {
            idle += 1;
            // Whoever works may have been put on the same processor.
            std::thread::yield_now();
        }
    }
}

/// Also when `work` panics.
struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    /// Regions beside and inside one another, more of them than workers, each with parallel work of its own.
    #[test]
    fn regions_that_keep_workers_awake_end_wherever_they_start() {
        fn sum(depth: u32, from: u64, end: u64) -> u64 {
            if end - from < 8 {
                return (from..end).sum();
            }
            let middle = from.midpoint(end);
            let inner = depth > 0 && end - from == 64;
            let depth = depth - u32::from(inner);
            let halves = || rayon::join(|| sum(depth, from, middle), || sum(depth, middle, end));
            let (left, right) = if inner { in_pool_awake(Par::rayon(3), halves) } else { halves() };
            left + right
        }
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| assert_eq!(in_pool_awake(Par::rayon(2), || sum(1, 0, 256)), 255 * 128));
            }
        });
    }

    #[test]
    fn a_panic_inside_reaches_the_caller() {
        let result = catch_unwind(AssertUnwindSafe(|| in_pool_awake::<()>(Par::rayon(2), || panic!("inside"))));
        assert!(result.is_err());
    }
}
