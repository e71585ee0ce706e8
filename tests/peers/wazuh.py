"""What Wazuh makes of JSON lines on standard input: `wazuh.py RULES` prints for each line the rule that
fires and its level. The stock rules that ours stand below are here as Wazuh 4 has them. Rules that could
not be loaded end it with what is wrong."""

import json
import re
import sys
import xml.etree.ElementTree as ElementTree

# ruleset/rules/0475-suricata_rules.xml
STOCK = """<group name="ids,suricata,">
<rule id="86600" level="0"><decoded_as>json</decoded_as><field name="timestamp">\\.+</field>
<field name="event_type">\\.+</field><description>Suricata messages.</description></rule>
<rule id="86601" level="3"><if_sid>86600</if_sid><field name="event_type">^alert$</field>
<description>Suricata: Alert - $(alert.signature)</description></rule>
<rule id="86602" level="0"><if_sid>86600</if_sid><field name="event_type">^http$</field>
<description>Suricata: HTTP.</description></rule>
<rule id="86603" level="0"><if_sid>86600</if_sid><field name="event_type">^dns$</field>
<description>Suricata: DNS.</description></rule>
<rule id="86604" level="0"><if_sid>86600</if_sid><field name="event_type">^tls$</field>
<description>Suricata: TLS.</description></rule>
</group>"""

LOCAL = range(100000, 120001)
CHILDREN = {"if_sid", "field", "description", "options", "group", "decoded_as", "mitre"}
OPTIONS = {"no_full_log", "no_log", "alert_by_email"}


def osregex(text):
    """OS_Regex as a regular expression: `\\.` is any character, `.` itself."""
    known = {"\\.": ".", "\\w": r"[\w@-]", "\\d": r"\d", "\\s": " ", "\\$": r"\$", "\\|": r"\|"}
    parts = re.findall(r"\\.|.", text)
    plain = "^$|()+*"
    return "".join(known[p] if p[0] == "\\" else p if p in plain else re.escape(p) for p in parts)


def read(text, local):
    root = ElementTree.fromstring(text)
    assert root.tag == "group" and root.get("name"), "rules stand in one named group"
    rules = []
    for rule in root:
        number, level = int(rule.get("id")), int(rule.get("level"))
        assert set(rule.attrib) == {"id", "level"}, f"{number}: {rule.attrib}"
        assert 0 <= level <= 16, f"{number}: level {level}"
        assert not local or number in LOCAL, f"{number} is not a local number"
        unknown = {child.tag for child in rule} - CHILDREN
        assert not unknown, f"{number}: {unknown}"
        assert rule.findtext("description"), f"{number} has no description"
        options = {child.text for child in rule.findall("options")}
        assert options <= OPTIONS, f"{number}: {options}"
        parents = [int(sid) for sid in (rule.findtext("if_sid") or "").split(",") if sid]
        assert parents or not local, f"{number} hangs on nothing"
        fields = [(f.get("name"), re.compile(osregex(f.text))) for f in rule.findall("field")]
        rules.append((number, level, parents, fields, rule.findtext("description")))
    return rules


def flat(value, path=""):
    """Fields as the JSON decoder names them; a list is one text."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flat(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, str):
        yield path, value
    else:
        yield path, json.dumps(value)


def fires(rules, fields, parent=None):
    """The deepest rule, the first among sisters, as analysisd walks its tree: higher levels first, level
    0 before all."""
    sisters = [r for r in rules if (parent in r[2] if parent else not r[2])]
    sisters.sort(key=lambda rule: (rule[1] != 0, -rule[1]))
    for number, level, _, wanted, said in sisters:
        if all(name in fields and regex.search(fields[name]) for name, regex in wanted):
            return fires(rules, fields, number) or (number, level, said)
    return None


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        own = read(file.read(), local=True)
    rules = read(STOCK, local=False) + own
    numbers = [rule[0] for rule in rules]
    assert len(numbers) == len(set(numbers)), "a number is there twice"
    for number, _, parents, _, _ in rules:
        # A rule is attached to those before it only.
        before = numbers[: numbers.index(number)]
        assert set(parents) <= set(before), f"{number}: its parent is not before it"
    for line in sys.stdin:
        fields = dict(flat(json.loads(line)))
        number, level, said = fires(rules, fields) or (0, 0, "")
        missing = [f for f in re.findall(r"\$\(([^)]+)\)", said) if level and f not in fields]
        print(json.dumps({"rule": number, "level": level, "missing": missing}))


main()
