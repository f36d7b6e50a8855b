"""Enough of the Marionette protocol to ask a Mozilla program to run JavaScript with its own powers.

A packet is LENGTH:JSON; a command is [0, id, name, parameters], its answer [1, id, error, value].
"""
import json
import socket
import time


class Marionette:
    def __init__(self, port, seconds=60):
        end = time.monotonic() + seconds
        while True:
            try:
                self.socket = socket.create_connection(("127.0.0.1", port), timeout=90)
                self.buffer, self.last = b"", 0
                self.read()          # it says first what it is
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)
        self.send("WebDriver:NewSession", {"capabilities": {"alwaysMatch": {"acceptInsecureCerts": True}}})
        self.send("Marionette:SetContext", {"value": "chrome"})
        self.send("WebDriver:SetTimeouts", {"script": 80000})

    def read(self):
        while b":" not in self.buffer:
            self._more()
        length, _, rest = self.buffer.partition(b":")
        while len(rest) < int(length):
            self._more()
            length, _, rest = self.buffer.partition(b":")
        self.buffer = rest[int(length):]
        return json.loads(rest[:int(length)])

    def _more(self):
        more = self.socket.recv(65536)
        if not more:
            raise ConnectionError("the program has closed its Marionette port")
        self.buffer += more

    def send(self, name, parameters):
        self.last += 1
        packet = json.dumps([0, self.last, name, parameters]).encode()
        self.socket.sendall(str(len(packet)).encode() + b":" + packet)
        while True:
            _, number, error, value = self.read()
            if number == self.last:
                if error:
                    raise RuntimeError(f"{name}: {error.get('message')}\n{error.get('stacktrace', '')[:500]}")
                return value

    def run(self, script, *arguments):
        """Runs the body of an async function; answers what it returns."""
        wrapped = ("const [args, done] = [Array.from(arguments).slice(0, -1), arguments[arguments.length - 1]];"
                   "(async () => {" + script + "})().then(v => done({value: v}), e => done({error: String(e) + '\\n' + (e.stack || '')}));")
        said = self.send("WebDriver:ExecuteAsyncScript", {"script": wrapped, "args": list(arguments), "newSandbox": True})["value"]
        if said.get("error"):
            raise RuntimeError(said["error"])
        return said.get("value")

    def quit(self):
        try:
            self.send("Marionette:Quit", {"flags": ["eForceQuit"]})
        except (OSError, RuntimeError):
            pass
        self.socket.close()
