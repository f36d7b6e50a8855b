#!/usr/bin/env python3
"""Letters are collected: by fetchmail, getmail, mbsync, offlineimap, mutt, curl and python, by POP3 and IMAP."""
import imaplib
import mailbox
import os
import pwd
import re

from journey import PASSWORD, Journey, fixture, main

LETTER = "From: sender@example.com\nTo: {to}\nSubject: letter {n}\nMessage-ID: <letter-{n}@example.com>\n\nThis is letter {n}.\n.\nFrom here on: Grüße.\n"


class Collecting(Journey):
    settings = {"auth.cleartext": True, "hostname": "localhost"}   # the name in the certificate is the one clients ask for

    def letters(self, name, count=3):
        account = self.account(name)
        for n in range(1, count + 1):
            self.server.deliver(account, LETTER.format(to=account, n=n))
        return account

    def imap(self, account):
        client = imaplib.IMAP4_SSL("127.0.0.1", self.port("imaps"), ssl_context=fixture.unverified_tls())
        client.login(account, PASSWORD)
        self.addCleanup(client.shutdown)
        return client

    def subjects(self, maildir):
        return sorted(m["Subject"] for m in mailbox.Maildir(maildir, create=False))

    def assertCollected(self, text, count=3):
        for n in range(1, count + 1):
            self.assertIn(f"Subject: letter {n}\n", text)
            self.assertIn(f"This is letter {n}.\n.\n", text)

    def fetchmail(self, account, protocol, port, *options, server=""):
        self.need("fetchmail")
        box = self.home / "box"
        rc = self.write(".fetchmailrc", f'poll 127.0.0.1 service {port} protocol {protocol} auth password {server}\n  user "{account}" password "{PASSWORD}" is "me" here\n'
                        f'  mda "/bin/sh -c \'cat >> {box}; echo >> {box}\'" {" ".join(options)}\n', 0o700)
        said = self.run_client("fetchmail", "-f", rc, "--nodetach", "--nosyslog", "--pidfile", self.home / "pid", "-v", check=False)
        self.assertIn(said.returncode, (0, 1), said.stdout[-2000:] + said.stderr[-2000:])   # 1: there was nothing
        return box.read_text() if box.exists() else ""

    def test_fetchmail_collects_by_pop3_and_empties_the_mailbox(self):
        account = self.letters("fetchpop")
        self.assertCollected(self.fetchmail(account, "pop3", self.port("pop3s"), "ssl", "no sslcertck"))
        self.assertEqual(self.server.messages(account), [])

    def test_fetchmail_keeps_and_fetches_only_what_is_new(self):
        account = self.letters("fetchkeep", 2)
        options = ("ssl", "no sslcertck", "keep")
        self.assertCollected(self.fetchmail(account, "pop3", self.port("pop3s"), *options, server="uidl"), 2)
        self.server.deliver(account, LETTER.format(to=account, n=3))
        text = self.fetchmail(account, "pop3", self.port("pop3s"), *options, server="uidl")
        self.assertEqual(text.count("Subject: letter"), 3)
        self.assertEqual(len(self.server.messages(account)), 3)

    def test_fetchmail_collects_by_imap_over_starttls(self):
        account = self.letters("fetchimap")
        self.assertCollected(self.fetchmail(account, "imap", self.port("imap"), "sslproto TLS1.2+", "no sslcertck"))
        self.assertEqual(self.server.messages(account), [])

    def test_getmail_collects_by_pop3_into_a_maildir(self):
        self.need("getmail")
        account = self.letters("getmail")
        for sub in ("", "cur", "new", "tmp"):
            (self.home / "Mail" / sub).mkdir()
            if os.geteuid() == 0:   # it delivers as root to nobody's maildir only
                os.chown(self.home / "Mail" / sub, pwd.getpwnam("nobody").pw_uid, -1)
        self.home.chmod(0o711)
        self.write("getmailrc", f"[retriever]\ntype = SimplePOP3SSLRetriever\nserver = 127.0.0.1\nport = {self.port('pop3s')}\nusername = {account}\n"
                   f"password = {PASSWORD}\n[destination]\ntype = Maildir\npath = {self.home}/Mail/\n{'user = nobody' if os.geteuid() == 0 else ''}\n[options]\ndelete = true\nread_all = false\n")
        self.run_client("getmail", "--getmaildir", self.home, "--rcfile", "getmailrc")
        self.assertEqual(self.subjects(self.home / "Mail"), ["letter 1", "letter 2", "letter 3"])
        self.assertEqual(self.server.messages(account), [])

    def test_mbsync_keeps_both_sides_the_same(self):
        self.need("mbsync")
        account = self.letters("mbsync")
        here = self.home / "Mail"
        here.mkdir()
        rc = self.write("mbsyncrc", f"IMAPStore there\nHost 127.0.0.1\nPort {self.port('imap')}\nUser {account}\nPass {PASSWORD}\nSSLType None\n"
                        f"AuthMechs LOGIN\n\nMaildirStore here\nPath {here}/\nInbox {here}/INBOX\nSubFolders Verbatim\n\n"
                        "Channel all\nFar :there:\nNear :here:\nPatterns *\nCreate Both\nExpunge Both\nSync All\nSyncState *\n")
        self.run_client("mbsync", "-c", rc, "-a")
        self.assertEqual(self.subjects(here / "INBOX"), ["letter 1", "letter 2", "letter 3"])
        local = mailbox.Maildir(here / "INBOX", create=False)
        for key, message in local.items():            # read one, throw one away, write one
            if message["Subject"] == "letter 1":
                message.set_subdir("cur")
                message.set_flags("SF")
                local[key] = message
            if message["Subject"] == "letter 2":
                local.remove(key)
        local.add(mailbox.MaildirMessage(LETTER.format(to=account, n=4).encode()))
        self.server.deliver(account, LETTER.format(to=account, n=5))
        for _ in range(2):
            self.run_client("mbsync", "-c", rc, "-a")
        self.assertEqual(self.subjects(here / "INBOX"), ["letter 1", "letter 3", "letter 4", "letter 5"])
        client = self.imap(account)
        client.select("INBOX")
        self.assertEqual(len(client.search(None, "ALL")[1][0].split()), 4)
        self.assertEqual(len(client.search(None, "FLAGGED", "SEEN", "SUBJECT", '"letter 1"')[1][0].split()), 1)
        self.assertEqual(len(client.search(None, "SUBJECT", '"letter 2"')[1][0].split()), 0)

    def test_mbsync_trusts_our_certificate_when_told_so(self):
        self.need("mbsync")
        account = self.letters("mbsynctls")
        here = self.home / "Mail"
        here.mkdir()
        rc = self.write("mbsyncrc", f"IMAPStore there\nHost localhost\nPort {self.port('imaps')}\nUser {account}\nPass {PASSWORD}\nSSLType IMAPS\n"
                        f"CertificateFile {self.certificate}\nAuthMechs LOGIN\n\nMaildirStore here\nPath {here}/\nInbox {here}/INBOX\n\n"
                        "Channel all\nFar :there:\nNear :here:\nCreate Near\nSync Pull\nSyncState *\n")
        self.run_client("mbsync", "-c", rc, "-a")
        self.assertEqual(self.subjects(here / "INBOX"), ["letter 1", "letter 2", "letter 3"])

    def test_offlineimap_collects_and_sends_flags_back(self):
        self.need("offlineimap")
        account = self.letters("offline")
        rc = self.write("offlineimaprc", f"[general]\naccounts = a\nmetadata = {self.home}/meta\nui = basic\n[Account a]\nlocalrepository = l\n"
                        f"remoterepository = r\n[Repository l]\ntype = Maildir\nlocalfolders = {self.home}/Mail\n[Repository r]\ntype = IMAP\n"
                        f"remotehost = 127.0.0.1\nremoteport = {self.port('imap')}\nremoteuser = {account}\nremotepass = {PASSWORD}\nssl = no\nstarttls = no\n")
        # Its interpreter is Debian's, where its modules are, whatever python3 comes first here.
        path = {"PATH": "/usr/bin:/bin"}
        self.run_client("offlineimap", "-c", rc, "-o", environment=path)
        self.assertEqual(self.subjects(self.home / "Mail" / "INBOX"), ["letter 1", "letter 2", "letter 3"])
        local = mailbox.Maildir(self.home / "Mail" / "INBOX", create=False)
        for key, message in local.items():
            message.set_subdir("cur")
            message.add_flag("S")
            local[key] = message
        self.run_client("offlineimap", "-c", rc, "-o", environment=path)
        client = self.imap(account)
        client.select("INBOX", readonly=True)
        self.assertEqual(client.search(None, "UNSEEN")[1][0].split(), [])

    def muttrc(self, extra=""):
        (self.home / "Mail").mkdir(exist_ok=True)   # else it asks, and takes our keys for the answer
        return self.write("muttrc", f'set imap_pass="{PASSWORD}" ssl_verify_host=no certificate_file="{self.certificate}"\n'
                          f"set confirmappend=no delete=yes quit=yes wait_key=no move=no header_cache=\"{self.home}/cache\"\n{extra}")

    def test_mutt_reads_over_imaps_and_deletes(self):
        self.need("mutt")
        account = self.letters("muttread")
        out = self.home / "read"
        keys = f"<first-entry><pipe-message>cat > {out}<enter><delete-message><sync-mailbox><quit>"
        code, drawn = self.run_on_terminal("mutt", "-n", "-F", self.muttrc(), "-f", f"imaps://{account}@127.0.0.1:{self.port('imaps')}/INBOX", "-e", f'push "{keys}"')
        self.assertEqual(code, 0, drawn[-1500:])
        text = out.read_text()
        self.assertIn("letter 1", text)
        self.assertIn("This is letter 1.", text)
        self.assertEqual(len(self.server.messages(account)), 2)

    def test_mutt_reads_by_pop3(self):
        self.need("mutt")
        account = self.letters("muttpop", 1)
        out = self.home / "read"
        rc = self.muttrc(f'set pop_pass="{PASSWORD}"\n')
        code, drawn = self.run_on_terminal("mutt", "-n", "-F", rc, "-f", f"pops://{account}@127.0.0.1:{self.port('pop3s')}", "-e",
                                           f'push "<first-entry><pipe-message>cat > {out}<enter><quit>"')
        self.assertEqual(code, 0, drawn[-1500:])
        self.assertIn("This is letter 1.", out.read_text())

    def test_curl_reads_by_imap_and_pop3(self):
        self.need("curl")
        account = self.letters("curlread", 2)
        said = self.run_client("curl", "-sSk", f"imaps://127.0.0.1:{self.port('imaps')}/INBOX;UID=2", "--user", f"{account}:{PASSWORD}").stdout
        self.assertIn("This is letter 2.", said)
        said = self.run_client("curl", "-sSk", f"pop3s://127.0.0.1:{self.port('pop3s')}/1", "--user", f"{account}:{PASSWORD}").stdout
        self.assertIn("This is letter 1.\r\n.\r\n" if "\r" in said else "This is letter 1.\n.\n", said)

    def test_python_works_with_folders_flags_and_searches(self):
        account = self.letters("pyimap")
        client = self.imap(account)
        self.assertEqual(client.create("Archive/2026")[0], "OK")
        self.assertEqual(client.select("INBOX")[1], [b"3"])
        self.assertEqual(client.uid("COPY", "1:2", "Archive/2026")[0], "OK")
        self.assertEqual(client.uid("STORE", "1:2", "+FLAGS.SILENT", r"(\Deleted)")[0], "OK")
        self.assertEqual(client.expunge()[0], "OK")
        self.assertEqual(client.select("Archive/2026")[1], [b"2"])
        self.assertEqual(client.search(None, "BODY", '"letter 2"')[1], [b"2"])
        answer, data = client.append("Archive/2026", r"(\Seen)", None, b"Subject: put here\r\n\r\nx\r\n")
        self.assertEqual(answer, "OK", data)
        self.assertEqual(client.noop()[0], "OK")
        self.assertEqual(client.search(None, "SEEN")[1], [b"3"])
        names = [re.search(rb'"/" "?([^"]+)"?$', line)[1] for line in client.list()[1]]
        self.assertIn(b"Archive/2026", names)


if __name__ == "__main__":
    main("imaps")
