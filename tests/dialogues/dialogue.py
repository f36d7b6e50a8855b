"""Reading a dialogue: what is written in a .txt file becomes a list of steps. README.md tells the language.

Knows the three ways in which servers answer (SMTP replies, POP3 lines, IMAP responses), but no socket.
"""
import dataclasses
import re

STEP = re.compile(r"(C|S|RAW)(\d?)(?:\*(\d+))?:(?: (.*)|$)")
VERB = re.compile(r"(TLS|CLOSE|RESET|SHUTDOWN)(\d?)$")
CONNECT = re.compile(r"CONNECT(\d?) (\w+)(?: from (\S+))?$")


class Unreadable(Exception):
    pass


@dataclasses.dataclass
class Step:
    line: int          # in the file, for messages
    what: str          # C S RAW TLS CLOSE RESET SHUTDOWN CONNECT WAIT GIVEN THEN
    connection: int = 1
    text: str = ""
    times: int = 1
    body: str = ""     # the indented lines below a GIVEN or THEN
    source: str = ""   # CONNECT ... from ADDRESS


@dataclasses.dataclass
class Dialogue:
    name: str
    steps: list
    settings: dict
    split: bool = False  # SPLIT: also played with the client's octets cut at every place


def parse(name, text):
    dialogue = Dialogue(name, [], {})
    steps = dialogue.steps
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("    ") or (steps and steps[-1].body and line == "" and steps[-1].what in ("GIVEN", "THEN")):
            if not steps or steps[-1].what not in ("GIVEN", "THEN"):
                raise Unreadable(f"{name}:{number}: indented lines belong below GIVEN or THEN")
            steps[-1].body += line[4:] + "\n"
        elif line.strip() == "" or line.startswith("#"):
            continue
        elif found := STEP.match(line):
            what, connection, times, rest = found.groups()
            steps.append(Step(number, what, int(connection or 1), rest or "", int(times or 1)))
        elif found := VERB.match(line):
            steps.append(Step(number, found[1], int(found[2] or 1)))
        elif found := CONNECT.match(line):
            steps.append(Step(number, "CONNECT", int(found[1] or 1), found[2], source=found[3] or ""))
        elif line.startswith("WAIT "):
            steps.append(Step(number, "WAIT", text=line[5:]))
        elif line.startswith(("GIVEN ", "THEN ")):
            what, rest = line.split(" ", 1)
            steps.append(Step(number, what, text=rest))
        elif line.startswith("SETTING "):
            key, _, value = line[8:].partition("=")
            dialogue.settings[key.strip()] = setting_value(value.strip())
        elif line == "SPLIT":
            dialogue.split = True
        else:
            raise Unreadable(f"{name}:{number}: not a step: {line}")
    for step in steps:
        step.body = re.sub(r"\n+\Z", "\n", step.body)
    return dialogue


def setting_value(text):
    if text in ("true", "false"):
        return text == "true"
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    if text.startswith("["):
        return [setting_value(part.strip()) for part in text.strip("[]").split(",") if part.strip()]
    return text.strip('"')


def raw_octets(text):
    r"""RAW lines say octets: \r \n \t \\ \0 \xHH; everything else is UTF-8 as written."""
    plain = {"r": b"\r", "n": b"\n", "t": b"\t", "\\": b"\\", "0": b"\0"}
    out, at = b"", 0
    while at < len(text):
        if text[at] == "\\" and at + 1 < len(text):
            if text[at + 1] == "x":
                out += bytes([int(text[at + 2:at + 4], 16)])
                at += 4
            else:
                out += plain[text[at + 1]]
                at += 2
        else:
            out += text[at].encode()
            at += 1
    return out


def fill(text, values):
    """${name} becomes what was remembered under it."""
    def value(found):
        if found[1] == "n":  # C*100: counts by itself
            return found[0]
        if found[1] not in values:
            raise Unreadable(f"nothing was remembered as {found[1]}")
        return values[found[1]]
    return re.sub(r"\$\{(\w+)\}", value, text)


WORDS = {"number": r"\d+", "word": r"\S+", "anything": r".*", "text": r".+", "base64": r"[A-Za-z0-9+/]+=*"}


def pattern(text, values):
    """The regular expression of an S: line. It must match whole words from the line's beginning."""
    text = fill(text, values)
    if len(text) > 2 and text[0] == "/" and text[-1] == "/":
        return re.compile(text[1:-1], re.DOTALL)
    expression, at, known = "", 0, set()
    for found in re.finditer(r"<(number|word|anything|text|base64)(?: as (\w+))?>", text):
        expression += re.escape(text[at:found.start()])
        inner = WORDS[found[1]]
        expression += f"(?P<{found[2]}>{inner})" if found[2] and found[2] not in known else f"(?:{inner})"
        known.add(found[2])
        at = found.end()
    rest = text[at:]
    if rest.endswith("$"):
        return re.compile(expression + re.escape(rest[:-1]) + r"\Z", re.DOTALL)
    return re.compile(expression + re.escape(rest) + r"(?:\Z|(?<=[ =\[(-])|(?=[ \])\r]))", re.DOTALL)


def matches(expected, heard, values):
    """Whether a line is as expected; what it is to remember goes into `values`."""
    found = pattern(expected, values).match(heard)
    if not found:
        return False
    values.update({k: v for k, v in found.groupdict().items() if v is not None})
    return True
