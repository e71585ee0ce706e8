//! A port: configured to receive only, with its queues, and what it counts.

#![expect(unsafe_code, reason = "DPDK is a C library")]

use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dpdk_sys::{
    VW_ETHER_OVERHEAD, VW_MQ_NONE, VW_MQ_RSS, VW_OFFLOAD_SCATTER, VW_OFFLOAD_TIMESTAMP,
    rte_eth_allmulticast_enable, rte_eth_conf, rte_eth_dev_adjust_nb_rx_tx_desc, rte_eth_dev_close,
    rte_eth_dev_configure, rte_eth_dev_get_name_by_port, rte_eth_dev_get_port_by_name,
    rte_eth_dev_info, rte_eth_dev_info_get, rte_eth_dev_is_removed, rte_eth_dev_is_valid_port,
    rte_eth_dev_socket_id, rte_eth_dev_start, rte_eth_dev_stop, rte_eth_promiscuous_enable,
    rte_eth_read_clock, rte_eth_rx_queue_setup, rte_eth_stats, rte_eth_stats_get, vw_find_stamps,
    vw_link_up, vw_stamps, vw_waiting,
};

use super::eal::error_text;
use super::pool::Pool;
use super::spread::{self, Spread};
use super::stamps::{MEASURE_NANOS, Reading, Stamps};
use super::statistics::Extended;
use super::{Settings, idle};
use crate::capture::Losses;
use crate::capture::live::machine_time;

/// The largest frames that are asked for: jumbo frames of any switch.
const MTU_MAX: u16 = 9600;

/// Header and check sum of a frame.
const FRAME_OVERHEAD: u32 = 18;

/// Bytes of a device's name, as DPDK defines it.
const NAME_BYTES: usize = 64;

/// The highest port numbers that are looked at, for a list of those there are.
const PORTS_MAX: u16 = 32;

/// What the device and its driver say of themselves.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct About {
    /// The driver's name.
    pub driver: String,
    /// The memory node that the device is at, where one is told.
    pub node: Option<u32>,
    /// The most receive queues.
    pub queues_max: u16,
    /// Descriptors that each queue got.
    pub descriptors: u16,
    /// How flows are spread over the queues.
    pub spread: Spread,
}

/// An open port. Closed when the last queue of it is dropped.
pub(super) struct Port {
    number: u16,
    device: String,
    pools: Vec<Arc<Pool>>,
    /// What each queue has; what bridges the moments in which nobody reads.
    descriptors: u16,
    about: About,
    stamps: Stamps,
    /// What it had counted when it was opened.
    before: Losses,
    extended: Extended,
    /// Held while the device is asked something: only receiving may happen in several threads.
    asking: Mutex<()>,
}

impl Port {
    /// Opens a port, for so many workers; also says what an operator should know.
    pub(super) fn open(
        settings: &Settings,
        workers: usize,
    ) -> Result<(Self, Option<String>), String> {
        let number = find(&settings.port)?;
        let info = info(number)?;
        let (queues, remark) = queues(settings, workers, &info)?;
        configure(settings, number, &info, queues)?;
        // SAFETY: takes any number.
        let socket = unsafe { rte_eth_dev_socket_id(number) };
        let mut port = Self {
            number,
            device: name(number),
            pools: Vec::new(),
            descriptors: settings.descriptors,
            about: About {
                driver: driver(&info),
                node: u32::try_from(socket).ok(),
                queues_max: info.max_rx_queues,
                ..About::default()
            },
            stamps: Stamps::default(),
            before: Losses::default(),
            extended: Extended::default(),
            asking: Mutex::default(),
        };
        port.set_up_queues(settings, queues, socket)?;
        // SAFETY: it is configured and has its queues.
        done("starting", unsafe { rte_eth_dev_start(number) })?;
        port.listen(settings)?;
        port.about.descriptors = port.descriptors;
        port.about.spread = spread::of(number, &info, queues);
        let remark = remark.or_else(|| port.about.spread.remark(&port.about.driver));
        port.stamps = port.find_stamps(&info);
        port.before = port.counted();
        port.extended = Extended::of(number);
        Ok((port, remark))
    }

    pub(super) const fn number(&self) -> u16 {
        self.number
    }

    pub(super) fn device(&self) -> &str {
        &self.device
    }

    /// What the device says of itself.
    pub(super) const fn about(&self) -> &About {
        &self.about
    }

    /// How full a queue is, in percent, where its driver knows. Only for who receives from it.
    pub(super) fn backlog(&self, queue: u16) -> Option<u8> {
        // SAFETY: the port is open and has this queue.
        let waiting = unsafe { vw_waiting(self.number, queue) };
        let waiting = u64::try_from(waiting).ok()?;
        let percent = waiting * 100 / u64::from(self.descriptors.max(1));
        Some(u8::try_from(percent.min(100)).unwrap_or(100))
    }

    /// One for each queue.
    pub(super) fn pools(&self) -> &[Arc<Pool>] {
        &self.pools
    }

    pub(super) const fn stamps(&self) -> Stamps {
        self.stamps
    }

    fn set_up_queues(
        &mut self,
        settings: &Settings,
        queues: u16,
        socket: c_int,
    ) -> Result<(), String> {
        let mut descriptors = settings.descriptors;
        // SAFETY: the port is configured, and the place lives through the call.
        let adjusted = unsafe {
            rte_eth_dev_adjust_nb_rx_tx_desc(self.number, &raw mut descriptors, ptr::null_mut())
        };
        done("choosing descriptors", adjusted)?;
        self.descriptors = descriptors;
        for queue in 0..queues {
            let pool = Arc::new(Pool::new(settings, self.number, queue, socket)?);
            let near = u32::try_from(socket).unwrap_or(u32::MAX); // any
            // SAFETY: the port is configured and not started; the pool lives until it is closed.
            let set = unsafe {
                rte_eth_rx_queue_setup(
                    self.number,
                    queue,
                    descriptors,
                    near,
                    ptr::null(),
                    pool.as_ptr(),
                )
            };
            self.pools.push(pool);
            done("setting up a queue", set)?;
        }
        Ok(())
    }

    /// Everything, as a mirror port needs. Devices that have nothing to switch say so.
    fn listen(&self, settings: &Settings) -> Result<(), String> {
        if !settings.promiscuous {
            return Ok(());
        }
        // SAFETY: the port is open.
        unless_unsupported("promiscuous mode", unsafe {
            rte_eth_promiscuous_enable(self.number)
        })?;
        // SAFETY: the port is open.
        unless_unsupported("all multicast", unsafe {
            rte_eth_allmulticast_enable(self.number)
        })
    }

    /// Finds out what time stamps there are, and what they mean.
    fn find_stamps(&self, info: &rte_eth_dev_info) -> Stamps {
        let mut place = vw_stamps::default();
        // SAFETY: the place lives through the call.
        unsafe { vw_find_stamps(&raw mut place) };
        if driver(info) == "net_pcap" {
            return Stamps::micros(place);
        }
        if place.offset < 0 || info.rx_offload_capa & VW_OFFLOAD_TIMESTAMP == 0 {
            return Stamps::default();
        }
        let first = self.read_clock();
        idle::sleep(std::time::Duration::from_nanos(
            MEASURE_NANOS.unsigned_abs(),
        ));
        let second = self.read_clock();
        first
            .zip(second)
            .and_then(|(first, second)| Stamps::ticks(place, first, second))
            .unwrap_or_default()
    }

    /// The device's clock, where it can be read.
    pub(super) fn read_clock(&self) -> Option<Reading> {
        let _asking = self.asking();
        let mut device = 0;
        // SAFETY: the port is open, and the place lives through the call.
        let read = unsafe { rte_eth_read_clock(self.number, &raw mut device) };
        (read == 0).then(|| Reading {
            device,
            machine: machine_time(),
        })
    }

    /// Why nothing can come.
    pub(super) fn blind(&self) -> Option<&'static str> {
        let _asking = self.asking();
        // SAFETY: takes any number.
        if unsafe { rte_eth_dev_is_removed(self.number) } == 1 {
            return Some("the device was removed");
        }
        // SAFETY: the port is open.
        (unsafe { vw_link_up(self.number) } == 0)
            .then_some("no link: is the cable in, and the mirror port up?")
    }

    /// What the device received and lost since it was opened.
    pub(super) fn losses(&self) -> Losses {
        let now = self.counted();
        Losses {
            received: now.received.saturating_sub(self.before.received),
            kernel: now.kernel.saturating_sub(self.before.kernel),
            interface: now.interface.saturating_sub(self.before.interface),
        }
    }

    fn counted(&self) -> Losses {
        let _asking = self.asking();
        let mut stats = rte_eth_stats::default();
        // SAFETY: the port is open, and the place lives through the call.
        if unsafe { rte_eth_stats_get(self.number, &raw mut stats) } != 0 {
            return Losses::default();
        }
        Losses {
            received: stats.ipackets,
            // All mbufs were in use: ours to blame, as a full ring of the kernel is.
            kernel: stats.rx_nombuf,
            interface: stats.imissed.saturating_add(stats.ierrors),
        }
    }

    /// What the driver counts by its own names.
    pub(super) fn extended(&self, into: &mut Vec<(String, u64)>) {
        let _asking = self.asking();
        self.extended.read(self.number, into);
    }

    fn asking(&self) -> MutexGuard<'_, ()> {
        self.asking.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        // SAFETY: the port was open, and nobody receives from it any more. A failure changes
        // nothing: it is closed all the same.
        let _stopped = unsafe { rte_eth_dev_stop(self.number) };
        // SAFETY: as above.
        let _closed = unsafe { rte_eth_dev_close(self.number) };
    }
}

/// The number of a port that is named or numbered.
fn find(port: &str) -> Result<u16, String> {
    // SAFETY: takes any number.
    let is_there = |number: u16| unsafe { rte_eth_dev_is_valid_port(number) } == 1;
    if let Ok(number) = port.parse::<u16>() {
        if is_there(number) {
            return Ok(number);
        }
    } else {
        let text = CString::new(port).map_err(|_| "a zero byte in its name".to_owned())?;
        let mut number = 0;
        // SAFETY: the name and the place live through the call.
        if unsafe { rte_eth_dev_get_port_by_name(text.as_ptr(), &raw mut number) } == 0 {
            return Ok(number);
        }
    }
    let there: Vec<String> = (0..PORTS_MAX)
        .filter(|number| is_there(*number))
        .map(|number| format!("{number} ({})", name(number)))
        .collect();
    if there.is_empty() {
        return Err(
            "DPDK found no device: bind the adapter to vfio-pci (dpdk-devbind.py), or name one \
             with --vdev in capture.dpdk.eal_args"
                .to_owned(),
        );
    }
    Err(format!("no such port; there is {}", there.join(", ")))
}

fn name(port: u16) -> String {
    let mut text: [c_char; NAME_BYTES] = [0; NAME_BYTES];
    // SAFETY: there is room for a name, which DPDK ends with a zero.
    if unsafe { rte_eth_dev_get_name_by_port(port, text.as_mut_ptr()) } != 0 {
        return port.to_string();
    }
    // SAFETY: as above.
    let text = unsafe { CStr::from_ptr(text.as_ptr()) };
    text.to_string_lossy().into_owned()
}

fn info(port: u16) -> Result<rte_eth_dev_info, String> {
    let mut info = rte_eth_dev_info::default();
    // SAFETY: the port is there, and the place lives through the call.
    done("asking the device", unsafe {
        rte_eth_dev_info_get(port, &raw mut info)
    })?;
    Ok(info)
}

fn driver(info: &rte_eth_dev_info) -> String {
    if info.driver_name.is_null() {
        return String::new();
    }
    // SAFETY: a driver's name is a constant text of the driver.
    let text = unsafe { CStr::from_ptr(info.driver_name) };
    text.to_string_lossy().into_owned()
}

/// How many queues, and what an operator should know of it.
fn queues(
    settings: &Settings,
    workers: usize,
    info: &rte_eth_dev_info,
) -> Result<(u16, Option<String>), String> {
    let workers = u16::try_from(workers.max(1)).unwrap_or(u16::MAX);
    let spreads = spread::can(info);
    let fits = workers <= info.max_rx_queues;
    match settings.queues {
        0 if workers == 1 => Ok((1, None)),
        0 if spreads && fits => Ok((workers, None)),
        0 => {
            let why = if spreads {
                format!("has {} queues for {workers} workers", info.max_rx_queues)
            } else {
                "cannot spread flows over queues (no RSS)".to_owned()
            };
            let remark = format!(
                "{} {why}: one queue is read, and a thread spreads its frames",
                driver(info)
            );
            Ok((1, Some(remark)))
        }
        set if set != 1 && set != workers => Err(format!(
            "capture.dpdk.queues is {set} and there are {workers} workers: set it to 1 or \
             {workers}, or to 0 for what the device can"
        )),
        set if set > info.max_rx_queues => Err(format!(
            "capture.dpdk.queues is {set}, and the device has {}",
            info.max_rx_queues
        )),
        // A device without RSS may have its own way to spread flows: it is the operator's word.
        set => Ok((set, None)),
    }
}

/// Configures the port, with nothing to send with.
fn configure(
    settings: &Settings,
    port: u16,
    info: &rte_eth_dev_info,
    queues: u16,
) -> Result<(), String> {
    let mut conf = rte_eth_conf::default();
    let offloads = VW_OFFLOAD_SCATTER | VW_OFFLOAD_TIMESTAMP;
    conf.rxmode.offloads = info.rx_offload_capa & offloads;
    conf.rxmode.mtu = mtu(settings, info);
    conf.rxmode.mq_mode = VW_MQ_NONE;
    if queues > 1 && spread::can(info) {
        conf.rxmode.mq_mode = VW_MQ_RSS;
        conf.rx_adv_conf.rss_conf = spread::wanted(info);
    }
    // SAFETY: the port is there and not started; the key is static, and drivers only read it.
    let mut configured = unsafe { rte_eth_dev_configure(port, queues, 0, &raw const conf) };
    if configured < 0 && conf.rxmode.mtu != 0 {
        // Not every driver knows what it can.
        conf.rxmode.mtu = 0;
        // SAFETY: as above.
        configured = unsafe { rte_eth_dev_configure(port, queues, 0, &raw const conf) };
    }
    done("configuring it to receive and never to send", configured)
}

/// The largest frames that it can give, in one mbuf or, where it can do that, in several.
fn mtu(settings: &Settings, info: &rte_eth_dev_info) -> u32 {
    let mut most = MTU_MAX.min(info.max_mtu);
    if info.max_mtu == u16::MAX {
        // Not told: what DPDK makes of the largest frame.
        let fits = info.max_rx_pktlen.saturating_sub(FRAME_OVERHEAD);
        most = most.min(u16::try_from(fits).unwrap_or(u16::MAX));
    }
    if info.rx_offload_capa & VW_OFFLOAD_SCATTER == 0 {
        most = most.min(settings.mbuf_bytes.saturating_sub(VW_ETHER_OVERHEAD));
    }
    u32::from(most.max(info.min_mtu))
}

pub(super) fn done(what: &str, result: c_int) -> Result<(), String> {
    if result < 0 {
        return Err(format!("{what}: {}", error_text(result)));
    }
    Ok(())
}

fn unless_unsupported(what: &str, result: c_int) -> Result<(), String> {
    if result == -UNSUPPORTED {
        return Ok(());
    }
    done(what, result)
}

/// `ENOTSUP` of Linux.
const UNSUPPORTED: c_int = 95;
