//! With the feature `dpdk`: the shim and the bindings, against the system's libdpdk.

#[cfg(not(feature = "dpdk"))]
fn main() {}

#[cfg(feature = "dpdk")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    dpdk::build()
}

#[cfg(feature = "dpdk")]
mod dpdk {
    use std::error::Error;
    use std::path::PathBuf;
    use std::process::Command;

    const HEADER: &str = "shim/shim.h";
    const SOURCE: &str = "shim/shim.c";

    /// The oldest DPDK that has everything that the shim uses, and a stable ABI.
    const VERSION_MIN: &str = "22.11";

    /// What is linked. Drivers are not: EAL loads them from DPDK's own folder of plug-ins.
    const LIBRARIES: &[&str] = &[
        "rte_ethdev",
        "rte_mbuf",
        "rte_mempool",
        "rte_ring",
        "rte_eal",
    ];

    /// What Rust sees. Everything else of DPDK's headers stays behind the shim.
    const FUNCTIONS: &[&str] = &[
        "rte_eal_init",
        "rte_eal_alarm_set",
        "rte_strerror",
        "rte_thread_(un)?register",
        "rte_eth_dev_(get_port_by_name|get_name_by_port|is_valid_port|is_removed|info_get|configure)",
        "rte_eth_dev_(adjust_nb_rx_tx_desc|start|stop|close|socket_id)",
        "rte_eth_dev_set_link_(up|down)",
        "rte_eth_dev_rss_hash_(update|conf_get)",
        "rte_eth_rx_queue_setup",
        "rte_eth_(promiscuous|allmulticast)_enable",
        "rte_eth_(stats|xstats)_get",
        "rte_eth_xstats_get_names",
        "rte_eth_read_clock",
        "rte_pktmbuf_pool_create",
        "rte_pktmbuf_free_bulk",
        "rte_mempool_(free|avail_count)",
        "rte_ring_lookup",
        "vw_.*",
    ];

    pub(super) fn build() -> Result<(), Box<dyn Error>> {
        println!("cargo::rerun-if-changed=shim");
        let library = pkg_config::Config::new()
            .atleast_version(VERSION_MIN)
            .cargo_metadata(false)
            .probe("libdpdk")
            .map_err(|error| {
                format!("DPDK {VERSION_MIN} or later is needed (Debian: libdpdk-dev): {error}")
            })?;
        let flags = flags()?;
        let mut shim = cc::Build::new();
        shim.file(SOURCE);
        for flag in &flags {
            shim.flag(flag);
        }
        shim.compile("vitalwire_dpdk_shim");
        for path in &library.link_paths {
            println!("cargo::rustc-link-search=native={}", path.display());
        }
        for name in LIBRARIES {
            println!("cargo::rustc-link-lib=dylib={name}");
        }
        let mut bindings = bindgen::Builder::default()
            .header(HEADER)
            .clang_args(&flags)
            .rust_edition(bindgen::RustEdition::Edition2024)
            .allowlist_var("VW_.*")
            .allowlist_recursively(true)
            .default_enum_style(bindgen::EnumVariation::Consts)
            .prepend_enum_name(false)
            .generate_comments(false)
            .derive_default(true)
            .layout_tests(false);
        // Only pointers to these are used; their insides are the shim's business.
        for name in ["rte_mbuf", "rte_mempool", "rte_ring", "rte_device"] {
            bindings = bindings
                .blocklist_type(format!("{name}.*"))
                .raw_line(opaque(name));
        }
        for name in FUNCTIONS {
            bindings = bindings.allowlist_function(name);
        }
        let out = PathBuf::from(std::env::var("OUT_DIR")?);
        bindings
            .generate()?
            .write_to_file(out.join("bindings.rs"))?;
        Ok(())
    }

    /// A type that nobody can make or look into.
    fn opaque(name: &str) -> String {
        format!("#[repr(C)] pub struct {name} {{ _private: [u8; 0] }}")
    }

    /// What DPDK wants its headers to be compiled with. The crate that asked for the library
    /// leaves out `-include` and `-march`, which the inline functions need.
    fn flags() -> Result<Vec<String>, Box<dyn Error>> {
        let program = std::env::var_os("PKG_CONFIG").unwrap_or_else(|| "pkg-config".into());
        let output = Command::new(program)
            .args(["--cflags", "libdpdk"])
            .output()?;
        let text = String::from_utf8(output.stdout)?;
        Ok(text.split_whitespace().map(str::to_owned).collect())
    }
}
