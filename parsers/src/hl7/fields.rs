//! The PHI class of every HL7 field that is named anywhere here. A field that is not in the table
//! is protected text.
//!
//! From the identifiers of 45 CFR 164.514(b)(2)(i) and the fields of HL7 v2.5 to 2.8 that carry
//! them. Clear are protocol facts, codes, quantities and units.

use crate::catalogue::Path;
use crate::phi::{Class, PhiKind};

/// How a field's class is found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Rule {
    Is(Class),
    /// A code: its identifier is clear; its text, in which programs write what they like, is not.
    Code,
}

const CLEAR: Rule = Rule::Is(Class::Clear);
const ASSET: Rule = Rule::Is(Class::Asset);
const STAFF: Rule = Rule::Is(Class::Staff);
const SECRET: Rule = Rule::Is(Class::Secret);
const NAME: Rule = Rule::Is(Class::Phi(PhiKind::Name));
const MRN: Rule = Rule::Is(Class::Phi(PhiKind::Mrn));
const DATE: Rule = Rule::Is(Class::Phi(PhiKind::Date));
const ACCESSION: Rule = Rule::Is(Class::Phi(PhiKind::Accession));
const CONTROL_ID: Rule = Rule::Is(Class::Phi(PhiKind::ControlId));
const CONTACT: Rule = Rule::Is(Class::Phi(PhiKind::Contact));
const CODE: Rule = Rule::Code;

/// The fields of a segment, by class.
type Segment = (&'static [u8; 3], &'static [(Rule, &'static [u16])]);

/// The class of what a path finds.
pub(super) fn class(path: &Path) -> Class {
    let rule = FIELDS
        .binary_search_by(|(name, _)| (*name).cmp(&path.segment))
        .ok()
        .and_then(|at| FIELDS.get(at))
        .and_then(|(_, rules)| {
            rules
                .iter()
                .find(|(_, fields)| fields.contains(&path.field))
        })
        .map(|(rule, _)| *rule);
    match rule {
        Some(Rule::Is(class)) => class,
        // Identifier and coding system of the code and of its alternate.
        Some(Rule::Code) if matches!(path.component, Some(1 | 3 | 4 | 6)) => Class::Clear,
        _ => Class::Phi(PhiKind::FreeText),
    }
}

/// Sorted by the segment's name.
static FIELDS: &[Segment] = &[
    (b"ACC", &[(DATE, &[1]), (CONTACT, &[3, 11])]),
    (b"AIG", &[(CLEAR, &[1, 2, 14])]),
    (b"AIL", &[(CLEAR, &[1, 2])]),
    (b"AIP", &[(CLEAR, &[1, 2]), (STAFF, &[3])]),
    (b"AIS", &[(CLEAR, &[1, 2, 3, 10])]),
    (b"AL1", &[(CLEAR, &[1, 2, 4]), (DATE, &[6])]),
    (
        b"BHS",
        &[
            (CLEAR, &[1, 2, 3, 4, 5, 6]),
            (DATE, &[7]),
            (SECRET, &[8]),
            (CONTROL_ID, &[11, 12]),
        ],
    ),
    (b"BTS", &[(CLEAR, &[1])]),
    (b"CTD", &[(STAFF, &[2]), (CONTACT, &[3, 5])]),
    (
        b"DEV",
        &[(CLEAR, &[1, 6]), (ASSET, &[2, 3, 4, 7, 8, 9, 10, 11, 12])],
    ),
    (b"DG1", &[(CLEAR, &[1, 2, 6]), (DATE, &[5]), (STAFF, &[16])]),
    (b"EQU", &[(ASSET, &[1]), (CLEAR, &[3, 4, 5])]),
    (b"ERR", &[(CODE, &[1, 3, 5]), (CLEAR, &[2, 4])]),
    (
        b"EVN",
        &[(CLEAR, &[1, 4, 7]), (DATE, &[2, 3, 6]), (STAFF, &[5])],
    ),
    (
        b"FHS",
        &[
            (CLEAR, &[1, 2, 3, 4, 5, 6]),
            (DATE, &[7]),
            (SECRET, &[8]),
            (CONTROL_ID, &[11, 12]),
        ],
    ),
    (
        b"FT1",
        &[
            (CLEAR, &[1, 6, 7, 10, 11]),
            (MRN, &[2, 30]),
            (DATE, &[4, 5]),
            (STAFF, &[20, 21, 24]),
        ],
    ),
    (b"FTS", &[(CLEAR, &[1])]),
    (
        b"GT1",
        &[
            (MRN, &[2, 12, 19]),
            (NAME, &[3, 4, 45]),
            (CONTACT, &[5, 6, 7, 17]),
            (DATE, &[8]),
        ],
    ),
    (b"IAM", &[(CLEAR, &[1, 2, 4, 6])]),
    (
        b"IN1",
        &[
            (CLEAR, &[1]),
            (MRN, &[2, 8, 10, 36, 49]),
            (CONTACT, &[5, 7, 19]),
            (DATE, &[12, 13, 18]),
            (NAME, &[16]),
        ],
    ),
    (b"IN2", &[(MRN, &[1, 2, 6, 8, 25, 26]), (NAME, &[7, 9, 40])]),
    (b"MFE", &[(CLEAR, &[1])]),
    (b"MFI", &[(CLEAR, &[1, 2, 3]), (DATE, &[5, 6])]),
    (b"MRG", &[(MRN, &[1, 2, 3, 4, 5, 6]), (NAME, &[7])]),
    (b"MSA", &[(CLEAR, &[1, 4, 6]), (CONTROL_ID, &[2])]),
    (
        b"MSH",
        &[
            (
                CLEAR,
                &[1, 2, 3, 4, 5, 6, 9, 11, 12, 15, 16, 17, 18, 19, 20, 21],
            ),
            (DATE, &[7]),
            (SECRET, &[8]),
            (CONTROL_ID, &[10, 13]),
        ],
    ),
    (
        b"NK1",
        &[
            (CLEAR, &[1]),
            (NAME, &[2, 30]),
            (CONTACT, &[4, 5, 6, 31, 32]),
            (DATE, &[16]),
            (MRN, &[33, 37]),
        ],
    ),
    (b"NTE", &[(CLEAR, &[1, 2, 4]), (STAFF, &[5])]),
    (
        b"OBR",
        &[
            (CLEAR, &[1, 4, 5, 11, 15, 24, 25, 27]),
            (ACCESSION, &[2, 3, 29, 50]),
            (DATE, &[6, 7, 8, 14, 22, 36]),
            (STAFF, &[10, 16, 28, 32, 33, 34, 35]),
            (CONTACT, &[17]),
        ],
    ),
    (
        b"OBX",
        &[
            (CLEAR, &[1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 17]),
            (DATE, &[12, 14, 19]),
            (STAFF, &[16]),
            (ASSET, &[18]),
        ],
    ),
    (
        b"ORC",
        &[
            (CLEAR, &[1, 5, 6, 16, 29]),
            (ACCESSION, &[2, 3, 4, 8]),
            (DATE, &[9, 15, 27]),
            (STAFF, &[10, 11, 12, 19]),
            (CONTACT, &[14, 22, 23, 24]),
        ],
    ),
    (b"PD1", &[(STAFF, &[4]), (MRN, &[10])]),
    (
        b"PID",
        &[
            (CLEAR, &[1]),
            (MRN, &[2, 3, 4, 18, 19, 20, 21]),
            (NAME, &[5, 6, 9]),
            (DATE, &[7, 29, 33]),
            (CONTACT, &[11, 12, 13, 14, 23, 40]),
        ],
    ),
    (
        b"PR1",
        &[(CLEAR, &[1, 2, 6]), (DATE, &[5]), (STAFF, &[8, 11, 12])],
    ),
    (b"PRA", &[(STAFF, &[1])]),
    (b"PRD", &[(STAFF, &[2]), (CONTACT, &[3, 5])]),
    (
        b"PRT",
        &[
            (CLEAR, &[1, 2, 4]),
            (STAFF, &[5]),
            (ASSET, &[10, 16, 17, 18, 20, 21, 22]),
            (DATE, &[11, 12]),
        ],
    ),
    (
        b"PV1",
        &[
            (CLEAR, &[1, 2, 4, 10, 14, 18, 36]),
            (MRN, &[5, 19, 50]),
            (STAFF, &[7, 8, 9, 17, 52]),
            (DATE, &[44, 45]),
        ],
    ),
    (b"PV2", &[(DATE, &[8, 9, 33]), (CONTACT, &[23])]),
    (b"QAK", &[(CONTROL_ID, &[1]), (CLEAR, &[2, 4, 5, 6])]),
    (b"QPD", &[(CLEAR, &[1]), (CONTROL_ID, &[2])]),
    (
        b"QRD",
        &[
            (DATE, &[1]),
            (CLEAR, &[2, 3, 5, 7, 9]),
            (CONTROL_ID, &[4]),
            (MRN, &[8]),
        ],
    ),
    (b"ROL", &[(STAFF, &[4])]),
    (
        b"RXA",
        &[
            (CLEAR, &[1, 2, 5, 6, 7, 8, 12, 13, 14, 20, 21]),
            (DATE, &[3, 4]),
            (STAFF, &[10]),
        ],
    ),
    (b"RXC", &[(CLEAR, &[1, 2, 3, 4, 5, 6])]),
    (
        b"RXD",
        &[
            (CLEAR, &[1, 2, 4, 5, 6, 8]),
            (DATE, &[3]),
            (ACCESSION, &[7]),
            (STAFF, &[10]),
        ],
    ),
    (
        b"RXE",
        &[
            (
                CLEAR,
                &[
                    2, 3, 4, 5, 6, 10, 11, 12, 16, 17, 18, 22, 23, 24, 25, 26, 39,
                ],
            ),
            (STAFF, &[13, 14]),
            (ACCESSION, &[15]),
        ],
    ),
    (
        b"RXG",
        &[
            (
                CLEAR,
                &[1, 2, 4, 5, 6, 7, 8, 14, 15, 16, 17, 18, 19, 23, 24],
            ),
            (DATE, &[3]),
            (STAFF, &[13]),
        ],
    ),
    (
        b"RXO",
        &[
            (
                CLEAR,
                &[
                    1, 2, 3, 4, 5, 9, 10, 11, 12, 13, 17, 18, 19, 21, 22, 23, 24, 25,
                ],
            ),
            (STAFF, &[14, 15]),
        ],
    ),
    (b"RXR", &[(CLEAR, &[1, 2, 3, 4, 5, 6])]),
    (b"SAC", &[(ACCESSION, &[1, 2, 3, 4]), (CLEAR, &[8])]),
    (
        b"SCH",
        &[
            (ACCESSION, &[1, 2, 26, 27]),
            (CLEAR, &[6, 7, 8, 9, 10, 25]),
            (DATE, &[11]),
            (STAFF, &[12, 16, 20]),
        ],
    ),
    (b"SFT", &[(CLEAR, &[1, 2, 3, 4, 6])]),
    (
        b"SPM",
        &[
            (CLEAR, &[1, 4, 11, 24]),
            (ACCESSION, &[2, 3]),
            (DATE, &[17, 18]),
        ],
    ),
    (b"STF", &[(STAFF, &[1, 2, 3, 4]), (CONTACT, &[10, 11])]),
    (
        b"TQ1",
        &[(CLEAR, &[1, 2, 3, 4, 5, 6, 9, 12, 13, 14]), (DATE, &[7, 8])],
    ),
    (
        b"TXA",
        &[
            (CLEAR, &[1, 2, 3, 17, 18, 19]),
            (DATE, &[4, 6, 7, 8]),
            (STAFF, &[5, 9, 10, 22, 23]),
            (ACCESSION, &[12, 13, 14, 15]),
        ],
    ),
    (b"UAC", &[(CLEAR, &[1]), (SECRET, &[2])]),
];

#[cfg(test)]
pub(super) fn is_sorted() -> bool {
    FIELDS.is_sorted_by(|(a, _), (b, _)| a < b)
}
