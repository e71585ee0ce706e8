//! What tests share.

use std::path::PathBuf;

/// A fresh empty directory of that name.
pub(crate) fn dir(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("vitalwire-{name}-{}", std::process::id()));
    drop(std::fs::remove_dir_all(&dir));
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

/// Waits for something, but not for ever.
pub(crate) fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let since = crate::clock::Stopwatch::start();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(since.elapsed().as_secs() < 30, "it does not come");
        crate::clock::pause(std::time::Duration::from_millis(20));
    }
}
