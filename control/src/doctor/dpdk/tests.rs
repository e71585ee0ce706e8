//! On machines made of files.

use std::os::unix::fs::symlink;

use super::*;

/// A machine with one adapter, of this driver and group.
fn machine(name: &str, driver: Option<&str>, group: Option<&str>) -> Machine {
    let root = crate::testing::dir(&format!("dpdk-{name}"));
    let machine = Machine {
        sys: root.join("sys"),
        dev: root.join("dev"),
    };
    machine.add("0000:3b:00.0", "0x020000", driver, group);
    machine
}

impl Machine {
    fn add(&self, address: &str, class: &str, driver: Option<&str>, group: Option<&str>) {
        let place = self.pci(address);
        std::fs::create_dir_all(&place).unwrap();
        std::fs::write(place.join("class"), class).unwrap();
        if let Some(driver) = driver {
            let to = self.sys.join("bus/pci/drivers").join(driver);
            std::fs::create_dir_all(&to).unwrap();
            symlink(&to, place.join("driver")).unwrap();
        }
        if let Some(group) = group {
            let to = self.sys.join("kernel/iommu_groups").join(group);
            std::fs::create_dir_all(to.join("devices")).unwrap();
            symlink(&to, place.join("iommu_group")).unwrap();
            symlink(&place, to.join("devices").join(address)).unwrap();
        }
    }

    fn told(&self, port: &str, arguments: &[&str]) -> Vec<(&'static str, Verdict, String)> {
        let arguments: Vec<String> = arguments.iter().map(|a| (*a).to_owned()).collect();
        let findings = self.judge(port, &Arguments::of(&arguments));
        for finding in &findings {
            let bad = finding.verdict >= Verdict::Warn;
            assert!(!(bad && finding.fix.is_empty()), "{finding:?}");
        }
        findings
            .into_iter()
            .map(|f| (f.check, f.verdict, f.fix))
            .collect()
    }
}

fn verdicts(told: &[(&'static str, Verdict, String)]) -> Vec<(&'static str, Verdict)> {
    told.iter()
        .map(|(check, verdict, _)| (*check, *verdict))
        .collect()
}

#[test]
fn an_adapter_that_the_kernel_has_is_told_with_what_binds_it() {
    let told = machine("kernel", Some("ixgbe"), Some("7")).told("3b:00.0", &[]);
    assert_eq!(verdicts(&told), [("dpdk-binding", Verdict::Fail)]);
    assert!(
        told[0].2.ends_with("--bind=vfio-pci 0000:3b:00.0"),
        "{}",
        told[0].2
    );
    let shared = machine("shared", Some("mlx5_core"), Some("7")).told("0000:3b:00.0", &[]);
    assert_eq!(verdicts(&shared), [("dpdk-binding", Verdict::Ok)]);
}

#[test]
fn an_adapter_of_vfio_wants_an_iommu_and_a_group_of_its_own() {
    let good = machine("good", Some("vfio-pci"), Some("7"));
    let both = [("dpdk-binding", Verdict::Ok), ("iommu", Verdict::Ok)];
    assert_eq!(verdicts(&good.told("0000:3b:00.0", &[])), both);
    good.add("0000:3b:00.1", "0x020000", Some("ixgbe"), Some("7"));
    let shared = good.told("0000:3b:00.0", &[]);
    assert_eq!(shared[2].1, Verdict::Fail);
    assert!(
        shared[2].2.ends_with("vfio-pci 0000:3b:00.1"),
        "{}",
        shared[2].2
    );
    let none = machine("noiommu", Some("vfio-pci"), None);
    let told = none.told("0000:3b:00.0", &[]);
    assert_eq!(told[1].1, Verdict::Fail);
    assert!(told[1].2.contains("iommu=pt"), "{}", told[1].2);
    let switch = none.sys.join("module/vfio/parameters");
    std::fs::create_dir_all(&switch).unwrap();
    std::fs::write(switch.join("enable_unsafe_noiommu_mode"), "Y\n").unwrap();
    assert_eq!(none.told("0000:3b:00.0", &[])[1].1, Verdict::Warn);
}

#[test]
fn arguments_that_hide_the_adapter_are_told() {
    let machine = machine("hidden", Some("vfio-pci"), Some("7"));
    let first = |arguments: &[&str]| machine.told("0000:3b:00.0", arguments)[0].1;
    assert_eq!(first(&["--no-pci"]), Verdict::Fail);
    assert_eq!(first(&["-a", "0000:5e:00.0"]), Verdict::Fail);
    assert_eq!(first(&["-b3b:00.0"]), Verdict::Fail);
    assert_eq!(first(&["--allow=3b:00.0,some=thing"]), Verdict::Ok);
}

#[test]
fn a_number_is_what_eal_will_make_of_it() {
    let bound = machine("number", Some("vfio-pci"), Some("7"));
    assert_eq!(bound.told("0", &[])[0].0, "dpdk-binding");
    assert_eq!(bound.told("1", &[])[0].1, Verdict::Fail);
    let two = bound.told("1", &["--vdev=net_null0,size=60"]);
    assert_eq!(
        verdicts(&two),
        [("dpdk-device", Verdict::Ok), ("dpdk-device", Verdict::Note)]
    );
    assert!(two[1].2.contains("net_null0"), "{}", two[1].2);
    let kernels = machine("kernels", Some("ixgbe"), Some("7"));
    assert_eq!(kernels.told("0", &[])[0].1, Verdict::Fail);
    assert_eq!(kernels.told("net_x0", &[])[0].1, Verdict::Fail);
    assert_eq!(
        kernels.told("net_x0", &["--vdev", "net_x0"])[0].1,
        Verdict::Ok
    );
    assert_eq!(kernels.told("0000:99:00.0", &[])[0].1, Verdict::Fail);
}

#[test]
fn what_the_defaults_need_is_little() {
    let config = Config {
        workers: 2,
        ..Config::default()
    };
    let mib = needs(&config) >> 20;
    assert!((100..120).contains(&mib), "{mib} MiB");
}
