"""Checks JSON lines on standard input: `schemas.py FILE` against a JSON Schema, `schemas.py ocsf`
against OCSF's own schemas, as published. Says what is wrong with each line; the last line is a sum."""

import json
import sys

from jsonschema import Draft202012Validator


def of_file(path):
    with open(path, encoding="utf-8") as file:
        schema = json.load(file)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    return lambda _: validator


def of_ocsf():
    from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

    published = OcsfJsonSchemaEmbedded(get_ocsf_schema(version="1.6.0"))
    known = {}

    def validator(event):
        uid, profiles = event["class_uid"], event["metadata"].get("profiles", [])
        key = (uid, *profiles)
        if key not in known:
            name = published.lookup_class_name_from_uid(uid)
            known[key] = Draft202012Validator(published.get_class_schema(name, profiles))
        return known[key]

    return validator


def main():
    choose = of_ocsf() if sys.argv[1] == "ocsf" else of_file(sys.argv[1])
    lines = wrong = 0
    for line in sys.stdin:
        event = json.loads(line)
        lines += 1
        for error in choose(event).iter_errors(event):
            wrong += 1
            if wrong <= 20:
                where = "/".join(map(str, error.absolute_path))
                print(f"{where}: {error.message[:300]}")
    print(f"{lines} lines, {wrong} mistakes")
    sys.exit(1 if wrong or not lines else 0)


main()
