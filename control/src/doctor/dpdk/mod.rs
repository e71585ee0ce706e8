//! The adapter that DPDK is to drive: is it the one that EAL will find, who drives it now, and may
//! it reach memory?

mod arguments;

use std::path::{Path, PathBuf};

use super::system::text;
use super::{Finding, Verdict};
use crate::config::{CaptureSource, Config};
use crate::engine;
use arguments::{Arguments, address};

/// Kernel drivers that leave an adapter to DPDK.
const HANDED_OVER: [&str; 3] = ["vfio-pci", "igb_uio", "uio_pci_generic"];
/// Kernel drivers that DPDK's work beside.
const SHARED: [&str; 2] = ["mlx4_core", "mlx5_core"];

pub(super) fn all(config: &Config) -> Vec<Finding> {
    if config.capture.source != CaptureSource::Dpdk {
        return Vec::new();
    }
    let machine = Machine {
        sys: PathBuf::from("/sys"),
        dev: PathBuf::from("/dev"),
    };
    let arguments = Arguments::of(&config.capture.dpdk.eal_args);
    machine.judge(&config.capture.dpdk.port, &arguments)
}

/// Bytes of huge pages that the configuration takes.
pub(super) fn needs(config: &Config) -> u64 {
    let keys = &config.capture.dpdk;
    let queues = match keys.queues {
        0 => u64::try_from(engine::workers(config)).unwrap_or(u64::MAX),
        set => set.into(),
    };
    let mbuf = u64::from(keys.mbuf_bytes).saturating_add(MBUF_OVERHEAD);
    let pool = mbuf.saturating_mul(keys.mbufs.into());
    queues.saturating_mul(pool).saturating_add(EAL_BYTES)
}

/// The head of an mbuf, its headroom, and what a pool has before each.
const MBUF_OVERHEAD: u64 = 128 + 128 + 64;
/// What EAL and a driver's rings take besides.
const EAL_BYTES: u64 = 32 << 20;

/// The memory node of the adapter, where that is known.
pub(super) fn node(config: &Config) -> Option<u32> {
    let address = address(&config.capture.dpdk.port)?;
    let node = format!("/sys/bus/pci/devices/{address}/numa_node");
    text(node).parse().ok() // -1: nobody says
}

/// Where the kernel tells of devices.
struct Machine {
    sys: PathBuf,
    dev: PathBuf,
}

impl Machine {
    fn judge(&self, port: &str, arguments: &Arguments) -> Vec<Finding> {
        if let Some(address) = address(port) {
            return self.adapter(&address, arguments);
        }
        if let Ok(number) = port.parse::<usize>() {
            return self.numbered(number, arguments);
        }
        if arguments.virtual_devices.iter().any(|one| one == port) {
            let what = format!("{port} is a virtual device of capture.dpdk.eal_args");
            return vec![Finding::machine("dpdk-device", Verdict::Ok, what)];
        }
        let what = format!(
            "capture.dpdk.port is {port}, which is no PCI address, and no --vdev of \
             capture.dpdk.eal_args makes it"
        );
        vec![
            Finding::machine("dpdk-device", Verdict::Fail, what).fix(format!(
                "in the configuration: capture: {{dpdk: {{eal_args: [..., --vdev={port}]}}}}"
            )),
        ]
    }

    /// EAL numbers what it finds: adapters by address, then virtual devices.
    fn numbered(&self, number: usize, arguments: &Arguments) -> Vec<Finding> {
        let mut found = self.handed_over();
        found.retain(|address| arguments.takes(address));
        found.extend(arguments.virtual_devices.iter().cloned());
        let Some(name) = found.get(number) else {
            let what = format!(
                "capture.dpdk.port is {number}, and EAL will find {} devices: no adapter is bound \
                 to vfio-pci, or arguments leave it out",
                found.len()
            );
            return vec![Finding::machine("dpdk-device", Verdict::Fail, what).fix(
                "dpdk-devbind.py --status-dev net; sudo dpdk-devbind.py --bind=vfio-pci ADDRESS",
            )];
        };
        let mut findings = match address(name) {
            Some(address) => self.adapter(&address, arguments),
            None => {
                let what = format!("port {number} will be the virtual device {name}");
                vec![Finding::machine("dpdk-device", Verdict::Ok, what)]
            }
        };
        if found.len() > 1 {
            let what = format!(
                "port {number} will be {name}, of {}: numbers change with what is bound",
                found.join(", ")
            );
            findings.push(
                Finding::machine("dpdk-device", Verdict::Note, what).fix(format!(
                    "in the configuration: capture: {{dpdk: {{port: \"{name}\"}}}}"
                )),
            );
        }
        findings
    }

    fn adapter(&self, address: &str, arguments: &Arguments) -> Vec<Finding> {
        let place = self.pci(address);
        if !place.exists() {
            let what = format!("there is no device at {address}");
            return vec![
                Finding::machine("dpdk-device", Verdict::Fail, what)
                    .fix("dpdk-devbind.py --status-dev net"),
            ];
        }
        let mut findings = Vec::new();
        if !arguments.takes(address) {
            let what = format!("capture.dpdk.eal_args keep EAL from {address}");
            findings.push(Finding::machine("dpdk-device", Verdict::Fail, what).fix(format!(
                "in the configuration: capture: {{dpdk: {{eal_args: [--in-memory, --no-telemetry, --log-level=4, --allow={address}]}}}}"
            )));
        }
        let driver = link_name(&place.join("driver"));
        findings.push(binding(
            address,
            driver.as_deref(),
            &children(&place.join("net")),
        ));
        if driver.as_deref() == Some("vfio-pci") {
            findings.push(self.translation(address));
            findings.extend(self.group(address));
        }
        findings
    }

    fn pci(&self, address: &str) -> PathBuf {
        self.sys.join("bus/pci/devices").join(address)
    }

    /// Network adapters that no kernel driver keeps, by address.
    fn handed_over(&self) -> Vec<String> {
        let mut all = children(&self.sys.join("bus/pci/devices"));
        all.retain(|address| {
            let driver = link_name(&self.pci(address).join("driver"));
            let network = text(self.pci(address).join("class")).starts_with("0x02");
            let open = |driver: String| {
                HANDED_OVER.contains(&driver.as_str()) || SHARED.contains(&driver.as_str())
            };
            network && driver.is_some_and(open)
        });
        all.sort();
        all
    }

    /// Whether the adapter's reach into memory is held to ours.
    fn translation(&self, address: &str) -> Finding {
        if self.pci(address).join("iommu_group").exists() {
            let unsafe_mode = link_name(&self.pci(address).join("iommu_group"))
                .is_some_and(|group| self.dev.join(format!("vfio/noiommu-{group}")).exists());
            if !unsafe_mode {
                let what = "an IOMMU holds the adapter to the memory that it is given";
                return Finding::machine("iommu", Verdict::Ok, what);
            }
        }
        let switch = "module/vfio/parameters/enable_unsafe_noiommu_mode";
        let kernel_argument = "echo 'GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX intel_iommu=on iommu=pt\"' \
             | sudo tee /etc/default/grub.d/iommu.cfg && sudo update-grub && sudo reboot";
        match text(self.sys.join(switch)).as_str() {
            "Y" | "1" => {
                let what = "no IOMMU, and vfio does without: the adapter can write to all memory";
                Finding::machine("iommu", Verdict::Warn, what).fix(kernel_argument)
            }
            _ => {
                let what = "no IOMMU, and vfio-pci wants one: EAL cannot open the adapter";
                Finding::machine("iommu", Verdict::Fail, what).fix(format!(
                    "{kernel_argument}; in a virtual machine that has none: \
                     echo 1 | sudo tee /sys/{switch}"
                ))
            }
        }
    }

    /// All devices that an IOMMU cannot tell apart go to one owner, and the group has a file.
    fn group(&self, address: &str) -> Vec<Finding> {
        let place = self.pci(address).join("iommu_group");
        let Some(group) = link_name(&place) else {
            return Vec::new();
        };
        let mut findings = Vec::new();
        let kept: Vec<String> = children(&place.join("devices"))
            .into_iter()
            .filter(|other| other != address)
            .filter(|other| {
                let driver = link_name(&self.pci(other).join("driver"));
                let bridge = text(self.pci(other).join("class")).starts_with("0x0604");
                let elsewhere =
                    driver.is_some_and(|driver| driver != "vfio-pci" && driver != "pci-stub");
                !bridge && elsewhere
            })
            .collect();
        if !kept.is_empty() {
            let what = format!(
                "{} of the same IOMMU group {group} belong to kernel drivers: vfio gives the group \
                 to nobody",
                kept.join(", ")
            );
            findings.push(Finding::machine("iommu", Verdict::Fail, what).fix(format!(
                "sudo dpdk-devbind.py --bind=vfio-pci {}",
                kept.join(" ")
            )));
        }
        let file = self.dev.join("vfio").join(&group);
        let may = rustix::fs::access(
            &file,
            rustix::fs::Access::READ_OK | rustix::fs::Access::WRITE_OK,
        );
        if file.exists() && may.is_err() {
            let what = format!("this user may not open {}", file.display());
            findings.push(
                Finding::machine("permission", Verdict::Fail, what)
                    .fix(format!("sudo chown \"$USER\" {}", file.display())),
            );
        }
        findings
    }
}

fn binding(address: &str, driver: Option<&str>, interfaces: &[String]) -> Finding {
    let bind = format!("sudo modprobe vfio-pci && sudo dpdk-devbind.py --bind=vfio-pci {address}");
    match driver {
        Some(driver) if HANDED_OVER.contains(&driver) => {
            let what = format!("{address} is bound to {driver}");
            Finding::machine("dpdk-binding", Verdict::Ok, what)
        }
        Some(driver) if SHARED.contains(&driver) => {
            let what = format!("{address} is of {driver}, beside which DPDK works");
            Finding::machine("dpdk-binding", Verdict::Ok, what)
        }
        Some(driver) => {
            let who = match interfaces {
                [] => String::new(),
                names => format!(" as {}", names.join(", ")),
            };
            let what =
                format!("{address} belongs to the kernel's driver {driver}{who}, not to DPDK");
            Finding::machine("dpdk-binding", Verdict::Fail, what).fix(bind)
        }
        None => {
            let what = format!("{address} is bound to no driver");
            Finding::machine("dpdk-binding", Verdict::Fail, what).fix(bind)
        }
    }
}

/// The last name of where a link leads.
fn link_name(path: &Path) -> Option<String> {
    let to = std::fs::read_link(path).ok()?;
    Some(to.file_name()?.to_str()?.to_owned())
}

fn children(path: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests;
