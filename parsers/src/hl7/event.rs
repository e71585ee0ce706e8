//! A message as an `hl7` event.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::findings::Findings;
use super::message::{Fields, Message};
use super::names::message_name;
use super::store::Store;
use crate::catalogue::FieldIx;
use crate::event::{Direction, Event, Value};
use crate::json::{LIST_MAX, hex};
use crate::kinds::hl7 as field;
use crate::protocol::Emit;

/// Fields of MSH that are read: up to MSH-21.
const MSH_FIELDS: usize = 22;

/// How the message came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    pub(super) direction: Direction,
    /// It came in a batch.
    pub(super) batch: bool,
    /// Start block, end block and carriage return were there.
    pub(super) framed: bool,
    /// Bytes of it are missing.
    pub(super) truncated: bool,
}

/// Emits the event.
pub(super) fn emit<'m>(
    message: &Message<'m>,
    found: &Findings<'m>,
    store: &Store,
    arrival: Arrival,
    emit: &mut dyn Emit,
) {
    let texts = gather(found);
    // Of a plain message each is as it stands there.
    let resolved: Vec<Cow<'_, [u8]>> = match message.plain {
        true => Vec::new(),
        false => texts.iter().map(|(_, raw)| message.text(raw)).collect(),
    };
    let digest = digits(store.digest());
    let injected = found.injected.map(|i| {
        let ([a, b, c], [x, y, z]) = (i.name, i.inside);
        [a, b, c, b' ', b'i', b'n', b' ', x, y, z]
    });
    let mut names: SmallVec<[Value<'_>; LIST_MAX]> = SmallVec::new();
    let segments = message.segments().take(LIST_MAX);
    names.extend(segments.map(|segment| Value::Text(segment_name(&segment))));
    let mut statuses: SmallVec<[Value<'_>; 16]> = SmallVec::new();
    statuses.extend(found.statuses.iter().map(|s| Value::Text(s)));
    let mut errors: SmallVec<[Value<'_>; 16]> = SmallVec::new();
    errors.extend(found.error_codes.iter().map(|s| Value::Text(s)));

    let mut event = Event::new(&field::KIND, arrival.direction);
    for (n, (at, raw)) in texts.iter().enumerate() {
        event.set(*at, resolved.get(n).map_or(*raw, AsRef::as_ref));
    }
    let word = |at| match event.get(at) {
        Value::Text(text) => text,
        _ => b"",
    };
    let name = message_name(word(field::MESSAGE_TYPE), word(field::TRIGGER));
    event.set_opt(field::NAME, name);
    event.set(field::SEGMENTS, names.as_slice());
    event.set(field::SEGMENT_COUNT, store.segments_seen);
    event.set(field::BYTES, store.total);
    event.set(field::BATCH, arrival.batch);
    event.set(field::FRAMED, arrival.framed);
    event.set(field::OBSERVATIONS, store.observations);
    set_list(&mut event, field::RESULT_STATUSES, &statuses);
    set_list(&mut event, field::ERROR_CODES, &errors);
    if !arrival.truncated {
        event.set(field::BODY_DIGEST, digest.as_slice());
    }
    if let Some(injected) = &injected {
        event.set(field::INJECTED, injected.as_slice());
    }
    let embedded = store.embedded.or(found.embedded);
    event.set_opt(
        field::EMBEDDED,
        embedded.map(super::embedded::Embedded::word),
    );
    event.set(field::TRUNCATED, arrival.truncated);
    if store.left_out > 0 {
        event.set(field::BYTES_LEFT_OUT, store.left_out);
    }
    event.set_paths(message);
    emit.event(&event);
}

fn set_list<'a>(event: &mut Event<'a>, at: FieldIx, list: &'a [Value<'a>]) {
    if !list.is_empty() {
        event.set(at, list);
    }
}

/// A name may be any three bytes; those that are no name are not shown.
fn segment_name<'m>(segment: &Fields<'m>) -> &'m [u8] {
    let name = segment.text.get(..3).unwrap_or_default();
    if name.iter().all(u8::is_ascii_alphanumeric) {
        name
    } else {
        b"???"
    }
}

fn digits(digest: u64) -> [u8; 16] {
    let mut out = [0_u8; 16];
    for (pair, byte) in out.chunks_exact_mut(2).zip(digest.to_be_bytes()) {
        pair.copy_from_slice(&hex(byte));
    }
    out
}

type Texts<'m> = SmallVec<[(FieldIx, &'m [u8]); 24]>;

/// MSH's fields: number, component (0: the whole first repetition), and what they become.
const MSH: &[(usize, u16, FieldIx)] = &[
    (3, 1, field::SENDING_APPLICATION),
    (4, 1, field::SENDING_FACILITY),
    (5, 1, field::RECEIVING_APPLICATION),
    (6, 1, field::RECEIVING_FACILITY),
    (9, 1, field::MESSAGE_TYPE),
    (9, 2, field::TRIGGER),
    (9, 3, field::STRUCTURE),
    (10, 0, field::CONTROL_ID),
    (11, 1, field::PROCESSING_ID),
    (12, 1, field::VERSION),
    (18, 0, field::CHARSET),
    (21, 0, field::PROFILE),
];

/// Every text of the event, as far as it is there: empty counts, absent does not.
fn gather<'m>(found: &Findings<'m>) -> Texts<'m> {
    let mut texts = Texts::new();
    let mut put = |at: FieldIx, raw: Option<&'m [u8]>| {
        if let Some(raw) = raw {
            texts.push((at, raw));
        }
    };
    if let Some(msh) = &found.msh {
        let mut fields = [None; MSH_FIELDS];
        for (slot, field) in fields.iter_mut().zip(msh.pieces()) {
            *slot = Some(field);
        }
        for (n, component, at) in MSH {
            // MSH-1 is the separator, so the first piece behind the name is MSH-2.
            let whole = fields.get(n.saturating_sub(1)).copied().flatten();
            put(*at, whole.and_then(|whole| msh.first(whole, *component)));
        }
    }
    if let Some(pid) = &found.pid {
        put(field::PATIENT_ID, pid.value(3, 1));
        put(field::PATIENT_NAME, pid.value(5, 0));
    }
    if let Some(pv1) = &found.pv1 {
        put(field::VISIT, pv1.value(19, 1));
    }
    if let Some(mrg) = &found.mrg {
        put(field::MERGED_PATIENT_ID, mrg.value(1, 1));
    }
    let (orc, obr) = (found.orc.as_ref(), found.obr.as_ref());
    let order = |n| {
        let filled = |segment: Option<&Fields<'m>>| segment?.filled(n, 1);
        filled(orc).or_else(|| filled(obr))
    };
    put(field::ORDER_CONTROL, orc.and_then(|orc| orc.value(1, 1)));
    put(field::PLACER_ORDER, order(2));
    put(field::FILLER_ORDER, order(3));
    if let Some(msa) = &found.msa {
        put(field::ACK_CODE, msa.value(1, 1));
        put(field::ACK_TO, msa.value(2, 1));
        put(field::ACK_TEXT, msa.value(3, 0));
    }
    texts
}
