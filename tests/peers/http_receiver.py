"""An HTTP receiver: `http_receiver.py PORT OUT webhook SECRET | bulk [calm]`.

As `webhook` it checks the signature's form, age and HMAC. As `bulk` it is strict about the bulk
interface of OpenSearch: NDJSON of actions and documents, a line feed at the end, an answer for each
item; it creates an id once, asks for patience now and then unless it is calm, and refuses what has the
word POISON in it. What it takes is appended to OUT, a JSON object a line."""

import base64
import hashlib
import hmac
import json
import os
import ssl
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, OUT, ROLE = int(sys.argv[1]), sys.argv[2], sys.argv[3]
SECRET = sys.argv[4].encode() if len(sys.argv) > 4 else b""
CALM = SECRET == b"calm"
known = set()
asked = 0


def keep(*what):
    with open(OUT, "a", encoding="utf-8") as file:
        file.write("".join(json.dumps(one) + "\n" for one in what))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # An answer goes out as one piece, at once.
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def answer(self, status, body=None, headers=()):
        data = json.dumps(body if body is not None else {}).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_PUT(self):
        template = json.loads(self.body())
        assert template["index_patterns"] and template["template"]["mappings"]
        keep({"path": self.path, "template": template})
        self.answer(200, {"acknowledged": True})

    def body(self):
        return self.rfile.read(int(self.headers["Content-Length"]))

    def do_POST(self):
        body = self.body()
        if self.path == "/moved":
            return self.answer(301, headers=[("Location", "/stolen")])
        if ROLE == "webhook":
            return self.webhook(body)
        return self.bulk(body)

    def webhook(self, body):
        parts = dict(part.split("=", 1) for part in self.headers["X-Vitalwire-Signature"].split(","))
        wanted = hmac.new(SECRET, parts["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
        fresh = abs(time.time() - int(parts["t"])) < 60
        if not fresh or not hmac.compare_digest(wanted, parts["v1"]):
            return self.answer(401)
        message = json.loads(body)
        if isinstance(message, list):
            if any("POISON" in json.dumps(one) for one in message):
                return self.answer(422)
            keep(*({"path": self.path, **one} for one in message))
            return self.answer(200)
        if (message.get("message_id") or message["id"]) != self.headers["Idempotency-Key"]:
            return self.answer(401)
        keep({"path": self.path, **message})
        self.answer(200)

    def bulk(self, body):
        global asked
        if self.headers["Authorization"] != "Basic " + base64.b64encode(b"elastic:hunter2").decode():
            return self.answer(401)
        if self.headers["Content-Type"] != "application/x-ndjson" or not body.endswith(b"\n"):
            return self.answer(400, {"error": "The bulk request must be terminated by a newline"})
        asked += 1
        if asked % 7 == 3 and not CALM:
            return self.answer(429)
        lines = body.decode().split("\n")[:-1]
        items = [self.item(action, text) for action, text in zip(lines[::2], lines[1::2], strict=True)]
        errors = any("error" in next(iter(item.values())) for item in items)
        self.answer(200, {"took": 1, "errors": errors, "items": items})

    def item(self, action, text):
        [(operation, target)] = json.loads(action).items()
        document = json.loads(text)
        assert operation in ("create", "index") and document["@timestamp"].endswith("Z")
        place = (target["_index"], target["_id"])

        def outcome(status, kind=None):
            error = {"error": {"type": kind, "reason": text}} if kind else {}
            return {operation: {"_index": place[0], "_id": place[1], "status": status, **error}}

        if asked % 5 == 2 and len(known) % 11 == 4 and not CALM:
            return outcome(429, "es_rejected_execution_exception")
        if "POISON" in text:
            return outcome(400, "document_parsing_exception")
        if operation == "create" and place in known:
            return outcome(409, "version_conflict_engine_exception")
        known.add(place)
        keep({"operation": operation, "index": place[0], "id": place[1], "document": document})
        return outcome(201)


server = ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
if "TLS" in os.environ:
    # A folder with the server's certificate, its key, and the authority of clients.
    folder = os.environ["TLS"]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/server.pem", f"{folder}/server.key")
    context.load_verify_locations(f"{folder}/ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
