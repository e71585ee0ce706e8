//! `asset`: something new is known of a device.

use crate::kind;
use crate::phi::Class;

kind! {
    /// Something new is known of a device.
    pub static KIND = 6, "asset", "something new is known of a device", medical: false, paths: None;
    IP = "ip": Ip, Class::Clear, "its address", "";
    MAC = "mac": Mac, Class::Clear, "its Ethernet address", "";
    ATTRIBUTE = "attribute": Word, Class::Clear, "what is known: ae_title, application, device, model, …", "";
    VALUE = "value": Text, Class::Asset, "the attribute's value", "";
    SOURCE = "source": Word, Class::Clear, "the kind of event that told", "";
}
