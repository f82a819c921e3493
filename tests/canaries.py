"""Canary secrets in every place where credentials and confidential words travel, and the captures that carry them.

`CANARIES` maps each place to its value; no value stands anywhere else. `WRAPPINGS` are ways for the same talk to cross the wire.
`found_in` looks for them in an output, also in base64, hex and percent-encoding, and inside archives, pages, tables and captures:
behind masks, compression, and the header compression of HTTP/2.
"""

import base64
import io
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from h2_peers import PREFACE, Pair
from hpack import Decoder
from pcapng_files import PACKET, blocks
from peers import CLIENT, SERVER, Talk, pcap
from tls_peers import Peers
from wire_script import accept_of, speech

CANARIES: dict[str, str] = {}


def plant(place: str, shape: str = "Canary{}") -> str:
    """A value that is this place's alone. `{}` in the shape becomes letters and digits, `{h}` 40 hexadecimal digits."""
    digest = sha256(place.encode()).hexdigest()
    assert place not in CANARIES
    value = shape.replace("{h}", sha256(digest.encode()).hexdigest()[:40]).replace("{}", f"q7{digest[:18]}")
    CANARIES[place] = value
    return value


def _query() -> str:
    names = ("token", "access_token", "api_key", "key", "apikey", "sig", "signature", "xi-api-key", "extra", "tag")
    parts = [f"{name}={plant(f'query {name}')}" for name in names]
    callback = f"https://user:{plant('callback password')}@hook.example/?key={plant('callback query')}"
    parts.append(f"callback={quote(callback, safe='')}")
    return "&".join(parts)


def _request_headers() -> list[str]:
    jwt = "eyJhbGciOiJIUzI1NiJ9.eyJx{}.c2ln{}"
    names = ("X-Api-Key", "xi-api-key", "Ocp-Apim-Subscription-Key", "X-Goog-Api-Key", "api-key", "X-Amz-Security-Token")
    names = (*names, "X-Customer-Token", "X-Customer-Secret", "X-Customer-Key")
    return [
        f"Authorization: Token {plant('header Authorization', '{h}')}",
        f"Proxy-Authorization: Basic {plant('header Proxy-Authorization')}",
        f"Cookie: sid={plant('cookie one')}; theme=dark; jwt={plant('cookie two', jwt)}",
        f"Sec-WebSocket-Protocol: token, {plant('subprotocol second')}, {plant('subprotocol third', jwt)}",
        *(f"{name}: {plant(f'header {name}')}" for name in names),
    ]


def _listen() -> tuple[str, list[str], list[tuple[int, int, str]]]:
    """Request target, its headers, and messages as (side, opcode, text)."""
    target = f"/v1/listen?encoding=linear16&sample_rate=16000&{_query()}"
    headers = _request_headers()
    echoed = plant("echoed by the service")
    sent = json.dumps({"type": "Configure", "api_key": echoed, "note": "x"})
    shapes = {
        "a Deepgram key in prose": "{h}",
        "a JWT in prose": "eyJhbGciOiJIUzI1NiJ9.eyJx{}.c2ln{}",
        "an OpenAI key in prose": "sk-proj-{}{}",
        "an AWS key in prose": "AKIA0123456789ABCDEF",
        "a Google key in prose": "AIzaSy{}{}",
    }
    prose = " ".join(plant(place, shape) for place, shape in shapes.items())
    twilio = {
        "event": "start",
        "streamSid": plant("Twilio streamSid"),
        "start": {
            "accountSid": plant("Twilio accountSid"),
            "callSid": plant("Twilio callSid"),
            "customParameters": {"caller": plant("Twilio customParameters")},
        },
    }
    return (
        target,
        headers,
        [
            (CLIENT, 1, sent),
            (SERVER, 1, json.dumps({"type": "Error", "variant": "SchemaError", "message": f"cannot read {sent}"})),
            (CLIENT, 1, json.dumps(twilio)),
            (CLIENT, 1, f"{{'type': 'KeepAlive', 'token': '{plant('single quotes')}'}}"),
            (CLIENT, 1, f"what is {prose}"),
            (CLIENT, 2, json.dumps({"type": "KeepAlive", "password": plant("control as binary")})),
            (CLIENT, 1, json.dumps({"type": "Configure", "nested": json.dumps({"client_secret": plant("JSON in JSON")})})),
            (CLIENT, 1, '{"type":"Configure","api\\u005fkey":"' + plant("escaped name") + '"}'),
            (CLIENT, 1, f'{{"type":"Configure","api_key":"{plant("first of two")}","api_key":"{plant("second of two")}"}}'),
            (CLIENT, 9, plant("ping", "{h}")),
            (SERVER, 10, CANARIES["ping"]),
            (SERVER, 8, f"DATA-0000 {CANARIES['header Authorization']} {plant('close reason', 'sk-close-{}{}')}"),
        ],
    )


def _agent() -> tuple[str, list[str], list[tuple[int, int, str]]]:
    """A voice agent whose settings hold what customers put there."""

    def endpoint(where: str) -> dict[str, object]:
        headers = {"authorization": f"Bearer {plant(f'{where} authorization')}", "x-custom": plant(f"{where} header")}
        return {"url": f"https://llm.example/v1?api_key={plant(f'{where} url')}", "headers": headers}

    credentials = {name: plant(f"credentials {name}") for name in ("access_key_id", "secret_access_key", "session_token")}
    think = {"provider": {"type": "x"}, "endpoint": endpoint("think"), "prompt": plant("prompt")}
    settings = {
        "type": "Settings",
        "audio": {"input": {"encoding": "linear16", "sample_rate": 16000}},
        "agent": {
            "think": [think, {"endpoint": endpoint("fallback")}],
            "speak": {"provider": {"type": "aws", "credentials": credentials}, "endpoint": endpoint("speak")},
            "functions": [{"name": "f", "endpoint": endpoint("function")}],
            "context": {"messages": [{"role": "user", "content": plant("context message")}]},
        },
    }
    called = {"type": "FunctionCallRequest", "functions": [{"name": "f", "arguments": json.dumps({"iban": plant("arguments")})}]}
    target = "/v1/agent/converse"
    headers = [
        f"Authorization: Bearer {plant('agent Authorization')}",
        f"Sec-WebSocket-Protocol: access_token.{plant('protocol behind a dot')}",
    ]
    update = {"type": "UpdatePrompt", "prompt": plant("new prompt")}
    return (
        target,
        headers,
        [
            (CLIENT, 1, json.dumps(settings)),
            (SERVER, 1, '{"type":"SettingsApplied"}'),
            (CLIENT, 1, json.dumps(update)),
            (SERVER, 1, json.dumps(called)),
            (SERVER, 8, "done"),
        ],
    )


STORIES = {"listen": _listen(), "agent": _agent()}
REJECTED = (
    f"GET /v1/listen?token={plant('rejected query')} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {plant('without a scheme')}\r\n"
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
_BODY = json.dumps({"err_msg": f"bad key {CANARIES['without a scheme']}", "token": plant("rejection body")})
REJECTION = (
    f"HTTP/1.1 401 Unauthorized\r\nSet-Cookie: sid={plant('Set-Cookie')}\r\ndg-error: Invalid: {CANARIES['without a scheme']}\r\n"
    f"dg-request-id: 6af271f6-d266-4c0d-a57e-25457d626798\r\nContent-Length: {len(_BODY)}\r\n\r\n{_BODY}"
)
CONNECT = (
    f"CONNECT user:{plant('CONNECT userinfo')}@api.example:443 HTTP/1.1\r\nHost: api.example:443\r\n"
    f"Proxy-Authorization: Basic {plant('proxy credentials')}\r\n\r\n"
)
_MASK = b"\x5a\x17\xc3\x99"


def frame(opcode: int, payload: bytes, side: int, *, fin: bool = True, rsv1: bool = False) -> bytes:
    """One frame (RFC 6455 section 5.2), masked as a client must."""
    masked = side == CLIENT
    head = bytes([fin << 7 | rsv1 << 6 | opcode])
    size, mask = len(payload), masked << 7
    head += bytes([mask | size]) if size < 126 else struct.pack(">BH", mask | 126, size)
    if not masked:
        return head + payload
    return head + _MASK + bytes(byte ^ _MASK[place & 3] for place, byte in enumerate(payload))


def _whole(side: int, opcode: int, payload: bytes) -> bytes:
    return frame(opcode, payload, side)


def _fragmented(side: int, opcode: int, payload: bytes) -> bytes:
    """Cut into pieces of seven bytes, so that no frame holds a canary."""
    if opcode > 2:
        return frame(opcode, payload, side)
    pieces = [payload[at : at + 7] for at in range(0, len(payload), 7)]
    return b"".join(
        frame(0 if number else opcode, piece, side, fin=number == len(pieces) - 1) for number, piece in enumerate(pieces)
    )


def _compressed() -> Callable[[int, int, bytes], bytes]:
    """With permessage-deflate and context takeover (RFC 7692): a canary that comes again is a reference."""
    deflaters = [zlib.compressobj(wbits=-15), zlib.compressobj(wbits=-15)]

    def say(side: int, opcode: int, payload: bytes) -> bytes:
        if opcode > 2:
            return frame(opcode, payload, side)
        data = deflaters[side].compress(payload) + deflaters[side].flush(zlib.Z_SYNC_FLUSH)
        return frame(opcode, data[:-4], side, rsv1=True)

    return say


def talk(story: str, say: Callable[[int, int, bytes], bytes], extensions: str = "") -> Talk:
    """The bytes of a story in order: upgrade, audio, messages, closes."""
    target, headers, messages = STORIES[story]
    offer = f"Sec-WebSocket-Extensions: {extensions}\r\n" if extensions else ""
    fixed = "Host: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    request = f"GET {target} HTTP/1.1\r\n{fixed}{key}{offer}" + "".join(f"{line}\r\n" for line in headers) + "\r\n"
    answer = f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{offer}"
    answer += f"Sec-WebSocket-Accept: {accept_of()}\r\nSet-Cookie: sid={CANARIES['Set-Cookie']}\r\n"
    answer += "dg-request-id: 6af271f6-d266-4c0d-a57e-25457d626798\r\n\r\n"
    said = Talk([(CLIENT, request.encode()), (SERVER, answer.encode())])
    said.chunks += [(CLIENT, say(CLIENT, 2, speech(1600 * number, 1600))) for number in range(20)]
    for side, opcode, text in messages:
        code = (1008).to_bytes(2, "big") if opcode == 8 else b""
        said.chunks.append((side, say(side, opcode, code + text.encode())))
    said.chunks.append((CLIENT, frame(8, (1008).to_bytes(2, "big"), CLIENT)))
    return said


def _plain(story: str) -> tuple[bytes, bytes]:
    return pcap(talk(story, _whole)), b""


def _fragments(story: str) -> tuple[bytes, bytes]:
    return pcap(talk(story, _fragmented)), b""


def _deflated(story: str) -> tuple[bytes, bytes]:
    return pcap(talk(story, _compressed(), "permessage-deflate")), b""


def _secured(story: str) -> tuple[bytes, bytes]:
    spoken = Peers().speak(talk(story, _whole))
    return pcap(spoken.talk), spoken.keys


def _tunnelled(story: str) -> tuple[bytes, bytes]:
    inner = talk(story, _whole)
    return pcap(Talk([(CLIENT, CONNECT.encode()), (SERVER, b"HTTP/1.1 200 OK\r\n\r\n"), *inner.chunks])), b""


def _turned_away(_: str) -> tuple[bytes, bytes]:
    return pcap(Talk([(CLIENT, REJECTED.encode()), (SERVER, REJECTION.encode())])), b""


def _twice_secured(story: str) -> tuple[bytes, bytes]:
    """Through a proxy that is reached by TLS itself."""
    inner = Peers().speak(talk(story, _whole))
    outer = Peers().speak(Talk([(CLIENT, CONNECT.encode()), (SERVER, b"HTTP/1.1 200 OK\r\n\r\n"), *inner.talk.chunks]))
    return pcap(outer.talk), outer.keys + inner.keys


def _fields(head: str) -> list[tuple[str, str]]:
    """The fields of an HTTP/1.1 head that HTTP/2 has, too (RFC 9113 section 8.2)."""
    pairs = [line.split(": ", 1) for line in head.split("\r\n")[1:] if line]
    gone = {"host", "upgrade", "connection", "sec-websocket-key", "sec-websocket-accept"}
    return [(name.lower(), value) for name, value in pairs if name.lower() not in gone]


def _asked(pair: Pair, request: str) -> int:
    """The request as an extended CONNECT (RFC 8441 section 4); gives its stream."""
    start = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":path", request.split(" ")[1])]
    return pair.ask([*start, (":authority", "localhost"), *_fields(request)])


def _streamed(story: str) -> tuple[bytes, bytes]:
    request, answer, *said = talk(story, _compressed(), "permessage-deflate").chunks
    pair = Pair()
    stream = _asked(pair, request[1].decode())
    pair.answer(stream, [(":status", "200"), *_fields(answer[1].decode())])
    for side, content in said:
        pair.send(side, stream, content)
    pair.send(SERVER, stream, b"", end=True)
    pair.send(CLIENT, stream, b"", end=True)
    return pcap(pair.talk), b""


def _stream_turned_away(_: str) -> tuple[bytes, bytes]:
    head, _, body = REJECTION.partition("\r\n\r\n")
    pair = Pair()
    stream = _asked(pair, REJECTED)
    pair.answer(stream, [(":status", "401"), *_fields(head)])
    pair.send(SERVER, stream, body.encode(), end=True)
    return pcap(pair.talk), b""


WRAPPINGS: dict[str, Callable[[str], tuple[bytes, bytes]]] = {
    "plain": _plain,
    "fragmented": _fragments,
    "compressed": _deflated,
    "in TLS": _secured,
    "behind a proxy": _tunnelled,
    "rejected": _turned_away,
    "in TLS in TLS": _twice_secured,
    "over HTTP/2": _streamed,
    "rejected over HTTP/2": _stream_turned_away,
}
"""Each gives a capture and the key log that belongs to it."""


def _spellings(value: str) -> Iterator[bytes]:
    """A value as outputs may hold it: as it is, in hex, percent-encoded, and in base64 wherever it begins in it."""
    raw = value.encode()
    yield raw
    yield from (raw.hex().encode(), raw.hex().upper().encode())
    yield from ("".join(f"%{byte:02{case}}" for byte in raw).encode() for case in "xX")
    for lead in range(3):
        coded = base64.b64encode(bytes(lead) + raw)
        inner = coded[4 if lead else 0 : len(coded) - 4]
        yield inner
        yield inner.translate(bytes.maketrans(b"+/", b"-_"))


_SPELLINGS = [(place, tuple(_spellings(value))) for place, value in CANARIES.items()]
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{24,}={0,2}")


def _layers(data: bytes) -> Iterator[bytes]:
    """The output, and what is inside it: members of archives, what was said in a capture, blocks of base64."""
    yield data
    if data.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.infolist():
                yield member.filename.encode()
                yield from _layers(archive.read(member))
        return
    if data.startswith((_PCAP, _PCAPNG)):
        for said in _said_in(data):
            yield from _layers(said)
        return
    for block in _BASE64.findall(data):
        bare = block.translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
        bare = bare[: len(bare) - (len(bare) % 4 == 1)]
        yield base64.b64decode(bare + b"=" * (-len(bare) % 4))


_PCAP, _PCAPNG = b"\x4d\x3c\xb2\xa1", b"\x0a\x0d\x0d\x0a"
_HEADERS, _CONTINUATION = 1, 9


def _packets(data: bytes) -> Iterator[bytes]:
    """The packets of a capture from their IPv4 headers on: pcap as `pcap` writes it, with Ethernet, pcapng as a bundle has it."""
    if data.startswith(_PCAPNG):
        yield from (body[20 : 20 + int.from_bytes(body[12:16], "little")] for _, kind, body in blocks(data) if kind == PACKET)
        return
    at = 24
    while at < len(data):
        size = int.from_bytes(data[at + 8 : at + 12], "little")
        yield data[at + 16 + 14 : at + 16 + size]
        at += 16 + size


def _said_in(data: bytes) -> Iterator[bytes]:
    """What each side sent in the one connection of a capture; its headers of HTTP/2, and its messages, as they were said."""
    sides: dict[bytes, bytes] = {}
    for packet in _packets(data):
        tcp = packet[20:]
        sides[tcp[:2]] = sides.get(tcp[:2], b"") + tcp[(tcp[12] >> 4) * 4 :]
    framed = any(sent.startswith(PREFACE) for sent in sides.values())
    for sent in sides.values():
        yield sent
        said = sent.removeprefix(PREFACE)
        if framed:
            headers, said = _unframed(said)
            yield headers
        while said.startswith((b"GET ", b"CONNECT ", b"HTTP/1.1 ")):
            said = said.partition(b"\r\n\r\n")[2]
        yield b"\0\0\0\0".join(_messages(said))


def _unframed(sent: bytes) -> tuple[bytes, bytes]:
    """Header fields and content of one side of HTTP/2."""
    decoder, block, headers, content, at = Decoder(), b"", b"", b"", 0
    while at < len(sent):
        size, kind, flags = int.from_bytes(sent[at : at + 3], "big"), sent[at + 3], sent[at + 4]
        payload = sent[at + 9 : at + 9 + size]
        at += 9 + size
        if kind == 0:
            content += payload
        elif kind in (_HEADERS, _CONTINUATION):
            block += payload
            if flags & 4:
                headers += b"".join(b"%s: %s\n" % field for field in decoder.decode(block, raw=True))
                block = b""
    return headers, content


def _messages(sent: bytes) -> Iterator[bytes]:
    """Messages of one side, unmasked and inflated."""
    inflater, compressed, message, at = zlib.decompressobj(-15), False, b"", 0
    while at + 2 <= len(sent):
        size, wide = sent[at + 1] & 127, {126: 2, 127: 8}.get(sent[at + 1] & 127, 0)
        begin = at + 2 + wide
        size = int.from_bytes(sent[at + 2 : begin], "big") if wide else size
        masked = sent[at + 1] >> 7
        mask = sent[begin : begin + 4] if masked else bytes(4)
        begin += 4 * masked
        payload = sent[begin : begin + size]
        pad = (mask * (len(payload) // 4 + 1))[: len(payload)]
        payload = (int.from_bytes(payload, "big") ^ int.from_bytes(pad, "big")).to_bytes(len(payload), "big")
        fin, rsv1, opcode = sent[at] >> 7, sent[at] >> 6 & 1, sent[at] & 15
        at = begin + size
        if opcode > 2:
            yield payload
            continue
        compressed, message = (compressed, message + payload) if opcode == 0 else (bool(rsv1), payload)
        if fin:
            yield inflater.decompress(message + b"\0\0\xff\xff") if compressed else message


def found_in(data: bytes) -> list[str]:
    """Places whose canary is in an output, in whatever spelling."""
    if data.startswith(b"PAR1"):
        import pyarrow.parquet  # noqa: PLC0415 - needed for tables only

        data = str(pyarrow.parquet.read_table(io.BytesIO(data)).to_pylist()).encode()
    layers = b"\0\0\0\0".join(_layers(data))
    return [place for place, spellings in _SPELLINGS if any(one in layers for one in spellings)]


def files_in(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
