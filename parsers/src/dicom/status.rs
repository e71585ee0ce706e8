//! Codes in words: commands, statuses, and why associations are refused or aborted.

/// The command of a Command Field (PS3.7 E.1), as rules write it.
pub(super) const fn command(field: u16) -> &'static str {
    match field {
        0x0001 => "C-STORE-RQ",
        0x8001 => "C-STORE-RSP",
        0x0010 => "C-GET-RQ",
        0x8010 => "C-GET-RSP",
        0x0020 => "C-FIND-RQ",
        0x8020 => "C-FIND-RSP",
        0x0021 => "C-MOVE-RQ",
        0x8021 => "C-MOVE-RSP",
        0x0030 => "C-ECHO-RQ",
        0x8030 => "C-ECHO-RSP",
        0x0fff => "C-CANCEL-RQ",
        0x0100 => "N-EVENT-REPORT-RQ",
        0x8100 => "N-EVENT-REPORT-RSP",
        0x0110 => "N-GET-RQ",
        0x8110 => "N-GET-RSP",
        0x0120 => "N-SET-RQ",
        0x8120 => "N-SET-RSP",
        0x0130 => "N-ACTION-RQ",
        0x8130 => "N-ACTION-RSP",
        0x0140 => "N-CREATE-RQ",
        0x8140 => "N-CREATE-RSP",
        0x0150 => "N-DELETE-RQ",
        0x8150 => "N-DELETE-RSP",
        _ => "unknown",
    }
}

/// Whether a command is one of the three whose dataset is query keys (PS3.7 9.1).
pub(super) const fn is_query(field: u16) -> bool {
    matches!(field, 0x0010 | 0x0020 | 0x0021)
}

/// The kind of a status (PS3.7 C.1 and on, PS3.4 for the ranges of service classes).
pub(super) const fn class(status: u16) -> &'static str {
    match status {
        0x0000 => "success",
        0x0001 | 0x0107 | 0x0116 | 0xb000..=0xbfff => "warning",
        0xfe00 => "cancel",
        0xff00 | 0xff01 => "pending",
        _ => "failure",
    }
}

/// A status in words. Codes of service classes mean different things under different commands.
pub(super) const fn text(field: u16, status: u16) -> &'static str {
    match (field & 0x7fff, status) {
        (0x0001, _) => store(status),
        (0x0010 | 0x0020 | 0x0021, _) => retrieve(status),
        _ => general(status),
    }
}

/// C-STORE (PS3.4 B.2.3).
const fn store(status: u16) -> &'static str {
    match status {
        0xa700..=0xa7ff => "out of resources",
        0xa900..=0xa9ff => "dataset does not match SOP class",
        0xc000..=0xcfff => "cannot understand",
        0xb000 => "coercion of data elements",
        0xb006 => "elements discarded",
        0xb007 => "dataset does not match SOP class, stored",
        _ => general(status),
    }
}

/// C-FIND, C-MOVE and C-GET (PS3.4 C.4, K.4).
const fn retrieve(status: u16) -> &'static str {
    match status {
        0xa700 => "out of resources",
        0xa701 => "out of resources, cannot count matches",
        0xa702 => "out of resources, cannot perform sub-operations",
        0xa801 => "move destination unknown",
        0xa900..=0xa9ff => "identifier does not match SOP class",
        0xaa00 => "none of the frames requested were found",
        0xaa01 => "cannot create new object for this SOP class",
        0xaa02 => "cannot extract frames",
        0xaa03 => "time-based request for a non-time-based object",
        0xaa04 => "invalid request",
        0xb000 => "sub-operations complete, with failures or warnings",
        0xc000..=0xcfff => "unable to process",
        0xff01 => "pending, optional keys not supported",
        _ => general(status),
    }
}

/// The codes of PS3.7 Annex C, and those of other service classes that are unambiguous.
const fn general(status: u16) -> &'static str {
    match status {
        0x0000 => "success",
        0x0001 => "requested optional attributes are not supported",
        0x0105 => "no such attribute",
        0x0106 => "invalid attribute value",
        0x0107 => "attribute list error",
        0x0110 => "processing failure",
        0x0111 => "duplicate SOP instance",
        0x0112 => "no such SOP instance",
        0x0113 => "no such event type",
        0x0114 => "no such argument",
        0x0115 => "invalid argument value",
        0x0116 => "attribute value out of range",
        0x0117 => "invalid SOP instance",
        0x0118 => "no such SOP class",
        0x0119 => "class-instance conflict",
        0x0120 => "missing attribute",
        0x0121 => "missing attribute value",
        0x0122 => "SOP class not supported",
        0x0123 => "no such action type",
        0x0124 => "not authorised",
        0x0131 => "duplicate transaction UID",
        0x0210 => "duplicate invocation",
        0x0211 => "unrecognised operation",
        0x0212 => "mistyped argument",
        0x0213 => "resource limitation",
        0xfe00 => "cancelled",
        0xff00 | 0xff01 => "pending",
        0xa700..=0xa7ff => "out of resources",
        0xb000..=0xbfff => "warning of the service class",
        0xc000..=0xcfff => "failure of the service class",
        _ => "unknown",
    }
}

/// Priority (0000,0700) (PS3.7 E.1).
pub(super) const fn priority(value: u16) -> &'static str {
    match value {
        0 => "medium",
        1 => "high",
        2 => "low",
        _ => "unknown",
    }
}

/// Result of a presentation context (PS3.8 Table 9-18).
pub(super) const fn context_result(result: u8) -> &'static str {
    match result {
        0 => "acceptance",
        1 => "user-rejection",
        2 => "no-reason",
        3 => "abstract-syntax-not-supported",
        4 => "transfer-syntaxes-not-supported",
        _ => "unknown",
    }
}

/// Result of an A-ASSOCIATE-RJ (PS3.8 Table 9-21).
pub(super) const fn reject_result(result: u8) -> &'static str {
    match result {
        1 => "rejected-permanent",
        2 => "rejected-transient",
        _ => "unknown",
    }
}

/// Source of an A-ASSOCIATE-RJ (PS3.8 Table 9-21).
pub(super) const fn reject_source(source: u8) -> &'static str {
    match source {
        1 => "service-user",
        2 => "service-provider-acse",
        3 => "service-provider-presentation",
        _ => "unknown",
    }
}

/// Reason of an A-ASSOCIATE-RJ: its meaning depends on the source (PS3.8 Table 9-21).
pub(super) const fn reject_reason(source: u8, reason: u8) -> &'static str {
    match (source, reason) {
        (1 | 2, 1) => "no-reason-given",
        (1, 2) => "application-context-name-not-supported",
        (1, 3) => "calling-ae-title-not-recognised",
        (1, 7) => "called-ae-title-not-recognised",
        (2, 2) => "protocol-version-not-supported",
        (3, 1) => "temporary-congestion",
        (3, 2) => "local-limit-exceeded",
        _ => "reserved",
    }
}

/// Source of an A-ABORT (PS3.8 Table 9-26).
pub(super) const fn abort_source(source: u8) -> &'static str {
    match source {
        0 => "service-user",
        2 => "service-provider",
        _ => "reserved",
    }
}

/// Reason of an A-ABORT; only the provider gives one (PS3.8 Table 9-26).
pub(super) const fn abort_reason(source: u8, reason: u8) -> Option<&'static str> {
    if source != 2 {
        return None;
    }
    Some(match reason {
        0 => "reason-not-specified",
        1 => "unrecognised-pdu",
        2 => "unexpected-pdu",
        4 => "unrecognised-pdu-parameter",
        5 => "unexpected-pdu-parameter",
        6 => "invalid-pdu-parameter-value",
        _ => "reserved",
    })
}

/// Type of user identity (PS3.7 D.3.3.7.1).
pub(super) const fn user_identity(kind: u8) -> &'static str {
    match kind {
        1 => "username",
        2 => "username_passcode",
        3 => "kerberos",
        4 => "saml",
        5 => "jwt",
        _ => "unknown",
    }
}
