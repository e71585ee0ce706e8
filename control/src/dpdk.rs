//! The adapter that DPDK drives, as the configuration has it.

use dataplane::pipeline::Sources;

use crate::config::Config;
use crate::error::Error;

#[cfg(feature = "dpdk")]
pub use with::{Listening, in_its_thread, listen, sources};

/// There is nothing to open it with.
///
/// # Errors
/// Always.
#[cfg(not(feature = "dpdk"))]
pub fn sources(_config: &Config) -> Result<Sources, Error> {
    Err(Error::Config(MISSING.to_owned()))
}

/// There is no such thread.
///
/// # Errors
/// Always.
#[cfg(not(feature = "dpdk"))]
pub fn in_its_thread<T>(_what: impl FnOnce() -> T) -> Result<T, String> {
    Err(MISSING.to_owned())
}

/// Said of a configuration that wants DPDK, where there is none.
pub const MISSING: &str =
    "capture.source: this binary was built without DPDK (cargo build --features dpdk)";

#[cfg(feature = "dpdk")]
mod with {
    use dataplane::capture::CaptureError;
    use dataplane::capture::Source;
    use dataplane::capture::dpdk::{self, About, Poll, Queue, Settings};

    pub use dpdk::in_its_thread;

    use super::{Config, Error, Sources};
    use crate::{config, engine};

    /// Opens the port of the configuration.
    ///
    /// # Errors
    /// What is in the way, and what to do.
    pub fn sources(config: &Config) -> Result<Sources, Error> {
        let opened = dpdk::open(&settings(config), engine::workers(config))
            .map_err(|error| Error::Config(error.to_string()))?;
        let device = opened.device;
        if let Some(remark) = opened.remark {
            tracing::warn!(device, "{remark}");
        }
        tracing::info!(device, queues = opened.queues.len(), "open");
        let mut queues = opened
            .queues
            .into_iter()
            .map(|q| Box::new(q) as Box<dyn Source>);
        if opened.steered {
            return Ok(Sources::Steered(queues.collect()));
        }
        let one = queues.next().map(Sources::Spread);
        one.ok_or_else(|| Error::Failed(format!("{device}: no queue")))
    }

    /// An open port, for who only wants to look.
    pub struct Listening {
        /// The device's name.
        pub device: String,
        /// What it says of itself.
        pub about: About,
        /// What the operator should know of how it was opened.
        pub remark: Option<String>,
        /// Its queues.
        pub queues: Vec<Queue>,
    }

    /// Opens the port of the configuration as [`sources`] does, but for the filter.
    ///
    /// # Errors
    /// What is in the way, and what to do.
    pub fn listen(config: &Config) -> Result<Listening, CaptureError> {
        let settings = Settings {
            filter: None,
            ..settings(config)
        };
        let opened = dpdk::open(&settings, engine::workers(config))?;
        Ok(Listening {
            device: opened.device,
            about: opened.about,
            remark: opened.remark,
            queues: opened.queues,
        })
    }

    fn settings(config: &Config) -> Settings {
        let capture = &config.capture;
        let keys = &capture.dpdk;
        Settings {
            eal_args: keys.eal_args.clone(),
            port: keys.port.clone(),
            queues: keys.queues,
            mbufs: keys.mbufs,
            mbuf_bytes: keys.mbuf_bytes,
            descriptors: keys.descriptors,
            burst: keys.burst,
            poll: match keys.poll {
                config::Poll::Adaptive => Poll::Adaptive,
                config::Poll::Busy => Poll::Busy,
            },
            snap_len: capture.snaplen,
            promiscuous: capture.promiscuous,
            filter: Some(capture.bpf.clone()).filter(|filter| !filter.trim().is_empty()),
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        /// Whoever uses one without the other gets the same.
        #[test]
        fn defaults_of_the_configuration_are_those_of_the_source() {
            assert_eq!(settings(&Config::default()), Settings::default());
        }
    }
}
