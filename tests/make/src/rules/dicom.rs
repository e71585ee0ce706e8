//! DICOM: queries, retrieval, storage failures, damaged PDUs, worklists.

use crate::capture::{Capture, Frame, MILLISECOND, SECOND, START_NS};
use crate::conversation::{Conversation, Side};
use crate::dicom::{Associate, Dataset, Dimse, Session, Syntax, abort, field, pdu, uid};
use crate::frame::Host;

use super::dicom_content::{image, store_context};
use super::{Case, ct, intruder, merged, pacs, talk, workstation};

pub(super) const CASES: &[Case] = &[
    Case {
        rule: "dicom-cfind-wildcard-mass",
        fires: "10.20.9.66 (`WS09`) sends 25 study-level C-FIND with PatientName `*` and no date to \
                PACS, one every 5 s; 4 matches each",
        quiet: "10.20.2.31 (`WS01`): 25 C-FIND by PatientID, one every 5 s, and 3 with name `*` \
                and a StudyDate of one day",
        make: wildcard,
    },
    Case {
        rule: "dicom-cmove-unknown-dest",
        fires: "10.20.9.66 asks PACS for a C-MOVE to `EVILAE`; PACS answers A801H",
        quiet: "`WS01` asks for a C-MOVE to itself; PACS stores 2 CT images there (10.20.2.31:11112) \
                and answers 0000H",
        make: move_destination,
    },
    Case {
        rule: "dicom-cstore-failed",
        fires: "CT01 sends 15 C-STORE in 75 s; PACS answers A700H (out of resources) to each",
        quiet: "CT01 sends 15 C-STORE in 75 s; 14 succeed, 1 is answered B000H (warning)",
        make: store_failed,
    },
    Case {
        rule: "dicom-pdu-malformed",
        fires: "10.20.9.66 opens 5 connections to PACS: PDU type 9; an A-ASSOCIATE-RQ of length \
                FFFFFFFFH; an A-RELEASE-RQ of 16 bytes; an A-ASSOCIATE-RQ whose items end early; an \
                accepted association with a PDV longer than its PDU",
        quiet: "a C-STORE by CT01 in segments of 7 bytes, with PDUs of at most 64 bytes",
        make: malformed,
    },
    Case {
        rule: "dicom-mpps-foreign-update",
        fires: "CT01 (10.20.1.11) creates a performed procedure step; 20 s later 10.20.9.66 (`CT01`) \
                sets it to DISCONTINUED",
        quiet: "CT01 creates the step and sets it to COMPLETED itself",
        make: procedure_step,
    },
    Case {
        rule: "dicom-commit-spoof",
        fires: "10.20.9.66 sends CT01 (10.20.1.11:104) an N-EVENT-REPORT of storage commitment for a \
                transaction that nobody asked for",
        quiet: "CT01 asks PACS for commitment by N-ACTION; PACS reports it 3 s later on a \
                connection of its own",
        make: commitment,
    },
];

pub(super) fn query_context(calling: &str) -> Associate {
    Associate::new(calling, "PACS").propose(uid::STUDY_FIND, &[uid::IMPLICIT_LE])
}

pub(super) fn query(name: &str, patient: &str, date: &str) -> Vec<u8> {
    Dataset::new()
        .text((0x0008, 0x0020), "DA", date)
        .text((0x0008, 0x0050), "SH", "")
        .text((0x0008, 0x0052), "CS", "STUDY")
        .text((0x0010, 0x0010), "PN", name)
        .text((0x0010, 0x0020), "LO", patient)
        .text((0x0020, 0x000d), "UI", "")
        .encode(Syntax::ImplicitLe)
}

fn study(n: u32) -> Vec<u8> {
    query(
        &format!("SYNTHETIC^PATIENT{n}"),
        &format!("SYN{n:06}"),
        "20260302",
    )
}

/// Queries on one association, 5 s apart, each with this many matches.
fn queries(client: Host, calling: &str, asked: &[Vec<u8>], matches: u32) -> Vec<Frame> {
    let mut session = Session::at(
        START_NS,
        client.port(40_100),
        pacs(),
        query_context(calling),
    );
    session = session.accepted();
    for (n, identifier) in asked.iter().enumerate() {
        let id = n as u16 + 1;
        session = session.client(1, &Dimse::find(id, uid::STUDY_FIND, identifier.clone()));
        for m in 0..matches {
            session = session.server(1, &Dimse::found(id, uid::STUDY_FIND, study(m)));
        }
        let done = Dimse::response(uid::STUDY_FIND, field::C_FIND, id, 0);
        session = session.server(1, &done).wait(5 * SECOND);
    }
    session.released()
}

fn wildcard() -> (Capture, Capture) {
    let wide = vec![query("*", "", ""); 25];
    let mut narrow: Vec<_> = (0..25)
        .map(|n| query("", &format!("SYN{n:06}"), ""))
        .collect();
    narrow.extend(vec![query("*", "", "20260302"); 3]);
    (
        merged([queries(intruder(), "WS09", &wide, 4)]),
        merged([queries(workstation(), "WS01", &narrow, 1)]),
    )
}

fn move_request(client: Host, calling: &str, destination: &str) -> Session {
    let associate = Associate::new(calling, "PACS").propose(uid::STUDY_MOVE, &[uid::IMPLICIT_LE]);
    let identifier = Dataset::new()
        .text((0x0008, 0x0052), "CS", "STUDY")
        .text((0x0020, 0x000d), "UI", "1.2.826.0.1.3680043.9.7777.2.1")
        .encode(Syntax::ImplicitLe);
    let message = Dimse::r#move(1, uid::STUDY_MOVE, destination, identifier);
    Session::at(START_NS, client.port(40_200), pacs(), associate)
        .accepted()
        .client(1, &message)
}

fn move_destination() -> (Capture, Capture) {
    let answer =
        |status, done| Dimse::progress(uid::STUDY_MOVE, field::C_MOVE, 1, status, [0, done, 0, 0]);
    let refused = move_request(intruder(), "WS09", "EVILAE").server(1, &answer(0xa801, 0));
    let asked = move_request(workstation(), "WS01", "WS01")
        .wait(2 * SECOND)
        .server(1, &answer(0, 2));
    let associate = store_context("PACS", "WS01");
    let (from, to) = (pacs().host.port(40_201), workstation().port(11_112));
    let mut delivery = Session::at(START_NS + 100 * MILLISECOND, from, to, associate).accepted();
    for n in 1..3 {
        let instance = format!("1.2.826.0.1.3680043.9.7777.2.1.1.{n}");
        let data = image(&instance, u32::from(n));
        let message = Dimse::store_for_move(n, uid::CT_STORAGE, &instance, ("WS01", 1), data);
        delivery = delivery
            .client(1, &message)
            .server(1, &Dimse::store_response(n, uid::CT_STORAGE, &instance, 0));
    }
    (
        merged([refused.released()]),
        merged([asked.released(), delivery.released()]),
    )
}

/// Fifteen images, 5 s apart, answered with the status that `status` gives.
fn stores(status: impl Fn(u16) -> u16) -> Vec<Frame> {
    let associate = store_context("CT01", "PACS");
    let mut session = Session::at(START_NS, ct().port(40_300), pacs(), associate).accepted();
    for n in 1..=15 {
        let instance = format!("1.2.826.0.1.3680043.9.7777.3.1.1.{n}");
        let message = Dimse::store(n, uid::CT_STORAGE, &instance, image(&instance, 1));
        let answer = Dimse::store_response(n, uid::CT_STORAGE, &instance, status(n));
        session = session
            .client(1, &message)
            .server(1, &answer)
            .wait(5 * SECOND);
    }
    session.released()
}

fn store_failed() -> (Capture, Capture) {
    let failed = stores(|_| 0xa700);
    let fine = stores(|n| if n == 8 { 0xb000 } else { 0 });
    (merged([failed]), merged([fine]))
}

fn malformed() -> (Capture, Capture) {
    let mut endless = vec![1, 0, 0xff, 0xff, 0xff, 0xff];
    endless.extend_from_slice(&[0x41; 200]);
    let request = store_context("WS09", "PACS").request();
    let mut cut = request.clone();
    cut.truncate(cut.len() - 20);
    let length = (cut.len() as u32 - 6).to_be_bytes();
    cut[2..6].copy_from_slice(&length);
    let sent = [pdu(9, &[0; 4]), endless, pdu(5, &[0; 16]), cut];
    let refusal = abort(2, 1);
    let mut parts = Vec::new();
    for (n, bytes) in sent.iter().enumerate() {
        let at = START_NS + n as u64 * 2 * SECOND;
        let said = [(Side::Client, &bytes[..]), (Side::Server, &refusal[..])];
        parts.push(talk(intruder().port(40_400 + n as u16), pacs(), at, &said).frames());
    }
    let mut session = Session::at(
        START_NS + 8 * SECOND,
        intruder().port(40_410),
        pacs(),
        store_context("WS09", "PACS"),
    )
    .accepted();
    // The value says 256 bytes; the PDU holds 8.
    session
        .tcp
        .client(&pdu(4, &[0, 0, 1, 0, 1, 3, 0, 0]))
        .server(&refusal)
        .close();
    parts.push(session.tcp.frames());

    let tcp = Conversation::new(ct().port(40_420), pacs()).mss(7);
    let mut associate = store_context("CT01", "PACS");
    associate.max_pdu = 64;
    let instance = "1.2.826.0.1.3680043.9.7777.4.1.1.1";
    let fine = Session::over(tcp, associate)
        .accepted()
        .client(
            1,
            &Dimse::store(1, uid::CT_STORAGE, instance, image(instance, 1)),
        )
        .server(1, &Dimse::store_response(1, uid::CT_STORAGE, instance, 0))
        .released();
    (merged(parts), merged([fine]))
}

const STEP: &str = "1.2.826.0.1.3680043.9.7777.5.1";

fn step(client: Host, at: u64, message: &Dimse, answer: u16) -> Vec<Frame> {
    let associate = Associate::new("CT01", "PACS").propose(uid::MPPS, &[uid::IMPLICIT_LE]);
    let port = 40_500 + ((at / SECOND) % 100) as u16;
    Session::at(at, client.port(port), pacs(), associate)
        .accepted()
        .client(1, message)
        .server(1, &Dimse::done(uid::MPPS, answer, 1, STEP, 0))
        .released()
}

fn procedure_step() -> (Capture, Capture) {
    let state = |state: &str| {
        Dataset::new()
            .text((0x0040, 0x0252), "CS", state)
            .encode(Syntax::ImplicitLe)
    };
    let data = Dataset::new()
        .text((0x0008, 0x0060), "CS", "CT")
        .text((0x0010, 0x0010), "PN", "SYNTHETIC^ALPHA")
        .text((0x0010, 0x0020), "LO", "SYN000001")
        .text((0x0040, 0x0252), "CS", "IN PROGRESS")
        .encode(Syntax::ImplicitLe);
    let create = Dimse::create(1, uid::MPPS, STEP, data);
    let later = START_NS + 20 * SECOND;
    let begun = step(ct(), START_NS, &create, field::N_CREATE);
    let set = |to: &str| Dimse::set(1, uid::MPPS, STEP, state(to));
    let foreign = step(intruder(), later, &set("DISCONTINUED"), field::N_SET);
    let own = step(ct(), later, &set("COMPLETED"), field::N_SET);
    (merged([begun.clone(), foreign]), merged([begun, own]))
}

fn transaction(uid_value: &str) -> Vec<u8> {
    let item = Dataset::new()
        .text((0x0008, 0x1150), "UI", uid::CT_STORAGE)
        .text((0x0008, 0x1155), "UI", "1.2.826.0.1.3680043.9.7777.3.1.1.1");
    Dataset::new()
        .text((0x0008, 0x1195), "UI", uid_value)
        .sequence((0x0008, 0x1199), vec![item])
        .encode(Syntax::ImplicitLe)
}

fn commitment_session(at: u64, from: Host, port: u16, to: Host, names: (&str, &str)) -> Session {
    let mut associate =
        Associate::new(names.0, names.1).propose(uid::COMMITMENT, &[uid::IMPLICIT_LE]);
    associate.roles = vec![(uid::COMMITMENT.to_owned(), false, true)];
    Session::at(at, from.port(port), to.port(104), associate).accepted()
}

fn commitment() -> (Capture, Capture) {
    let report = |transaction_uid: &str| {
        let data = transaction(transaction_uid);
        Dimse::event_report(1, uid::COMMITMENT, uid::COMMITMENT_INSTANCE, 1, data)
    };
    let answer = |kind| Dimse::done(uid::COMMITMENT, kind, 1, uid::COMMITMENT_INSTANCE, 0);
    let spoofed = commitment_session(START_NS, intruder(), 40_600, ct(), ("PACS", "CT01"))
        .client(1, &report("1.2.826.0.1.3680043.9.7777.6.666"))
        .server(1, &answer(field::N_EVENT_REPORT))
        .released();
    let known = "1.2.826.0.1.3680043.9.7777.6.1";
    let action = Dimse::action(
        1,
        uid::COMMITMENT,
        uid::COMMITMENT_INSTANCE,
        1,
        transaction(known),
    );
    let asked = commitment_session(START_NS, ct(), 40_601, pacs().host, ("CT01", "PACS"))
        .client(1, &action)
        .server(1, &answer(field::N_ACTION))
        .released();
    let at = START_NS + 3 * SECOND;
    let told = commitment_session(at, pacs().host, 40_602, ct(), ("PACS", "CT01"))
        .client(1, &report(known))
        .server(1, &answer(field::N_EVENT_REPORT))
        .released();
    (merged([spoofed]), merged([asked, told]))
}
