"""A connection written anew for strangers: only its own packets, TLS taken off where it could be, every secret overwritten.

In: a Recording, whose bytes are changed in place, or taken over into others where the session is one of several streams. Out: a
pcapng file of bare IP packets (LINKTYPE_RAW). Times, order, flags and windows of packets stay, options of TCP that hold its numbers
and nothing else, and what was lost, sent again or overtaken: all copies of a byte are the same byte.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from ipaddress import ip_address
from typing import BinaryIO

from analyzer.copies import blocks, heads
from analyzer.copies.cover import overwritten
from analyzer.copies.frames import Deflate, FrameCover, Patches
from analyzer.copies.headers import IPV6, LONGEST_TCP, ip_packet, tcp_header
from analyzer.copies.http2 import Rewriter
from analyzer.copies.multiplexed import Multiplexed, UnsureError
from analyzer.copies.places import Chain, Moved
from analyzer.copies.recording import Head, Packet, Recording
from analyzer.copies.store import StreamStore
from analyzer.model.conversation import SPOKEN
from analyzer.model.dataclass import dataclass
from analyzer.model.limits import Limits
from analyzer.model.places import Endpoint
from analyzer.model.redact import Secrets, secrets_of
from analyzer.model.schema import Side

RAW_IP = 101
WRAP = 1 << 32
FIN, SYN, RST, PSH = 1, 2, 4, 8
LONGEST = 0xFFFF - IPV6 - LONGEST_TCP
"""Payload bytes of one packet; what a network card was to cut into packets may be longer."""
CHUNKED = re.compile(rb"(?im)^transfer-encoding:[^\n]*chunked")
RECORDS = range(20, 25)
"""Content types of TLS."""
SUBSTITUTES = {4: ("192.0.2.1", "198.51.100.1"), 6: ("2001:db8:c::1", "2001:db8:5::1")}
"""Addresses of documentation (RFC 5737, RFC 3849): client, server."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is to be overwritten besides credentials; `names`: fields whose values are, `heard`: by role, whether binary messages
    are audio.
    """

    names: frozenset[str]
    heard: tuple[bool, bool]
    addresses: bool
    transcripts: bool
    audio: bool


class _Copy:
    """One direction as it is written: from offsets of TCP to bytes."""

    def __init__(self, store: StreamStore, places: Moved, patches: Patches, base: int | None, *, filled: bool) -> None:
        self._store = store
        self._filled = filled
        self._places = places
        self._patches = patches
        self._base = base
        self._next = 0

    @property
    def moved(self) -> bool:
        """Whether any byte has another sequence number."""
        return self._places.moved or self._patches.places.moved

    def offset(self, number: int) -> int:
        """The offset nearest to what was there last that a sequence number stands for."""
        relative = (number - (self._base or 0) - self._next) % WRAP
        return self._next + relative - (WRAP if relative >> 31 else 0)

    def went(self, offset: int) -> None:
        """The direction has come this far."""
        if offset - self._next < WRAP // 4:
            self._next = max(self._next, offset)

    def of(self, offset: int) -> int:
        """Where a byte stands now."""
        return self._patches.places.of(self._places.of(offset))

    def number(self, number: int) -> int:
        """The sequence number for another one, as it is now."""
        return number if self._base is None or not self.moved else (self._base + self.of(self.offset(number))) % WRAP

    def parts(self, begin: int, end: int) -> list[tuple[int, bytes]]:
        """What is known of a stretch. What is not known keeps its room, where that is known."""
        first, last = self._places.of(begin), self._places.of(end)
        there = self._store.there(first, last)
        if self._filled and there != [(first, last)]:
            content = bytearray(overwritten(bytes(last - first)))
            for one, two in there:
                content[one - first : two - first] = self._store.read(one, two)
            return [(self.of(begin), bytes(content))] if content and not self._patches.places.moved else self._known(there)
        return self._known(there)

    def _known(self, there: list[tuple[int, int]]) -> list[tuple[int, bytes]]:
        read = ((self._patches.places.of(one), self._patches.read(self._store, one, two)) for one, two in there)
        return [(begin, content) for begin, content in read if content]


class Sanitised:
    """A recording without its secrets, to be written once. `reached` says where the streams end, `bases` where they begin. Raises
    UnsureError.
    """

    def __init__(
        self,
        recording: Recording,
        wishes: Wishes,
        deflate: tuple[Deflate | None, Deflate | None],
        limits: Limits,
        reached: tuple[list[int], list[int]],
        bases: tuple[int | None, int | None],
    ) -> None:
        self._recording = recording
        self._wishes = wishes
        self._limits = limits
        known = [secrets_of(one.target, one.headers, wishes.names) for one in recording.requests]
        self._secrets = Secrets(frozenset().union(*(one.values for one in known)), wishes.names, cover=True)
        self.overwritten = 0
        self.packets = 0
        copies = []
        for side, store in enumerate(recording.stores):
            self._http(side, store)
            places: list[Moved] = [*recording.placed_by(reached[side], side)]
            if recording.multiplexed is not None:
                stream = self._stream(side, store, recording.multiplexed, deflate)
                copies.append(_Copy(stream.store, Chain([*places, stream.places]), Patches(0), bases[side], filled=False))
                continue
            begins = recording.frames_begin
            patches = self._messages(side, store, begins[side], deflate) if begins is not None else Patches(0)
            copies.append(_Copy(store, Chain(places), patches, bases[side], filled=not places))
        self._copies = copies

    def _http(self, side: int, store: StreamStore) -> None:
        """All that comes before frames or TLS."""
        recording = self._recording
        end = store.end
        if recording.multiplexed is not None:
            end = recording.multiplexed.begins[side]
        elif recording.frames_begin is not None:
            end = recording.frames_begin[side]
        elif recording.sealed is not None:
            end = recording.sealed[side]
            first = store.read(end, end + 1)
            if first and first[0] not in RECORDS and store.there(end, end + 1):
                self._no_tls(store, end)
        found = sorted((head for head in recording.heads[side].values() if head.start < end), key=lambda head: head.start)
        begin = min((head.start for head in found), default=end)
        self._blank(store, 0, begin)
        for row, head in enumerate(found):
            self._exchange(side, store, head, found[row + 1].start if row + 1 < len(found) else end)

    def _no_tls(self, store: StreamStore, begin: int) -> None:
        """What stands where TLS should be: mostly the answer of a server that speaks HTTP."""
        content = store.read(begin, min(store.end, begin + self._limits.http_head))
        length = len(content)
        if content.startswith(b"HTTP/1."):
            ends = [at + len(mark) for mark in (b"\r\n\r\n", b"\n\n") if (at := content.find(mark)) >= 0]
            length = min(ends, default=len(content))
            self._change(store, begin, heads.head(content[:length], self._secrets, addresses=self._wishes.addresses))
        else:
            self._change(store, begin, overwritten(content))
        self._blank(store, begin + length, store.end)

    def _exchange(self, side: int, store: StreamStore, head: Head, after: int) -> None:
        """A head, and what follows it up to the next one."""
        stop = min(head.start + head.length, after)
        content = store.read(head.start, stop)
        self._change(store, head.start, heads.head(content, self._secrets, addresses=self._wishes.addresses))
        answer = next((one for one in self._recording.responses if one.at == head.at), None)
        chunked = CHUNKED.search(content) is not None
        if after - stop > self._limits.whole and not chunked:
            self._blank(store, stop, after)
        elif after > stop:
            body = store.read(stop, min(after, stop + self._limits.compressed_message))
            plain = answer.body if answer is not None and side != self._recording.client else None
            self._change(store, stop, heads.body(body, self._secrets, chunked=chunked, plain=plain))
            self._blank(store, stop + len(body), after)

    def _stream(
        self, side: int, store: StreamStore, stream: Multiplexed, deflate: tuple[Deflate | None, Deflate | None]
    ) -> Rewriter:
        """A side of one stream of HTTP/2: a WebSocket, the body of a refusal, or what nothing is known of."""
        if stream.unsure:
            raise UnsureError
        content, patches = stream.contents[side], Patches(0)
        if stream.followed:
            patches = self._messages(side, content, 0, deflate)
        else:
            plain = stream.answer.body if stream.answer is not None and side != self._recording.client else None
            body = content.read(0, min(content.end, self._limits.compressed_message))
            self._change(content, 0, heads.body(body, self._secrets, chunked=False, plain=plain))
            self._blank(content, len(body), content.end)
        clean = partial(heads.fields, secrets=self._secrets, addresses=self._wishes.addresses)
        again = Rewriter(store, stream, side, patches, clean, self._secrets, self._limits)
        again.run(Side(side ^ self._recording.client))
        self.overwritten += again.overwritten
        return again

    def _messages(self, side: int, store: StreamStore, begin: int, deflate: tuple[Deflate | None, Deflate | None]) -> Patches:
        """The frames of a side, which begin there."""
        recording, wishes = self._recording, self._wishes
        role = Side(side ^ recording.client)
        secrets = self._secrets if wishes.transcripts else replace(self._secrets, names=wishes.names | SPOKEN)
        columns = recording.tables[role].columns()
        chosen = {"heard": wishes.heard[role], "audio": wishes.audio}
        cover = FrameCover(store, begin, columns, secrets, self._limits, deflate[role], **chosen)
        cover.run()
        self.overwritten += cover.overwritten
        return cover.patches

    def _change(self, store: StreamStore, begin: int, content: bytes) -> None:
        self.overwritten += store.change(begin, content)

    def _blank(self, store: StreamStore, begin: int, end: int) -> None:
        """Overwrite a stretch, however long."""
        for at, stop in store.pieces(begin, end):
            self._change(store, at, overwritten(store.read(at, stop)))

    # Packets

    def write(self, target: BinaryIO, *, comment: str = "") -> None:
        """All packets as a pcapng file."""
        target.write(blocks.section([blocks.comment(comment)] if comment else []))
        target.write(blocks.interface(RAW_IP))
        ends = self._ends()
        for packet in self._recording.all_packets():
            for content, on_wire in self._packets(packet, ends):
                self.packets += 1
                target.write(blocks.packet(0, packet.time, content, on_wire))

    def _ends(self) -> tuple[Endpoint, Endpoint]:
        """Both ends, at addresses of their own if wished."""
        if not self._wishes.addresses:
            return self._recording.ends
        one, two = (
            Endpoint(SUBSTITUTES[ip_address(end.ip).version][side ^ self._recording.client], end.port)
            for side, end in enumerate(self._recording.ends)
        )
        return one, two

    def _packets(self, packet: Packet, ends: tuple[Endpoint, Endpoint]) -> Iterator[tuple[bytes, int]]:
        """What a packet becomes: as a rule one; several where bytes in it are not known, or more than IP holds."""
        side, origin = packet.side, packet.origin
        own, peer = self._copies[side], self._copies[1 - side]
        seq, ack = origin.numbers
        flags = origin.flags
        begin = own.offset(seq) + (flags & SYN > 0)
        end, there = begin + packet.length, begin + max(0, packet.captured)
        if not flags & RST:
            own.went(end)
        acked = peer.number(ack)
        pair = (ends[side], ends[1 - side])
        for number, content, on_wire, bits in _pieces(own, begin, there, end, flags):
            moved = number - begin + (flags & SYN & ~bits > 0)
            header = tcp_header(origin, pair, (seq + moved, acked), bits, peer.number)
            yield ip_packet(origin, pair, header, content, on_wire)


def _pieces(own: _Copy, begin: int, there: int, end: int, flags: int) -> Iterator[tuple[int, bytes, int, int]]:
    """What a packet becomes that carried stream bytes from `begin` to `end`, of which those up to `there` are in the capture: new
    offset, bytes, bytes on the wire, flags.
    """
    start, captured, stop = own.of(begin), own.of(there), own.of(end)
    if flags & RST:  # words, not a part of the stream (RFC 9293 section 3.5.3)
        yield start, overwritten(bytes(there - begin)), end - begin, flags
        return
    known = own.parts(begin, there)
    parts = [(number + at, content[at : at + LONGEST]) for number, content in known for at in range(0, len(content), LONGEST)]
    if not parts or (flags & SYN and parts[0][0] != start):
        parts.insert(0, (start, b""))
    if parts[-1][0] + len(parts[-1][1]) != captured and (flags & FIN or captured != stop):
        parts.append((captured, b""))
    for row, (number, content) in enumerate(parts):
        final = row == len(parts) - 1
        bits = flags & ~(0 if row == 0 else SYN) & ~(0 if final else FIN | PSH)
        yield number, content, len(content) + (stop - captured if final else 0), bits
