//! `pump`: one observation, order or alarm of one infusion pump channel, whatever carried it.

use crate::kind;
use crate::phi::{Class, PhiKind};

kind! {
    /// One observation, order or alarm of one pump channel. It says what the wire carried, never
    /// what a pump or a patient did.
    pub static KIND = 9, "pump", "an observation, order or alarm of one pump channel", medical: true, paths: None;
    SOURCE = "source": Word, Class::Clear, "pcd-01, pcd-03, pcd-04, pcd-10, or a vendor's protocol", "IHE DEV TF-2";
    ACTION = "action": Word, Class::Clear, "report, program, start, stop, complete, alarm, alarm_end, event or response", "";
    DEVICE = "device": Text, Class::Asset, "device identifier: OBX-18.1, else its EUI-64, else what MSH-3 names", "IHE DEV TF-2 B.8";
    DEVICE_EUI64 = "device_eui64": Text, Class::Asset, "EUI-64 of the device, or of the gateway or maker that names it; often not the pump's own", "IHE DEV TF-2 B.8";
    DEVICE_TYPE = "device_type": Text, Class::Clear, "MDC code of the device, as MDC_DEV_PUMP_INFUS_LVP_MDS", "IEEE 11073-10101";
    CHANNEL = "channel": Text, Class::Clear, "device, subsystem and channel in OBX-4, as 1.1.2", "IHE DEV TF-2 B.8";
    CHANNEL_LABEL = "channel_label": Text, Class::Clear, "what the pump calls the channel", "MDC_DEV_PUMP_SOURCE_CHANNEL_LABEL";
    VENDOR = "vendor": Text, Class::Asset, "manufacturer", "";
    MODEL = "model": Text, Class::Asset, "model", "MDC_ATTR_ID_MODEL";
    SERIAL = "serial": Text, Class::Asset, "serial number", "";
    SOFTWARE = "software": Text, Class::Asset, "software version", "";
    SENDING_APPLICATION = "sending_application": Text, Class::Clear, "MSH-3.1: the programmer of an order, the gateway of a report", "HL7 v2.6 2.14.9.3";
    CONTROL_ID = "control_id": Text, Class::Phi(PhiKind::ControlId), "MSH-10 of the message", "HL7 v2.6 2.14.9.10";
    CARE_UNIT = "care_unit": Text, Class::Phi(PhiKind::FreeText), "PV1-3.1, the ward", "HL7 v2.6 3.4.3.3";
    PATIENT_ID = "patient_id": Text, Class::Phi(PhiKind::Mrn), "PID-3.1", "HL7 v2.6 3.4.2.3";
    ORDER = "order": Text, Class::Phi(PhiKind::Accession), "placer order number", "HL7 v2.6 4.5.1.2";
    ORDER_CONTROL = "order_control": Text, Class::Clear, "ORC-1: RE new, XO change, CH bolus", "IHE DEV TF-2 3.3";
    DRUG = "drug": Text, Class::Clear, "drug, as named on the wire", "MDC_DRUG_NAME_TYPE";
    DRUG_CODE = "drug_code": Text, Class::Clear, "drug's code", "RXG-4.1";
    ROUTE = "route": Text, Class::Clear, "route of an order, as IV", "RXR-1";
    CARE_AREA = "care_area": Text, Class::Clear, "care area of the drug library", "MDC_PUMP_DRUG_LIBRARY_CARE_AREA";
    LIBRARY = "library": Text, Class::Clear, "name of the drug library", "184520";
    LIBRARY_VERSION = "library_version": Text, Class::Clear, "version of the drug library", "MDC_PUMP_DRUG_LIBRARY_VERSION";
    RATE = "rate_ml_per_h": Decimal, Class::Clear, "rate, ml/h", "MDC_FLOW_FLUID_PUMP";
    DOSE = "dose": Decimal, Class::Clear, "dose or dose rate, in dose_unit", "MDC_RATE_DOSE";
    DOSE_UNIT = "dose_unit": Text, Class::Clear, "UCUM unit of dose", "";
    VTBI = "vtbi_ml": Decimal, Class::Clear, "volume to be infused, ml", "MDC_VOL_FLUID_TBI";
    VTBI_REMAINING = "vtbi_remaining_ml": Decimal, Class::Clear, "volume still to be infused, ml", "MDC_VOL_FLUID_TBI_REMAIN";
    VOLUME_DELIVERED = "volume_delivered_ml": Decimal, Class::Clear, "volume delivered, ml", "MDC_VOL_FLUID_DELIV";
    CONCENTRATION = "concentration": Decimal, Class::Clear, "concentration, in concentration_unit", "MDC_CONC_DRUG";
    CONCENTRATION_UNIT = "concentration_unit": Text, Class::Clear, "UCUM unit of concentration", "";
    WEIGHT = "weight_kg": Decimal, Class::Phi(PhiKind::FreeText), "patient's weight, kg", "MDC_ATTR_PT_WEIGHT";
    DURATION = "duration_s": Decimal, Class::Clear, "programmed duration, seconds", "TQ1-13";
    TIME_REMAINING = "time_remaining_s": Decimal, Class::Clear, "time left, seconds", "MDC_TIME_PD_REMAIN";
    UNIT_UNKNOWN = "unit_unknown": Bool, Class::Clear, "true if a rate, dose or volume to be infused had no unit, an unknown one, or two that differ", "";
    STATUS = "status": Text, Class::Clear, "status, as pump-status-infusing", "MDC_PUMP_STAT";
    MODE = "mode": Text, Class::Clear, "delivery mode", "MDC_PUMP_MODE";
    DELIVERY = "delivery": Text, Class::Clear, "delivery status", "MDC_DEV_PUMP_CURRENT_DELIVERY_STATUS";
    EVENT = "event": Text, Class::Clear, "event, as MDC_EVT_PUMP_DELIV_START", "IHE DEV TF-2 M";
    REASON = "reason": Text, Class::Clear, "why it does not infuse", "MDC_PUMP_NOT_INFUSING_REASON";
    RESPONSE = "response": Text, Class::Clear, "MSA-1 of the answer to an order", "IHE DEV TF-2 3.3";
    ANSWERS = "answers": Text, Class::Phi(PhiKind::ControlId), "MSA-2: control id of the order that is answered", "IHE DEV TF-2 3.3";
    ERROR = "error": Int, Class::Clear, "IHE PIV error code, 9001 to 9020", "IHE DEV TF-2 B";
    ALARM_CODE = "alarm.code": Text, Class::Clear, "alarm, as MDC_EVT_FLUID_LINE_OCCL", "IHE DEV TF-2 3.4";
    ALARM_PHASE = "alarm.phase": Text, Class::Clear, "start, continue, end, update, …", "68481";
    ALARM_STATE = "alarm.state": Text, Class::Clear, "inactive, active or latched", "68482";
    ALARM_INACTIVATION = "alarm.inactivation": Text, Class::Clear, "enabled, audio-paused, audio-off, alarm-paused, alarm-off or alert-acknowledged", "68483";
    ALARM_PRIORITY = "alarm.priority": Text, Class::Clear, "PN, PL, PM or PH", "68484";
    ALARM_TYPE = "alarm.type": Text, Class::Clear, "SP physiological, ST technical, SA advisory", "68485";
    ALARM_TEXT = "alarm.text": Text, Class::Phi(PhiKind::FreeText), "text for people", "68546";
    PCA_DOSE_LIMIT = "pca.dose_limit": Decimal, Class::Clear, "most that a patient may call for in the limit's period, in pca.dose_limit_unit", "MDC_DOSE_PCA_LIMIT";
    PCA_DOSE_LIMIT_UNIT = "pca.dose_limit_unit": Text, Class::Clear, "UCUM unit of the dose limit", "";
    PCA_VOLUME_LIMIT = "pca.volume_limit_ml": Decimal, Class::Clear, "the same as a volume, ml", "MDC_VOL_PCA_DOSE_LIMIT";
    PCA_PERIOD = "pca.limit_period_s": Decimal, Class::Clear, "the limit's period, seconds", "MDC_TIME_PD_PCA_DOSE_LIMIT";
    PCA_DOSES_PER_HOUR = "pca.max_doses_per_h": Decimal, Class::Clear, "most doses in an hour", "MDC_RATE_PCA_MAX_DOSES_PER_HOUR";
    PCA_LOCKOUT = "pca.lockout_s": Decimal, Class::Clear, "least time between doses, seconds", "MDC_TIME_PCA_LOCKOUT";
}
