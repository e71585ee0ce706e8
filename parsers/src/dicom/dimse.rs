//! DIMSE messages: the command set (PS3.7 6.3, E.1), and the event of a message.

use std::borrow::Cow;

use nom::number::complete::{le_u16, le_u32};
use smallvec::SmallVec;

use super::attributes::{ATTRIBUTES, at};
use super::charset;
use super::dataset::Dataset;
use super::negotiation::Association;
use super::pixels::{self, pixel_bytes_expected};
use super::uids::{self, Syntax};
use super::wire::{self, Encoding, Tag};
use super::{anomalies as wrong, query, status};
use crate::event::{Direction, Event, Value};
use crate::kinds::dicom as field;
use crate::protocol::{Anomaly, Emit};

/// Bytes kept of a command set. The longest legal one has some 500; an error comment and an
/// attribute list may add a few hundred.
pub(super) const COMMAND_BYTES_MAX: usize = 8 * 1024;
/// Data Set Type that says there is none (PS3.7 E.1).
const NO_DATASET: u16 = 0x0101;

/// A command set, read. Texts are places in its bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Command {
    pub(super) field: u16,
    pub(super) has_dataset: bool,
    message_id: Option<u16>,
    responded_to: Option<u16>,
    priority: Option<u16>,
    status: Option<u16>,
    event_type: Option<u16>,
    action_type: Option<u16>,
    remaining: Option<u16>,
    completed: Option<u16>,
    failed: Option<u16>,
    warned: Option<u16>,
    sop_class: Option<Text>,
    sop_instance: Option<Text>,
    move_destination: Option<Text>,
    move_originator: Option<Text>,
    error_comment: Option<Text>,
}

/// Where a text stands in the command set.
#[derive(Clone, Copy, Debug)]
struct Text {
    at: usize,
    len: usize,
}

impl Text {
    fn of(self, command: &[u8]) -> &[u8] {
        command
            .get(self.at..self.at.saturating_add(self.len))
            .unwrap_or_default()
    }
}

/// Reads a whole command set: Implicit VR Little Endian, group 0000 only, in order (PS3.7 6.3.1).
pub(super) fn command(bytes: &[u8], found: &mut dyn FnMut(&'static Anomaly)) -> Option<Command> {
    let mut command = Command::default();
    let mut kind = None;
    let mut dataset = None;
    let mut last = None;
    let mut good = true;
    let mut rest = bytes;
    while !rest.is_empty() {
        let Ok((value_on, element)) = wire::element(rest, Encoding::IMPLICIT) else {
            good = false;
            break;
        };
        let len = usize::try_from(element.len).unwrap_or(usize::MAX);
        let Some((value, behind)) = value_on.split_at_checked(len) else {
            good = false;
            break;
        };
        let Tag(group, number) = element.tag;
        good &= group == 0 && last < Some(number);
        last = Some(number);
        let text = Text {
            at: bytes.len().saturating_sub(value_on.len()),
            len,
        };
        match number {
            0x0000 => check_group_length(value, behind, found),
            0x0100 => kind = number16(value),
            0x0800 => dataset = number16(value),
            _ if group == 0 => command.set(number, value, text),
            _ => {}
        }
        rest = behind;
    }
    if !good || kind.is_none() || dataset.is_none() {
        found(&wrong::COMMAND_SET_MALFORMED);
    }
    command.field = kind?;
    command.has_dataset = dataset.is_some_and(|kind| kind != NO_DATASET);
    Some(command)
}

/// Command Group Length counts the bytes behind itself (PS3.7 E.1).
fn check_group_length(value: &[u8], behind: &[u8], found: &mut dyn FnMut(&'static Anomaly)) {
    let told = le_u32::<_, nom::error::Error<&[u8]>>(value).map_or(0, |(_, told)| told);
    if usize::try_from(told) != Ok(behind.len()) {
        found(&wrong::GROUP_LENGTH_MISMATCH);
    }
}

fn number16(value: &[u8]) -> Option<u16> {
    le_u16::<_, nom::error::Error<&[u8]>>(value)
        .ok()
        .map(|(_, number)| number)
}

impl Command {
    /// Before the first one.
    pub(super) const NONE: Self = Self {
        field: 0,
        has_dataset: false,
        message_id: None,
        responded_to: None,
        priority: None,
        status: None,
        event_type: None,
        action_type: None,
        remaining: None,
        completed: None,
        failed: None,
        warned: None,
        sop_class: None,
        sop_instance: None,
        move_destination: None,
        move_originator: None,
        error_comment: None,
    };

    fn set(&mut self, number: u16, value: &[u8], text: Text) {
        match number {
            0x0002 | 0x0003 => self.sop_class = Some(text),
            0x0110 => self.message_id = number16(value),
            0x0120 => self.responded_to = number16(value),
            0x0600 => self.move_destination = Some(text),
            0x0700 => self.priority = number16(value),
            0x0900 => self.status = number16(value),
            0x0902 => self.error_comment = Some(text),
            0x1000 | 0x1001 => self.sop_instance = Some(text),
            0x1002 => self.event_type = number16(value),
            0x1008 => self.action_type = number16(value),
            0x1020 => self.remaining = number16(value),
            0x1021 => self.completed = number16(value),
            0x1022 => self.failed = number16(value),
            0x1023 => self.warned = number16(value),
            0x1030 => self.move_originator = Some(text),
            _ => {}
        }
    }

    fn is_request(&self) -> bool {
        self.field & 0x8000 == 0
    }
}

/// A message to be told.
pub(super) struct Message<'a> {
    pub(super) association: &'a Association,
    pub(super) direction: Direction,
    pub(super) context_id: u8,
    pub(super) command_bytes: &'a [u8],
    pub(super) command: Command,
    pub(super) dataset: &'a Dataset,
    /// Whether it is incomplete.
    pub(super) truncated: bool,
}

/// Emits a message: what is wrong with its dataset, then its event.
pub(super) fn emit(message: &Message<'_>, emit: &mut dyn Emit) {
    let mut event = Event::new(&field::KIND, message.direction);
    event.set(field::KIND_OF, "dimse");
    message.association.titles(&mut event);
    set_command(&mut event, message);
    if !message.command.has_dataset {
        count_bad_uids(&mut event, message);
        if message.truncated {
            event.set(field::TRUNCATED, true);
        }
        return emit.event(&event);
    }
    judge(message, &mut |anomaly| {
        emit.anomaly(message.direction, anomaly);
    });
    let dataset = message.dataset;
    let charset = dataset.values.get(at::CHARSET).unwrap_or_default();
    let texts: SmallVec<[Option<Cow<'_, [u8]>>; ATTRIBUTES.len()]> = ATTRIBUTES
        .iter()
        .enumerate()
        .map(|(place, attribute)| {
            let value = dataset.values.get(place)?;
            Some(if attribute.charset {
                charset::to_utf8(charset, value)
            } else {
                Cow::Borrowed(value)
            })
        })
        .collect();
    let as_query = status::is_query(message.command.field);
    for (attribute, text) in ATTRIBUTES.iter().zip(&texts) {
        let field = if as_query {
            attribute.query
        } else {
            attribute.object
        };
        if let (Some(field), Some(text)) = (field, text)
            && (event.get(field) == Value::Absent || event.get(field) == Value::Text(b""))
        {
            event.set(field, &**text);
        }
    }
    let creators: SmallVec<[Value<'_>; 16]> = dataset.values.creators().map(Value::from).collect();
    if !creators.is_empty() {
        event.set(field::PRIVATE_CREATORS, &creators[..]);
    }
    set_dataset(&mut event, message);
    if as_query {
        event.set(field::QUERY_KEYS, dataset.keys);
        event.set(field::QUERY_UNIVERSAL, query::is_universal(dataset));
    }
    count_bad_uids(&mut event, message);
    let tag = dataset
        .values
        .embedded
        .map(|(Tag(group, element), _)| format!("{group:04x}{element:04x}"));
    event.set_opt(field::EMBEDDED_TAG, tag.as_deref());
    if message.truncated {
        event.set(field::TRUNCATED, true);
    }
    emit.event(&event);
}

fn set_command<'a>(event: &mut Event<'a>, message: &Message<'a>) {
    let command = &message.command;
    let text = |text: Option<Text>| text.map(|text| wire::trim(text.of(message.command_bytes)));
    event.set(field::COMMAND, status::command(command.field));
    event.set(field::CONTEXT_ID, message.context_id);
    event.set_opt(
        field::MESSAGE_ID,
        if command.is_request() {
            command.message_id.or(command.responded_to)
        } else {
            command.responded_to
        },
    );
    if let Some(code) = command.status {
        event.set(field::STATUS, code);
        event.set(field::STATUS_TEXT, status::text(command.field, code));
        event.set(field::STATUS_CLASS, status::class(code));
    }
    event.set_opt(field::PRIORITY, command.priority.map(status::priority));
    let sop_class = text(command.sop_class);
    event.set_opt(field::SOP_CLASS, sop_class);
    event.set_opt(
        field::SOP_CLASS_NAME,
        sop_class.and_then(uids::sop_class_name),
    );
    event.set_opt(field::SOP_INSTANCE, text(command.sop_instance));
    event.set_opt(field::MOVE_DESTINATION, text(command.move_destination));
    event.set_opt(field::MOVE_ORIGINATOR, text(command.move_originator));
    event.set_opt(field::EVENT_TYPE_ID, command.event_type);
    event.set_opt(field::ACTION_TYPE_ID, command.action_type);
    event.set_opt(field::REMAINING, command.remaining);
    event.set_opt(field::COMPLETED, command.completed);
    event.set_opt(field::FAILED, command.failed);
    event.set_opt(field::WARNED, command.warned);
    event.set_opt(field::ERROR_COMMENT, text(command.error_comment));
}

fn set_dataset<'a>(event: &mut Event<'a>, message: &Message<'a>) {
    let dataset = message.dataset;
    let syntax = message.association.context(message.context_id);
    if !syntax.transfer_syntax.is_empty() {
        event.set(field::TRANSFER_SYNTAX, syntax.transfer_syntax);
    }
    event.set(field::DATASET_BYTES, dataset.bytes);
    event.set_opt(field::UID_MISMATCH, uid_mismatch(message));
    if dataset.referenced > 0 {
        event.set(field::REFERENCED, dataset.referenced);
    }
    event.set_opt(field::PIXEL_BYTES, dataset.pixel_bytes);
    if dataset.pixel_bytes.is_some() && !dataset.encapsulated {
        event.set_opt(field::PIXEL_BYTES_EXPECTED, pixel_bytes_expected(dataset));
    }
    event.set_opt(field::FRAMES, pixels::frames(dataset));
    event.set_opt(field::PEEK, dataset.values.peek());
    event.set_opt(
        field::EMBEDDED,
        dataset.values.embedded.map(|(_, what)| what),
    );
}

/// Whether the command promises another class or instance than the dataset has; none if only one
/// of them says.
fn uid_mismatch(message: &Message<'_>) -> Option<bool> {
    let pairs = [
        (message.command.sop_class, at::SOP_CLASS),
        (message.command.sop_instance, at::SOP_INSTANCE),
    ];
    let mut verdict = None;
    for (text, place) in pairs {
        if let (Some(text), Some(inside)) = (text, message.dataset.values.get(place)) {
            let differs = wire::trim(text.of(message.command_bytes)) != inside;
            verdict = Some(verdict.unwrap_or(false) || differs);
        }
    }
    verdict
}

/// Counts the bad UIDs of command and dataset together.
fn count_bad_uids(event: &mut Event<'_>, message: &Message<'_>) {
    let command = &message.command;
    let (mut count, mut worst) = if command.has_dataset {
        (
            message.dataset.values.bad_uids,
            message.dataset.values.worst_uid,
        )
    } else {
        (0, None)
    };
    for text in [command.sop_class, command.sop_instance]
        .into_iter()
        .flatten()
    {
        let bad = uids::check(text.of(message.command_bytes), false);
        count = count.saturating_add(u32::from(bad.is_some()));
        worst = worst.max(bad);
    }
    if count > 0 {
        event.set(field::BAD_UIDS, count);
        event.set_opt(field::BAD_UID_SHAPE, worst.map(uids::BadUid::word));
    }
}

/// What is wrong with the dataset. Told with the event, so that cuts do not change the order.
fn judge(message: &Message<'_>, found: &mut dyn FnMut(&'static Anomaly)) {
    let dataset = message.dataset;
    let faults = dataset.faults;
    for (bad, anomaly) in [
        (faults.malformed, &wrong::DATASET_MALFORMED),
        (faults.item_malformed, &wrong::ITEM_MALFORMED),
        (faults.depth, &wrong::SEQUENCE_DEPTH),
        (faults.huge, &wrong::VALUE_LENGTH_HUGE),
    ] {
        if bad {
            found(anomaly);
        }
    }
    let deflated = message.association.context(message.context_id).syntax == Syntax::Deflated;
    if let (Some(real), Some(expected)) = (dataset.pixel_bytes, pixel_bytes_expected(dataset))
        && !dataset.encapsulated
        && !deflated
        && (real > expected.saturating_mul(2) || expected > real.saturating_mul(2))
    {
        found(&wrong::PIXEL_LENGTH_MISMATCH);
    }
}
