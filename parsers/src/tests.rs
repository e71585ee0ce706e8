//! The catalogue keeps its own rules.

use std::collections::HashSet;

use crate::kinds;
use crate::phi::{Class, PhiKind, Pseudonymizer};

#[test]
fn a_kind_has_the_id_of_its_place() {
    for (place, kind) in kinds::ALL.iter().enumerate() {
        assert_eq!(kind.id.index(), place, "{}", kind.name);
    }
}

#[test]
fn every_field_has_one_name_below_its_kind() {
    let mut seen = HashSet::new();
    for kind in kinds::ALL {
        for field in kind.fields {
            assert!(seen.insert(field.name), "{} twice", field.name);
            assert!(
                field.name.starts_with(&format!("{}.", kind.name)),
                "{}",
                field.name
            );
        }
    }
}

/// The renderer opens an object once: fields of one object stand together.
#[test]
fn fields_of_one_object_stand_together() {
    for kind in kinds::ALL {
        let mut closed = HashSet::new();
        let mut open = "";
        for field in kind.fields {
            let (object, _) = field.name.rsplit_once('.').unwrap();
            if object != open {
                let left = !object.starts_with(&format!("{open}."));
                if left && !open.is_empty() {
                    closed.insert(open);
                }
                assert!(
                    !closed.contains(object) || object == kind.name,
                    "{}",
                    field.name
                );
                open = object;
            }
        }
    }
}

#[test]
fn one_patient_has_one_pseudonym_in_dicom_and_hl7() {
    let site = Pseudonymizer::new(&[7; 32]);
    let mrn = Class::Phi(PhiKind::Mrn);
    let name = Class::Phi(PhiKind::Name);
    assert_eq!(
        site.of_value(mrn, b"12345 "),
        site.of_value(mrn, b"12345^^^HOSP^MR")
    );
    assert_eq!(
        site.of_value(name, b"Doe^Jane^Q^^Dr"),
        site.of_value(name, b"DOE&VAN^JANE^")
    );
    assert_ne!(site.of_value(name, b"12345"), site.of_value(mrn, b"12345"));
    let other = Pseudonymizer::new(&[8; 32]);
    assert_ne!(site.of_value(mrn, b"12345"), other.of_value(mrn, b"12345"));
    let shown = site.of_value(mrn, b"12345").to_string();
    assert_eq!(shown.len(), "mrn:".len() + 24);
}

/// The fuzz targets' bodies hold on what they start from.
#[test]
fn samples_are_sound_fuzz_inputs() {
    for row in 0..crate::PROTOCOLS.len() {
        let seed = crate::fuzzing::seed(u8::try_from(row).unwrap()).unwrap();
        crate::fuzzing::protocol(&seed);
        crate::fuzzing::split(&seed);
    }
}
