//! What EAL's arguments say of devices.

/// Devices that they make, and those that they leave in or out.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    pub(super) virtual_devices: Vec<String>,
    allowed: Vec<String>,
    blocked: Vec<String>,
    no_pci: bool,
}

impl Arguments {
    pub(super) fn of(arguments: &[String]) -> Self {
        let mut told = Self::default();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            if argument == "--no-pci" {
                told.no_pci = true;
            }
            for (names, list) in [
                (&["--vdev"][..], &mut told.virtual_devices),
                (&["--allow", "-a"][..], &mut told.allowed),
                (&["--block", "-b"][..], &mut told.blocked),
            ] {
                let value = names.iter().find_map(|name| value(argument, name));
                match value {
                    Some("") => list.extend(rest.next().map(|next| device(next))),
                    Some(value) => list.push(device(value)),
                    None => {}
                }
            }
        }
        told
    }

    /// Whether EAL looks at a PCI device.
    pub(super) fn takes(&self, address: &str) -> bool {
        let among = |list: &[String]| list.iter().any(|one| one == address);
        !self.no_pci && !among(&self.blocked) && (self.allowed.is_empty() || among(&self.allowed))
    }
}

/// What an argument says of an option: nothing if it is another one, an empty text if the next
/// argument says it.
fn value<'a>(argument: &'a str, name: &str) -> Option<&'a str> {
    let rest = argument.strip_prefix(name)?;
    if name.starts_with("--") {
        return if rest.is_empty() {
            Some(rest)
        } else {
            rest.strip_prefix('=')
        };
    }
    Some(rest)
}

/// A device's name without its own arguments, in full.
fn device(text: &str) -> String {
    let name = text.split(',').next().unwrap_or(text);
    address(name).unwrap_or_else(|| name.to_owned())
}

/// A PCI address in full, if it is one.
pub(super) fn address(port: &str) -> Option<String> {
    let full = match port.split(':').count() {
        2 => format!("0000:{port}"),
        _ => port.to_owned(),
    };
    let hex = |part: &str, len| part.len() == len && part.bytes().all(|b| b.is_ascii_hexdigit());
    let (domain, rest) = full.split_once(':')?;
    let (bus, rest) = rest.split_once(':')?;
    let (device, function) = rest.split_once('.')?;
    let fits = hex(domain, 4) && hex(bus, 2) && hex(device, 2) && hex(function, 1);
    fits.then(|| full.to_ascii_lowercase())
}
