//! Memory holds payloads and keys: nobody gets a copy of it.

use rustix::process::{
    DumpableBehavior, Resource, Rlimit, dumpable_behavior, set_dumpable_behavior, setrlimit,
};

/// No core file, and no debugger of the same user.
pub(super) fn no_dumps() -> Result<String, String> {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none).map_err(|error| format!("setrlimit: {error}"))?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|error| format!("prctl: {error}"))?;
    match dumpable_behavior() {
        Ok(DumpableBehavior::NotDumpable) => Ok("none".to_owned()),
        _ => Err("the kernel still allows dumps".to_owned()),
    }
}
