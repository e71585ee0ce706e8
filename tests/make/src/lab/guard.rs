//! Takes a lab down when its owner is gone, however it went.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Waits for its input to end, then kills what runs in the lab's namespaces and deletes them, and
/// the lab's files.
const SCRIPT: &str = r#"
cat > /dev/null
names=$(ip netns list | cut -d' ' -f1 | grep "^$1-")
for name in $names; do
    pids=$(ip netns pids "$name")
    [ -z "$pids" ] || kill -9 $pids 2> /dev/null
done
for name in $names; do ip netns del "$name"; done
rm -rf "$2"
"#;

/// The helper. Its input is a pipe that the kernel closes when this process ends.
pub(super) struct Guard {
    helper: Child,
}

impl Guard {
    pub(super) fn new(prefix: &str, folder: &Path) -> io::Result<Self> {
        let helper = Command::new("sh")
            .args(["-c", SCRIPT, "guard", prefix])
            .arg(std::path::absolute(folder)?)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0) // an interrupt from the terminal must not reach it
            .spawn()?;
        Ok(Self { helper })
    }

    /// Takes the lab down now.
    pub(super) fn finish(&mut self) {
        drop(self.helper.stdin.take());
        let _ = self.helper.wait();
    }
}
