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

/// The type of the answer to a message of this type, or of the question to it: of those that come
/// in pairs. As the Community ID has them (corelight/community-id-spec, version 1).
#[must_use]
pub const fn counterpart(v6: bool, ty: u16) -> Option<u16> {
    let other = match (v6, ty) {
        (false, 0) => 8, // echo
        (false, 8) => 0,
        (false, 9) => 10, // router advertisement, solicitation
        (false, 10) => 9,
        (false, 13) => 14, // time stamp
        (false, 14) => 13,
        (false, 15) => 16, // information
        (false, 16) => 15,
        (false, 17) => 18, // address mask
        (false, 18) => 17,
        (true, 128) => 129, // echo
        (true, 129) => 128,
        (true, 130) => 131, // multicast listener
        (true, 131) => 130,
        (true, 133) => 134, // router solicitation, advertisement
        (true, 134) => 133,
        (true, 135) => 136, // neighbour solicitation, advertisement
        (true, 136) => 135,
        (true, 139) => 140, // node information
        (true, 140) => 139,
        (true, 144) => 145, // home agent address discovery
        (true, 145) => 144,
        _ => return None,
    };
    Some(other)
}
