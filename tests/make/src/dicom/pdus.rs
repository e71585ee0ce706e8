//! Upper-layer protocol data units (PS3.8 section 9.3).

use super::dimse::Dimse;
use super::uid;

/// One presentation context.
#[derive(Clone, Debug)]
pub struct Context {
    /// Odd, 1–255.
    pub id: u8,
    /// The SOP class that is proposed.
    pub class: String,
    /// Transfer syntaxes: proposed, or the one that was accepted.
    pub syntaxes: Vec<String>,
    /// The answer in an A-ASSOCIATE-AC: 0 accepted, 1–4 refused.
    pub result: u8,
}

impl Context {
    /// A context with these transfer syntaxes.
    pub fn new(id: u8, class: &str, syntaxes: &[&str]) -> Self {
        let syntaxes = syntaxes.iter().map(|s| (*s).to_owned()).collect();
        Self {
            id,
            class: class.to_owned(),
            syntaxes,
            result: 0,
        }
    }
}

/// An A-ASSOCIATE-RQ, and the A-ASSOCIATE-AC that answers it.
#[derive(Clone, Debug)]
pub struct Associate {
    /// Called AE title.
    pub called: String,
    /// Calling AE title.
    pub calling: String,
    /// Presentation contexts.
    pub contexts: Vec<Context>,
    /// Longest P-DATA that the sender receives; 0 is no limit.
    pub max_pdu: u32,
    /// Implementation class UID.
    pub implementation: String,
    /// Implementation version name.
    pub version: String,
    /// Role selection: SOP class, SCU role, SCP role.
    pub roles: Vec<(String, bool, bool)>,
    /// User identity: kind (1 user name, 2 user name and password, …) and the two values.
    pub identity: Option<(u8, Vec<u8>, Vec<u8>)>,
    /// Asynchronous operations: invoked, performed.
    pub asynchronous: Option<(u16, u16)>,
    /// SOP class extended negotiation: class and its application information.
    pub extended: Vec<(String, Vec<u8>)>,
    /// The 32 bytes that the standard reserves and some tools fill.
    pub reserved: [u8; 32],
}

impl Associate {
    /// A request from `calling` to `called`, without contexts yet.
    pub fn new(calling: &str, called: &str) -> Self {
        Self {
            called: called.to_owned(),
            calling: calling.to_owned(),
            contexts: Vec::new(),
            max_pdu: 16_384,
            implementation: uid::IMPLEMENTATION.to_owned(),
            version: "VWTEST_1".to_owned(),
            roles: Vec::new(),
            identity: None,
            asynchronous: None,
            extended: Vec::new(),
            reserved: [0; 32],
        }
    }

    /// Proposes a SOP class in the next odd context, in these transfer syntaxes.
    pub fn propose(mut self, class: &str, syntaxes: &[&str]) -> Self {
        let id = (self.contexts.len() * 2 + 1) as u8;
        self.contexts.push(Context::new(id, class, syntaxes));
        self
    }

    /// The A-ASSOCIATE-RQ.
    pub fn request(&self) -> Vec<u8> {
        pdu(1, &self.body(0x20, &self.items(true)))
    }

    /// The A-ASSOCIATE-AC that takes the first transfer syntax of every context, from an
    /// implementation of the same name.
    pub fn accept(&self) -> Vec<u8> {
        pdu(2, &self.body(0x21, &self.items(false)))
    }

    fn body(&self, context_item: u8, user: &[u8]) -> Vec<u8> {
        let mut out = vec![0, 1, 0, 0];
        out.extend_from_slice(&ae(&self.called));
        out.extend_from_slice(&ae(&self.calling));
        out.extend_from_slice(&self.reserved);
        out.extend(item(0x10, uid::APPLICATION.as_bytes()));
        for context in &self.contexts {
            out.extend(item(
                context_item,
                &presentation(context, context_item == 0x20),
            ));
        }
        out.extend(item(0x50, user));
        out
    }

    fn items(&self, request: bool) -> Vec<u8> {
        let mut out = item(0x51, &self.max_pdu.to_be_bytes());
        out.extend(item(0x52, self.implementation.as_bytes()));
        if let Some((invoked, performed)) = self.asynchronous {
            out.extend(item(
                0x53,
                &[invoked.to_be_bytes(), performed.to_be_bytes()].concat(),
            ));
        }
        for (class, scu, scp) in &self.roles {
            let tail = [u8::from(*scu), u8::from(*scp)];
            out.extend(item(
                0x54,
                &[counted(class.as_bytes()), tail.to_vec()].concat(),
            ));
        }
        out.extend(item(0x55, self.version.as_bytes()));
        for (class, info) in &self.extended {
            out.extend(item(
                0x56,
                &[counted(class.as_bytes()), info.clone()].concat(),
            ));
        }
        if let (Some((kind, first, second)), true) = (&self.identity, request) {
            out.extend(item(
                0x58,
                &[vec![*kind, 0], counted(first), counted(second)].concat(),
            ));
        }
        out
    }
}

fn presentation(context: &Context, request: bool) -> Vec<u8> {
    let mut out = vec![context.id, 0, if request { 0 } else { context.result }, 0];
    if request {
        out.extend(item(0x30, context.class.as_bytes()));
    }
    let shown = if request { context.syntaxes.len() } else { 1 };
    for syntax in context.syntaxes.iter().take(shown) {
        out.extend(item(0x40, syntax.as_bytes()));
    }
    out
}

/// A-ASSOCIATE-RJ.
pub fn rejected(result: u8, source: u8, reason: u8) -> Vec<u8> {
    pdu(3, &[0, result, source, reason])
}

/// A-RELEASE-RQ.
pub fn release_request() -> Vec<u8> {
    pdu(5, &[0; 4])
}

/// A-RELEASE-RP.
pub fn release_response() -> Vec<u8> {
    pdu(6, &[0; 4])
}

/// A-ABORT.
pub fn abort(source: u8, reason: u8) -> Vec<u8> {
    pdu(7, &[0, 0, source, reason])
}

/// One presentation data value item.
pub fn pdv(context: u8, command: bool, last: bool, bytes: &[u8]) -> Vec<u8> {
    let mut out = ((bytes.len() + 2) as u32).to_be_bytes().to_vec();
    out.push(context);
    out.push(u8::from(command) | u8::from(last) << 1);
    out.extend_from_slice(bytes);
    out
}

/// One P-DATA-TF around some presentation data values.
pub fn p_data(values: &[Vec<u8>]) -> Vec<u8> {
    pdu(4, &values.concat())
}

/// A message as P-DATA-TFs whose bodies are at most `max_pdu` bytes, one value in each.
pub fn pdata_pdus(context: u8, message: &Dimse, max_pdu: usize) -> Vec<u8> {
    let mut out = values(context, true, &message.command, max_pdu);
    if let Some(data) = &message.data {
        out.extend(values(context, false, data, max_pdu));
    }
    out
}

fn values(context: u8, command: bool, bytes: &[u8], max_pdu: usize) -> Vec<u8> {
    let room = max_pdu - 6;
    let count = bytes.len().div_ceil(room);
    let mut out = Vec::new();
    for (n, part) in bytes.chunks(room).enumerate() {
        out.extend(p_data(&[pdv(context, command, n + 1 == count, part)]));
    }
    out
}

/// A PDU of any type.
pub fn pdu(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![kind, 0];
    out.extend_from_slice(&(body.len() as u32).to_be_bytes());
    out.extend_from_slice(body);
    out
}

fn item(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![kind, 0];
    out.extend(counted(body));
    out
}

fn counted(bytes: &[u8]) -> Vec<u8> {
    let mut out = (bytes.len() as u16).to_be_bytes().to_vec();
    out.extend_from_slice(bytes);
    out
}

/// An AE title: 16 characters, padded with spaces.
fn ae(title: &str) -> Vec<u8> {
    let mut out = title.as_bytes().to_vec();
    out.resize(16, b' ');
    out
}
