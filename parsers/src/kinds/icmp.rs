//! `icmp`: ICMP and ICMPv6.

use crate::kind;
use crate::phi::Class;

kind! {
    /// An ICMP or ICMPv6 message.
    pub static KIND = 3, "icmp", "an ICMP or ICMPv6 message", medical: false, paths: None;
    VERSION = "version": Int, Class::Clear, "4 or 6", "";
    TYPE = "type": Int, Class::Clear, "type", "RFC 792, RFC 4443";
    CODE = "code": Int, Class::Clear, "code", "RFC 792, RFC 4443";
    BYTES = "bytes": Int, Class::Clear, "bytes of the message", "";
    REDIRECT_TO = "redirect_to": Ip, Class::Clear, "the gateway that a redirect names", "RFC 792, RFC 4861 4.5";
    TARGET = "target": Ip, Class::Clear, "target of a neighbour solicitation or advertisement", "RFC 4861 4.3, 4.4";
    TARGET_MAC = "target_mac": Mac, Class::Clear, "link-layer address in a neighbour advertisement", "RFC 4861 4.6.1";
}
