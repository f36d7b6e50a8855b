#!/usr/bin/env python3
"""Thunderbird, headless: an account is set up, letters come and are shown, flagged, moved and deleted, one is sent.

It runs with a fresh profile and is asked through Marionette, by JavaScript with the program's own powers: what its
folder database and message stream say is what a person would see. It may speak to nobody but us: its proxy for the
web is a closed port.
"""
import imaplib
import os
import subprocess
import time
import unittest

import marionette
from journey import PASSWORD, Journey, fixture, main
import ports  # journey finds it

PREFERENCES = {
    "app.update.enabled": False, "datareporting.policy.dataSubmissionEnabled": False, "mailnews.start_page.enabled": False,
    "mail.provider.suppress_dialog_on_startup": True, "mail.spotlight.firstRunDone": True, "mailnews.start_page_override.mstone": "ignore",
    "network.proxy.type": 1, "network.proxy.http": "127.0.0.1", "network.proxy.http_port": 9, "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9, "network.proxy.no_proxies_on": "127.0.0.1, localhost", "services.settings.server": "",
    "extensions.update.enabled": False, "mail.server.default.check_new_mail": False, "mail.biff.show_alert": False,
    "mail.biff.play_sound": False, "mail.shell.checkDefaultClient": False, "browser.safebrowsing.malware.enabled": False,
    "mail.warn_on_send_accel_key": False, "mail.compose.autosave": False, "mailnews.auto_config.fetchFromISP.enabled": False,
    "mail.instrumentation.askUser": False, "security.enterprise_roots.enabled": False, "media.gmp-manager.url": "",
}

SET_UP = """
  const [address, password, imapPort, smtpPort, imapSocket, smtpSocket] = args;
  const {MailServices} = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
  // The certificate is our own; a person would confirm it once.
  Cc["@mozilla.org/security/certoverride;1"].getService(Ci.nsICertOverrideService)
    .setDisableAllSecurityChecksAndLetAttackersInterceptMyData(true);
  const incoming = MailServices.accounts.createIncomingServer(address, "127.0.0.1", "imap");
  incoming.port = imapPort;
  incoming.socketType = imapSocket;
  incoming.authMethod = Ci.nsMsgAuthMethod.passwordCleartext;
  incoming.password = password;
  incoming.loginAtStartUp = false;
  incoming.doBiff = false;
  const outgoing = MailServices.outgoingServer.createServer("smtp");
  outgoing.QueryInterface(Ci.nsISmtpServer);
  outgoing.hostname = "127.0.0.1";
  outgoing.port = smtpPort;
  outgoing.socketType = smtpSocket;
  outgoing.authMethod = Ci.nsMsgAuthMethod.passwordCleartext;
  outgoing.username = address;
  outgoing.password = password;
  const identity = MailServices.accounts.createIdentity();
  identity.email = address;
  identity.fullName = "Alice";
  identity.smtpServerKey = outgoing.key;
  identity.doFcc = false;
  const account = MailServices.accounts.createAccount();
  account.incomingServer = incoming;
  account.addIdentity(identity);
  MailServices.accounts.defaultAccount = account;
  return account.key;
"""

# Waits until `test` is true; the folder database fills as responses come.
PRELUDE = """
  const {MailServices} = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
  const account = MailServices.accounts.defaultAccount;
  const server = account.incomingServer;
  const sleep = ms => new Promise(done => { const t = Cc["@mozilla.org/timer;1"].createInstance(Ci.nsITimer);
    t.initWithCallback(() => done(t), ms, Ci.nsITimer.TYPE_ONE_SHOT); });
  const until = async (what, test) => { for (let i = 0; i < 300; i++) { const v = await test(); if (v) return v; await sleep(100); }
    throw new Error("waited in vain for " + what); };
  const listener = () => { let done; const finished = new Promise((yes, no) => { done = status => status ? no(new Error("status " + status.toString(16))) : yes(); });
    return {finished, OnStartRunningUrl() {}, OnStopRunningUrl(url, status) { done(status); }, QueryInterface: ChromeUtils.generateQI(["nsIUrlListener"])}; };
  const inbox = () => server.rootFolder.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox);
  const update = async folder => { const l = listener(); folder.QueryInterface(Ci.nsIMsgImapMailFolder).updateFolderWithListener(null, l); await l.finished; };
  const messages = folder => [...folder.messages];
"""

COLLECT = PRELUDE + """
  server.performExpand(null);
  const box = await until("the inbox", inbox);
  await until("the letters", async () => { await update(box); return messages(box).length >= args[0]; });
  return messages(box).map(m => ({subject: m.mime2DecodedSubject, author: m.mime2DecodedAuthor, read: m.isRead, size: m.messageSize, uid: m.messageKey}));
"""

READ = PRELUDE + """
  const message = messages(inbox()).find(m => m.mime2DecodedSubject == args[0]);
  const uri = inbox().getUriForMsg(message);
  const text = await new Promise((yes, no) => {
    let heard = "";
    const stream = {onStartRequest() {}, onStopRequest(request, status) { status ? no(new Error("status " + status)) : yes(heard); },
      onDataAvailable(request, input, offset, count) {
        const reader = Cc["@mozilla.org/scriptableinputstream;1"].createInstance(Ci.nsIScriptableInputStream);
        reader.init(input); heard += reader.readBytes(count); },
      QueryInterface: ChromeUtils.generateQI(["nsIStreamListener", "nsIRequestObserver"])};
    MailServices.messageServiceFromURI(uri).streamMessage(uri, stream, null, null, false, "", false);
  });
  inbox().markMessagesRead([message], true);
  inbox().markMessagesFlagged([message], true);
  return text;
"""

MOVE_AND_DELETE = PRELUDE + """
  const box = inbox();
  const subject = text => messages(box).find(m => m.mime2DecodedSubject == text);
  const folder = name => server.rootFolder.hasSubFolders && [...server.rootFolder.subFolders].find(f => f.name == name);
  server.rootFolder.createSubfolder("Kept", null);
  const kept = await until("the new folder", () => folder("Kept"));
  MailServices.copy.copyMessages(box, [subject(args[0])], kept, true, null, null, false);
  await until("the move", async () => { await update(kept); return messages(kept).length == 1; });
  box.deleteMessages([subject(args[1])], null, false, true, null, false);
  await until("the deletion", async () => { await update(box); return !subject(args[0]) && !subject(args[1]); });
  return {inbox: messages(box).map(m => m.mime2DecodedSubject), kept: messages(kept).map(m => m.mime2DecodedSubject)};
"""

SEND = PRELUDE + """
  const [to, subject, body] = args;
  const identity = account.defaultIdentity;
  const fields = Cc["@mozilla.org/messengercompose/composefields;1"].createInstance(Ci.nsIMsgCompFields);
  fields.from = identity.email; fields.to = to; fields.subject = subject; fields.body = body;
  const parameters = Cc["@mozilla.org/messengercompose/composeparams;1"].createInstance(Ci.nsIMsgComposeParams);
  parameters.identity = identity;
  parameters.composeFields = fields;
  parameters.format = Ci.nsIMsgCompFormat.PlainText;
  const compose = Cc["@mozilla.org/messengercompose/compose;1"].createInstance(Ci.nsIMsgCompose);
  compose.initialize(parameters);
  const progress = Cc["@mozilla.org/messenger/progress;1"].createInstance(Ci.nsIMsgProgress);
  await compose.sendMsg(Ci.nsIMsgSend.nsMsgDeliverNow, identity, account.key, null, progress);
  return true;
"""


class Thunderbird(Journey):
    settings = {}

    def setUp(self):
        super().setUp()
        self.need("thunderbird")
        import socket
        port, = ports.take()
        quoted = lambda v: str(v).lower() if isinstance(v, bool) else str(v) if isinstance(v, int) else f'"{v}"'
        self.write("profile/user.js", "".join(f'user_pref("{k}", {quoted(v)});\n' for k, v in {**PREFERENCES, "marionette.port": port}.items()))
        self.output = open(self.home / "output", "wb")
        self.process = subprocess.Popen(["thunderbird", "--headless", "--no-remote", "--marionette", "-remote-allow-system-access", "--profile",
                                         str(self.home / "profile")], stdout=self.output, stderr=self.output, cwd=self.home,
                                        env={**os.environ, "HOME": str(self.home), "MOZ_HEADLESS": "1", "MOZ_CRASHREPORTER_DISABLE": "1"})
        self.addCleanup(self.end)
        self.thunderbird = marionette.Marionette(port)

    def end(self):
        if hasattr(self, "thunderbird"):
            self.thunderbird.quit()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.output.close()

    def test_a_day_with_thunderbird(self):
        account = self.account("thunderbird")
        for n, subject in enumerate(("first", "=?utf-8?q?zweiter_Gru=C3=9F?=", "third"), 1):
            self.server.deliver(account, f"From: Sender <sender@example.com>\nTo: {account}\nSubject: {subject}\nMIME-Version: 1.0\n"
                                f"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nThis is letter {n}: Grüße.\n")
        starttls, tls = 2, 3
        self.thunderbird.run(SET_UP, account, PASSWORD, self.port("imaps"), self.port("submission"), tls, starttls)

        shown = self.thunderbird.run(COLLECT, 3)
        self.assertEqual([m["subject"] for m in shown], ["first", "zweiter Gruß", "third"])
        self.assertTrue(all(m["author"] == "Sender <sender@example.com>" and not m["read"] for m in shown), shown)
        text = self.thunderbird.run(READ, "zweiter Gruß").encode("latin-1").decode()
        self.assertIn("This is letter 2: Grüße.", text)

        left = self.thunderbird.run(MOVE_AND_DELETE, "first", "third")
        self.assertEqual(left, {"inbox": ["zweiter Gruß"], "kept": ["first"]})
        client = imaplib.IMAP4_SSL("127.0.0.1", self.port("imaps"), ssl_context=fixture.unverified_tls())
        client.login(account, PASSWORD)
        self.addCleanup(client.shutdown)
        end = time.monotonic() + 10
        while True:
            client.select("INBOX", readonly=True)
            flagged = client.search(None, "SEEN", "FLAGGED")[1][0].split()
            if len(flagged) == 1 or time.monotonic() > end:
                break
            time.sleep(0.2)
        self.assertEqual(len(flagged), 1)
        self.assertEqual(client.select("INBOX", readonly=True)[1], [b"1"])
        self.assertEqual(client.select("Kept", readonly=True)[1], [b"1"])

        self.server.deliver(account, "From: late@example.com\nSubject: late\n\nx\n")   # a letter that comes meanwhile
        shown = self.thunderbird.run(COLLECT, 2)
        self.assertEqual([m["subject"] for m in shown], ["zweiter Gruß", "late"])

        bob = self.account("thunderbob")
        self.thunderbird.run(SEND, bob, "by Thunderbird", "Hello from Thunderbird.")
        self.assertHas(bob, "by Thunderbird", "Hello from Thunderbird.")


if __name__ == "__main__":
    main("imaps")
