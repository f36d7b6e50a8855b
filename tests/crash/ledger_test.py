#!/usr/bin/env python3
"""The crash ledger itself: an honest toy server passes, and each way of breaking a promise turns it red."""
import pathlib
import sys
import tempfile
import unittest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent)]
import run  # noqa: E402
import systems  # noqa: E402
import work  # noqa: E402
from ledger import ACKED, REFUSED, UNKNOWN, Ledger, Row, View  # noqa: E402


def row(uid, message, intact=True, flags=()):
    return Row(uid, message, intact, frozenset(flags))


def audited(fates, rows, removals=(), flags=(), before=None, uid_next=None):
    ledger = Ledger()
    for message, fate in fates.items():
        ledger.handed_over(message, "a", fate)
    for message, fate in removals:
        ledger.about_to_remove(message, "a")
        ledger.removed(message, "a", fate)
    for message, flag, wanted, fate in flags:
        ledger.flagged(message, "a", flag, wanted, fate)
    if before:
        ledger.audit("a", before)
    ledger.audit("a", View(rows, 1, uid_next))
    return [v.split(":")[0] for v in ledger.violations]


class Rules(unittest.TestCase):
    def test_acked_means_one_copy(self):
        self.assertEqual(audited({"m": ACKED}, [row(1, "m")]), [])
        self.assertEqual(audited({"m": ACKED}, []), ["lost"])
        self.assertEqual(audited({"m": ACKED}, [row(1, "m"), row(2, "m")]), ["duplicate"])

    def test_refused_means_none(self):
        self.assertEqual(audited({"m": REFUSED}, []), [])
        self.assertEqual(audited({"m": REFUSED}, [row(1, "m")]), ["refused but there"])

    def test_unknown_means_at_most_one_and_stays_what_it_was_found_to_be(self):
        self.assertEqual(audited({"m": UNKNOWN}, []), [])
        self.assertEqual(audited({"m": UNKNOWN}, [row(1, "m")]), [])
        self.assertEqual(audited({"m": UNKNOWN}, [row(1, "m"), row(2, "m")]), ["duplicate"])
        self.assertEqual(audited({"m": UNKNOWN}, [], before=View([row(1, "m")], 1)), ["lost"])

    def test_what_was_removed_stays_away(self):
        self.assertEqual(audited({"m": ACKED}, [], removals=[("m", ACKED)]), [])
        self.assertEqual(audited({"m": ACKED}, [row(1, "m")], removals=[("m", ACKED)]), ["resurrected"])
        self.assertEqual(audited({"m": ACKED}, [row(1, "m")], removals=[("m", UNKNOWN)]), [])
        self.assertEqual(audited({"m": ACKED}, [], removals=[("m", REFUSED)]), ["lost"])

    def test_flags_stay(self):
        flagged = [("m", "\\Flagged", True, ACKED)]
        self.assertEqual(audited({"m": ACKED}, [row(1, "m", flags=["\\Flagged"])], flags=flagged), [])
        self.assertEqual(audited({"m": ACKED}, [row(1, "m")], flags=flagged), ["flag lost"])
        self.assertEqual(audited({"m": ACKED}, [row(1, "m")], flags=[("m", "\\Flagged", True, UNKNOWN)]), [])

    def test_an_altered_or_unknown_message_is_seen(self):
        self.assertEqual(audited({"m": ACKED}, [row(1, "m", intact=False)]), ["altered"])
        self.assertEqual(audited({}, [row(1, "other")]), ["stranger"])

    def test_uids_only_grow(self):
        both = {"m": ACKED, "n": ACKED}
        first = View([row(1, "m")], 1, 5)
        self.assertEqual(audited(both, [row(1, "m"), row(5, "n")], before=first, uid_next=6)[1:], [])
        self.assertIn("uid regression", audited(both, [row(1, "m"), row(4, "n")], before=first, uid_next=6))
        self.assertIn("uid regression", audited(both, [row(1, "n"), row(6, "m")], before=first, uid_next=7))
        self.assertIn("uid regression", audited(both, [row(1, "m"), row(5, "n")], before=first, uid_next=4))
        self.assertIn("uid regression", audited(both, [row(2, "m"), row(1, "n")], uid_next=3))

    def test_relay_duplicates_need_a_kill_nearby(self):
        def relayed(fate, arrivals, kills=()):
            ledger = Ledger()
            ledger.handed_to_relay("m", "x", fate)
            ledger.audit_relay({("m", "x"): arrivals} if arrivals else {}, kills)
            return [v.split(":")[0] for v in ledger.violations], ledger.counts["duplicate within RFC 1047"]
        self.assertEqual(relayed(ACKED, [10.0]), ([], 0))
        self.assertEqual(relayed(ACKED, []), (["lost"], 0))
        self.assertEqual(relayed(REFUSED, [10.0]), (["refused but there"], 0))
        self.assertEqual(relayed(ACKED, [10.0, 12.0], kills=[(10.2, 10.3)]), ([], 1))
        self.assertEqual(relayed(ACKED, [10.0, 12.0], kills=[(8.0, 10.1)]), ([], 1), "while the power was being cut")
        self.assertEqual(relayed(ACKED, [10.0, 12.0], kills=[(8.0, 9.9)]), (["duplicate"], 0))
        self.assertEqual(relayed(ACKED, [10.0, 12.0], kills=[(11.9, 12.0)]), (["duplicate"], 0))
        self.assertEqual(relayed(ACKED, [10.0, 12.0, 13.0], kills=[(10.2, 10.3)]), (["duplicate"], 1))


class Contents(unittest.TestCase):
    def test_a_message_is_known_again_behind_trace_fields_and_only_unaltered(self):
        for n in range(100):
            sent = work.content(f"x-{n}")
            self.assertEqual(work.identify(b"Received: by y\r\n" + sent), (f"x-{n}", True))
            self.assertEqual(work.identify(sent[:-3] + b"?\r\n"), (f"x-{n}", False))
            self.assertEqual(work.identify(sent[:-20]), (f"x-{n}", False))
            self.assertEqual(work.identify(sent + sent), (f"x-{n}", False))


class Toys(unittest.TestCase):
    """Real kills: four cycles each."""

    def violations(self, fault):
        with tempfile.TemporaryDirectory() as directory:
            system = systems.ToySystem(directory, fault)
            try:
                ledger, kills, statistics = run.crash(system, 4, 0.3, 0.8, "toy", tell=lambda *_, **__: None)
            finally:
                system.close()
            self.assertGreaterEqual(ledger.counts["acked"], 10)
            self.assertGreater(statistics["kills_inside_a_write"], 0)
            return {v.split(":")[0] for v in ledger.violations}

    def test_an_honest_server_keeps_all_promises(self):
        self.assertEqual(self.violations("honest"), set())

    def test_an_answer_before_the_write_is_found(self):
        self.assertIn("lost", self.violations("early"))

    def test_a_message_dropped_now_and_then_is_found(self):
        self.assertIn("lost", self.violations("forgets"))

    def test_a_refused_message_that_is_kept_is_found(self):
        self.assertIn("refused but there", self.violations("refused"))

    def test_a_second_copy_is_found(self):
        self.assertIn("duplicate", self.violations("doubles"))

    def test_uids_that_change_are_found(self):
        self.assertIn("uid regression", self.violations("swaps"))


if __name__ == "__main__":
    unittest.main()
