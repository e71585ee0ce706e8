//! `capture`: what happened to the watching itself.

use crate::kind;
use crate::phi::Class;

kind! {
    /// Loss, blindness, clock steps.
    pub static KIND = 5, "capture", "what happened to the watching itself", medical: false, paths: None;
    EVENT = "event": Word, Class::Clear, "clock_step, drops, blind, seeing, shedding or caught_up", "";
    DROPPED = "dropped": Int, Class::Clear, "frames lost since the last such event", "";
    STEP = "step_s": Decimal, Class::Clear, "seconds that the clock jumped", "";
}
