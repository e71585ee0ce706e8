//! `asset`: a device is known, or something new is known of it.
//!
//! Made by the correlator from what devices say of themselves and from who answers. Values are
//! those of equipment, never of patients or staff.

use crate::kind;
use crate::phi::Class;

kind! {
    /// A device is known, or something new is known of it.
    pub static KIND = 6, "asset", "a device is known, or something new is known of it", medical: false, paths: None;
    EVENT = "event": Word, Class::Clear, "new, once it has been watched for some seconds, or changed", "";
    ID = "id": Text, Class::Clear, "the same for as long as the device is known: mac-HEX, with its VLAN where there is one, or ip-ADDRESS where only a router's Ethernet address was seen", "";
    IP = "ip": Ip, Class::Clear, "the address that it used last", "";
    MAC = "mac": Mac, Class::Clear, "its Ethernet address", "";
    RANDOM_MAC = "random_mac": Bool, Class::Clear, "whether that is locally administered, so that it names no vendor", "IEEE 802 8.2.2";
    VENDOR = "vendor": Text, Class::Clear, "who was assigned its Ethernet address", "IEEE RA MA-L, MA-M, MA-S";
    ROUTER = "router": Bool, Class::Clear, "whether it carries the packets of others", "";
    ATTRIBUTE = "attribute": Word, Class::Clear, "what is new: address, ae_title, application, facility, function, service, device, manufacturer, model, serial, software, station, implementation or router", "";
    VALUE = "value": Text, Class::Asset, "the attribute's value", "";
    PREVIOUS = "previous": Text, Class::Asset, "the value before, of what has one value at a time", "";
    SOURCE = "source": Text, Class::Clear, "the field that told, as dicom.calling_ae", "";
    ADDRESSES = "addresses": TextList, Class::Clear, "the addresses that it used", "";
    AE_TITLES = "ae_titles": TextList, Class::Clear, "DICOM application entity titles that it goes by", "PS3.8 9.3.2";
    APPLICATIONS = "applications": TextList, Class::Clear, "HL7 applications that it sends as", "HL7 v2.5 2.15.9.3";
    FACILITIES = "facilities": TextList, Class::Clear, "HL7 facilities that it sends as", "HL7 v2.5 2.15.9.4";
    FUNCTIONS = "functions": TextList, Class::Clear, "what it does: C-STORE SCU, C-FIND SCP, HL7 sender, pump reporter, …", "";
    SERVICES = "services": TextList, Class::Clear, "ports on which it answers, as tcp/104", "";
    DEVICES = "devices": TextList, Class::Asset, "pumps and other devices that it speaks for", "IHE DEV TF-2 B.8";
    MANUFACTURER = "manufacturer": Text, Class::Asset, "manufacturer, where all that it sends says the same", "";
    MODEL = "model": Text, Class::Asset, "model, where all that it sends says the same", "";
    SERIAL = "serial": Text, Class::Asset, "serial number, where all that it sends says the same", "";
    SOFTWARE = "software": Text, Class::Asset, "software, where all that it sends says the same", "";
    STATION = "station": Text, Class::Asset, "station name, where all that it sends says the same", "";
    NAME = "name": Text, Class::Asset, "its name in the imported list", "";
    ROLES = "roles": TextList, Class::Clear, "its roles in the imported list", "";
    KNOWN = "known": Bool, Class::Clear, "whether it is in the imported list; absent without one", "";
    FIRST_SEEN = "first_seen": Text, Class::Clear, "when it was first seen", "";
    LAST_SEEN = "last_seen": Text, Class::Clear, "when it was last seen", "";
}
