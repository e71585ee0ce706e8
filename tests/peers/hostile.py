"""Sends bad input to every endpoint and every form: hostile.py URL CERTIFICATE SETUP_TOKEN FOLDER LOG.

What there is to ask is read from the OpenAPI document and from the pages themselves. Whatever is sent,
the answer is a clear one, below 500, and tells nothing of the inside; what a role may not do is
refused. FOLDER is the appliance's own: its name must not be told."""

import http.client
import json
import re
import ssl
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit

BASE, CERTIFICATE, TOKEN, FOLDER, LOG = sys.argv[1:6]
HOST = urlsplit(BASE).netloc
PASSWORD = "correct horse battery"
SCRIPT = "<script>vw()</script>"
ROLES = {
    "viewer": {"read"},
    "analyst": {"read", "triage"},
    "engineer": {"read", "triage", "configure"},
    "clinical_engineer": {"read", "triage", "clinical"},
    "admin": {"read", "triage", "configure", "admin"},
}
# What none may tell. The last are of files and of stored secrets.
INSIDE = ["panicked", "backtrace", ".rs:", "src/", "sqlite", "SELECT ", "no such column", "$argon2", "root:x:", FOLDER]
TEXTS = [
    "", SCRIPT, "../../../../etc/passwd", "..%2f..%2fetc%2fpasswd", "/etc/passwd", "a\x00b\x1b[2J\r\nx-injected: 1",
    "' OR 1=1 --", "\"); DROP TABLE alerts; --", "%s%n{0}${jndi:ldap://x}", "\u202e\ufffd\U0001f489", "9" * 40, "-1",
    "A" * 20_000,
]
VALUES = [None, True, -1, 2**63, 1e308, [], {}, [[[["x"]]]], {"a": {"b": "c"}}]
BODIES = [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 5_000, b'{"a":' * 2_000, b'"' + b"x" * 200_000 + b'"']
# What a page may load, and send where. Anything wider would let in what somebody sent.
POLICY = {
    "default-src": "'none'", "style-src": "'self'", "script-src": "'self'", "img-src": "'self'", "connect-src": "'self'",
    "form-action": "'self'", "base-uri": "'none'", "frame-ancestors": "'none'",
}
# Every form of the console that changes something, by where it leads.
FORMS = {
    "/alerts", "/alerts/ID/acknowledge", "/alerts/ID/approve", "/alerts/ID/close", "/alerts/ID/comment",
    "/alerts/ID/tune", "/devices/list", "/incidents/ID/acknowledge", "/incidents/ID/close", "/incidents/ID/comment",
    "/login", "/logout", "/rules/history/NUMBER", "/rules/reload", "/rules/suppressions/NUMBER", "/rules/upload",
    "/settings/holds", "/settings/password", "/settings/sinks/NAME/test", "/settings/tokens",
    "/settings/tokens/NUMBER", "/settings/users", "/settings/users/NAME", "/setup",
}
SLOW = 5.0
problems = []
asked = 0


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body


class Person:
    """A browser or a program, of somebody who logged in, or of nobody."""

    def __init__(self, name=None):
        self.name, self.cookie, self.csrf = name, "", ""
        self.connection = None
        if name:
            self.log_in()

    def log_in(self):
        body = json.dumps({"name": self.name, "password": PASSWORD}).encode()
        self.cookie = self.csrf = ""
        self.known(self.ask("POST", "/api/v1/login", body, "application/json"))

    def known(self, answer):
        assert answer.status in (200, 201), (self.name, answer.status, answer.body)
        self.cookie = answer.headers["set-cookie"].split(";")[0]
        self.csrf = json.loads(answer.body)["csrf"]

    def ask(self, method, path, body=None, kind=None):
        global asked
        asked += 1
        headers = {"Cookie": self.cookie, "x-csrf-token": self.csrf, "Connection": "keep-alive"}
        if kind:
            headers["Content-Type"] = kind
        for again in (True, False):
            try:
                if self.connection is None:
                    context = ssl.create_default_context(cafile=CERTIFICATE)
                    self.connection = http.client.HTTPSConnection(HOST, context=context, timeout=30)
                self.connection.request(method, path, body, headers)
                got = self.connection.getresponse()
                return Answer(got.status, got.headers, got.read().decode("utf-8", "replace"))
            except (http.client.HTTPException, ConnectionError, ssl.SSLError):
                # The server ends a connection whose request it did not read to the end.
                self.connection = None
                if not again:
                    raise

    def hostile(self, what, method, path, body=None, kind=None):
        """Asks, and looks at the answer."""
        since = time.monotonic()
        answer = self.ask(method, path, body, kind)
        said = look(answer)
        if time.monotonic() - since > SLOW:
            said.append("slow")
        shown = f"{self.name}: {method} {path[:120]} ({what})"
        problems.extend(f"{shown}: {answer.status}: {one}: {answer.body[:300]!r}" for one in said)
        if answer.status == 401 and self.name:
            self.log_in()  # it logged out
        return answer


def look(answer):
    """What is wrong with an answer, whatever was asked."""
    said = []
    kind = answer.headers.get("content-type", "")
    if answer.status >= 500:
        said.append("a fault")
    if "x-injected" in answer.headers:
        said.append("a header of the sender's")
    # Rules and captures are text; a page of rules may have any word.
    if answer.status >= 400:
        said += [f"tells {word!r}" for word in INSIDE if word.lower() in answer.body.lower()]
        if "problem+json" in kind:
            told = json.loads(answer.body)
            if not told["detail"] or told["status"] != answer.status or not told["id"]:
                said.append("no clear message")
        elif "text/html" not in kind or not re.search(r"<h1>|role=\"alert\"", answer.body):
            said.append("no message")
    if FOLDER in answer.body or "$argon2" in answer.body or "root:x:" in answer.body:
        said.append("tells of the machine")
    if "text/html" in kind:
        if SCRIPT in answer.body:
            said.append("a script of the sender's")
        parts = [part.strip().split(" ", 1) for part in answer.headers.get("content-security-policy", "").split(";")]
        if dict(part for part in parts if len(part) == 2) != POLICY:
            said.append("another policy")
    return said


class Page(HTMLParser):
    """Links and forms of a page."""

    def __init__(self, text):
        super().__init__()
        self.links, self.forms = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        has = dict(attributes)
        if tag == "a" and has.get("href"):
            self.links.add(has["href"])
        if has.get("data-href"):
            self.links.add(has["data-href"])
        if tag == "form":
            self.forms.append({"method": (has.get("method") or "get").upper(), "action": has.get("action"), "fields": {}})
        named = tag in ("input", "textarea", "select", "button") and has.get("name")
        if named and self.forms:
            self.forms[-1]["fields"].setdefault(has["name"], has.get("value") or "")


def shape(path):
    """A path without what differs between things of one kind."""
    path = re.sub(r"/[0-9a-f]{32}", "/ID", path)
    path = re.sub(r"/[0-9]+$", "/NUMBER", path)
    named = r"^/(devices|pumps|rules|settings/users|settings/sinks)/(?!list|upload|reload|history|suppressions)[^/?]+"
    return re.sub(named, r"/\1/NAME", path)


def walk(person, *begin):
    """Every form that somebody can come to, by where it leads; and every kind of page."""
    waiting, seen, forms, pages = ["/", *begin], set(), {}, {}
    while waiting:
        path = waiting.pop()
        parts = urlsplit(path)
        kind = shape(parts.path)
        # One of each kind, and one with each parameter.
        fresh = {(kind, name) for name, _ in [("", ""), *parse_qsl(parts.query)]} - seen
        if not fresh or parts.path.startswith("/api/"):
            continue
        seen |= fresh
        answer = person.hostile("a link", "GET", path)
        pages.update({one: parts.path for one in fresh})
        if "text/html" not in answer.headers.get("content-type", ""):
            continue
        page = Page(answer.body)
        for form in page.forms:
            action = urljoin(path, form["action"] or path)
            to = (form["method"], shape(urlsplit(action).path))
            _, fields = forms.get(to, (action, {}))
            forms[to] = (action, {**form["fields"], **fields})
        # The first one of a kind is looked at: of versions an older one, which one can go back to.
        for link in sorted(page.links, reverse=True):
            found = urljoin(path, link)
            if found.startswith("/") and not found.startswith("//"):
                waiting.append(found.split("#")[0])
    return forms, pages


def try_form(person, method, action, fields):
    """Each field missing, and with everything that does not belong there."""
    def send(what, values):
        filled = urlencode(values, errors="surrogateescape")
        if method == "GET":
            person.hostile(what, "GET", f"{urlsplit(action).path}?{filled}"[:60_000])
        else:
            brought = filled if "csrf=" in filled else f"{filled}&csrf={person.csrf}"
            person.hostile(what, "POST", action, brought, "application/x-www-form-urlencoded")

    fields = {name: value for name, value in fields.items() if name != "csrf"}
    for name in fields:
        send(f"without {name}", {key: value for key, value in fields.items() if key != name})
        for text in TEXTS:
            send(f"{name}={text[:20]!r}", {**fields, name: text})
        send(f"{name} twice", [*fields.items(), (name, SCRIPT)])
    send("nothing", {})
    send("one more", {**fields, "more": SCRIPT})
    if method == "POST":
        for body in (b"\xff\xfe=%zz&&==", b"csrf=" + person.csrf.encode() + b"&a=" + b"%41" * 60_000):
            person.hostile("a body", "POST", action, body, "application/x-www-form-urlencoded")
        person.hostile("as JSON", "POST", action, b"{}", "application/json")
        person.hostile("no form of ours", "POST", action, b"csrf=" + b"0" * 64, "application/x-www-form-urlencoded")


def console(people, alert):
    """Every form there is, by somebody who may send it."""
    admin, viewer = people["admin"], people["viewer"]
    forms, pages = walk(admin, alert)
    permitted, _ = walk(viewer, alert)
    clinical, _ = walk(people["clinical_engineer"], alert)
    of_nobody, _ = walk(people["stranger"], "/login")
    assert ("POST", "/login") in of_nobody
    for to in clinical.keys() - forms.keys():
        try_form(people["clinical_engineer"], to[0], *clinical[to])
    there = {path for method, path in {**forms, **clinical, **of_nobody} if method == "POST"} | {"/setup"}
    if there != FORMS:
        problems.append(f"forms that nobody came to: {sorted(FORMS - there)}; that are new: {sorted(there - FORMS)}")
    for (kind, name), path in pages.items():
        for text in TEXTS if name else []:
            admin.hostile(f"{name}={text[:20]!r}", "GET", f"{path}?{urlencode({name: text})}")
        # The last part names something.
        for text in TEXTS[1:] if kind != path and not name else []:
            admin.hostile("a name", "GET", path.rsplit("/", 1)[0] + "/" + quote(text, safe=""))
    refused = 0
    for (method, path), (action, fields) in forms.items():
        if method == "POST" and (method, path) not in permitted:
            filled = urlencode({**fields, "csrf": viewer.csrf})
            answer = viewer.hostile("not permitted", "POST", action, filled, "application/x-www-form-urlencoded")
            # Of somebody else's token a viewer is not told that it is there.
            if answer.status != (404 if path == "/settings/tokens/NUMBER" else 403):
                problems.append(f"viewer: POST {action}: {answer.status}, not refused")
            refused += 1
    for (method, _), (action, fields) in sorted(forms.items()):
        try_form(admin, method, action, fields)
    kinds = {kind for kind, _ in pages}
    print(
        f"console: {len(kinds)} kinds of pages, {len(pages)} with their parameters, {len(forms)} forms of an admin, "
        f"{len(FORMS)} that change; {refused} refused to a viewer"
    )
    assert len(kinds) > 15 and refused > 5, sorted(forms)


def resolve(document, schema):
    while "$ref" in schema:
        at = document
        for part in schema["$ref"].lstrip("#/").split("/"):
            at = at[part]
        schema = at
    for choice in ("anyOf", "oneOf", "allOf"):
        for one in schema.get(choice, []):
            if one.get("type") != "null":
                return resolve(document, one)
    return schema


def filled(path, names):
    return re.sub(r"\{(\w+)\}", lambda found: quote(names.get(found[1], "0"), safe=""), path)


def operations(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            streams = "text/event-stream" in json.dumps(operation.get("responses", {}))
            if "operationId" in operation and not streams and operation["operationId"] != "events":
                yield path, method.upper(), operation


def needs(operation):
    found = re.search(r"Needs the permission `(\w+)`", operation.get("description", ""))
    return found and found[1]


def refuse_others(document, people, known):
    """Each role is refused what it has no permission for, and a stranger everything."""
    refused = 0
    for path, method, operation in operations(document):
        permission = needs(operation)
        if not permission:
            continue
        for role, person in people.items():
            if role != "stranger" and permission in ROLES[role]:
                continue
            wanted = 401 if role == "stranger" else 403
            for body in (b"{}", b"{"):
                answer = person.hostile("not permitted", method, filled(path, known), body, "application/json")
                if answer.status != wanted:
                    problems.append(f"{role}: {method} {path}: {answer.status}, not {wanted}")
            refused += 1
    print(f"API: {refused} refusals")
    assert refused > 80, refused


def api(document, admin, known):
    before, count = asked, 0
    for path, method, operation in operations(document):
        count += 1
        if operation["operationId"] == "logout":
            continue
        parameters = [resolve(document, one) for one in operation.get("parameters", [])]
        at = filled(path, known)
        for one in parameters:
            for text in TEXTS if one["in"] == "query" else TEXTS[1:]:
                what = f"{one['name']}={text[:20]!r}"
                if one["in"] == "path":
                    admin.hostile(what, method, filled(path, {**known, one["name"]: text}), b"{}", "application/json")
                elif one["in"] == "query":
                    admin.hostile(what, method, f"{at}?{urlencode({one['name']: text})}")
        if "requestBody" in operation:
            bodies(document, admin, method, at, operation["requestBody"])
    print(f"API: {count} operations, {asked - before} requests")
    assert count > 40, count


def example(document, schema):
    """A value that fits, so that the one beside it is what is wrong."""
    schema = resolve(document, schema) if isinstance(schema, dict) else {}
    if "enum" in schema or "const" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    kind = schema.get("type", "string")
    kind = kind[0] if isinstance(kind, list) else kind
    plain = {"integer": 1, "number": 1, "boolean": False, "array": [], "object": {}}
    return plain.get(kind, "x" * max(1, schema.get("minLength", 16)))


def bodies(document, admin, method, path, described):
    described = resolve(document, described)["content"]
    kind, media = next(iter(described.items()))
    for body in BODIES:
        admin.hostile(f"body {body[:10]!r}", method, path, body, kind)
    admin.hostile("another type", method, path, b"a=b", "application/x-www-form-urlencoded")
    schema = resolve(document, media.get("schema", {}))
    properties = schema.get("properties", {})
    whole = {name: example(document, one) for name, one in properties.items()}
    for name in properties:
        for value in [*TEXTS, *VALUES]:
            sent = json.dumps({**whole, name: value}).encode()
            admin.hostile(f"{name}={str(value)[:20]!r}", method, path, sent, kind)
        less = {key: value for key, value in whole.items() if key != name}
        admin.hostile(f"without {name}", method, path, json.dumps(less).encode(), kind)


def brought(admin):
    """What has a form of its own only where there is one."""
    rule = "rules: [{id: mine, sid: 1900009, rev: 1, title: T, severity: low, on: dicom, when: 'src_port > 0', explain: E}]"
    suppression = {"rule": "dicom-ae-brute", "when": "src_port == 1", "owner": "o", "reason": "r", "expires": "2099-12-31"}
    for method, path, body in [
        ("PUT", "rules/files/mine", {"text": rule}),
        ("PUT", "rules/files/mine", {"text": rule.replace("low", "info")}),
        ("POST", "suppressions", suppression),
        ("POST", "tokens", {"name": "t", "scopes": ["read"], "days": 1}),
    ]:
        answer = admin.ask(method, f"/api/v1/{path}", json.dumps(body).encode(), "application/json")
        assert answer.status in (200, 201), (path, answer.status, answer.body)


def main():
    stranger, anna = Person(), Person()
    set_up, _ = walk(stranger, "/setup")
    kind = "application/x-www-form-urlencoded"
    # Few: whoever guesses is locked out.
    for body in (f"token={quote(SCRIPT)}&name=a&password={quote(PASSWORD)}", f"token={TOKEN}&name=%00&password={'x' * 9000}", "%zz"):
        stranger.hostile("set-up", "POST", "/setup", body, kind)
    first = json.dumps({"token": TOKEN, "name": "admin", "password": PASSWORD}).encode()
    anna.known(anna.ask("POST", "/api/v1/setup", first, "application/json"))
    anna.name = "admin"
    people = {"stranger": stranger, "admin": anna}
    for role in ROLES:
        if role != "admin":
            user = json.dumps({"name": role, "role": role, "password": PASSWORD}).encode()
            made = anna.ask("POST", "/api/v1/users", user, "application/json")
            assert made.status == 201, made.body
            people[role] = Person(role)
    brought(anna)
    document = json.loads(anna.ask("GET", "/api/v1/openapi.json").body)
    alert = {}
    deadline = time.monotonic() + 60
    while not alert and time.monotonic() < deadline:
        found = json.loads(anna.ask("GET", "/api/v1/alerts?rule=dicom-ae-brute&limit=1").body)["alerts"]
        alert = found[0] if found else {}
    known = {"id": alert["alert_id"], "name": "nobody", "number": "999999", "version": "1", "key": "nosuch"}
    refuse_others(document, people, known)
    console(people, f"/alerts/{alert['alert_id']}")
    api(document, anna, known)
    # Last, since it locks this address out.
    try_form(stranger, "POST", *set_up["POST", "/setup"])
    try_form(stranger, "POST", "/login", {"name": "admin", "password": PASSWORD + "!", "next": "/"})
    whole = json.loads(anna.ask("GET", "/api/v1/audit/verify").body)
    assert whole["whole"] is True, whole
    assert "panicked" not in Path(LOG).read_text()
    print(f"{asked} requests", flush=True)
    assert not problems, f"{len(problems)} problems\n" + "\n".join(problems[:40])


main()
