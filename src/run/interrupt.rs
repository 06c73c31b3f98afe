//! Ctrl-C and SIGTERM ask for a clean stop; a second one does not wait for it.

use std::sync::{
    Once,
    atomic::{AtomicBool, Ordering},
};

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// What a shell expects of a program stopped by Ctrl-C.
pub const EXIT_CODE: u8 = 130;

/// From now on the signals set the flag of [`requested`] instead of killing the process.
pub fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let handler = || {
            if REQUESTED.swap(true, Ordering::Relaxed) {
                std::process::exit(EXIT_CODE.into());
            }
        };
        // If a program around the library has a handler of its own, its handler stays.
        let _ = ctrlc::set_handler(handler);
    });
}

/// Whether a stop was asked for.
#[must_use]
pub fn requested() -> bool {
    REQUESTED.load(Ordering::Relaxed)
}
