//! The events of the PDUs that begin and end an association (PS3.8 9.3.2 to 9.3.8).

use smallvec::SmallVec;

use super::anomalies as wrong;
use super::items::{self, CONTEXTS_MAX, Identity, Items};
use super::negotiation::Association;
use super::status;
use super::wire::{self, Associate, PduType, Refusal};
use crate::event::{Direction, Event, Value};
use crate::kinds::dicom as field;
use crate::protocol::{Anomaly, Emit};

/// The least PDU length worth announcing: below it, peers fragment every command.
const MAX_PDU_USUAL_MIN: u32 = 4096;

/// Distinct UIDs listed in one event; the standard has some sixty transfer syntaxes, and an
/// association 128 contexts.
type UidList<'a> = SmallVec<[Value<'a>; 16]>;

/// Reads an A-ASSOCIATE-RQ or -AC, learns from it, and emits its event. False if it is too short.
pub(super) fn associate(
    association: &mut Association,
    pdu_type: PduType,
    body: &[u8],
    direction: Direction,
    emit: &mut dyn Emit,
) -> bool {
    let Ok((rest, fixed)) = wire::associate(body) else {
        return false;
    };
    let items = items::read(rest);
    if pdu_type == PduType::ASSOCIATE_RQ {
        association.learn_request(&fixed, &items);
    } else {
        association.learn_accept(&fixed, &items);
    }
    // What one side can receive limits what the other may send.
    association.limit(direction.other(), items.user.max_pdu);
    judge(&fixed, &items, &mut |anomaly| {
        emit.anomaly(direction, anomaly)
    });
    emit_associate(association, pdu_type, &fixed, &items, direction, emit);
    true
}

/// What is wrong with the proposal or answer itself.
fn judge(fixed: &Associate<'_>, items: &Items<'_>, found: &mut dyn FnMut(&'static Anomaly)) {
    for title in [fixed.calling_ae, fixed.called_ae] {
        let title = wire::trim(title);
        if title.is_empty() {
            found(&wrong::AE_TITLE_EMPTY);
        } else if title
            .iter()
            .any(|b| !matches!(b, b' '..=b'~') || *b == b'\\')
        {
            found(&wrong::AE_TITLE_ILLEGAL);
        }
    }
    if items.malformed {
        found(&wrong::ASSOCIATION_ITEM_MALFORMED);
    }
    if items.unknown {
        found(&wrong::ASSOCIATION_ITEM_UNKNOWN);
    }
    if items.too_many_contexts {
        found(&wrong::CONTEXT_COUNT);
    }
    let mut seen = [false; 256];
    for context in &items.contexts {
        if context.id % 2 == 0 {
            found(&wrong::CONTEXT_ID_EVEN);
        }
        if let Some(seen) = seen.get_mut(usize::from(context.id)) {
            if *seen {
                found(&wrong::CONTEXT_ID_DUPLICATE);
            }
            *seen = true;
        }
    }
    if !items.user.present {
        found(&wrong::USER_INFORMATION_MISSING);
    }
    if matches!(items.user.max_pdu, Some(1..MAX_PDU_USUAL_MIN)) {
        found(&wrong::MAX_PDU_SMALL);
    }
}

fn emit_associate(
    association: &Association,
    pdu_type: PduType,
    fixed: &Associate<'_>,
    items: &Items<'_>,
    direction: Direction,
    emit: &mut dyn Emit,
) {
    let request = pdu_type == PduType::ASSOCIATE_RQ;
    let mut event = Event::new(&field::KIND, direction);
    event.set(
        field::KIND_OF,
        if request {
            "associate_rq"
        } else {
            "associate_ac"
        },
    );
    association.titles(&mut event);
    event.set(field::PROTOCOL_VERSION, fixed.protocol_version);
    event.set_opt(field::RESERVED_32, fixed.reserved.first().copied());
    event.set_opt(field::APPLICATION_CONTEXT, items.application_context);
    event.set(field::CONTEXTS, items.contexts.len());

    let abstracts = abstract_syntaxes(association, items, request);
    event.set(field::ABSTRACT_SYNTAXES, &abstracts[..]);
    let transfers = transfer_syntaxes(items, request);
    event.set(field::TRANSFER_SYNTAXES, &transfers[..]);
    let results: UidList<'_> = items
        .contexts
        .iter()
        .map(|context| status::context_result(context.result).into())
        .collect();
    if !request {
        let accepted = items.contexts.iter().filter(|c| c.result == 0).count();
        event.set(field::CONTEXTS_ACCEPTED, accepted);
        event.set(field::CONTEXT_RESULTS, &results[..]);
    }
    let roles = role_words(items);
    let roles: UidList<'_> = roles.iter().map(|r| r.as_slice().into()).collect();
    let extended: UidList<'_> = items.user.extended.iter().map(|u| (*u).into()).collect();
    if !roles.is_empty() {
        event.set(field::ROLES, &roles[..]);
    }
    if !extended.is_empty() {
        event.set(field::EXTENDED, &extended[..]);
    }
    set_user(&mut event, items);
    emit.event(&event);
}

fn set_user<'a>(event: &mut Event<'a>, items: &Items<'a>) {
    let user = &items.user;
    event.set_opt(field::MAX_PDU, user.max_pdu);
    event.set_opt(field::IMPLEMENTATION_UID, user.implementation_uid);
    event.set_opt(field::IMPLEMENTATION_VERSION, user.implementation_version);
    if let Some((invoked, performed)) = user.operations {
        event.set(field::ASYNC_INVOKED, invoked);
        event.set(field::ASYNC_PERFORMED, performed);
    }
    if let Some(identity) = user.identity {
        set_identity(event, identity);
    }
}

fn set_identity<'a>(event: &mut Event<'a>, identity: Identity<'a>) {
    match identity.kind {
        Some(kind @ (1 | 2)) => {
            event.set(field::USER_IDENTITY_TYPE, status::user_identity(kind));
            event.set(field::USER_IDENTITY_USER, identity.primary);
            if kind == 2 {
                event.set(field::USER_IDENTITY_CREDENTIAL, identity.secondary);
            }
        }
        Some(kind) => {
            event.set(field::USER_IDENTITY_TYPE, status::user_identity(kind));
            event.set(field::USER_IDENTITY_CREDENTIAL, identity.primary);
        }
        None => {
            event.set(field::USER_IDENTITY_TYPE, "answered");
            event.set(field::USER_IDENTITY_CREDENTIAL, identity.primary);
        }
    }
}

/// What was proposed; of an answer, what was accepted, if the proposal was seen.
fn abstract_syntaxes<'a>(
    association: &'a Association,
    items: &Items<'a>,
    request: bool,
) -> UidList<'a> {
    let mut list = UidList::new();
    if request {
        for context in &items.contexts {
            add_distinct(&mut list, context.abstract_syntax);
        }
    } else {
        for syntax in association.accepted_syntaxes() {
            add_distinct(&mut list, syntax);
        }
    }
    list
}

fn transfer_syntaxes<'a>(items: &Items<'a>, request: bool) -> UidList<'a> {
    let mut list = UidList::new();
    for context in &items.contexts {
        if request || context.result == 0 {
            for syntax in &context.transfer_syntaxes {
                add_distinct(&mut list, syntax);
            }
        }
    }
    list
}

fn add_distinct<'a>(list: &mut UidList<'a>, uid: &'a [u8]) {
    let value = Value::Text(uid);
    if list.len() < CONTEXTS_MAX && !uid.is_empty() && !list.contains(&value) {
        list.push(value);
    }
}

fn role_words(items: &Items<'_>) -> Vec<Vec<u8>> {
    items
        .user
        .roles
        .iter()
        .map(|role| {
            let word: &[u8] = match (role.scu, role.scp) {
                (true, true) => b" both",
                (true, false) => b" scu",
                (false, true) => b" scp",
                (false, false) => b" none",
            };
            [role.sop_class, word].concat()
        })
        .collect()
}

/// Emits the event of an A-ASSOCIATE-RJ, A-RELEASE-RQ, A-RELEASE-RP or A-ABORT.
pub(super) fn ending(
    association: &Association,
    pdu_type: PduType,
    body: &[u8],
    direction: Direction,
    emit: &mut dyn Emit,
) {
    let mut event = Event::new(&field::KIND, direction);
    association.titles(&mut event);
    let refusal = wire::refusal(body).ok().map(|(_, refusal)| refusal);
    event.set(
        field::KIND_OF,
        match pdu_type {
            PduType::ASSOCIATE_RJ => "associate_rj",
            PduType::RELEASE_RQ => "release_rq",
            PduType::RELEASE_RP => "release_rp",
            _ => "abort",
        },
    );
    match (pdu_type, refusal) {
        (PduType::ASSOCIATE_RJ, Some(refusal)) => set_rejection(&mut event, refusal),
        (PduType::ABORT, Some(refusal)) => {
            event.set(field::SOURCE, status::abort_source(refusal.source));
            event.set_opt(
                field::REASON,
                status::abort_reason(refusal.source, refusal.reason),
            );
        }
        _ => {}
    }
    emit.event(&event);
}

fn set_rejection(event: &mut Event<'_>, refusal: Refusal) {
    event.set(field::RESULT, status::reject_result(refusal.result));
    event.set(field::SOURCE, status::reject_source(refusal.source));
    event.set(
        field::REASON,
        status::reject_reason(refusal.source, refusal.reason),
    );
}
