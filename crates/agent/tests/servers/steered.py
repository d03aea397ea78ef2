"""The example of a site with a real model, for a test: SmolLM2-135M on llama.cpp, and a
door before it that decides which tool is called next.

A model of this size cannot plan, so the order of the work is decided here, and so are the
names of agents and files; whatever else is said and written (tasks, questions, pages, talk)
the model makes up token by token, held to the tool's arguments by a JSON schema. What it
streams as text then goes on as the fragments of a tool call, as an API would send them.

Prints its address on one line, then serves until its standard input ends.
"""

import http.server
import json
import re
import sys
import threading
import urllib.request
import uuid

import smollm

PAGES = ["home", "about"]
TALK = {"max_tokens": 24}


def text(message):
    content = message.get("content") or ""
    if isinstance(content, list):
        content = "".join(part.get("text", "") for part in content)
    return content


def calls(messages):
    """The arguments of all calls so far, with the tool's name."""
    for message in messages:
        for call in message.get("tool_calls") or []:
            function = call["function"]
            yield function["name"], json.loads(function["arguments"])


def next_call(messages):
    """The tool to be called now with a schema for its arguments; None to talk."""
    made = list(calls(messages))
    if "You lead the making" in text(messages[0]):
        return lead(messages, made)
    page = re.search(r"pages/(\w+)\.html", "".join(map(text, messages[1:])))[1]
    names = [name for name, _ in made]
    if page == "home" and "ask" not in names:
        return "ask", {"question": {"pattern": "^What is the [a-z ]{5,30}[?]$"}}
    if "Write" not in names:
        body = "^<html><body><h1>[A-Za-z ]{5,30}</h1><p>[A-Za-z ,.]{20,120}</p></body></html>$"
        path = {"const": f"pages/{page}.html"}
        return "Write", {"file_path": path, "content": {"pattern": body}}
    return None


def lead(messages, made):
    started = [arguments for name, arguments in made if name == "start_agent"]
    if len(started) < len(PAGES):
        task = f"^Write pages/{PAGES[len(started)]}[.]html: [A-Za-z ,]{{20,60}}[.]$"
        return "start_agent", {"agent": {"const": "writer"}, "task": {"pattern": task}}
    merged = {arguments["id"] for name, arguments in made if name == "merge_agent"}
    said = "".join(text(message) for message in messages if message["role"] == "user")
    for done in re.findall(r"\[the agent (\S+) has finished", said):
        if done not in merged:
            return "merge_agent", {"id": {"const": done}}
    return None


def plain(messages):
    """As the model's own template has them: it knows no tools."""
    for message in messages:
        role = {"system": "system", "assistant": "assistant"}.get(message["role"], "user")
        said = text(message) or " ".join(name for name, _ in calls([message]))
        yield {"role": role, "content": said[-1500:]}


class Door(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        call = next_call(asked["messages"])
        asked = {name: asked[name] for name in ("stream", "stream_options") if name in asked} | {
            "messages": list(plain(asked["messages"])),
        }
        if call:
            schema = {"type": "object", "properties": call[1], "required": list(call[1])}
            wanted = {"name": "arguments", "schema": schema | {"additionalProperties": False}}
            asked["response_format"] = {"type": "json_schema", "json_schema": wanted}
        else:
            asked |= TALK
        request = urllib.request.Request(
            smollm.server.listening_address + "/v1/chat/completions",
            json.dumps(asked).encode(),
            {"content-type": "application/json"},
        )
        number = uuid.uuid4().hex
        with urllib.request.urlopen(request) as answer:
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("connection", "close")
            self.end_headers()
            for line in answer:
                self.wfile.write(as_call(line, call[0], number) if call else as_talk(line))
                self.wfile.flush()


def as_call(line, name, number):
    """A line of the stream, with text turned into a call's arguments."""
    if not line.startswith(b"data: {"):
        return line
    chunk = json.loads(line[len("data: ") :])
    for choice in chunk["choices"]:
        delta = choice["delta"]
        piece = {"index": 0, "function": {"arguments": delta.pop("content", None) or ""}}
        if delta.get("role"):
            piece |= {"id": f"call_{number}", "type": "function"}
            piece["function"]["name"] = name
        if piece["function"]["arguments"] or delta.get("role"):
            delta["tool_calls"] = [piece]
        if choice.get("finish_reason") == "stop":
            choice["finish_reason"] = "tool_calls"
    return b"data: " + json.dumps(chunk).encode() + b"\n"


def as_talk(line):
    """A line of the stream of talk. Where it ends was decided here: it is no cut reply."""
    if not line.startswith(b"data: {"):
        return line
    chunk = json.loads(line[len("data: ") :])
    for choice in chunk["choices"]:
        if choice.get("finish_reason") == "length":
            choice["finish_reason"] = "stop"
    return b"data: " + json.dumps(chunk).encode() + b"\n"


door = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door)
threading.Thread(target=door.serve_forever, daemon=True).start()
print(f"http://127.0.0.1:{door.server_address[1]}", flush=True)
sys.stdin.read()
