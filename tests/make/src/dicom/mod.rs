//! DICOM bytes: upper-layer PDUs (PS3.8), DIMSE messages (PS3.7), data sets (PS3.5).

mod dataset;
mod dimse;
mod pdus;
mod session;

pub use dataset::{Dataset, Syntax, Tag};
pub use dimse::{Command, Dimse, field};
pub use pdus::{
    Associate, Context, abort, p_data, pdata_pdus, pdu, pdv, rejected, release_request,
    release_response,
};
pub use session::Session;

/// Unique identifiers that the captures use.
pub mod uid {
    /// The DICOM application context.
    pub const APPLICATION: &str = "1.2.840.10008.3.1.1.1";
    /// Verification (C-ECHO).
    pub const VERIFICATION: &str = "1.2.840.10008.1.1";
    /// CT Image Storage.
    pub const CT_STORAGE: &str = "1.2.840.10008.5.1.4.1.1.2";
    /// MR Image Storage.
    pub const MR_STORAGE: &str = "1.2.840.10008.5.1.4.1.1.4";
    /// Encapsulated PDF Storage.
    pub const PDF_STORAGE: &str = "1.2.840.10008.5.1.4.1.1.104.1";
    /// Patient Root Query/Retrieve, FIND.
    pub const PATIENT_FIND: &str = "1.2.840.10008.5.1.4.1.2.1.1";
    /// Study Root Query/Retrieve, FIND.
    pub const STUDY_FIND: &str = "1.2.840.10008.5.1.4.1.2.2.1";
    /// Study Root Query/Retrieve, MOVE.
    pub const STUDY_MOVE: &str = "1.2.840.10008.5.1.4.1.2.2.2";
    /// Study Root Query/Retrieve, GET.
    pub const STUDY_GET: &str = "1.2.840.10008.5.1.4.1.2.2.3";
    /// Modality Worklist, FIND.
    pub const WORKLIST_FIND: &str = "1.2.840.10008.5.1.4.31";
    /// Modality Performed Procedure Step.
    pub const MPPS: &str = "1.2.840.10008.3.1.2.3.3";
    /// Storage Commitment Push Model.
    pub const COMMITMENT: &str = "1.2.840.10008.1.20.1";
    /// The well-known instance of Storage Commitment.
    pub const COMMITMENT_INSTANCE: &str = "1.2.840.10008.1.20.1.1";
    /// Implicit VR Little Endian.
    pub const IMPLICIT_LE: &str = "1.2.840.10008.1.2";
    /// Explicit VR Little Endian.
    pub const EXPLICIT_LE: &str = "1.2.840.10008.1.2.1";
    /// Explicit VR Big Endian (retired).
    pub const EXPLICIT_BE: &str = "1.2.840.10008.1.2.2";
    /// JPEG Baseline.
    pub const JPEG: &str = "1.2.840.10008.1.2.4.50";
    /// The implementation class of the devices in the written captures.
    pub const IMPLEMENTATION: &str = "1.2.826.0.1.3680043.9.7777.1";
}
