"""Drives a headless browser by WebDriver (W3C), with nothing but Python's own library."""

import json
import os
import subprocess
import time
import urllib.error
import urllib.request

PORT = 9515
# Debian's. Its script `chromium` wants settings that no box has.
PROGRAM = "/usr/lib/chromium/chromium"
WAIT_MS = 10_000
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Browser:
    """A browser for a `with` statement. It ends with it."""

    def __enter__(self):
        # The driver is the box's own: it is not asked through the proxy.
        quiet = subprocess.DEVNULL
        self.driver = subprocess.Popen(
            ["chromedriver", f"--port={PORT}"], stdout=quiet, stderr=quiet
        )
        self.web = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self._wait()
        arguments = [
            "--headless=new",
            # The box is the sandbox; it lets nobody make another one inside.
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--user-data-dir=/tmp/browser",
            "--proxy-server=" + os.environ["HTTP_PROXY"],
            "--proxy-bypass-list=<-loopback>",
        ]
        options = {"goog:chromeOptions": {"binary": PROGRAM, "args": arguments}}
        # An element is waited for: after a click its page may have yet to come.
        options["timeouts"] = {"implicit": WAIT_MS}
        made = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": options}})
        self.session = "/session/" + made["sessionId"]
        return self

    def __exit__(self, *_):
        if hasattr(self, "session"):
            self._ask("DELETE", self.session)
        self.driver.terminate()
        self.driver.wait()

    def open(self, url):
        self._ask("POST", self.session + "/url", {"url": url})

    def find(self, selector):
        by = {"using": "css selector", "value": selector}
        return self._ask("POST", self.session + "/element", by)[ELEMENT]

    def text(self, selector):
        return self._ask("GET", f"{self.session}/element/{self.find(selector)}/text")

    def click(self, selector):
        self._ask("POST", f"{self.session}/element/{self.find(selector)}/click", {})

    def type(self, selector, text):
        self._ask("POST", f"{self.session}/element/{self.find(selector)}/value", {"text": text})

    def _wait(self):
        for _ in range(200):
            try:
                self._ask("GET", "/status")
                return
            except OSError:
                time.sleep(0.05)
        raise SystemExit("the browser's driver does not answer")

    def _ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{PORT}{path}", data, {"content-type": "application/json"}, method=method
        )
        try:
            with self.web.open(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise SystemExit(json.load(error)["value"]["message"]) from None
