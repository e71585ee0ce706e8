//! Everything that can be wrong with DICOM on the wire: a closed set.

use crate::anomalies;

anomalies! {
    /// All of them.
    pub static ALL;
    PDU_TYPE_UNKNOWN = "dicom.pdu_type_unknown", "a PDU of a type that nobody has defined", "PS3.8 9.3.1";
    PDU_LENGTH = "dicom.pdu_length", "a PDU whose length cannot be right for its type", "PS3.8 9.3";
    PDU_OVER_NEGOTIATED_MAX = "dicom.pdu_over_negotiated_max", "a P-DATA-TF longer than its receiver said it can receive", "PS3.8 D.1";
    PDV_LENGTH = "dicom.pdv_length", "a presentation data value that is too short, or longer than its PDU", "PS3.8 9.3.5.1";
    PDV_CONTROL_RESERVED = "dicom.pdv_control_reserved", "a message control header with reserved bits set", "PS3.8 E.2";
    CONTEXT_ID_EVEN = "dicom.context_id_even", "an even presentation context id", "PS3.8 9.3.2.2";
    CONTEXT_ID_UNKNOWN = "dicom.context_id_unknown", "data on a presentation context that was not accepted", "PS3.8 9.3.5.1";
    CONTEXT_ID_DUPLICATE = "dicom.context_id_duplicate", "a presentation context id used twice in one proposal or answer", "PS3.8 9.3.2.2";
    CONTEXT_COUNT = "dicom.context_count", "more than 128 presentation contexts", "PS3.8 9.3.2.2";
    AE_TITLE_EMPTY = "dicom.ae_title_empty", "an AE title of nothing but padding", "PS3.8 9.3.2";
    AE_TITLE_ILLEGAL = "dicom.ae_title_illegal", "an AE title with a control character, a backslash or a byte that is not ASCII", "PS3.5 6.2";
    ASSOCIATION_ITEM_MALFORMED = "dicom.association_item_malformed", "an association item that lies about its length or stops short", "PS3.8 9.3.2";
    ASSOCIATION_ITEM_UNKNOWN = "dicom.association_item_unknown", "an association item of a type that nobody has defined", "PS3.8 9.3.2";
    USER_INFORMATION_MISSING = "dicom.user_information_missing", "an association PDU whose user information is missing or empty", "PS3.8 9.3.2.3";
    MAX_PDU_SMALL = "dicom.max_pdu_small", "a maximum PDU length of 1 to 4095 bytes", "PS3.8 D.1";
    SECOND_ASSOCIATE_RQ = "dicom.second_associate_rq", "a second A-ASSOCIATE-RQ on one connection", "PS3.8 9.2";
    UNEXPECTED_PDU = "dicom.unexpected_pdu", "an answer from the side that asked", "PS3.8 9.2";
    PDATA_BEFORE_ACCEPT = "dicom.pdata_before_accept", "P-DATA-TF before the association was accepted", "PS3.8 9.2";
    DATA_AFTER_RELEASE = "dicom.data_after_release", "a PDU after the association was released or aborted by its sender", "PS3.8 9.2";
    MESSAGE_INTERRUPTED = "dicom.message_interrupted", "another message, or another PDU, within an unfinished message", "PS3.8 E.1";
    DATASET_WITHOUT_COMMAND = "dicom.dataset_without_command", "a dataset that no command announced", "PS3.7 6.3";
    COMMAND_SET_LENGTH = "dicom.command_set_length", "a command set longer than any command needs (8 KiB)", "PS3.7 6.3.1";
    COMMAND_SET_MALFORMED = "dicom.command_set_malformed", "a command set that cannot be read, is out of order or lacks its command or dataset type", "PS3.7 6.3.1";
    COMMAND_UNKNOWN = "dicom.command_unknown", "a command that nobody has defined", "PS3.7 E.1";
    GROUP_LENGTH_MISMATCH = "dicom.group_length_mismatch", "a command group length that is not the command set's", "PS3.7 E.1";
    DATASET_MALFORMED = "dicom.dataset_malformed", "a dataset that cannot be read, or ends within an element or sequence", "PS3.5 7.1";
    ITEM_MALFORMED = "dicom.item_malformed", "an item or element that reaches beyond what it is in, or something else where an item must be", "PS3.5 7.5";
    SEQUENCE_DEPTH = "dicom.sequence_depth", "sequences and items nested more than 32 deep", "PS3.5 7.5";
    VALUE_LENGTH_HUGE = "dicom.value_length_huge", "an element of 2 GiB or more", "PS3.5 7.1";
    PIXEL_LENGTH_MISMATCH = "dicom.pixel_length_mismatch", "native Pixel Data that is more than twice or less than half of what rows, columns, samples, bits and frames multiply to", "PS3.3 C.7.6.3";
}
