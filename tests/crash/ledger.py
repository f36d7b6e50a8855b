"""The crash ledger: what was promised to clients, compared with what is found after a crash.

Every attempt to hand over a message ends, for each recipient, as acked, refused or unknown (the link died after the
final dot). The rule (durability.md §2): acked means exactly one copy, refused none, unknown at most one. Taking
away and marking follow the same rule. UIDs only grow; a UID names one message for ever.

Pure bookkeeping: no sockets, no clock. A violation is kept as a sentence that names the message.
"""
import collections
import dataclasses
import threading

ACKED, REFUSED, UNKNOWN = "acked", "refused", "unknown"


@dataclasses.dataclass
class Row:
    """One message as found in a mailbox."""
    uid: int
    message: str          # our id, from the Message-ID field; "" if there is none
    intact: bool          # every octet is as it was sent
    flags: frozenset = frozenset()


@dataclasses.dataclass
class View:
    """A mailbox as found. What a protocol does not tell is None."""
    rows: list
    uid_validity: int | None = None
    uid_next: int | None = None
    highest_mod_seq: int | None = None


class Ledger:
    def __init__(self):
        self.lock = threading.RLock()
        self.fates = {}        # (message, account) -> fate
        self.open = collections.defaultdict(set)    # account -> messages that may be in it; all others must not
        self.removals = {}     # (message, account) -> fate
        self.flags = {}        # (message, account) -> {flag: (wanted, fate)}
        self.relayed = {}      # (message, outside address) -> fate
        self.seen = collections.defaultdict(dict)   # account -> uid -> message
        self.bounds = {}       # account -> (uid_validity, uid_next, highest_mod_seq) as last seen
        self.settled = set()   # unknown at first, found present since
        self.counts = collections.Counter()
        self.violations = []
        self.widest_window = 0.0  # seconds between a sink's 250 and the kill that excused a second copy

    # --- What clients were told --------------------------------------------------------------------------

    def handed_over(self, message, account, fate):
        with self.lock:
            assert (message, account) not in self.fates, "a message is handed over once"
            self.fates[message, account] = fate
            if fate != REFUSED:
                self.open[account].add(message)
            self.counts[fate] += 1

    def handed_to_relay(self, message, address, fate):
        with self.lock:
            self.relayed[message, address] = fate
            self.counts["relay " + fate] += 1

    def about_to_remove(self, message, account):
        """Before the command that removes is sent: from now on the message may be gone."""
        with self.lock:
            self.removals.setdefault((message, account), UNKNOWN)

    def removed(self, message, account, fate):
        with self.lock:
            self.counts["removal " + fate] += 1
            if fate == REFUSED:
                self.removals.pop((message, account), None)
            else:
                self.removals[message, account] = fate

    def flagged(self, message, account, flag, wanted, fate):
        with self.lock:
            self.flags.setdefault((message, account), {})[flag] = (wanted, fate)
            self.counts["flag " + fate] += 1

    def appended_as(self, account, uid, message):
        """APPENDUID told this."""
        with self.lock:
            self._name(account, uid, message)

    # --- What is found -----------------------------------------------------------------------------------

    def wrong(self, kind, sentence):
        self.counts[kind] += 1
        self.violations.append(f"{kind}: {sentence}")

    def _name(self, account, uid, message):
        known = self.seen[account].setdefault(uid, message)
        if known != message:
            self.wrong("uid regression", f"UID {uid} of {account} was {known} and is now {message}")

    def missing(self, account, view):
        """Messages that were acked and are not there (yet): the caller may wait for a queue to drain."""
        present = {row.message for row in view.rows}
        with self.lock:
            return [m for m in self.open[account]
                    if m not in present and (self.fates[m, account] == ACKED or (m, account) in self.settled)
                    and (m, account) not in self.removals]

    def audit(self, account, view):
        """Compares one mailbox with all that is known of it. Nobody may be working on it meanwhile."""
        with self.lock:
            self._audit_numbers(account, view)
            copies = collections.Counter(row.message for row in view.rows)
            for row in view.rows:
                key = (row.message, account)
                if key not in self.fates:
                    self.wrong("stranger", f"{account} holds a message nobody sent: UID {row.uid} {row.message!r}")
                    continue
                if not row.intact:
                    self.wrong("altered", f"{row.message} in {account} is not as it was sent")
                self._audit_flags(key, row)
            # What was refused or is gone for good matters only if it is there.
            for message in self.open[account] | {m for m in copies if (m, account) in self.fates}:
                self._audit_copies((message, account), self.fates[message, account], copies[message])
            self.open[account] = {m for m in self.open[account] if copies[m] or self.removals.get((m, account)) != ACKED}

    def _audit_numbers(self, account, view):
        validity, following, mod_seq = self.bounds.get(account, (None, None, None))
        if validity is not None and view.uid_validity is not None and view.uid_validity != validity:
            self.wrong("uid regression", f"UIDVALIDITY of {account} was {validity} and is {view.uid_validity}")
        for name, before, now in (("UIDNEXT", following, view.uid_next), ("HIGHESTMODSEQ", mod_seq, view.highest_mod_seq)):
            if before is not None and now is not None and now < before:
                self.wrong("uid regression", f"{name} of {account} fell from {before} to {now}")
        uids = [row.uid for row in view.rows]
        if any(a >= b for a, b in zip(uids, uids[1:])):
            self.wrong("uid regression", f"UIDs of {account} do not rise")
        for row in view.rows:
            if following is not None and row.uid not in self.seen[account] and row.uid < following:
                self.wrong("uid regression", f"{row.message} came to {account} as UID {row.uid}, below UIDNEXT {following}")
            self._name(account, row.uid, row.message)
        if view.uid_next is not None and uids and view.uid_next <= uids[-1]:
            self.wrong("uid regression", f"UIDNEXT {view.uid_next} of {account} is not above UID {uids[-1]}")
        self.bounds[account] = (view.uid_validity or validity, view.uid_next or following, view.highest_mod_seq or mod_seq)

    def _audit_copies(self, key, fate, copies):
        message, account = key
        removal = self.removals.get(key)
        if copies > 1:
            self.wrong("duplicate", f"{message} is in {account} {copies} times")
        elif fate == REFUSED and copies:
            self.wrong("refused but there", f"{message} was refused and is in {account}")
        elif removal == ACKED and copies:
            self.wrong("resurrected", f"{message} was removed from {account} and is there again")
        elif (fate == ACKED or key in self.settled) and not copies and removal is None:
            self.wrong("lost", f"{message} was {'acked' if fate == ACKED else 'seen'} and is not in {account}")
        elif fate == UNKNOWN and copies:
            self.settled.add(key)

    def _audit_flags(self, key, row):
        for flag, (wanted, fate) in self.flags.get(key, {}).items():
            if fate == ACKED and (flag in row.flags) != wanted:
                self.wrong("flag lost", f"{key[0]} in {key[1]}: {flag} was {'set' if wanted else 'cleared'} and is not so")

    def forget_removed(self):
        """What is gone for good needs no memory beyond its id: keeps long runs small."""
        with self.lock:
            for key in [k for k, fate in self.removals.items() if fate == ACKED]:
                self.flags.pop(key, None)

    # --- The world outside -------------------------------------------------------------------------------

    def audit_relay(self, arrivals, kills, window=1.0):
        """arrivals: {(message, address): [times of the sink's 250]}; kills: from when to when a kill took. A copy more is excused
        only by a kill within the RFC 1047 window of the copy before it: after the sink said 250, before that could be recorded."""
        with self.lock:
            for key, fate in self.relayed.items():
                times = sorted(arrivals.get(key, []))
                if fate == REFUSED and times:
                    self.wrong("refused but there", f"{key[0]} was refused and went out to {key[1]}")
                elif fate == ACKED and not times:
                    self.wrong("lost", f"{key[0]} was acked and never went out to {key[1]}")
                for first in times[:-1]:
                    waited = min((max(0.0, begun - first) for begun, ended in kills if begun - window <= first <= ended), default=None)
                    if waited is not None:
                        self.counts["duplicate within RFC 1047"] += 1
                        self.widest_window = max(self.widest_window, waited)
                    else:
                        self.wrong("duplicate", f"{key[0]} went out to {key[1]} again though no kill was near")
            for key in arrivals:
                if key not in self.relayed:
                    self.wrong("stranger", f"nobody sent {key[0]} to {key[1]}")
