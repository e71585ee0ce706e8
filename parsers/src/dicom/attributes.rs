//! The attributes that are kept of a dataset, and the value representations of those that are not.

use dicom_core::VR;
use dicom_core::dictionary::{DataDictionary, VirtualVr};
use dicom_dictionary_std::StandardDataDictionary;

use super::wire::Tag;
use crate::catalogue::FieldIx;
use crate::kinds::dicom as field;

/// One attribute whose value is kept.
pub(super) struct Attribute {
    pub(super) tag: Tag,
    /// The field that it is of an object.
    pub(super) object: Option<FieldIx>,
    /// The field that it is of a query's keys.
    pub(super) query: Option<FieldIx>,
    /// Whether it counts inside the step sequences of worklists and performed steps as well.
    pub(super) in_step: bool,
    /// Whether its text is in the Specific Character Set (PS3.5 6.1.2.2).
    pub(super) charset: bool,
}

macro_rules! attributes {
    ($( $place:ident = ($group:literal, $element:literal), $object:expr, $query:expr, step: $step:literal, charset: $charset:literal; )*) => {
        #[expect(non_camel_case_types, clippy::upper_case_acronyms, reason = "they name constants")]
        enum Place { $( $place, )* COUNT }
        /// How many attributes are kept.
        pub(super) const COUNT: usize = Place::COUNT as usize;
        /// Places in [`ATTRIBUTES`].
        pub(super) mod at {
            $( #[allow(dead_code, clippy::allow_attributes, reason = "most are reached by the table")]
               pub(in super::super) const $place: usize = super::Place::$place as usize; )*
        }
        /// Every attribute that is kept, by tag.
        pub(super) static ATTRIBUTES: [Attribute; COUNT] = [ $( Attribute {
            tag: Tag($group, $element), object: $object, query: $query, in_step: $step, charset: $charset,
        }, )* ];
    };
}

attributes! {
    CHARSET = (0x0008, 0x0005), Some(field::CHARSET), Some(field::CHARSET), step: false, charset: false;
    SOP_CLASS = (0x0008, 0x0016), None, None, step: false, charset: false;
    SOP_INSTANCE = (0x0008, 0x0018), Some(field::SOP_INSTANCE_DATASET), Some(field::SOP_INSTANCE_DATASET), step: false, charset: false;
    STUDY_DATE = (0x0008, 0x0020), None, Some(field::QUERY_STUDY_DATE), step: false, charset: false;
    ACCESSION = (0x0008, 0x0050), Some(field::ACCESSION), Some(field::QUERY_ACCESSION), step: true, charset: true;
    LEVEL = (0x0008, 0x0052), None, Some(field::QUERY_LEVEL), step: false, charset: false;
    MODALITY = (0x0008, 0x0060), Some(field::MODALITY), Some(field::QUERY_MODALITY), step: true, charset: false;
    MODALITIES = (0x0008, 0x0061), None, Some(field::QUERY_MODALITY), step: false, charset: false;
    MANUFACTURER = (0x0008, 0x0070), Some(field::MANUFACTURER), None, step: false, charset: true;
    INSTITUTION = (0x0008, 0x0080), Some(field::INSTITUTION), None, step: false, charset: true;
    STATION = (0x0008, 0x1010), Some(field::STATION), None, step: false, charset: true;
    OPERATORS = (0x0008, 0x1070), Some(field::OPERATORS), None, step: false, charset: true;
    MODEL = (0x0008, 0x1090), Some(field::MODEL), None, step: false, charset: true;
    RETRIEVE_URL = (0x0008, 0x1190), Some(field::RETRIEVE_URL), None, step: false, charset: false;
    TRANSACTION_UID = (0x0008, 0x1195), Some(field::TRANSACTION_UID), None, step: false, charset: false;
    PATIENT_NAME = (0x0010, 0x0010), Some(field::PATIENT_NAME), Some(field::QUERY_PATIENT_NAME), step: false, charset: true;
    PATIENT_ID = (0x0010, 0x0020), Some(field::PATIENT_ID), Some(field::QUERY_PATIENT_ID), step: false, charset: true;
    BIRTH_DATE = (0x0010, 0x0030), Some(field::BIRTH_DATE), Some(field::QUERY_BIRTH_DATE), step: false, charset: false;
    TRIAL_PROTOCOL = (0x0012, 0x0020), Some(field::TRIAL_PROTOCOL), None, step: false, charset: true;
    TRIAL_SUBJECT = (0x0012, 0x0040), Some(field::TRIAL_SUBJECT), None, step: false, charset: true;
    IDENTITY_REMOVED = (0x0012, 0x0062), Some(field::IDENTITY_REMOVED), None, step: false, charset: false;
    SERIAL = (0x0018, 0x1000), Some(field::SERIAL), None, step: false, charset: true;
    SOFTWARE = (0x0018, 0x1020), Some(field::SOFTWARE), None, step: false, charset: true;
    STUDY_UID = (0x0020, 0x000d), Some(field::STUDY_UID), Some(field::QUERY_STUDY_UID), step: true, charset: false;
    SERIES_UID = (0x0020, 0x000e), Some(field::SERIES_UID), Some(field::SERIES_UID), step: false, charset: false;
    SAMPLES = (0x0028, 0x0002), None, None, step: false, charset: false;
    FRAMES = (0x0028, 0x0008), None, None, step: false, charset: false;
    ROWS = (0x0028, 0x0010), None, None, step: false, charset: false;
    COLUMNS = (0x0028, 0x0011), None, None, step: false, charset: false;
    BITS_ALLOCATED = (0x0028, 0x0100), None, None, step: false, charset: false;
    BURNED_IN = (0x0028, 0x0301), Some(field::BURNED_IN), None, step: false, charset: false;
    STATION_AE = (0x0040, 0x0001), None, Some(field::QUERY_STATION_AE), step: true, charset: false;
    SCHEDULED_DATE = (0x0040, 0x0002), None, Some(field::QUERY_SCHEDULED_DATE), step: true, charset: false;
    STEP_STATUS = (0x0040, 0x0252), Some(field::STEP_STATUS), None, step: false, charset: false;
}

/// Where an attribute's value is kept, if it is.
pub(super) fn place(tag: Tag) -> Option<usize> {
    ATTRIBUTES
        .binary_search_by_key(&(tag.0, tag.1), |kept| (kept.tag.0, kept.tag.1))
        .ok()
}

/// Whether a sequence is one of the steps in which some attributes count as well: scheduled, and
/// those of a performed step that refer to it.
pub(super) const fn is_step(tag: Tag) -> bool {
    matches!(tag, Tag(0x0040, 0x0100 | 0x0270))
}

/// What a value representation means for the reader.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Sort {
    /// Items with elements in them.
    Sequence,
    /// UIDs.
    Uids,
    /// Bytes in which anything may hide.
    Bytes,
    /// Everything else.
    Other,
}

/// Of a value representation on the wire.
pub(super) const fn sort(vr: [u8; 2]) -> Sort {
    match &vr {
        b"SQ" => Sort::Sequence,
        b"UI" => Sort::Uids,
        b"OB" | b"OD" | b"OF" | b"OL" | b"OV" | b"OW" | b"UN" => Sort::Bytes,
        _ => Sort::Other,
    }
}

/// Of an attribute whose value representation is not on the wire, by the dictionary.
pub(super) fn sort_of(tag: Tag) -> Sort {
    let Some(entry) = StandardDataDictionary.by_tag(dicom_core::Tag(tag.0, tag.1)) else {
        return Sort::Bytes;
    };
    match entry.vr {
        VirtualVr::Exact(VR::SQ) => Sort::Sequence,
        VirtualVr::Exact(VR::UI) => Sort::Uids,
        VirtualVr::Exact(VR::OB | VR::OD | VR::OF | VR::OL | VR::OV | VR::OW | VR::UN)
        | VirtualVr::Ox
        | VirtualVr::Px => Sort::Bytes,
        _ => Sort::Other,
    }
}
