"""An MCP server for tests, with the standard library alone: well or badly behaved.

`server.py stdio [MODE]` or `server.py http PORT`. It notes each call, a line, in the
file NOTES of its environment.
"""
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time

grown = False
lock = threading.Lock()


def note(words):
    if os.environ.get("NOTES"):
        with lock, open(os.environ["NOTES"], "a") as notes:
            notes.write(words + "\n")


def tool(tool_name, read_only=False, **properties):
    return {
        "name": tool_name,
        "description": f"Does {tool_name}.",
        "inputSchema": {"type": "object", "properties": {k: {"type": v} for k, v in properties.items()},
                        "required": sorted(properties)},
        "annotations": {"readOnlyHint": read_only},
    }


def tools():
    all_tools = [tool("echo", True, text="string"), tool("write", text="string"), tool("env", True, name="string"),
                 tool("hang", True), tool("hang_writing"), tool("die", True), tool("die_writing"),
                 tool("big", True, bytes="integer"),
                 tool("noise", True), tool("grow"), tool("fail"), tool("pid", True), tool("cut", True)]
    return all_tools + ([tool("grown", True)] if grown else [])


def text(words, **more):
    return {"content": [{"type": "text", "text": words}], **more}


# Answers that are no tool's result, and one that is no text.
ODD = {"empty": {}, "weird": {"content": [{"type": "weird"}]}, "half": {"content": [{"type": "text"}]},
       "lone": text("\ud800")}


def call(name, arguments, say):
    """The result, or None: no answer."""
    global grown
    if name == "write" and arguments["text"] in ODD:
        return ODD[arguments["text"]]
    if name in ("echo", "write"):
        return text(arguments["text"])
    if name == "env":
        return text(os.environ.get(arguments["name"], "none"))
    if name.startswith("hang"):
        return None
    if name.startswith("die"):
        sys.stderr.write("out of paper, token " + os.environ.get("TOKEN", "none") + "\n")
        sys.stderr.flush()
        os._exit(3)
    if name == "big":
        return text("x" * arguments["bytes"])
    if name == "noise":
        sys.stdout.buffer.write(b"\xff\xfe noise\n{\"half\": \n\n")
        return text("heard")
    if name == "grow":
        grown = True
        say({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
        return text("grown")
    if name == "grown":
        return text("yes", structuredContent={"yes": True})
    if name == "pid":
        return text(str(os.getpid()))
    return text("no such branch", isError=True)


def answer(message, say):
    """The answer to a message, or None."""
    method, params = message.get("method"), message.get("params") or {}
    if method == "notifications/cancelled":
        note("cancelled")
    if "id" not in message:
        return None
    result = {}
    if method == "initialize":
        result = {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {"listChanged": True}},
                  "serverInfo": {"name": "test", "version": "1"}}
    elif method == "tools/list":
        note("list")
        at = int(params.get("cursor") or 0)
        if os.environ.get("ENDLESS"):
            at = 0
        result = {"tools": tools()[at:at + 5]}
        if at + 5 < len(tools()):
            result["nextCursor"] = str(at + 5)
    elif method == "tools/call":
        name = params["name"]
        key = (params.get("_meta") or {}).get("greenroom.run/step-key", "none")
        note(f"{name} {key}")
        if name not in [known["name"] for known in tools()]:
            return {"jsonrpc": "2.0", "id": message["id"], "error": {"code": -32602, "message": f"no tool {name}"}}
        result = call(name, params.get("arguments") or {}, say)
        if result is None:
            return None
    return {"jsonrpc": "2.0", "id": message["id"], "result": result}


def stdio(mode):
    def say(message):
        with lock:
            sys.stdout.write(json.dumps(message) + "\n")
            sys.stdout.flush()

    if mode == "crash":
        sys.stderr.write("no licence for " + os.environ.get("TOKEN", "nobody") + "\n")
        sys.exit(7)
    if mode == "silent":
        note("silent")
        signal.pause()
    if mode == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = subprocess.Popen(["sleep", "1000"], stdin=subprocess.DEVNULL)
        note(f"pids {os.getpid()} {child.pid}")
    for line in sys.stdin:
        message = json.loads(line)
        reply = answer(message, say)
        if reply is not None:
            say(reply)
        if mode == "deaf" and message.get("method") == "tools/list" and "nextCursor" not in reply["result"]:
            signal.pause()
    if mode == "stubborn":
        time.sleep(1000)


class Http(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    session = str(os.getpid())

    def log_message(self, *_):
        pass

    def reply(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.reply(405)

    def do_DELETE(self):
        self.reply(200)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        message = json.loads(body)
        if os.environ.get("TOKEN") and self.headers.get("Authorization") != "Bearer " + os.environ["TOKEN"]:
            return self.reply(401)
        if message.get("method") != "initialize" and self.headers.get("Mcp-Session-Id") != self.session:
            note("unknown session")
            return self.reply(404)
        if (message.get("params") or {}).get("name") == "cut":
            note("cut")
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            self.wfile.write(b"event: message\ndata: {\"jsonrpc\": ")
            self.wfile.flush()
            self.close_connection = True
            return None
        reply = answer(message, lambda _: None)
        if reply is None and "id" in message:
            threading.Event().wait()
        if reply is None:
            return self.reply(202)
        if message["method"] == "tools/list":
            events = b": well\n\nid: 1\nevent: message\ndata: " + json.dumps(reply).encode() + b"\n\n"
            return self.reply(200, events, Content_Type="text/event-stream", Mcp_Session_Id=self.session)
        return self.reply(200, json.dumps(reply).encode(), Content_Type="application/json",
                          Mcp_Session_Id=self.session)


if __name__ == "__main__":
    if sys.argv[1] == "stdio":
        stdio(sys.argv[2] if len(sys.argv) > 2 else "")
    else:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Http)
        server.daemon_threads = True
        print(server.server_address[1], flush=True)
        server.serve_forever()
