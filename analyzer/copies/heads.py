"""HTTP in a stream with its secrets overwritten: heads line by line, bodies as a whole, each byte where it was.

In: bytes of a head, of a body; headers of HTTP/2. Out: as many bytes. Names, line ends, lengths and the frame of chunks stay, so
that what reads the copy goes the same way; whatever else is not understood is overwritten.
"""

import re
import zlib
from dataclasses import replace

from analyzer.copies.cover import covered, overwritten
from analyzer.model.redact import Secrets, filler, redact, redact_headers, redact_target

_FORWARDED = frozenset({"x-forwarded-for", "forwarded", "x-real-ip", "true-client-ip", "cf-connecting-ip", "x-client-ip"})
"""Headers that tell addresses."""
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(;[^\n]*)?\r?\n")
REQUEST_PARTS = 3
GZIP, GZIP_FLAGS = 16 + zlib.MAX_WBITS, 3
"""How zlib is told of it; which byte says whether a name or a comment is in front (RFC 1952 section 2.3.1)."""


def head(content: bytes, secrets: Secrets, *, addresses: bool = False) -> bytes:
    """A head, or as much of one as there is. `addresses`: those in it are overwritten, too, but for the host that is asked for."""
    secrets = replace(secrets, cover=True)
    lines = content.decode("latin-1").split("\n")
    clean = [_first(lines[0], secrets)]
    name, protocols = "", 0
    for line in lines[1:]:
        key, colon, value = line.partition(":")
        if line[:1] in (" ", "\t"):  # the line before goes on (RFC 9112 section 5.2)
            key, colon, value = "", "", line
        elif colon:
            name = key.strip().lower()
        if not colon and value is not line:
            clean.append(_rest(line))
            continue
        protocols += name == "sec-websocket-protocol" and bool(colon)
        inner = value.strip()
        whole = (addresses and name in _FORWARDED) or (name == "sec-websocket-protocol" and (protocols > 1 or not colon))
        new = filler(inner) if whole else _value(name, inner, secrets, folded=not colon)
        lead = len(value) - len(value.lstrip())
        clean.append(key + colon + value[:lead] + new + value[lead + len(inner) :])
    return "\n".join(clean).encode("latin-1")


def fields(said: list[tuple[str, str]], secrets: Secrets, *, addresses: bool = False) -> list[tuple[str, str]]:
    """The same for headers of HTTP/2, which have no lines (RFC 9113 section 8.3)."""
    secrets = replace(secrets, cover=True)
    clean = list[tuple[str, str]]()
    protocols = 0
    for name, value in said:
        protocols += name == "sec-websocket-protocol"
        if name == ":path":
            new = redact_target(value, secrets)
        elif name == ":authority":
            front, at, back = value.rpartition("@")
            new = filler(front) + at + redact(back, secrets)
        elif (addresses and name in _FORWARDED) or (name == "sec-websocket-protocol" and protocols > 1):
            new = filler(value)
        else:
            new = _value(name, value, secrets, folded=False)
        clean.append((name, new))
    return clean


def _first(line: str, secrets: Secrets) -> str:
    """A request line or a status line."""
    parts = line.split(" ")
    if line.startswith("HTTP/"):
        return redact(line, secrets)
    if len(parts) == 1:
        return parts[0] if len(line) <= len("OPTIONS") else _rest(line)
    target = " ".join(parts[1:-1]) if len(parts) >= REQUEST_PARTS else parts[1]
    front, at, back = target.rpartition("@")
    clean = filler(front) + at + back if parts[0] == "CONNECT" and at else redact_target(target, secrets)
    return " ".join([parts[0], clean, *(parts[-1:] if len(parts) >= REQUEST_PARTS else ())])


def _value(name: str, value: str, secrets: Secrets, *, folded: bool) -> str:
    clean = redact_headers({name: value}, secrets)[name]
    return filler(value) if folded and clean != value else clean


def _rest(line: str) -> str:
    """A line that is no header: of one, part may be missing."""
    bare = line.rstrip("\r")
    return filler(bare) + line[len(bare) :]


def body(content: bytes, secrets: Secrets, *, chunked: bool, plain: bytes | None) -> bytes:
    """The body of an answer. `plain`: what it says, freed from its codings, where that may stay but for its secrets; None
    overwrites it.
    """
    spans = _chunks(content) if chunked else [(0, len(content))]
    if not spans:
        return overwritten(content)
    inside = b"".join(content[begin:end] for begin, end in spans)
    if plain is None:
        clean = overwritten(inside)
    elif plain and inside.startswith(plain[: len(inside)]):
        clean = covered(inside, secrets)
    else:  # in a coding: as it is, or not at all
        clean = inside if plain and covered(plain, secrets) == plain and _says(inside, plain) else overwritten(inside)
    new, done = bytearray(content), 0
    for begin, end in spans:
        new[begin:end] = clean[done : done + end - begin]
        done += end - begin
    if chunked:  # the trailer is a head of its own (RFC 9112 section 7.1.2)
        tail = spans[-1][1]
        new[tail:] = overwritten(content[tail:]) if content[tail:].strip(b"\r\n0") else content[tail:]
    return bytes(new)


def _says(coded: bytes, plain: bytes) -> bool:
    """Whether this is all that a body in one coding says. Of more than one, and of others than zlib's, it is not known."""
    for window in (GZIP, zlib.MAX_WBITS, -zlib.MAX_WBITS):
        decoder = zlib.decompressobj(window)
        try:
            content = decoder.decompress(coded, len(plain) + 1)
        except zlib.error:
            continue
        if content == plain and not decoder.unconsumed_tail and not decoder.unused_data:
            return window != GZIP or coded[GZIP_FLAGS] == 0
    return False


def _chunks(content: bytes) -> list[tuple[int, int]]:
    """Where the data of chunks lies (RFC 9112 section 7.1), as far as they can be told."""
    spans: list[tuple[int, int]] = []
    at = 0
    while (found := _CHUNK.match(content, at)) is not None:
        begin = found.end()
        end = min(begin + int(found[1], 16), len(content))
        if found[2] or begin == end:
            break
        spans.append((begin, end))
        at = end + (2 if content[end : end + 2] == b"\r\n" else 1)
    return spans
