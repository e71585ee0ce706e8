//! DIMSE commands, statuses and query keys.

use super::build::{self, command, pdata, pdv, text, us};
use super::{assert_has, associated, phi};
use crate::dicom::status;
use crate::event::Direction::{ToClient, ToServer};
use crate::phi::PhiKind;

#[test]
fn every_field_of_a_command_is_read() {
    let set = command(&[
        text(0x0002, build::CT),
        us(0x0100, 0x0001),
        us(0x0110, 77),
        us(0x0700, 1),
        us(0x0800, 0x0101),
        text(0x1000, build::INSTANCE),
        text(0x1030, "WORKSTATION"),
        us(0x1031, 5),
    ]);
    let out = associated(vec![(ToServer, pdata(&[pdv(5, 3, &set)]))]);
    let instance = phi(PhiKind::Uid, build::INSTANCE);
    assert_has(
        &out[0],
        &[
            r#""kind":"dimse","calling_ae":"CT1","called_ae":"ARCHIVE","command":"C-STORE-RQ","context_id":5,"message_id":77"#,
            r#""priority":"high","sop_class":"1.2.840.10008.5.1.4.1.1.2","sop_class_name":"CT Image Storage""#,
            &format!(r#""sop_instance":"{instance}""#),
            r#""move_originator":"WORKSTATION""#,
        ],
    );
    let set = command(&[
        text(0x0002, build::STUDY_MOVE),
        us(0x0100, 0x8021),
        us(0x0120, 78),
        us(0x0800, 0x0101),
        us(0x0900, 0xb000),
        text(0x0902, "see Mr Test"),
        us(0x1020, 1),
        us(0x1021, 2),
        us(0x1022, 3),
        us(0x1023, 4),
    ]);
    let out = associated(vec![(ToClient, pdata(&[pdv(7, 3, &set)]))]);
    assert_has(
        &out[0],
        &[
            r#""command":"C-MOVE-RSP","context_id":7,"message_id":78,"status":45056"#,
            r#""status_text":"sub-operations complete, with failures or warnings","status_class":"warning""#,
            r#""remaining":1,"completed":2,"failed":3,"warned":4"#,
            r#""error_comment":"free_text:"#,
        ],
    );
    let set = command(&[
        text(0x0003, build::COMMITMENT),
        us(0x0100, 0x0130),
        us(0x0110, 79),
        us(0x0800, 0x0101),
        text(0x1001, "1.2.840.10008.1.20.1.1"),
        us(0x1008, 1),
    ]);
    let out = associated(vec![(ToServer, pdata(&[pdv(7, 3, &set)]))]);
    assert_has(
        &out[0],
        &[r#""command":"N-ACTION-RQ""#, r#""action_type_id":1"#],
    );
    let set = command(&[us(0x0100, 0x0100), us(0x0800, 0x0101), us(0x1002, 2)]);
    let out = associated(vec![(ToServer, pdata(&[pdv(7, 3, &set)]))]);
    assert_has(
        &out[0],
        &[r#""command":"N-EVENT-REPORT-RQ""#, r#""event_type_id":2"#],
    );
}

#[test]
fn every_command_has_a_name() {
    let fields = [
        0x0001, 0x0010, 0x0020, 0x0021, 0x0030, 0x0100, 0x0110, 0x0120, 0x0130, 0x0140, 0x0150,
    ];
    for field in fields {
        let request = status::command(field).strip_suffix("-RQ").unwrap();
        let response = status::command(field | 0x8000)
            .strip_suffix("-RSP")
            .unwrap();
        assert_eq!(request, response);
    }
    assert_eq!(status::command(0x0fff), "C-CANCEL-RQ");
}

#[test]
fn statuses_mean_what_their_service_means() {
    for (field, code, class, text) in [
        (0x8001, 0x0000, "success", "success"),
        (0x8001, 0xa700, "failure", "out of resources"),
        (
            0x8001,
            0xa9aa,
            "failure",
            "dataset does not match SOP class",
        ),
        (0x8001, 0xc123, "failure", "cannot understand"),
        (0x8001, 0xb000, "warning", "coercion of data elements"),
        (0x8001, 0xb006, "warning", "elements discarded"),
        (
            0x8001,
            0xb007,
            "warning",
            "dataset does not match SOP class, stored",
        ),
        (
            0x8021,
            0xa701,
            "failure",
            "out of resources, cannot count matches",
        ),
        (
            0x8021,
            0xa702,
            "failure",
            "out of resources, cannot perform sub-operations",
        ),
        (0x8021, 0xa801, "failure", "move destination unknown"),
        (
            0x8020,
            0xa900,
            "failure",
            "identifier does not match SOP class",
        ),
        (0x8020, 0xfe00, "cancel", "cancelled"),
        (0x8020, 0xff00, "pending", "pending"),
        (
            0x8020,
            0xff01,
            "pending",
            "pending, optional keys not supported",
        ),
        (0x8130, 0x0124, "failure", "not authorised"),
        (0x8150, 0x0112, "failure", "no such SOP instance"),
    ] {
        assert_eq!(status::class(code), class, "{code:04x}");
        assert_eq!(status::text(field, code), text, "{code:04x}");
    }
}

#[test]
fn a_move_names_its_destination() {
    let set = command(&[
        text(0x0002, build::STUDY_MOVE),
        us(0x0100, 0x0021),
        us(0x0110, 4),
        text(0x0600, "EVIL"),
        us(0x0700, 0),
        us(0x0800, 1),
    ]);
    let keys = [
        build::implicit((8, 0x52), "CS", b"STUDY"),
        build::implicit((0x20, 0x0d), "UI", b"1.2.3.1"),
    ]
    .concat();
    let out = associated(vec![(
        ToServer,
        pdata(&[pdv(7, 3, &set), pdv(7, 2, &keys)]),
    )]);
    let study = phi(PhiKind::Uid, "1.2.3.1");
    assert_has(
        &out[0],
        &[
            r#""command":"C-MOVE-RQ""#,
            r#""move_destination":"EVIL""#,
            &format!(r#""study_uid":"{study}""#),
            r#""query":{"level":"STUDY""#,
            r#""keys":1,"universal":false"#,
        ],
    );
}

fn found(keys: &[u8]) -> String {
    associated(vec![(ToServer, build::find_rq(keys))]).remove(0)
}

#[test]
fn query_keys_are_told_and_judged() {
    let line = found(&build::keys(b"*", b"", b""));
    assert_has(
        &line,
        &[
            r#""command":"C-FIND-RQ""#,
            r#""query":{"level":"STUDY","patient_name":"name:"#,
            r#""patient_id":"","#,
            r#""study_date":"","#,
            r#""accession":"","keys":1,"universal":true}"#,
        ],
    );
    for (name, id, date, universal) in [
        (&b"*^*"[..], &b""[..], &b""[..], true),
        (b"", b"", b"", true),
        (b"", b"", b"20260101-", true),
        (b"", b"", b"20250101-20261231", true),
        (b"", b"", b"20261121", false),
        (b"", b"", b"20260110-20260120", false),
        (b"Test*", b"", b"", false),
        (b"**", b"T-1", b"", false),
    ] {
        let want = format!(r#""universal":{universal}"#);
        assert_has(&found(&build::keys(name, id, date)), &[&want]);
    }
}

#[test]
fn worklist_keys_are_inside_a_step() {
    let step = [
        build::implicit((8, 0x60), "CS", b"MR"),
        build::implicit((0x40, 1), "AE", b"MR1"),
        build::implicit((0x40, 2), "DA", b"20261121"),
    ]
    .concat();
    let item = build::implicit((0xfffe, 0xe000), "", &step);
    let keys = [
        build::implicit((0x10, 0x10), "PN", b""),
        build::implicit((0x40, 0x100), "SQ", &item),
    ]
    .concat();
    let date = phi(PhiKind::Date, "20261121");
    assert_has(
        &found(&keys),
        &[
            &format!(r#""scheduled_date":"{date}""#),
            r#""modality":"MR","station_ae":"MR1","keys":3,"universal":false"#,
        ],
    );
}

#[test]
fn storage_commitment_and_steps_are_told() {
    let reference = [
        build::implicit((8, 0x1150), "UI", build::CT.as_bytes()),
        build::implicit((8, 0x1155), "UI", b"1.2.999.7"),
    ]
    .concat();
    let items = build::implicit((0xfffe, 0xe000), "", &reference).repeat(3);
    let dataset = [
        build::implicit((8, 0x1195), "UI", b"1.2.999.88"),
        build::implicit((8, 0x1199), "SQ", &items),
        build::implicit((0x40, 0x252), "CS", b"COMPLETED"),
    ]
    .concat();
    let set = command(&[us(0x0100, 0x0130), us(0x0110, 1), us(0x0800, 0)]);
    let out = associated(vec![(
        ToServer,
        pdata(&[pdv(1, 3, &set), pdv(1, 2, &dataset)]),
    )]);
    let transaction = phi(PhiKind::Uid, "1.2.999.88");
    assert_has(
        &out[0],
        &[
            &format!(r#""transaction_uid":"{transaction}","referenced":3"#),
            r#""step_status":"COMPLETED""#,
        ],
    );
}

#[test]
fn a_command_may_come_in_pieces() {
    let set = build::store_command();
    let (a, b) = set.split_at(33);
    let image = build::image(crate::dicom::wire::Encoding::EXPLICIT, 64);
    let (c, d) = image.split_at(101);
    let values = [pdv(5, 1, a), pdv(5, 3, b), pdv(5, 0, c), pdv(5, 2, d)];
    let one = associated(vec![(ToServer, pdata(&values))]);
    let many = associated(
        values
            .iter()
            .map(|v| (ToServer, pdata(std::slice::from_ref(v))))
            .collect(),
    );
    let whole = associated(vec![(ToServer, build::store(&image))]);
    assert_eq!(one, whole);
    assert_eq!(many, whole);
}
