//! The threads that serve.

use std::num::NonZeroUsize;

use anyhow::Context;
use tokio::runtime::{Builder, Runtime};

/// Makes the runtime of a program that serves requests.
///
/// One thread serves some thousand requests a second, and each for less: what is ready is worked on where it is, and nobody
/// is woken to look for work. Whoever needs more takes more replicas first.
///
/// # Errors
///
/// The system gives no thread.
pub fn runtime(threads: NonZeroUsize) -> anyhow::Result<Runtime> {
    let mut builder = match threads.get() {
        1 => Builder::new_current_thread(),
        more => {
            let mut builder = Builder::new_multi_thread();
            builder.worker_threads(more);
            builder
        }
    };
    builder
        .enable_all()
        .build()
        .context("cannot start the threads that serve")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(1)]
    #[case(3)]
    fn so_many_threads_serve_as_were_asked_for(#[case] threads: usize) {
        let runtime = runtime(NonZeroUsize::new(threads).expect("some")).expect("a runtime");
        assert_eq!(runtime.metrics().num_workers(), threads);
    }
}
