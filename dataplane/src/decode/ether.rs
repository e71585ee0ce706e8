//! EtherTypes.

pub(super) const IPV4: u16 = 0x0800;
pub(super) const ARP: u16 = 0x0806;
pub(super) const ERSPAN_3: u16 = 0x22eb;
/// Transparent Ethernet bridging.
pub(super) const BRIDGED: u16 = 0x6558;
pub(super) const VLAN: u16 = 0x8100;
pub(super) const IPV6: u16 = 0x86dd;
pub(super) const MPLS: u16 = 0x8847;
pub(super) const MPLS_MULTICAST: u16 = 0x8848;
pub(super) const PPPOE_SESSION: u16 = 0x8864;
pub(super) const JUMBO_LLC: u16 = 0x8870;
pub(super) const PPP: u16 = 0x880b;
pub(super) const WCCP: u16 = 0x883e;
pub(super) const VLAN_AD: u16 = 0x88a8;
pub(super) const ERSPAN: u16 = 0x88be;
pub(super) const MACSEC: u16 = 0x88e5;
pub(super) const PBB: u16 = 0x88e7;
pub(super) const FABRIC_PATH: u16 = 0x8903;
pub(super) const CISCO_META: u16 = 0x8909;
pub(super) const VN_TAG: u16 = 0x8926;
pub(super) const NSH: u16 = 0x894f;
pub(super) const VLAN_9100: u16 = 0x9100;
pub(super) const VLAN_9200: u16 = 0x9200;
pub(super) const ARISTA: u16 = 0xd28b;
