use std::collections::BTreeMap;

use super::make::{Make, open, put};
use crate::config::{Config, Suppression};
use crate::error::Error;
use crate::ruleset::{self, Loaded};
use crate::store::preview::{self, Preview};
use crate::store::{Store, Verdict, incidents};
use crate::testing;

fn suppression(when: Option<&str>, fields: &[(&str, &str)]) -> Suppression {
    let one = |(name, value): &(&str, &str)| ((*name).to_owned(), vec![(*value).to_owned()]);
    Suppression {
        rule: "dicom-cfind-wildcard-mass".to_owned(),
        when: when.map(str::to_owned),
        fields: fields.iter().map(one).collect::<BTreeMap<_, _>>(),
        owner: "radiology".to_owned(),
        reason: "migration".to_owned(),
        expires: "2031-01-31".to_owned(),
    }
}

/// The rules with this suppression and no other.
fn compile(suppression: Suppression) -> Result<Loaded, Error> {
    ruleset::load(&Config {
        suppressions: vec![suppression],
        ..Config::default()
    })
}

fn preview_of(store: &Store, suppression: Suppression) -> Preview {
    let loaded = compile(suppression).unwrap();
    store
        .read(|conn| preview::preview(conn, &loaded.ruleset, "dicom-cfind-wildcard-mass", 0))
        .unwrap()
}

#[test]
fn a_preview_counts_what_the_suppression_would_have_hidden() {
    let store = open(&testing::dir("preview"));
    let alerts = (0..30).map(|n| Make {
        n,
        src: 0x0a00_0000 + u32::try_from(n % 3).unwrap(),
        ..Make::default()
    });
    put(&store, alerts);
    let id = Make {
        n: 1,
        ..Make::default()
    }
    .id();
    store
        .write(move |change| incidents::judge_alert(change, &id, Verdict::True, "user:anna"))
        .unwrap();
    let hidden = |when, fields: &[_]| preview_of(&store, suppression(when, fields)).hidden;
    let found = preview_of(&store, suppression(None, &[("src_ip", "10.0.0.1")]));
    assert_eq!((found.alerts, found.hidden, found.hidden_true), (30, 10, 1));
    assert_eq!(found.newest.len(), 10);
    assert_eq!(hidden(None, &[("src_ip", "10.0.0.0/31")]), 20);
    assert_eq!(
        hidden(
            None,
            &[("src_ip", "10.0.0.1"), ("dicom.calling_ae", "FINDSCU")]
        ),
        10
    );
    assert_eq!(hidden(Some("dicom.calling_ae == \"OTHER\""), &[]), 0);
    assert_eq!(
        hidden(
            Some("vlan == 30 and app_proto == \"dicom\" and dest_port == 104"),
            &[]
        ),
        30
    );
    assert_eq!(
        hidden(
            Some("ether.src_mac == 00:00:5e:00:53:01 and proto == \"TCP\""),
            &[]
        ),
        30
    );
    let wrong = compile(suppression(Some("dicom.nosuch == 1"), &[]));
    assert!(wrong.unwrap_err().to_string().contains("nosuch"));
}
