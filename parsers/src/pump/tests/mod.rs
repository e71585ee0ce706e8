//! Pump messages: orders, answers, reports, events and alarms of made-up pumps.

mod units;

use super::mdc;
use crate::event::Direction::ToServer;
use crate::hl7::SPEC;
use crate::testing::{Cuts, run};

fn message(kind: &str, segments: &[&str]) -> Vec<u8> {
    let header =
        format!("MSH|^~\\&|GW^0011223344556677^EUI-64|F|IOC|F|20260101||{kind}|C1|P|2.6\r");
    let body: String = segments.iter().flat_map(|s| [s, "\r"]).collect();
    [b"\x0b", header.as_bytes(), body.as_bytes(), b"\x1c\r"].concat()
}

/// The pump events of a message.
fn pumps(kind: &str, segments: &[&str]) -> Vec<String> {
    run(&SPEC, &[(ToServer, &message(kind, segments))], Cuts::Whole)
        .into_iter()
        .filter_map(|line| Some(line.split_once(" pump ")?.1.to_owned()))
        .collect()
}

#[track_caller]
fn has(line: &str, part: &str) {
    assert!(line.contains(part), "{part} is not in\n{line}");
}

#[track_caller]
fn lacks(line: &str, part: &str) {
    assert!(!line.contains(part), "{part} is in\n{line}");
}

/// RXG with rate and unit, strength and unit, diluent and unit.
fn rxg(rate: &str, strength: &str, diluent: &str) -> String {
    format!(
        "RXG|1|||8001^Dopamine|250||263762^MDC_DIM_MILLI_L^MDC||||||||{rate}|{strength}|||||{diluent}"
    )
}

const TARGET: &str =
    "OBX|1||69986^MDC_DEV_PUMP_INFUS_VMD^MDC|1.1.0.0|||||||X|||||||PUMP-1^^AABBCCDDEEFF0011^EUI-64";
const WEIGHT: &str =
    "OBX|2|NM|68063^MDC_ATTR_PT_WEIGHT^MDC||80|kg^kg^UCUM^263875^MDC_DIM_KILO_G^MDC";

#[test]
fn an_order_in_dose_mode_comes_to_a_rate() {
    let order = rxg(
        "5|3475^ug/kg/min^UCUM^265619^MDC_DIM_MICRO_G_PER_KG_PER_MIN^MDC",
        "400|1746^mg^UCUM",
        "250|263762^MDC_DIM_MILLI_L^MDC",
    );
    let found = pumps(
        "RGV^O15^RGV_O15",
        &[
            "PID|||1^^^H",
            "ORC|RE|PO1",
            &order,
            "TQ1|1||||||||||||30^min",
            "RXR|^IV",
            TARGET,
            WEIGHT,
        ],
    );
    assert_eq!(found.len(), 1, "{found:#?}");
    for part in [
        r#""source":"pcd-03","action":"program","device":"PUMP-1","device_eui64":"AABBCCDDEEFF0011""#,
        r#""device_type":"MDC_DEV_PUMP_INFUS_VMD","channel":"1.1.0.0""#,
        r#""sending_application":"GW""#,
        r#""order_control":"RE","drug":"Dopamine","drug_code":"8001","route":"IV""#,
        // 5 ug/kg/min of 80 kg is 24 mg/h; 400 mg in 250 ml is 1.6 mg/ml.
        r#""rate_ml_per_h":15,"dose":5,"dose_unit":"ug/kg/min","vtbi_ml":250"#,
        r#""concentration":1.6,"concentration_unit":"mg/mL""#,
        r#""duration_s":1800"#,
    ] {
        has(&found[0], part);
    }
    lacks(&found[0], "unit_unknown");
    lacks(&found[0], r#""weight_kg":80"#);
}

#[test]
fn without_weight_a_dose_by_weight_is_no_rate() {
    let order = rxg(
        "5|265619^MDC_DIM_MICRO_G_PER_KG_PER_MIN^MDC",
        "400|mg",
        "250|mL",
    );
    let found = pumps("RGV^O15", &["ORC|RE|PO1", &order, TARGET]);
    has(&found[0], r#""dose":5,"dose_unit":"ug/kg/min""#);
    lacks(&found[0], "rate_ml_per_h");
    lacks(&found[0], "unit_unknown");
}

#[test]
fn answers_to_an_order() {
    let refused = pumps(
        "RRG^O16",
        &["MSA|AR|ORD1", "ERR|||207^x|F|9010^no such drug of Mr Doe"],
    );
    has(&refused[0], r#""action":"response""#);
    has(&refused[0], r#""response":"AR""#);
    has(&refused[0], r#""error":9010"#);
    lacks(&refused[0], "Doe");
    let other = pumps("RRG^O16", &["MSA|AE|ORD1", "ERR|||207|F|17"]);
    lacks(&other[0], "error");
    let received = pumps("ACK^O15", &["MSA|CA|ORD1"]);
    has(&received[0], r#""response":"CA""#);
    assert!(pumps("ACK^O16", &["MSA|CA|ORD1"]).is_empty());
}

#[test]
fn limits_of_patient_controlled_analgesia() {
    let found = pumps(
        "RGV^O15",
        &[
            "ORC|RE|PO1",
            &rxg("1|mL/h", "|", "|"),
            TARGET,
            "OBX|2|NM|157985^MDC_DOSE_PCA_LIMIT^MDC||10|mg^mg^UCUM",
            "OBX|3|NM|157986^MDC_VOL_PCA_DOSE_LIMIT^MDC||8|mL",
            "OBX|4|NM|157987^MDC_TIME_PD_PCA_DOSE_LIMIT^MDC||4|264384^MDC_DIM_HR^MDC",
            "OBX|5|NM|157988^MDC_RATE_PCA_MAX_DOSES_PER_HOUR^MDC||6|",
            "OBX|6|NM|157989^MDC_TIME_PCA_LOCKOUT^MDC||10|min",
        ],
    );
    has(
        &found[0],
        r#""pca":{"dose_limit":10,"dose_limit_unit":"mg","volume_limit_ml":8,"limit_period_s":14400,"max_doses_per_h":6,"lockout_s":600}"#,
    );
}

#[test]
fn several_orders_in_a_message() {
    let found = pumps(
        "RGV^O15",
        &[
            "ORC|RE|A",
            &rxg("1|mL/h", "|", "|"),
            &rxg("2|mL/h", "|", "|"),
            TARGET,
            "ORC|XO|B",
            &rxg("3|mL/h", "|", "|"),
            "OBX|1||69986^^MDC||||||||X|||||||PUMP-2",
        ],
    );
    assert_eq!(found.len(), 3, "{found:#?}");
    has(&found[1], r#""rate_ml_per_h":2"#);
    has(&found[1], "PUMP-1");
    has(&found[2], "PUMP-2");
    has(&found[2], r#""order_control":"XO""#);
}

#[test]
fn a_report_has_an_event_for_each_channel() {
    let found = pumps(
        "ORU^R01",
        &[
            "OBX|1||69985^MDC_DEV_PUMP_INFUS_MDS^MDC|1.0.0.0|||||||X|||||||RACK-1",
            "OBX|2|CWE|67880^MDC_ATTR_ID_MODEL^MDC|1.0.0.1|Maker^Model 5",
            "OBX|3||69986^MDC_DEV_PUMP_INFUS_VMD^MDC|1.1.0.0|||||||X|||||||PUMP-1",
            "OBX|4|CWE|184508^MDC_PUMP_STAT^MDC|1.1.1.1|^pump-status-infusing",
            "OBX|5|NM|157784^MDC_FLOW_FLUID_PUMP^MDC|1.1.1.2|5|mL/h",
            "OBX|6||69986^MDC_DEV_PUMP_INFUS_VMD^MDC|1.2.0.0|||||||X|||||||PUMP-2",
            "OBX|7|NM|158014^MDC_FLOW_FLUID_PUMP_CURRENT^MDC|1.2.1.1|6|mL/h",
            "OBX|8|NM|0^MDC_VOL_FLUID_TBI_REMAIN^MDC|1.2.1.2|0.1|L",
            "OBX|9|NM|157993^MDC_VOL_FLUID_DELIV_TOTAL^MDC|1.2.1.3|20|mL",
            "OBX|10|NM|157916^MDC_TIME_PD_REMAIN^MDC|1.2.1.4|90|min",
            "OBX|11|CWE|184513^MDC_PUMP_NOT_INFUSING_REASON^MDC|1.2.1.5|^pump-stopped-user",
            "OBX|12|ST|184520^^MDC|1.2.1.6|ICU library",
        ],
    );
    assert_eq!(found.len(), 2, "{found:#?}");
    has(
        &found[0],
        r#""source":"pcd-01","action":"report","device":"PUMP-1""#,
    );
    has(
        &found[0],
        r#""channel":"1.1.1","vendor":"Maker","model":"Model 5""#,
    );
    has(
        &found[0],
        r#""rate_ml_per_h":5,"status":"pump-status-infusing""#,
    );
    has(&found[1], r#""device":"PUMP-2""#);
    has(
        &found[1],
        r#""library":"ICU library","rate_ml_per_h":6,"vtbi_remaining_ml":100,"volume_delivered_ml":20"#,
    );
    has(
        &found[1],
        r#""time_remaining_s":5400,"reason":"pump-stopped-user""#,
    );
}

#[test]
fn results_of_a_laboratory_are_no_pump() {
    assert!(pumps("ORU^R01", &["OBX|1|NM|2823-3^Potassium^LN||4.1|mmol/L"]).is_empty());
    assert!(
        pumps(
            "ORU^R01",
            &["OBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1.1.1.1|80"]
        )
        .is_empty()
    );
    assert!(pumps("ORU^R01", &[WEIGHT]).is_empty());
}

#[test]
fn an_event_belongs_to_its_channel() {
    let event = |code: &str, path: &str| {
        let code = format!("OBX|2|CWE|68487^MDC_ATTR_EVT_COND^MDC|1.0.0.2|{code}");
        let path = format!("OBX|3|ST|68488^MDC_ATTR_EVT_SOURCE^MDC|1.0.0.3|{path}");
        pumps(
            "ORU^R42",
            &[
                "OBR|1|PO1^PCD-03",
                "OBX|1||70049^MDC_DEV_PUMP_INFUS_LVP_MDS^MDC|1.0.0|||||||X|||||||PUMP-1",
                &code,
                &path,
                "OBX|4||70067^MDC_DEV_PUMP_DELIVERY_INFO^MDC|1.1.1.0",
                "OBX|5|CWE|184519^MDC_PUMP_INFUSING_STATUS^MDC|1.1.1.1|^pump-status-infusing",
                "OBX|6||70071^MDC_DEV_PUMP_INFUSATE_SOURCE_PRIMARY^MDC|1.1.2.0",
                "OBX|7|ST|158012^^MDC|1.1.2.1|Primary",
                "OBX|8||70075^MDC_DEV_PUMP_INFUSATE_SOURCE_SECONDARY^MDC|1.1.3.0",
                "OBX|9|ST|158012^^MDC|1.1.3.1|Secondary",
            ],
        )
    };
    let started = event("197288^MDC_EVT_PUMP_DELIV_START^MDC", "1.1.2.0");
    assert_eq!(started.len(), 2, "{started:#?}");
    has(&started[0], r#""source":"pcd-10","action":"start""#);
    has(
        &started[0],
        r#""channel":"1.1.2","channel_label":"Primary""#,
    );
    has(
        &started[0],
        r#""status":"pump-status-infusing","event":"MDC_EVT_PUMP_DELIV_START""#,
    );
    has(&started[1], r#""action":"report""#);
    has(
        &event("^MDC_EVT_PUMP_DELIV_STOP", "1.0.0.0")[1],
        r#""action":"stop""#,
    );
    has(&event("197292", "1.1.3.0")[1], r#""action":"complete""#);
    has(
        &event("197292", "1.1.3.0")[1],
        r#""event":"MDC_EVT_PUMP_DELIV_COMP""#,
    );
    has(&event("197300", "1.1.2.0")[0], r#""action":"event""#);
}

#[test]
fn alarms_and_their_end() {
    let alarm = |phase: &str, facets: [&str; 5]| {
        let [source, phase_code, state, inactivation, priority] = facets;
        let rest = [
            format!("OBX|2|CWE|{source}|1.0.0.0.2|69985^MDC_DEV_PUMP_INFUS_MDS^MDC"),
            format!("OBX|3|ST|{phase_code}|1.0.0.0.3|{phase}"),
            format!("OBX|4|ST|{state}|1.0.0.0.4|active"),
            format!("OBX|5|ST|{inactivation}|1.0.0.0.5|audio-off"),
            format!("OBX|6|ST|{priority}|1.0.0.0.6|PM"),
        ];
        let mut all = vec![
            "OBR|1",
            "OBX|1|CWE|196616^MDC_EVT_ALARM^MDC|1.0.0.0.1|196940^MDC_EVT_FLUID_LINE_OCCL^MDC^^^^^^Occlusion of Mr Doe|||ST~PH|||F|||||||PUMP-1",
        ];
        all.extend(rest.iter().map(String::as_str));
        pumps("ORU^R40", &all)
    };
    for facets in [
        ["68480", "68481", "68482", "68483", "68484"],
        ["68164", "68165", "68166", "68167", "68168"],
        ["684800", "684810", "684820", "684830", "684840"],
        [
            "^MDC_ATTR_ALERT_SOURCE",
            "^MDC_ATTR_EVENT_PHASE",
            "^MDC_ATTR_ALARM_STATE",
            "^MDC_ATTR_ALARM_INACTIVATION_STATE",
            "^MDC_ATTR_ALARM_PRIORITY",
        ],
    ] {
        let found = alarm("start", facets);
        assert_eq!(found.len(), 1, "{found:#?}");
        has(
            &found[0],
            r#""source":"pcd-04","action":"alarm","device":"PUMP-1""#,
        );
        has(
            &found[0],
            r#""alarm":{"code":"MDC_EVT_FLUID_LINE_OCCL","phase":"start","state":"active","inactivation":"audio-off","priority":"PM","type":"ST","text":"free_text:"#,
        );
        lacks(&found[0], "Doe");
        has(&alarm("end", facets)[0], r#""action":"alarm_end""#);
    }
}

#[test]
fn alarms_of_other_devices_are_no_pump_events() {
    let monitor = pumps(
        "ORU^R40",
        &[
            "OBR|1",
            "OBX|1|CWE|196616^MDC_EVT_ALARM^MDC|1.0.0.0.1|196670^MDC_EVT_LO^MDC",
            "OBX|2|CWE|68480^MDC_ATTR_ALERT_SOURCE^MDC|1.0.0.0.2|69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC",
        ],
    );
    assert!(monitor.is_empty(), "{monitor:#?}");
    let limit = pumps(
        "ORU^R40",
        &[
            "OBR|1",
            "OBX|1|CWE|196616^MDC_EVT_ALARM^MDC|1.0.0.0.1|147842^MDC_ECG_HEART_RATE^MDC",
        ],
    );
    assert!(limit.is_empty(), "{limit:#?}");
}

#[test]
fn two_alarms_in_a_message() {
    let found = pumps(
        "ORU^R40",
        &[
            "OBR|1",
            "OBX|1|CWE|196616^MDC_EVT_ALARM^MDC|1.0.0.0.1|197200^^MDC",
            "OBR|2",
            "OBX|1|CWE|196616^MDC_EVT_ALARM^MDC|1.0.0.0.1|196802^^MDC",
        ],
    );
    assert_eq!(found.len(), 2, "{found:#?}");
    has(&found[0], "MDC_EVT_FLUID_LINE_AIR");
    has(&found[0], r#""device":"0011223344556677""#);
    has(&found[1], "MDC_EVT_BATT_LO");
}

#[test]
fn tables_are_sorted() {
    assert!(mdc::tables_are_sorted());
}
