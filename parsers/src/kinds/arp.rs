//! `arp`: address resolution, RFC 826.

use crate::kind;
use crate::phi::Class;

kind! {
    /// An ARP message, EVE's `arp` object.
    pub static KIND = 2, "arp", "an ARP message", medical: false, paths: None;
    HW_TYPE = "hw_type": Word, Class::Clear, "hardware type", "RFC 826";
    PROTO_TYPE = "proto_type": Word, Class::Clear, "protocol type", "RFC 826";
    OPCODE = "opcode": Word, Class::Clear, "request, reply, or the number", "RFC 826";
    SRC_MAC = "src_mac": Mac, Class::Clear, "sender's hardware address", "RFC 826";
    SRC_IP = "src_ip": Ip, Class::Clear, "sender's protocol address", "RFC 826";
    DEST_MAC = "dest_mac": Mac, Class::Clear, "target's hardware address", "RFC 826";
    DEST_IP = "dest_ip": Ip, Class::Clear, "target's protocol address", "RFC 826";
    GRATUITOUS = "gratuitous": Bool, Class::Clear, "whether the sender announces itself", "RFC 5227 3";
    MAC_MISMATCH = "mac_mismatch": Bool, Class::Clear, "whether the sender's hardware address differs from the frame's source", "";
    PREVIOUS_MAC = "previous_mac": Mac, Class::Clear, "who answered for that address before, where it changed within a minute", "";
}
