//! The defaults: `deploy/config/vitalwire.yaml` says the same, and a test compares.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::units::{Bytes, Span};
use super::{
    Capture, CaptureSource, Config, Dpdk, EveFile, Every, Evidence, Flow, FlowRecords, Http, Level,
    Limits, Log, LogFormat, Outputs, Ready, Rotate, Rules, Sensor, Silence, Stamps, VlanInKey,
    XdpMode,
};

impl Default for Config {
    fn default() -> Self {
        Self {
            sensor: Sensor::default(),
            state_dir: PathBuf::from("/var/lib/vitalwire"),
            site_key_file: None,
            capture: Capture::default(),
            workers: 0,
            limits: Limits::default(),
            flow: Flow::default(),
            rules: Rules::default(),
            inventory: super::Inventory::default(),
            sets: std::collections::BTreeMap::new(),
            suppressions: Vec::new(),
            outputs: Outputs::default(),
            sinks: Vec::new(),
            responses: Vec::new(),
            store: super::Store::default(),
            evidence: Evidence::default(),
            sandbox: super::Sandbox::default(),
            stats: Every::default(),
            heartbeat: Every::default(),
            ready: Ready::default(),
            http: Http::default(),
            api: super::Api::default(),
            log: Log::default(),
        }
    }
}

impl Default for Capture {
    fn default() -> Self {
        Self {
            interface: None,
            source: CaptureSource::AfPacket,
            files: Vec::new(),
            follow: false,
            repeat: false,
            round: Span::secs(0),
            // More than any jumbo frame: offloads hand up to 64 KiB.
            snaplen: 65_535,
            // Half a second at 1 Gbit/s.
            buffer: Bytes::mib(64),
            bpf: String::new(),
            promiscuous: true,
            silence: Silence::Enforce,
            expect_vlans: Vec::new(),
            fanout: true,
            busy_poll_us: 0,
            stamps: Stamps::Kernel,
            xdp: XdpMode::Auto,
            remote: super::Remote::default(),
            dpdk: Dpdk::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: Bytes::mib(512),
            lag_max: Span(Duration::from_millis(50)),
            queue_depth: 64,
            sink_queue: Bytes::mib(32),
        }
    }
}

impl Default for Flow {
    fn default() -> Self {
        Self {
            records: FlowRecords::Medical,
            vlan_in_key: VlanInKey::Auto,
            midstream: true,
            duplicates: super::Duplicates::default(),
            checksums: false,
        }
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            default: true,
            paths: Vec::new(),
        }
    }
}

impl Default for EveFile {
    fn default() -> Self {
        Self {
            enabled: true,
            path: PathBuf::from("/var/log/vitalwire/eve.json"),
            types: Vec::new(),
            rotate: Rotate::default(),
        }
    }
}

impl Default for Rotate {
    fn default() -> Self {
        Self {
            size: Bytes::mib(512),
            interval: Span::secs(86_400),
            keep: 7,
            compress: true,
        }
    }
}

impl Default for Evidence {
    fn default() -> Self {
        Self {
            enabled: true,
            dir: None,
            size: Bytes::mib(1024),
            // A storm's worth; a folder of more is slow to list.
            alerts: 20_000,
            keep: Span::secs(30 * 86_400),
        }
    }
}

impl Default for Every {
    fn default() -> Self {
        Self {
            interval: Span::secs(60),
        }
    }
}

impl Default for Ready {
    fn default() -> Self {
        Self {
            max_silence: Span::secs(60),
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self {
            enabled: true,
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9470),
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self {
            level: Level::Info,
            format: LogFormat::Text,
        }
    }
}

impl Default for super::Remote {
    fn default() -> Self {
        Self {
            address: Ipv4Addr::UNSPECIFIED,
            ports: vec![4789, 6081, 37_008],
            gre: true,
        }
    }
}
