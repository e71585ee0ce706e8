//! `hl7`: one HL7 v2 message.

use crate::kind;
use crate::phi::{Class, PhiKind};

kind! {
    /// One HL7 v2 message; `hl7.pid.3`, `hl7.obx[*].5` and the like look into it.
    pub static KIND = 8, "hl7", "an HL7 v2 message", medical: true, paths: Some(&crate::hl7::PATHS);
    MESSAGE_TYPE = "message_type": Text, Class::Clear, "MSH-9.1, as ADT", "HL7 v2.5 2.15.9.9";
    TRIGGER = "trigger": Text, Class::Clear, "MSH-9.2, as A01", "HL7 v2.5 2.15.9.9";
    STRUCTURE = "structure": Text, Class::Clear, "MSH-9.3", "HL7 v2.5 2.15.9.9";
    NAME = "name": Word, Class::Clear, "what the message type is for", "HL7 v2.5 A";
    CONTROL_ID = "control_id": Text, Class::Phi(PhiKind::ControlId), "MSH-10", "HL7 v2.5 2.15.9.10";
    PROCESSING_ID = "processing_id": Text, Class::Clear, "MSH-11", "HL7 v2.5 2.15.9.11";
    VERSION = "version": Text, Class::Clear, "MSH-12", "HL7 v2.5 2.15.9.12";
    CHARSET = "charset": Text, Class::Clear, "MSH-18", "HL7 v2.5 2.15.9.18";
    PROFILE = "profile": Text, Class::Clear, "MSH-21, the first conformance profile", "HL7 v2.5 2.15.9.21";
    SENDING_APPLICATION = "sending_application": Text, Class::Clear, "MSH-3.1", "HL7 v2.5 2.15.9.3";
    SENDING_FACILITY = "sending_facility": Text, Class::Clear, "MSH-4.1", "HL7 v2.5 2.15.9.4";
    RECEIVING_APPLICATION = "receiving_application": Text, Class::Clear, "MSH-5.1", "HL7 v2.5 2.15.9.5";
    RECEIVING_FACILITY = "receiving_facility": Text, Class::Clear, "MSH-6.1", "HL7 v2.5 2.15.9.6";
    SEGMENTS = "segments": TextList, Class::Clear, "names of the segments, in order", "HL7 v2.5 2.5.2";
    SEGMENT_COUNT = "segment_count": Int, Class::Clear, "how many segments, also where not all are listed", "HL7 v2.5 2.5.2";
    BYTES = "bytes": Int, Class::Clear, "bytes between the framing bytes", "MLLP R1";
    BATCH = "batch": Bool, Class::Clear, "whether it came in a batch", "HL7 v2.5 2.10.3";
    FRAMED = "framed": Bool, Class::Clear, "whether start block, end block and carriage return were all there", "MLLP R1";
    PATIENT_ID = "patient_id": Text, Class::Phi(PhiKind::Mrn), "PID-3.1, first repetition", "HL7 v2.5 3.4.2.3";
    PATIENT_NAME = "patient_name": Text, Class::Phi(PhiKind::Name), "PID-5, first repetition", "HL7 v2.5 3.4.2.5";
    VISIT = "visit": Text, Class::Phi(PhiKind::Mrn), "PV1-19", "HL7 v2.5 3.4.3.19";
    MERGED_PATIENT_ID = "merged_patient_id": Text, Class::Phi(PhiKind::Mrn), "MRG-1", "HL7 v2.5 3.4.9.1";
    ORDER_CONTROL = "order_control": Text, Class::Clear, "ORC-1, first", "HL7 v2.5 4.5.1.1";
    PLACER_ORDER = "placer_order": Text, Class::Phi(PhiKind::Accession), "ORC-2 or OBR-2, first", "HL7 v2.5 4.5.1.2";
    FILLER_ORDER = "filler_order": Text, Class::Phi(PhiKind::Accession), "ORC-3 or OBR-3, first", "HL7 v2.5 4.5.1.3";
    OBSERVATIONS = "observations": Int, Class::Clear, "OBX segments", "HL7 v2.5 7.4.2";
    RESULT_STATUSES = "result_statuses": TextList, Class::Clear, "distinct OBX-11", "HL7 v2.5 7.4.2.11";
    BODY_DIGEST = "body_digest": Text, Class::Phi(PhiKind::FreeText), "digest of the message without MSH-7 and MSH-10: the same for a message that is sent again; absent where bytes are missing", "";
    INJECTED = "injected": Text, Class::Clear, "a segment name that appears inside a field once escapes are resolved, with the segment that holds it, as OBX in PID", "";
    EMBEDDED = "embedded": Word, Class::Clear, "pe, elf, macho, cab, ole, script, zip, pdf where a field starts like one", "";
    ACK_CODE = "ack_code": Text, Class::Clear, "MSA-1 of an acknowledgment", "HL7 v2.5 2.15.8.1";
    ACK_TO = "ack_to": Text, Class::Phi(PhiKind::ControlId), "MSA-2, the message that it answers", "HL7 v2.5 2.15.8.2";
    ACK_TEXT = "ack_text": Text, Class::Phi(PhiKind::FreeText), "MSA-3", "HL7 v2.5 2.15.8.3";
    ERROR_CODES = "error_codes": TextList, Class::Clear, "ERR-3.1 and ERR-5.1", "HL7 v2.5 2.15.5";
    TRUNCATED = "truncated": Bool, Class::Clear, "whether bytes of the message were missed by the capture", "";
    BYTES_LEFT_OUT = "bytes_left_out": Int, Class::Clear, "bytes of long values that were counted but not kept, so that rules cannot look into them", "";
}
