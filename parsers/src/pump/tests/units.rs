//! Units in their three spellings and two orders.

use super::super::units::{Label, What, unit};
use super::{TARGET, has, lacks, pumps, rxg};
use crate::hl7::wire::Delims;

#[test]
fn each_unit_of_a_rate_in_either_order() {
    let rate =
        |unit: &str| pumps("RGV^O15", &[&rxg(&format!("12|{unit}"), "|", "|"), TARGET]).remove(0);
    for unit in [
        "265266^MDC_DIM_MILLI_L_PER_HR^MDC^mL/h^mL/h^UCUM",
        "3122^mL/h^UCUM^265266^MDC_DIM_MILLI_L_PER_HR^MDC",
        "mL/h^mL/h^UCUM",
        "3122^MDC_DIM_MILLI_L_PER_HR^MDC",
        "^MDC_DIM_MILLI_L_PER_HR",
        "ml/hr",
    ] {
        has(&rate(unit), r#""rate_ml_per_h":12"#);
    }
    has(
        &rate("265234^MDC_DIM_MILLI_L_PER_MIN^MDC"),
        r#""rate_ml_per_h":720"#,
    );
    has(&rate("L/h"), r#""rate_ml_per_h":12000"#);
    has(&rate("265267"), r#""rate_ml_per_h":0.012"#);
    for unit in [
        "drops/min",
        "",
        "999999^X^Y",
        "265266^MDC_DIM_MILLI_L_PER_MIN^MDC",
        "mL/kg/h",
    ] {
        has(&rate(unit), r#""unit_unknown":true"#);
        lacks(&rate(unit), "rate_ml_per_h");
    }
}

#[test]
fn units_agree_in_all_three_spellings() {
    let read = |text: &'static str| unit(text.as_bytes(), Delims::STANDARD);
    for (code, name, ucum) in [
        ("263762", "MDC_DIM_MILLI_L", "mL"),
        ("263763", "MDC_DIM_MICRO_L", "uL"),
        ("263744", "MDC_DIM_X_L", "L"),
        ("263875", "MDC_DIM_KILO_G", "kg"),
        ("263890", "MDC_DIM_MILLI_G", "mg"),
        ("263891", "MDC_DIM_MICRO_G", "ug"),
        ("264306", "MDC_DIM_MILLI_G_PER_ML", "mg/mL"),
        ("264307", "MDC_DIM_MICRO_G_PER_ML", "mcg/ml"),
        ("264320", "MDC_DIM_X_SEC", "s"),
        ("264352", "MDC_DIM_MIN", "min"),
        ("264384", "MDC_DIM_HR", "h"),
        ("264416", "MDC_DIM_DAY", "d"),
        ("265234", "MDC_DIM_MILLI_L_PER_MIN", "mL/min"),
        ("265266", "MDC_DIM_MILLI_L_PER_HR", "mL/h"),
        ("265490", "MDC_DIM_MILLI_G_PER_MIN", "mg/min"),
        ("265491", "MDC_DIM_MICRO_G_PER_MIN", "ug/min"),
        ("265522", "MDC_DIM_MILLI_G_PER_HR", "mg/h"),
        ("265523", "MDC_DIM_MICRO_G_PER_HR", "ug/h"),
        ("265619", "MDC_DIM_MICRO_G_PER_KG_PER_MIN", "ug/kg/min"),
        ("265650", "MDC_DIM_MILLI_G_PER_KG_PER_HR", "mg/kg/h"),
        ("265651", "MDC_DIM_MICRO_G_PER_KG_PER_HR", "ug/kg/h"),
        ("265620", "MDC_DIM_NANO_G_PER_KG_PER_MIN", "ng/kg/min"),
        ("268979", "MDC_DIM_MICRO_G_PER_M_SQ_PER_HR", "ug/m2/h"),
        ("268914", "MDC_DIM_MILLI_G_PER_LB_PER_HR", "mg/[lb_av]/h"),
        ("267186", "MDC_DIM_MILLI_MOLE_PER_HR", "mmol/h"),
        ("267314", "MDC_DIM_MILLI_EQUIV_PER_HR", "meq/h"),
        ("267616", "MDC_DIM_X_INTL_UNIT", "[iU]"),
        ("267634", "MDC_DIM_MILLI_INTL_UNIT", "m[iU]"),
        ("267744", "MDC_DIM_X_INTL_UNIT_PER_ML", "[iU]/mL"),
        ("267840", "MDC_DIM_X_INTL_UNIT_PER_HR", "U/h"),
    ] {
        let all = format!("{code}^{name}^MDC^{ucum}^{ucum}^UCUM").leak();
        let found = read(all).unwrap_or_else(|| panic!("{all}"));
        assert_eq!(found.label, Label::Wire(ucum.as_bytes()), "{all}");
        assert!(read(code.to_owned().leak()).is_some(), "{code}");
    }
    assert!(read("mL/h^mL/min").is_none(), "two units");
    assert!(read("L^^^263744").is_some_and(|r| r.unit.what == What::Volume));
    // An unknown code is no contradiction.
    assert!(read("264819^MDC_DIM_MICRO_G_PER_KG_PER_MIN^MDC").is_some());
    for nothing in [
        "", "^^", "/", "mL/", "/h", "mL//h", "kilofoo", "262829", "MDC_DIM_", "12x",
    ] {
        assert!(read(nothing).is_none(), "{nothing}");
    }
}
