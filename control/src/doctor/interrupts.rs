//! Which processors a card's interrupts go to, and whether these are near it.

use std::path::{Path, PathBuf};

use super::system::{self, list, processors, text};
use super::{Finding, Verdict};

/// One interrupt of a card.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Interrupt {
    number: u32,
    /// Where it goes.
    processors: Vec<u32>,
}

/// What surrounds a card.
#[derive(Clone, Debug, Default)]
struct Place {
    /// Memory node that it hangs on; nothing where there is one only.
    node: Option<u32>,
    /// Processors of that node, or all.
    near: Vec<u32>,
    /// Whether somebody moves interrupts about.
    balanced: bool,
}

pub(super) fn all(name: &str) -> Vec<Finding> {
    let device = Path::new("/sys/class/net").join(name).join("device");
    if !device.exists() {
        let what = "none of its own: a virtual interface";
        return vec![Finding::of(name, "interrupts", Verdict::Ok, what)];
    }
    let node = text(device.join("numa_node")).parse::<u32>().ok();
    let node = node.filter(|_| system::nodes() > 1);
    let local = match node {
        Some(node) => processors(&text(format!(
            "/sys/devices/system/node/node{node}/cpulist"
        ))),
        None => Vec::new(),
    };
    let near = if local.is_empty() {
        system::online()
    } else {
        local
    };
    let place = Place {
        node,
        near,
        balanced: system::runs("irqbalance"),
    };
    let found = receiving(&text("/proc/interrupts"), name, &vectors(&device));
    let interrupts: Vec<Interrupt> = found
        .into_iter()
        .map(|number| Interrupt {
            number,
            processors: goes_to(number),
        })
        .collect();
    let mut findings = vec![affinity(name, &interrupts, &place)];
    findings.push(memory_node(name, &place));
    findings
}

/// The device's interrupts; those of a virtio device are its parent's.
fn vectors(device: &Path) -> Vec<u32> {
    let real = device
        .canonicalize()
        .unwrap_or_else(|_| PathBuf::from(device));
    let parent = real.parent().map(Path::to_path_buf).unwrap_or_default();
    let numbers = |folder: &Path| -> Vec<u32> {
        std::fs::read_dir(folder.join("msi_irqs"))
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .collect()
    };
    let own = numbers(&real);
    if own.is_empty() {
        numbers(&parent)
    } else {
        own
    }
}

/// Those of a card's interrupts that tell of received frames, from `/proc/interrupts`.
fn receiving(table: &str, name: &str, vectors: &[u32]) -> Vec<u32> {
    let mut found: Vec<u32> = table
        .lines()
        .filter_map(|line| {
            let (number, rest) = line.split_once(':')?;
            let number: u32 = number.trim().parse().ok()?;
            let called = rest.split_whitespace().next_back()?.to_lowercase();
            let ours = vectors.contains(&number) || called.contains(&name.to_lowercase());
            (ours && !is_other(&called)).then_some(number)
        })
        .collect();
    found.sort_unstable();
    found
}

/// Interrupts for sending, for configuration, for events.
fn is_other(called: &str) -> bool {
    let receives = ["rx", "input", "comp"]
        .iter()
        .any(|word| called.contains(word));
    let other = [
        "tx", "output", "config", "ctrl", "mbx", "misc", "async", "mgmt",
    ];
    !receives && other.iter().any(|word| called.contains(word))
}

fn goes_to(interrupt: u32) -> Vec<u32> {
    let folder = format!("/proc/irq/{interrupt}");
    let effective = processors(&text(format!("{folder}/effective_affinity_list")));
    if effective.is_empty() {
        return processors(&text(format!("{folder}/smp_affinity_list")));
    }
    effective
}

fn affinity(name: &str, interrupts: &[Interrupt], place: &Place) -> Finding {
    if interrupts.is_empty() {
        let what = "the kernel tells of none";
        return Finding::of(name, "interrupts", Verdict::Ok, what);
    }
    let mut used: Vec<u32> = interrupts
        .iter()
        .flat_map(|interrupt| interrupt.processors.clone())
        .collect();
    used.sort_unstable();
    used.dedup();
    let count = match interrupts.len() {
        1 => "1 interrupt".to_owned(),
        several => format!("{several} interrupts"),
    };
    let told = format!("{count} on processors {}", list(&used));
    let far = used.iter().any(|one| !place.near.contains(one));
    let crowded = interrupts.len() > 1 && used.len() == 1 && place.near.len() > 1;
    let what = match (far, crowded, place.node) {
        (true, _, Some(node)) => format!("{told}, but the card is at memory node {node}"),
        (_, true, _) => format!("{told}: one processor serves every queue"),
        _ => return Finding::of(name, "interrupts", Verdict::Ok, told),
    };
    Finding::of(name, "interrupts", Verdict::Warn, what).fix(spread_out(interrupts, place))
}

/// The command that gives each interrupt a near processor.
fn spread_out(interrupts: &[Interrupt], place: &Place) -> String {
    let pairs: Vec<String> = interrupts
        .iter()
        .zip(place.near.iter().cycle())
        .map(|(interrupt, processor)| format!("{}:{processor}", interrupt.number))
        .collect();
    let stop = match place.balanced {
        true => "sudo systemctl stop irqbalance; ",
        false => "",
    };
    format!(
        "{stop}for p in {}; do echo ${{p#*:}} | sudo tee /proc/irq/${{p%:*}}/smp_affinity_list; done",
        pairs.join(" ")
    )
}

fn memory_node(name: &str, place: &Place) -> Finding {
    let Some(node) = place.node else {
        let what = "every processor is as near to the card as any other";
        return Finding::of(name, "numa", Verdict::Ok, what);
    };
    let near = list(&place.near);
    let what = format!("the card is at memory node {node}; workers are best there ({near})");
    Finding::of(name, "numa", Verdict::Note, what).fix(format!(
        "sudo systemctl set-property vitalwire.service AllowedCPUs={near} AllowedMemoryNodes={node}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "           CPU0       CPU1
  9:          0          0   IO-APIC   9-fasteoi   acpi
 24:          0          0   PCI-MSIX-0000:00:02.0   0-edge      virtio1-config
 25:        100          3   PCI-MSIX-0000:00:02.0   1-edge      virtio1-input.0
 26:          7          0   PCI-MSIX-0000:00:02.0   2-edge      virtio1-output.0
 30:         90          0   PCI-MSIX-0000:00:03.0   1-edge      span0-TxRx-0
 31:         90          0   PCI-MSIX-0000:00:03.0   2-edge      span0-TxRx-1
NMI:          0          0   Non-maskable interrupts";

    fn at(number: u32, processors: &[u32]) -> Interrupt {
        Interrupt {
            number,
            processors: processors.to_vec(),
        }
    }

    fn place(node: Option<u32>, near: &[u32]) -> Place {
        Place {
            node,
            near: near.to_vec(),
            balanced: false,
        }
    }

    #[test]
    fn a_cards_receiving_interrupts_are_found_by_vector_or_by_name() {
        assert_eq!(receiving(TABLE, "eth0", &[24, 25, 26]), [25]);
        assert_eq!(receiving(TABLE, "span0", &[]), [30, 31]);
    }

    #[test]
    fn interrupts_on_one_processor_are_told_and_spread_ones_are_not() {
        let crowded = affinity(
            "span0",
            &[at(30, &[0]), at(31, &[0])],
            &place(None, &[0, 1]),
        );
        assert_eq!(crowded.verdict, Verdict::Warn);
        assert!(
            crowded.fix.contains("for p in 30:0 31:1;"),
            "{}",
            crowded.fix
        );
        let spread = affinity(
            "span0",
            &[at(30, &[0]), at(31, &[1])],
            &place(None, &[0, 1]),
        );
        assert_eq!(spread.verdict, Verdict::Ok);
        let only = affinity("span0", &[at(30, &[0])], &place(None, &[0, 1]));
        assert_eq!(only.verdict, Verdict::Ok);
    }

    #[test]
    fn interrupts_far_from_the_card_are_told() {
        let far = affinity("span0", &[at(30, &[0])], &place(Some(1), &[8, 9]));
        assert_eq!(far.verdict, Verdict::Warn);
        assert!(far.fix.contains("30:8"), "{}", far.fix);
        let node = memory_node("span0", &place(Some(1), &[8, 9]));
        assert!(node.fix.contains("AllowedCPUs=8-9"), "{}", node.fix);
        let only = memory_node("span0", &place(None, &[0]));
        assert_eq!(only.verdict, Verdict::Ok);
    }
}
