//! What tests share.

use std::path::PathBuf;

/// A fresh empty directory of that name.
pub(crate) fn dir(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("vitalwire-{name}-{}", std::process::id()));
    drop(std::fs::remove_dir_all(&dir));
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

/// Waits for something, but not for ever.
pub(crate) fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let since = crate::clock::Stopwatch::start();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(since.elapsed().as_secs() < 30, "it does not come");
        crate::clock::pause(std::time::Duration::from_millis(20));
    }
}

/// Two devices: a modality that had the address of the other, and that one.
pub(crate) fn inventory() -> rules::correlate::inventory::Snapshot {
    serde_json::from_str(INVENTORY).unwrap()
}

const INVENTORY: &str = r#"{"version":1,"time":5,"assets":[
  {"key":"mac-0009fb010101-30","ip":"10.0.0.1","first_seen":1000,"last_seen":1772438400000000000,
   "frame":3,"router":false,"told":true,
   "facts":[
     {"attribute":"address","value":"10.0.0.2","source":"src_ip","frame":1,"ip":null,"first_seen":1,"last_seen":2},
     {"attribute":"address","value":"10.0.0.1","source":"arp.src_ip","frame":2,"ip":null,"first_seen":2,"last_seen":5},
     {"attribute":"ae_title","value":"=cmd|'/C calc'!A0","source":"dicom.calling_ae","frame":2,"ip":null,"first_seen":1,"last_seen":5},
     {"attribute":"model","value":"Scanner 3","source":"dicom.model","frame":2,"ip":null,"first_seen":1,"last_seen":5}],
   "peers":[{"ip":"10.0.0.2","client":true,"proto":6,"port":104,"app":"dicom","flows":2,"bytes_sent":5000,
     "bytes_received":300,"messages":12,"first_seen":1,"last_seen":5}]},
  {"key":"mac-020000000002-30","ip":"10.0.0.2","first_seen":2000,"last_seen":5000,"frame":3,
   "router":false,"told":true,"facts":[],"peers":[]}]}"#;
