//! Time stamps that the device puts on frames, and what they mean.

use dpdk_sys::vw_stamps;
use parsers::time::{NANOS_PER_SEC, Time};

use super::port::Port;

/// The first rate is measured over this time; it gets better from there.
pub(super) const MEASURE_NANOS: i64 = NANOS_PER_SEC / 20;

/// A clock is compared with the machine's this often.
const CORRECT_NANOS: i64 = NANOS_PER_SEC;

/// A rate is measured over at least this time, once there has been as much.
const BASE_NANOS: i64 = 60 * NANOS_PER_SEC;

/// Time stamps of a device.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stamps {
    /// Where they are in an mbuf.
    pub(super) place: vw_stamps,
    meaning: Meaning,
}

/// What a stamp counts.
#[derive(Clone, Copy, Debug, Default)]
enum Meaning {
    /// Nothing that is known: frames get the machine's time, once a burst.
    #[default]
    Nothing,
    /// Microseconds since the epoch: of the capture file that `net_pcap` reads.
    Micros,
    /// Ticks of the device's clock.
    Ticks(Ticks),
}

impl Stamps {
    /// Those of a capture file.
    pub(super) const fn micros(place: vw_stamps) -> Self {
        Self {
            place,
            meaning: Meaning::Micros,
        }
    }

    /// Those of a device's clock, read twice.
    pub(super) fn ticks(place: vw_stamps, first: Reading, second: Reading) -> Option<Self> {
        let ticks = Ticks::new(first, second)?;
        Some(Self {
            place,
            meaning: Meaning::Ticks(ticks),
        })
    }

    /// The time of a frame that has such a stamp, if it is known.
    #[inline]
    pub(super) fn time(&self, stamp: Option<u64>) -> Option<Time> {
        let stamp = stamp?;
        match &self.meaning {
            Meaning::Nothing => None,
            Meaning::Micros => {
                let nanos = i64::try_from(stamp).ok()?.checked_mul(1000)?;
                Some(Time(nanos))
            }
            Meaning::Ticks(ticks) => Some(ticks.time(stamp)),
        }
    }

    /// Compares the device's clock with the machine's, if it is time to.
    pub(super) fn correct(&mut self, port: &Port, now: Time) {
        if let Meaning::Ticks(ticks) = &mut self.meaning
            && !(0..CORRECT_NANOS).contains(&now.since(ticks.last.machine))
            && let Some(reading) = port.read_clock()
        {
            ticks.correct(reading);
        }
    }
}

/// The device's clock and the machine's at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reading {
    pub(super) device: u64,
    pub(super) machine: Time,
}

/// A device's clock, whose rate nobody tells: measured against the machine's.
#[derive(Clone, Copy, Debug)]
struct Ticks {
    base: Reading,
    last: Reading,
    /// Nanoseconds of a tick, times 2^32.
    rate: i128,
}

impl Ticks {
    fn new(base: Reading, last: Reading) -> Option<Self> {
        let rate = rate(base, last)?;
        Some(Self { base, last, rate })
    }

    fn time(&self, stamp: u64) -> Time {
        // A frame may have come before the last reading: the difference is signed.
        let ticks = i128::from(stamp).saturating_sub(i128::from(self.last.device));
        let nanos = ticks.saturating_mul(self.rate) >> 32;
        let nanos = i64::try_from(nanos).unwrap_or_default();
        Time(self.last.machine.0.saturating_add(nanos))
    }

    /// A step of either clock gives no rate, or a wrong one for a while; the last reading, from
    /// which stamps are counted, is right all the same.
    fn correct(&mut self, reading: Reading) {
        if let Some(rate) = rate(self.base, reading) {
            self.rate = rate;
        }
        if reading.machine.since(self.base.machine) > BASE_NANOS.saturating_mul(2) {
            self.base = self.last;
        }
        self.last = reading;
    }
}

fn rate(base: Reading, last: Reading) -> Option<i128> {
    let nanos = i128::from(last.machine.since(base.machine));
    let ticks = i128::from(last.device.checked_sub(base.device)?);
    if nanos <= 0 {
        return None;
    }
    (nanos << 32).checked_div(ticks)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_700_000_000 * NANOS_PER_SEC;

    fn at(device: u64, nanos: i64) -> Reading {
        Reading {
            device,
            machine: Time(START + nanos),
        }
    }

    #[test]
    fn a_clock_of_another_rate_is_followed() {
        // 156.25 MHz: 6.4 ns a tick.
        let device = |nanos: i64| 1_000_000 + u64::try_from(nanos * 10 / 64).unwrap();
        let mut ticks =
            Ticks::new(at(device(0), 0), at(device(MEASURE_NANOS), MEASURE_NANOS)).unwrap();
        for second in 1..200 {
            let nanos = second * NANOS_PER_SEC;
            let told = ticks.time(device(nanos)).since(Time(START + nanos));
            assert!(told.abs() < 100, "{told} ns off after {second} s");
            ticks.correct(at(device(nanos), nanos));
        }
        let before = ticks.time(device(198 * NANOS_PER_SEC));
        assert!(before.since(Time(START + 198 * NANOS_PER_SEC)).abs() < 100);
    }

    #[test]
    fn a_step_of_the_machine_is_followed_within_a_correction() {
        let mut ticks = Ticks::new(at(0, 0), at(NANOS_PER_SEC as u64, NANOS_PER_SEC)).unwrap();
        let stepped = at(2_000_000_000, 500 * NANOS_PER_SEC);
        ticks.correct(stepped);
        assert_eq!(ticks.time(2_000_000_000), stepped.machine);
    }

    #[test]
    fn a_clock_that_stands_or_goes_back_is_none() {
        assert!(Ticks::new(at(5, 0), at(5, 1000)).is_none());
        assert!(Ticks::new(at(5, 0), at(4, 1000)).is_none());
        assert!(Ticks::new(at(5, 1000), at(9, 1000)).is_none());
    }

    #[test]
    fn stamps_of_a_file_are_its_own() {
        let stamps = Stamps::micros(vw_stamps::default());
        let time = stamps.time(Some(1_700_000_000_123_456)).unwrap();
        assert_eq!(time.0, 1_700_000_000_123_456_000);
        assert_eq!(stamps.time(None), None);
        assert_eq!(Stamps::default().time(Some(1)), None);
    }
}
