//! `anomaly`: something is wrong with the wire, EVE's `anomaly` object.

use crate::kind;
use crate::phi::Class;

kind! {
    /// Something is wrong with the wire.
    pub static KIND = 4, "anomaly", "something is wrong with the wire", medical: false, paths: None;
    APP_PROTO = "app_proto": Word, Class::Clear, "the protocol, for an application anomaly", "";
    TYPE = "type": Word, Class::Clear, "decode, stream or applayer", "";
    EVENT = "event": Word, Class::Clear, "the anomaly, as dicom.pdu_type_unknown", "";
    LAYER = "layer": Word, Class::Clear, "who found it: capture, decode, flow, stream or the protocol", "";
    SECTION = "section": Word, Class::Clear, "the standard's section", "";
}
