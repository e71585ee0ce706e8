//! Each anomaly once, and none of those where nothing is wrong.

use super::build::{self, application_context, associate, command, element, header, item, pdata};
use super::build::{pdu, pdv, proposal, us, user};
use super::{SPEC, Turn, associated, associated_in, lines};
use crate::dicom::wire::{Encoding, UNDEFINED};
use crate::event::Direction::{ToClient, ToServer};

fn names(out: &[String]) -> Vec<&str> {
    out.iter()
        .filter_map(|line| line.split_once(" anomaly dicom.").map(|(_, name)| name))
        .collect()
}

/// The anomalies of these turns, behind a whole association.
fn wrong(turns: Vec<Turn>) -> Vec<String> {
    names(&associated(turns))
        .into_iter()
        .map(str::to_owned)
        .collect()
}

fn from_client(bytes: Vec<u8>) -> Vec<String> {
    wrong(vec![(ToServer, bytes)])
}

/// The anomalies of a proposal with these items.
fn in_request(items: &[Vec<u8>]) -> Vec<String> {
    let rq = pdu(1, &associate("PACS", "CT1", items));
    let out = lines(&[(ToServer, rq)]);
    names(&out).into_iter().map(str::to_owned).collect()
}

#[test]
fn pdus_that_are_none() {
    assert_eq!(from_client(pdu(9, &[0; 4])), ["pdu_type_unknown"]);
    let then = [pdu(9, &[0; 4]), build::echo_rq(1)].concat();
    let out = associated(vec![(ToServer, then)]);
    assert_eq!(out.len(), 2, "read on behind it: {out:?}");
    assert_eq!(
        from_client(b"GET / HTTP/1.0\r\n\r\n".to_vec()),
        ["pdu_type_unknown"]
    );
    assert_eq!(from_client(pdu(5, &[0; 3])), ["pdu_length"]);
    assert_eq!(from_client(pdu(7, &[0; 6])), ["pdu_length"]);
    assert_eq!(from_client(pdu(4, &[0; 5])), ["pdu_length"]);
    let short = lines(&[(ToServer, pdu(1, &[0; 67]))]);
    assert_eq!(names(&short), ["pdu_length"]);
    let mut endless = build::request();
    endless[2..6].copy_from_slice(&[0xff; 4]);
    assert_eq!(names(&lines(&[(ToServer, endless)])), ["pdu_length"]);
}

#[test]
fn a_pdu_longer_than_agreed() {
    let long = pdata(&[
        pdv(5, 3, &build::store_command()),
        pdv(5, 0, &vec![0; 40000]),
    ]);
    assert!(from_client(long).contains(&"pdu_over_negotiated_max".to_owned()));
}

#[test]
fn values_that_lie_about_their_length() {
    let mut long = build::echo_rq(1);
    long[9] += 1;
    assert_eq!(from_client(long), ["pdv_length"]);
    assert_eq!(from_client(pdu(4, &[0, 0, 0, 1, 1, 3])), ["pdv_length"]);
    let rest = [pdv(1, 0, b"x"), vec![0, 0, 0]].concat();
    assert_eq!(
        from_client(pdu(4, &rest)),
        ["dataset_without_command", "pdv_length"]
    );
}

#[test]
fn presentation_contexts_that_nobody_accepted() {
    let set = command(&[us(0x0100, 0x30), us(0x0110, 1), us(0x0800, 0x0101)]);
    let on = |id, control| from_client(pdata(&[pdv(id, control, &set)]));
    assert_eq!(on(2, 3), ["context_id_even"]);
    assert_eq!(on(9, 3), ["context_id_unknown"]);
    assert_eq!(on(11, 3), ["context_id_unknown"]);
    assert_eq!(on(1, 7), ["pdv_control_reserved"]);
    assert!(on(1, 3).is_empty());
}

#[test]
fn proposals_that_no_one_makes() {
    let good = user(16384, &[]);
    let context = |id| proposal(id, build::CT, &[build::EXPLICIT]);
    assert!(in_request(&[application_context(), context(1), good.clone()]).is_empty());
    assert_eq!(in_request(&[context(1)]), ["user_information_missing"]);
    assert_eq!(
        in_request(&[context(1), item(0x50, b"")]),
        ["user_information_missing"]
    );
    assert_eq!(
        in_request(&[context(1), user(2048, &[])]),
        ["max_pdu_small"]
    );
    assert_eq!(in_request(&[context(2), good.clone()]), ["context_id_even"]);
    assert_eq!(
        in_request(&[context(1), context(1), good.clone()]),
        ["context_id_duplicate"]
    );
    assert_eq!(
        in_request(&[item(0x77, b"?"), good.clone()]),
        ["association_item_unknown"]
    );
    assert_eq!(
        in_request(&[good.clone(), vec![0x20, 0, 0xff, 0xff, 1]]),
        ["association_item_malformed"]
    );
    let many: Vec<_> = (0..=255)
        .map(|id| context(id | 1))
        .chain([good.clone()])
        .collect();
    assert_eq!(in_request(&many)[0], "context_count");
    for (called, calling, wrong) in [
        ("", "CT1", "ae_title_empty"),
        ("PACS", "a\\b", "ae_title_illegal"),
        ("P\x01", "CT1", "ae_title_illegal"),
    ] {
        let rq = pdu(1, &associate(called, calling, std::slice::from_ref(&good)));
        assert_eq!(names(&lines(&[(ToServer, rq)])), [wrong]);
    }
}

#[test]
fn pdus_out_of_order() {
    let before = lines(&[(ToServer, build::echo_rq(1))]);
    assert_eq!(names(&before), ["pdata_before_accept"]);
    let overtaking = lines(&[
        (ToServer, build::request()),
        (ToServer, build::echo_rq(1)),
        (ToClient, build::accept()),
    ]);
    assert_eq!(names(&overtaking), ["pdata_before_accept"]);
    let one_sided = lines(&[(ToServer, build::request()), (ToServer, build::echo_rq(1))]);
    assert!(
        names(&one_sided).is_empty(),
        "the answer may not be captured"
    );
    assert_eq!(from_client(build::request()), ["second_associate_rq"]);
    let over = vec![
        (ToServer, build::release_rq()),
        (ToClient, build::release_rp()),
        (ToServer, build::echo_rq(2)),
    ];
    assert_eq!(wrong(over), ["data_after_release"]);
    let aborted = [pdu(7, &[0; 4]), build::echo_rq(1)].concat();
    assert_eq!(from_client(aborted), ["data_after_release"]);
    let crossing = vec![(ToClient, pdu(7, &[0; 4])), (ToServer, build::echo_rq(2))];
    assert!(wrong(crossing).is_empty());
    let own = lines(&[(ToServer, build::request()), (ToServer, build::accept())]);
    assert_eq!(names(&own), ["unexpected_pdu"]);
}

#[test]
fn messages_within_messages() {
    let store = build::store(&build::image(Encoding::EXPLICIT, 64));
    let begun = pdata(&[pdv(5, 3, &build::store_command()), pdv(5, 0, &[8, 0, 5, 0])]);
    let out = associated(vec![(ToServer, [begun.clone(), store].concat())]);
    assert_eq!(names(&out), ["message_interrupted"]);
    assert_eq!(out.len(), 3, "{out:?}");
    assert!(out[1].contains(r#""truncated":true"#), "{}", out[1]);
    let released = [begun, build::release_rq()].concat();
    assert_eq!(from_client(released), ["message_interrupted"]);
    let orphan = pdata(&[pdv(1, 2, b"what?")]);
    assert_eq!(from_client(orphan), ["dataset_without_command"]);
}

#[test]
fn command_sets_that_cannot_be() {
    let send = |set: &[u8]| from_client(pdata(&[pdv(1, 3, set)]));
    let good = command(&[us(0x0100, 0x30), us(0x0110, 1), us(0x0800, 0x0101)]);
    let mut wrong_sum = good.clone();
    wrong_sum[8] += 2;
    assert_eq!(send(&wrong_sum), ["group_length_mismatch"]);
    assert_eq!(
        send(&good[..good.len() - 1]),
        ["group_length_mismatch", "command_set_malformed"]
    );
    let unordered = command(&[us(0x0110, 1), us(0x0100, 0x30), us(0x0800, 0x0101)]);
    assert_eq!(send(&unordered), ["command_set_malformed"]);
    let untyped = command(&[us(0x0100, 0x30), us(0x0110, 1)]);
    assert_eq!(send(&untyped), ["command_set_malformed"]);
    let unknown = command(&[us(0x0100, 0x77), us(0x0800, 0x0101)]);
    assert_eq!(send(&unknown), ["command_unknown"]);
    let long = command(&[us(0x0100, 0x30), build::text(0x0902, &"x".repeat(9000))]);
    assert_eq!(send(&long), ["command_set_length"]);
}

#[test]
fn datasets_that_cannot_be() {
    let send = |dataset: &[u8]| from_client(build::store(dataset));
    let name = element((0x10, 0x10), "PN", b"Test^Ada");
    assert!(send(&name).is_empty());
    assert_eq!(send(&name[..name.len() - 2]), ["dataset_malformed"]);
    assert_eq!(send(&name[..6]), ["dataset_malformed"]);
    assert_eq!(send(&[8, 0, 5, 0, b'c', b's', 4, 0]), ["dataset_malformed"]);
    let open = header(Encoding::EXPLICIT, (8, 0x1140), "SQ", UNDEFINED);
    assert_eq!(send(&open), ["dataset_malformed"]);
    assert_eq!(send(&[&open[..], &name].concat()), ["item_malformed"]);
    let beyond = header(Encoding::EXPLICIT, (0xfffe, 0xe000), "", 40);
    let within = header(Encoding::EXPLICIT, (8, 0x1140), "SQ", 20);
    assert_eq!(send(&[&within[..], &beyond].concat()), ["item_malformed"]);
    let huge = header(Encoding::EXPLICIT, (0x7fe0, 0x10), "OW", 0xffff_fffe);
    assert_eq!(send(&huge), ["dataset_malformed", "value_length_huge"]);
    let level = [
        open,
        header(Encoding::EXPLICIT, (0xfffe, 0xe000), "", UNDEFINED),
    ]
    .concat();
    assert_eq!(send(&level.repeat(40)), ["sequence_depth"]);
}

#[test]
fn pixels_that_do_not_add_up() {
    let mut image = build::image(Encoding::EXPLICIT, 64);
    image.truncate(image.len() - 64 - 12);
    image.extend(element((0x7fe0, 0x10), "OW", &[0; 200]));
    assert_eq!(from_client(build::store(&image)), ["pixel_length_mismatch"]);
    let out = associated_in(build::JPEG, vec![(ToServer, build::store(&image))]);
    assert_eq!(
        names(&out),
        ["pixel_length_mismatch"],
        "native whatever was agreed"
    );
}

#[test]
fn nonsense_is_told_a_bounded_number_of_times() {
    let nonsense = [pdu(9, b"").repeat(500), pdu(4, &[0; 5])].concat();
    let told = from_client(nonsense);
    assert_eq!(told.len(), 9);
    assert_eq!(told.last().unwrap(), "pdu_length");
    assert!(SPEC.anomalies.len() <= crate::dicom::state::ANOMALIES_ROOM);
}

/// Every anomaly of the list is named in this file.
#[test]
fn every_anomaly_is_tested() {
    let tests = include_str!("anomalies.rs");
    for anomaly in SPEC.anomalies {
        let name = anomaly.name.strip_prefix("dicom.").unwrap();
        assert!(tests.contains(&format!("\"{name}\"")), "{name}");
    }
}
