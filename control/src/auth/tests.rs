//! Sessions and tokens end when they have to.

use super::secret::Secret;
use super::sessions::{self, Limits};
use super::tokens::{self, New};
use super::users::{self, Edit};
use super::{Permission, Permissions};
use crate::store::tests::make::open;
use crate::store::{Error, words};
use crate::testing;

const MINUTE: i64 = 60_000_000;

#[test]
fn what_is_over_lets_nobody_in() {
    let store = open(&testing::dir("sessions"));
    let address = "10.0.0.1".parse().unwrap();
    let (cookie, secret) = (Secret::random().unwrap(), Secret::random().unwrap());
    let limits = |idle, total| Limits {
        idle: idle * MINUTE,
        total: total * MINUTE,
    };
    let began = words::now();
    let (of_session, of_token) = (cookie.clone(), secret.clone());
    let begin = store.write(move |change| {
        let user = users::create_first(change, "anna", "x")?;
        sessions::begin(change, &user, &of_session, address, limits(10, 60))?;
        let found = sessions::find(change, &of_session, address, limits(10, 60), began)?;
        let scopes: Permissions = [Permission::Read].into_iter().collect();
        let new = New {
            name: "t".to_owned(),
            scopes,
            expires: began + 60 * MINUTE,
        };
        let owner = found.ok_or_else(|| Error::Missing("session".to_owned()))?;
        tokens::create(change, &owner.caller, &of_token, &new)
    });
    begin.unwrap();
    let session = |limits, minutes: i64| {
        let at = began + minutes * MINUTE;
        let found = store.read(|conn| sessions::find(conn, &cookie, address, limits, at));
        found.unwrap().is_some()
    };
    assert!(
        session(limits(10, 60), 9) && !session(limits(10, 60), 11),
        "not used"
    );
    assert!(
        session(limits(90, 60), 59) && !session(limits(90, 60), 61),
        "in any case"
    );
    let token = |minutes: i64| {
        let at = began + minutes * MINUTE;
        let found = store.read(|conn| tokens::find(conn, &secret, address, at));
        found.unwrap().is_some()
    };
    assert!(token(59) && !token(61));
    let off = Edit {
        enabled: Some(false),
        ..Edit::default()
    };
    let (anna, bert) = ("anna", "bert");
    let edit = store.write(move |change| {
        users::create(change, bert, super::Role::Admin, "x", "system")?;
        users::edit(change, anna, &off, "system")
    });
    edit.unwrap();
    assert!(
        !session(limits(10, 60), 1) && !token(1),
        "who may not log in"
    );
}
