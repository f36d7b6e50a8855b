"""IMAP responses as nested lists, and how an expected one with variables is compared with one that was heard.

Everything an IMAP server says is words and lists: `* 1 FETCH (UID 7 FLAGS (\\Seen))` is
["1", "FETCH", ["UID", "7", "FLAGS", ["\\Seen"]]]. Atoms, quoted strings and literals are all str; a bracket and what it
holds belong to the atom before it (BODY[HEADER.FIELDS (SUBJECT)]).
"""
import re


def parse(text):
    """Words and lists of a response or a line of a script (after its literals were put in as {n}CRLF...)."""
    items, at = _items(text, 0, "")
    return items


def _items(text, at, end):
    items = []
    while at < len(text):
        c = text[at]
        if c == end:
            return items, at + 1
        if c in " \r\n":
            at += 1
        elif c == "(":
            inner, at = _items(text, at + 1, ")")
            items.append(inner)
        elif c == '"':
            word, at = "", at + 1
            while at < len(text) and text[at] != '"':
                at += text[at] == "\\"
                word, at = word + text[at:at + 1], at + 1
            items.append(word)
            at += 1
        elif found := re.compile(r"~?\{(\d+)\+?\}\r\n").match(text, at):
            at = found.end()
            items.append(text[at:at + int(found[1])])
            at += int(found[1])
        else:
            word, at = _atom(text, at)
            items.append(word)
    return items, at


def _atom(text, at):
    begin = at
    while at < len(text) and text[at] not in ' ()"\r\n':
        if text[at] == "[":
            depth, at = 1, at + 1
            while at < len(text) and depth:
                depth += {"[": 1, "]": -1}.get(text[at], 0)
                at += 1
        elif text.startswith("${", at):
            at = text.index("}", at) + 1
        else:
            at += 1
    return text[begin:max(at, begin + 1)], max(at, begin + 1)


class Variables(dict):
    """What scripts call $name. Comparing may give one its value; a comparison that fails gives none."""

    def expand(self, text):
        """For commands: every variable has a value, or stays as it is."""
        return re.sub(r"\$\$|\$\{(\w+)\}|\$(\w+)", lambda m: "$" if m[0] == "$$" else str(self.get(m[1] or m[2], m[0])), text)


def same_word(wanted, heard, variables, number_in_mind=None):
    if not isinstance(heard, str):
        return False
    if wanted.startswith("${case:"):
        return any(heard == choice for choice in wanted[7:-1].split("/"))
    if found := re.fullmatch(r"\$modseq(\d+)", wanted):
        return same_mod_seq(int(found[1]), heard, variables)
    pieces = re.split(r"(\$\$|\$\{\w+\}|\$\w+)", wanted)
    expression, fresh = "", []
    for piece in pieces:
        if piece == "$$":
            expression += r"\$"
        elif piece.startswith("$") and len(piece) > 1:
            name = piece.strip("${}")
            if name in variables:
                expression += re.escape(str(variables[name]))
            elif name in fresh:
                expression += f"(?P={name})"
            else:
                fresh.append(name)
                expression += f"(?P<{name}>.*)" if len(pieces) == 3 else f"(?P<{name}>.+?)"
        else:
            expression += re.escape(piece)
    found = re.fullmatch(expression, heard, re.IGNORECASE | re.DOTALL)
    if found:
        variables.update({name: found[name] for name in fresh})
    return bool(found)


def same_mod_seq(n, heard, variables):
    if not heard.isdigit():
        return False
    known = variables.setdefault("modseqs", {})
    if n in known:
        return known[n] == int(heard)
    if any((m < n and int(heard) < value + n - m) or (m > n and int(heard) > value - (m - n)) for m, value in known.items()):
        return False
    variables["modseqs"] = {**known, n: int(heard)}
    return True


DIRECTIVE = re.compile(r"\$!(ordered|unordered(?:=(\d+))?|noextra|extra|ignore=(.*)|ban=(.*))$")


def same_list(wanted, heard, variables, context=()):
    """`context`: the words before this list, which decide how lists compare when the script does not say."""
    if not isinstance(heard, list):
        return False
    step, noextra, ignored, banned, said = 0, None, [], [], False
    wanted = list(wanted)
    while wanted and isinstance(wanted[0], str) and (found := DIRECTIVE.match(wanted[0])):
        said = True
        if found[1].startswith("unordered"):
            step = int(found[2] or 1)
        elif found[1] in ("noextra", "extra"):
            noextra = found[1] == "noextra"
        elif found[1].startswith("ignore"):
            ignored.append(found[3].lower())
        elif found[1].startswith("ban"):
            banned.append(found[4].lower())
        wanted.pop(0)
    if not said:
        before = context[-1].upper() if context and isinstance(context[-1], str) else ""
        if before == "FETCH" and len(context) == 2:
            step = 2
        elif before == "FLAGS":
            step, noextra, ignored = 1, True, ["\\recent"]
        elif before in ("LIST", "LSUB"):
            step = 1
        elif len(context) == 2 and str(context[0]).upper() == "STATUS":
            step = 2
    if not step:
        return same_items(wanted, heard, variables)
    left = [heard[i:i + step] for i in range(0, len(heard), step)]
    for i in range(0, len(wanted), step):
        chain = wanted[i:i + step]
        for candidate in left:
            trial = Variables(variables)
            if len(candidate) == len(chain) and same_items(chain, candidate, trial):
                variables.update(trial)
                left.remove(candidate)
                break
        else:
            return False
    names = [str(chain[0]).lower() for chain in left if isinstance(chain[0], str)]
    if any(name in banned for name in names):
        return False
    return not noextra or all(name in ignored for name in names)


def same_items(wanted, heard, variables, prefix=False):
    if len(wanted) > len(heard) or (len(wanted) != len(heard) and not prefix):
        return False
    for i, (w, h) in enumerate(zip(wanted, heard)):
        if w == "$":
            continue
        if isinstance(w, list):
            if not same_list(w, h, variables, wanted[:i] if len(wanted) > 2 or i != 1 else wanted[:1]):
                return False
        elif w.startswith("[") and isinstance(h, str) and h.startswith("["):
            if not same_items(parse(w[1:-1]), parse(h[1:-1]), variables):
                return False
        elif "[" in w and "(" in w and isinstance(h, str) and "(" in h:
            if re.sub(r'["\s]+', " ", w).lower() != re.sub(r'["\s]+', " ", h).lower():
                return False
        elif not same_word(w, h, variables):
            return False
    return True


def same_response(wanted, heard, variables):
    """A whole untagged response; of a status response (OK, NO, BAD, BYE) the text may go on."""
    if not wanted:
        return True
    trial = Variables(variables)
    status = isinstance(wanted[0], str) and wanted[0].upper() in ("OK", "NO", "BAD", "BYE", "PREAUTH")
    if not same_items(wanted, heard, trial, prefix=status):
        return False
    variables.update(trial)
    return True
