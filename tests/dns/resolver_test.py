"""world/dns against a real name server: what it answers is told apart as callers need it (src/world/dns/resolver.h)."""
import os
import pathlib
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import name_server  # noqa: E402


class Answer:
    def __init__(self, line):
        parts = line.rstrip("\n").split("\t")
        self.line, self.ok = line, parts[0] == "ok"
        if self.ok:
            self.secure, self.canonical, self.records = parts[1] == "secure", parts[2].rstrip("."), parts[4:]
            self.error, self.ms = None, int(parts[3])
        else:
            self.error, self.ms, self.records = parts[1], int(parts[2]), []


class Asker:
    """The resolver in a process of its own, with a fresh cache."""

    def __init__(self, port, anchor=None):
        command = [os.environ["DNS_ASK"], f"127.0.0.1@{port}"] + ([str(anchor)] if anchor else [])
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, kind, name):
        self.process.stdin.write(f"{kind} {name}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"dns_ask has ended with {self.process.wait(10)}"
        return Answer(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()


class Resolver(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = name_server.NameServer()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def asker(self, validating=False, **troubles):
        self.relay = name_server.Relay(self.server, **troubles)
        self.addCleanup(self.relay.close)
        asker = Asker(self.relay.port, self.server.anchor if validating else None)
        self.addCleanup(asker.close)
        return asker

    # --- what there is and what there is not ---

    def test_records_are_read_and_mx_come_by_preference(self):
        ask = self.asker()
        self.assertEqual(ask("mx", "insecure.test").records, ["10 mx1.insecure.test", "20 mx2.insecure.test"])
        self.assertEqual(ask("a", "mx1.insecure.test").records, ["127.0.0.10"])
        self.assertEqual(ask("aaaa", "mx2.insecure.test").records, ["2001:db8::2"])
        self.assertEqual(ask("txt", "insecure.test").records, ["v=spf1 ip4:127.0.0.0/8 -all"])
        self.assertEqual(ask("tlsa", "_25._tcp.mx1.insecure.test").records, ["3 1 1 " + "0123456789abcdef" * 4])
        self.assertEqual(ask("ptr", "127.0.0.10").records, ["client.insecure.test"])
        self.assertEqual(ask("addresses", "both.insecure.test").records, ["2001:db8::30", "127.0.0.30"])

    def test_a_name_that_does_not_exist_and_one_without_such_records_differ(self):
        ask = self.asker()
        self.assertEqual(ask("mx", "nobody.insecure.test").error, "no such domain")
        self.assertEqual(ask("mx", "mx1.insecure.test").error, "no such record")
        self.assertEqual(ask("addresses", "nobody.insecure.test").error, "no such domain")
        self.assertEqual(ask("a", "x" * 64 + ".insecure.test").error, "not a name")

    def test_a_null_mx_is_one_mx_without_a_name(self):  # RFC 7505
        self.assertEqual(self.asker()("mx", "null.insecure.test").records, ["0 ."])

    def test_aliases_are_followed_to_their_end_over_zones(self):
        ask = self.asker()
        answer = ask("a", "one.insecure.test")
        self.assertEqual((answer.records, answer.canonical), (["127.0.0.3"], "three.signed.test"))
        self.assertEqual(ask("a", "away.insecure.test").error, "no such domain")
        self.assertEqual(ask("a", "round.insecure.test").error, "server failure")

    def test_more_than_fifty_records_are_cut(self):  # attack 59
        answer = self.asker()("mx", "many.insecure.test")
        self.assertEqual(len(answer.records), 50)
        self.assertEqual(answer.records, sorted(answer.records, key=lambda mx: int(mx.split()[0])))

    def test_an_answer_too_large_for_a_datagram_comes_by_tcp(self):
        ask = self.asker()
        answer = ask("txt", "big.insecure.test")
        self.assertEqual(sorted(record[:3] for record in answer.records), [f"{n:03}" for n in range(40)])
        self.assertGreaterEqual(self.relay.tcp, 1)

    # --- trouble ---

    def test_a_server_that_fails_is_not_a_name_that_does_not_exist(self):
        self.assertEqual(self.asker()("mx", "broken.test").error, "server failure")

    def test_silence_is_waited_for_five_seconds_and_no_longer(self):
        ask = self.asker(silent=["silent.insecure.test"])
        answer = ask("a", "silent.insecure.test")
        self.assertEqual(answer.error, "timed out")
        self.assertTrue(4_900 <= answer.ms <= 6_500, answer.line)
        self.assertEqual(ask("a", "mx1.insecure.test").records, ["127.0.0.10"], "other names are answered after it")

    def test_a_slow_answer_is_an_answer(self):
        answer = self.asker(slow={"slow.insecure.test": 1.5})("a", "slow.insecure.test")
        self.assertEqual(answer.records, ["127.0.0.40"])
        self.assertTrue(1_400 <= answer.ms <= 5_000, answer.line)

    # --- the cache ---

    def test_an_answer_is_kept_as_long_as_its_ttl_says(self):
        ask = self.asker()
        for _ in range(20):
            self.assertEqual(ask("a", "short.insecure.test").records, ["127.0.0.20"])
            self.assertEqual(ask("a", "nobody.insecure.test").error, "no such domain")
            self.assertEqual(ask("a", "both.insecure.test").records, ["127.0.0.30"])
        counted = lambda: [self.relay.asked.get(f"{name}.insecure.test") for name in ("short", "nobody", "both")]
        self.assertEqual(counted(), [1, 1, 1])
        # More than short's TTL, and than the SOA's minimum, which is how long a denial lives; libunbound counts whole seconds.
        time.sleep(3.3)
        ask("a", "short.insecure.test"), ask("a", "nobody.insecure.test"), ask("a", "both.insecure.test")
        self.assertEqual(counted(), [2, 2, 1])

    # --- DNSSEC (RFC 4033 §5) ---

    def test_a_signed_zone_validates(self):
        ask = self.asker(validating=True)
        for zone in ("signed.test", "hashed.test"):
            answer = ask("mx", zone)
            self.assertEqual((answer.records, answer.secure), ([f"10 mx1.{zone}", f"20 mx2.{zone}"], True))
            self.assertTrue(ask("tlsa", f"_25._tcp.mx1.{zone}").secure)
            self.assertEqual(ask("mx", f"nobody.{zone}").error, "no such domain")
            self.assertEqual(ask("aaaa", f"mx1.{zone}").error, "no such record")

    def test_a_changed_record_and_an_old_signature_are_bogus(self):
        ask = self.asker(validating=True)
        self.assertEqual(ask("a", "mx1.bogus.test").error, "DNSSEC validation failed")
        self.assertTrue(ask("mx", "bogus.test").secure, "what was not changed is right")
        self.assertEqual(ask("mx", "expired.test").error, "DNSSEC validation failed")

    def test_a_delegation_without_ds_is_insecure_and_not_bogus(self):
        ask = self.asker(validating=True)
        answer = ask("mx", "insecure.test")
        self.assertEqual((len(answer.records), answer.secure), (2, False))
        answer = ask("a", "one.insecure.test")  # an insecure alias of a signed name
        self.assertEqual((answer.records, answer.secure), (["127.0.0.3"], False))

    def test_without_a_trust_anchor_nothing_is_secure_and_nothing_bogus(self):
        ask = self.asker()
        self.assertFalse(ask("mx", "signed.test").secure)
        self.assertEqual(ask("a", "mx1.bogus.test").records, ["127.0.0.66"])


if __name__ == "__main__":
    if not os.environ.get("DNS_ASK"):
        print("SKIPPED: dns_ask is not built")
        sys.exit(77)
    if name_server.missing():
        print("SKIPPED: there is no", ", no ".join(name_server.missing()), "(packages nsd and ldnsutils)")
        sys.exit(1 if "POSTROAD_ALL_CLIENTS" in os.environ else 77)
    unittest.main(verbosity=2)
