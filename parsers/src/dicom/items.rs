//! The variable items of A-ASSOCIATE-RQ and -AC (PS3.8 9.3.2, 9.3.3; PS3.7 D.3.3), gathered.
//!
//! They are gathered, not judged, but for what makes an item unreadable. Nothing outlives the PDU.

use nom::number;

use super::wire::{self, Item};
use crate::wire::Wire;

/// The most presentation contexts that an association can have: odd identifiers of one octet.
pub(super) const CONTEXTS_MAX: usize = 128;
/// The most transfer syntaxes kept of a context; the standard has some sixty.
const SYNTAXES_MAX: usize = 64;
/// The most role, extended negotiation and unknown items kept, each: one for each context.
const NEGOTIATIONS_MAX: usize = CONTEXTS_MAX;
/// The most items looked at on one level, so that 16,000 empty ones cost no more than this.
const ITEMS_MAX: usize = 1024;

/// Everything in the items of one PDU.
#[derive(Default)]
pub(super) struct Items<'a> {
    pub(super) application_context: Option<&'a [u8]>,
    pub(super) contexts: Vec<Context<'a>>,
    pub(super) user: User<'a>,
    /// More contexts than identifiers.
    pub(super) too_many_contexts: bool,
    /// An item whose type nobody has defined.
    pub(super) unknown: bool,
    /// An item that lies about its length, or stops short.
    pub(super) malformed: bool,
}

/// A presentation context, proposed or answered (PS3.8 9.3.2.2, 9.3.3.2).
#[derive(Default)]
pub(super) struct Context<'a> {
    pub(super) id: u8,
    /// Of an answer.
    pub(super) result: u8,
    /// Of a proposal.
    pub(super) abstract_syntax: &'a [u8],
    pub(super) transfer_syntaxes: Vec<&'a [u8]>,
}

/// User information (PS3.8 D, PS3.7 D.3.3).
#[derive(Default)]
pub(super) struct User<'a> {
    /// Whether the item is there and not empty.
    pub(super) present: bool,
    pub(super) max_pdu: Option<u32>,
    pub(super) implementation_uid: Option<&'a [u8]>,
    pub(super) implementation_version: Option<&'a [u8]>,
    /// Operations outstanding: invoked, performed.
    pub(super) operations: Option<(u16, u16)>,
    pub(super) roles: Vec<Role<'a>>,
    /// SOP classes of extended and common extended negotiation.
    pub(super) extended: Vec<&'a [u8]>,
    pub(super) identity: Option<Identity<'a>>,
}

/// SCP/SCU role selection (PS3.7 D.3.3.4).
#[derive(Clone, Copy)]
pub(super) struct Role<'a> {
    pub(super) sop_class: &'a [u8],
    pub(super) scu: bool,
    pub(super) scp: bool,
}

/// User identity, or the server's answer to it (PS3.7 D.3.3.7).
#[derive(Clone, Copy)]
pub(super) struct Identity<'a> {
    /// Absent of the answer.
    pub(super) kind: Option<u8>,
    pub(super) primary: &'a [u8],
    pub(super) secondary: &'a [u8],
}

/// Gathers the items behind the fixed part of an A-ASSOCIATE-RQ or -AC.
pub(super) fn read(items: &[u8]) -> Items<'_> {
    let mut all = Items::default();
    let complete = each(items, |item| match item.item_type {
        0x10 => {
            all.application_context = Some(wire::trim(item.value));
            true
        }
        0x20 | 0x21 => match context(item.value) {
            Ok((rest, mut context)) => {
                let fits = syntaxes(rest, &mut context);
                if all.contexts.len() < CONTEXTS_MAX {
                    all.contexts.push(context);
                } else {
                    all.too_many_contexts = true;
                }
                fits
            }
            Err(_) => false,
        },
        0x50 => {
            all.user.present = !item.value.is_empty();
            each(item.value, |item| {
                user_item(item, &mut all.user, &mut all.unknown)
            })
        }
        _ => {
            all.unknown = true;
            true
        }
    });
    all.malformed = !complete;
    all
}

/// Calls `read` with every item; whether all of them could be read.
fn each<'a>(mut rest: &'a [u8], mut read: impl FnMut(Item<'a>) -> bool) -> bool {
    let mut good = true;
    for _ in 0..ITEMS_MAX {
        if rest.is_empty() {
            return good;
        }
        let Ok((behind, item)) = wire::item(rest) else {
            return false;
        };
        good &= read(item);
        rest = behind;
    }
    false
}

fn context(value: &[u8]) -> Wire<'_, Context<'_>> {
    let (i, id) = number::complete::be_u8(value)?;
    let (i, _reserved) = number::complete::be_u8(i)?;
    let (i, result) = number::complete::be_u8(i)?;
    let (i, _reserved) = number::complete::be_u8(i)?;
    let context = Context {
        id,
        result,
        ..Context::default()
    };
    Ok((i, context))
}

fn syntaxes<'a>(items: &'a [u8], context: &mut Context<'a>) -> bool {
    each(items, |item| {
        match item.item_type {
            0x30 => context.abstract_syntax = wire::trim(item.value),
            0x40 if context.transfer_syntaxes.len() < SYNTAXES_MAX => {
                context.transfer_syntaxes.push(wire::trim(item.value));
            }
            _ => {}
        }
        true
    })
}

fn user_item<'a>(item: Item<'a>, user: &mut User<'a>, unknown: &mut bool) -> bool {
    let value = item.value;
    match item.item_type {
        0x51 => {
            user.max_pdu = value.first_chunk::<4>().map(|v| u32::from_be_bytes(*v));
            user.max_pdu.is_some()
        }
        0x52 => {
            user.implementation_uid = Some(wire::trim(value));
            true
        }
        0x53 => {
            user.operations = operations(value).ok().map(|(_, both)| both);
            user.operations.is_some()
        }
        0x54 => keep(&mut user.roles, role(value)),
        0x55 => {
            user.implementation_version = Some(wire::trim(value));
            true
        }
        0x56 | 0x57 => keep(&mut user.extended, wire::field16("SOP-class-uid", value)),
        0x58 => {
            user.identity = identity(value).ok().map(|(_, identity)| identity);
            user.identity.is_some()
        }
        0x59 => match wire::field16("Server-response", value) {
            Ok((_, primary)) => {
                user.identity = Some(Identity {
                    kind: None,
                    primary,
                    secondary: &[],
                });
                true
            }
            Err(_) => false,
        },
        _ => {
            *unknown = true;
            true
        }
    }
}

fn keep<'a, T>(list: &mut Vec<T>, read: Wire<'a, T>) -> bool {
    match read {
        Ok((_, value)) => {
            if list.len() < NEGOTIATIONS_MAX {
                list.push(value);
            }
            true
        }
        Err(_) => false,
    }
}

fn operations(value: &[u8]) -> Wire<'_, (u16, u16)> {
    let (i, invoked) = number::complete::be_u16(value)?;
    let (i, performed) = number::complete::be_u16(i)?;
    Ok((i, (invoked, performed)))
}

fn role(value: &[u8]) -> Wire<'_, Role<'_>> {
    let (i, sop_class) = wire::field16("SOP-class-uid", value)?;
    let (i, scu) = number::complete::be_u8(i)?;
    let (i, scp) = number::complete::be_u8(i)?;
    let role = Role {
        sop_class: wire::trim(sop_class),
        scu: scu != 0,
        scp: scp != 0,
    };
    Ok((i, role))
}

fn identity(value: &[u8]) -> Wire<'_, Identity<'_>> {
    let (i, kind) = number::complete::be_u8(value)?;
    let (i, _response_requested) = number::complete::be_u8(i)?;
    let (i, primary) = wire::field16("Primary-field", i)?;
    let (i, secondary) = wire::field16("Secondary-field", i)?;
    let identity = Identity {
        kind: Some(kind),
        primary,
        secondary,
    };
    Ok((i, identity))
}
