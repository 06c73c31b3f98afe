//! Where parallel work starts from.

use faer::Par;

/// What `work` returns, run inside the thread pool if it is to use more than one thread.
///
/// From outside the pool every parallel product sleeps until a worker has woken, worked and answered: on a virtual machine half a
/// millisecond each time. Inside, it is pushed to a worker that is awake already.
pub fn in_pool<R: Send>(parallelism: Par, work: impl FnOnce() -> R + Send) -> R {
    if parallelism.degree() > 1 { rayon::scope(|_| work()) } else { work() }
}
