#!/usr/bin/env python3
"""The ladder of durability.md §4 on the real server: what is given up first when memory, slots or neighbours are too many."""
import json
import socket
import time
import unittest

import postroad_fixture as fixture

STRANGER = "127.200.0.1"  # limits.exempt of the fixture is 127.0.0.0/9


def greeting(port, source=STRANGER):
    """The socket and what was said first."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=20, source_address=(source, 0))
    said = connection.makefile("rb").readline().decode()
    return connection, said


def loads(server):
    lines = (json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{"))
    return [line["load"] for line in lines if line["event"] == "server.load"]


def wait_for_load(server, load):
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if loads(server)[-1:] == [load]:
            return
        time.sleep(0.1)
    raise AssertionError(f"not {load}, but {loads(server)}")


class Overload(unittest.TestCase):
    def test_too_little_memory_keeps_strangers_out_and_says_so_until_there_is_more(self):
        with fixture.Postroad(settings={"overload.memory": "1 MiB"}, listeners=("smtp", "pop3")) as server:
            wait_for_load(server, "shedding")
            connection, said = greeting(server.ports["smtp"])
            connection.close()
            self.assertRegex(said, r"^421 4\.3\.2 ")
            connection, said = greeting(server.ports["smtp"], "127.0.0.1")
            connection.close()
            self.assertRegex(said, r"^220 ", "an exempt network is still served")
            server.settings["overload.memory"] = "64 GiB"
            server.write_config()
            server.reload()
            wait_for_load(server, "normal")
            connection, said = greeting(server.ports["smtp"])
            connection.close()
            self.assertRegex(said, r"^220 ")

    def test_strangers_leave_places_for_users(self):
        settings = {"limits.connections": 20, "overload.reserved": "50 %", "overload.busy_at": "90 %", "overload.shed_at": "100 %"}
        with fixture.Postroad(settings=settings, listeners=("smtp", "pop3")) as server:
            held = [greeting(server.ports["smtp"]) for _ in range(10)]
            self.assertEqual([said[:4] for _, said in held], ["220 "] * 10)
            connection, said = greeting(server.ports["smtp"])
            connection.close()
            self.assertRegex(said, r"^421 4\.3\.2 ")
            connection, said = greeting(server.ports["pop3"])
            connection.close()
            self.assertTrue(said.startswith("+OK"), said)
            for connection, _ in held:
                connection.close()

    def test_who_comes_too_often_waits(self):
        with fixture.Postroad(settings={"limits.connection_rate": "3/min"}, listeners=("smtp",)) as server:
            said = []
            for _ in range(4):
                connection, line = greeting(server.ports["smtp"])
                connection.close()
                said.append(line[:9])
            self.assertEqual([line[:3] for line in said[:3]], ["220"] * 3)
            self.assertEqual(said[3], "421 4.7.0")


if __name__ == "__main__":
    fixture.need_binary("smtp", "pop3")
    unittest.main()
