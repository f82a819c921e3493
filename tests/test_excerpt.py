"""A sanitised capture of one session: the same findings, nothing secret, and nothing that Wireshark complains about."""

import base64
import io
import json
import re
import shutil
import struct
import subprocess
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from damage import HEALTHY, SECURED, keys_of, read, variants, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from peers import BINARY, CLIENT, LIBRARIES, PING, SERVER, TEXT, Deflate, Said, Talk, frames, pcap
from peers import Path as Way
from tls_peers import Peers

import analyzer
from analyzer.excerpt import Excerpt, excerpt
from analyzer.model.report import SessionReport
from analyzer.model.settings import Settings

CAPTURES = Path(__file__).parents[1] / "captures"
FOLDERS = sorted(path.parent for path in CAPTURES.glob("*/expected.json"))
KEY = "opaque-credential-of-a-customer-42"
HEX = "0123456789abcdef0123456789abcdef01234567"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjdXN0b21lciJ9.c2lnbmF0dXJlLW9mLXRva2Vu"
INNER = "inner-secret-value"
PINGED = "payload-of-a-ping-77"
PLANTED = (KEY, HEX, JWT, INNER, PINGED)
SPOKEN = "what the caller said"
RAW_IP = 101
SYN = 2
CLOSE = 8


def capture_of(folder: Path) -> Path:
    (path,) = folder.glob("capture.pcap*")
    return path


def taken(paths: Sequence[Path], session: SessionReport, chosen: Settings | None = None, **wishes: bool) -> tuple[bytes, Excerpt]:
    """The excerpt of a session, and what is said of it."""
    target = io.BytesIO()
    said = excerpt([str(path) for path in paths], chosen or Settings(), session, target, **wishes)
    return target.getvalue(), said


def again(content: bytes, folder: Path) -> SessionReport:
    """The only session of an excerpt."""
    path = folder / "excerpt.pcapng"
    path.write_bytes(content)
    (session,) = analyzer.analyze(path).sessions
    return session


def judged(session: SessionReport) -> list[tuple[object, ...]]:
    """What was found, but for packet numbers."""
    found = [
        (one.rule, one.severity, one.side, one.time_s, one.until_s, one.count, one.confidence, one.text) for one in session.findings
    ]
    return [session.verdict.rule, session.verdict.text, *sorted(found, key=str)]


def packets(content: bytes) -> list[tuple[bytes, int]]:
    """Every packet of a pcapng file and its length on the wire; the file holds nothing else."""
    found, at, kinds = [], 0, []
    while at < len(content):
        kind, size = struct.unpack_from("<II", content, at)
        kinds.append(kind)
        if kind == 6:
            captured, wire = struct.unpack_from("<II", content, at + 20)
            found.append((content[at + 28 : at + 28 + captured], wire))
        at += size
    assert kinds[:2] == [0x0A0D0D0A, 1]
    assert set(kinds[2:]) <= {6}
    assert struct.unpack_from("<H", content, struct.unpack_from("<I", content, 4)[0] + 8)[0] == RAW_IP
    return found


def streams(content: bytes, port: int = 80) -> list[bytes]:
    """What each side sent, put together the plain way."""
    sides: list[dict[int, bytes]] = [{}, {}]
    starts = [0, 0]
    for data, _ in packets(content):
        tcp = data[20:]
        source, _, seq = struct.unpack_from(">HHI", tcp)
        side, payload = int(source == port), tcp[(tcp[12] >> 4) * 4 :]
        if tcp[13] & SYN:
            starts[side] = seq + 1
        elif payload:
            sides[side][(seq - starts[side]) % (1 << 32)] = max(
                payload, sides[side].get((seq - starts[side]) % (1 << 32), b""), key=len
            )
    whole = []
    for parts in sides:
        stream = b""
        for begin, part in sorted(parts.items()):
            assert begin <= len(stream)
            assert stream[begin : begin + len(part)] == part[: len(stream) - begin]
            stream += part[len(stream) - begin :]
        whole.append(stream)
    return whole


def heard(stream: Sequence[bytes], side: int) -> list[tuple[int, bytes]]:
    """Opcode and content of each message of a side, unmasked and inflated the plain way."""
    answer = stream[SERVER].partition(b"\r\n\r\n")[0]
    sent = stream[side].partition(b"\r\n\r\n")[2]
    fresh = (b"client", b"server")[side] + b"_no_context_takeover" in answer
    found: list[tuple[int, bytes]] = []
    inflater, opcode, compressed, content = zlib.decompressobj(-15), 0, False, b""
    for frame in frames(sent):
        end = frame.offset + 2 + {126: 2, 127: 8}.get(sent[frame.offset + 1] & 127, 0) + 4 * frame.masked
        key = sent[end - 4 : end] if frame.masked else bytes(4)
        payload = bytes(byte ^ key[at & 3] for at, byte in enumerate(sent[end : end + frame.length]))
        if frame.opcode >= CLOSE:
            found.append((frame.opcode, payload))
            continue
        if frame.opcode:
            opcode, compressed, content = frame.opcode, bool(frame.rsv), b""
        content += payload
        if frame.fin:
            found.append((opcode, inflater.decompress(content + b"\0\0\xff\xff") if compressed else content))
            inflater = zlib.decompressobj(-15) if fresh else inflater
    return found


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_an_excerpt_gives_the_same_findings(tmp_path: Path, folder: Path) -> None:
    """Packet numbers aside. TLS is taken off where it was decrypted, and no rule speaks of it then; of HTTP/2 stays one stream."""
    report = analyzer.analyze(capture_of(folder))
    for session in report.sessions:
        content, said = taken([capture_of(folder)], session)
        assert said.why is None
        copy = again(content, tmp_path)
        assert judged(copy) == judged(session)
        for part in ("message_counts", "frame_counts", "keepalives", "close", "coverage", "gaps", "tcp_end", "provider", "opened"):
            assert getattr(copy, part) == getattr(session, part), part
        assert said.packets == len(packets(content))
        if not said.tls_removed:
            assert copy.tcp == session.tcp or session.upgrade["stream_id"] is not None
            assert copy.tls == session.tls


def wireshark(path: Path, *fields: str, only: str = "frame") -> list[str]:
    """One line per packet, as tshark reads it, with every checksum looked at."""
    checks = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-d", "tcp.port==443,http"]
    asked = [argument for field in fields for argument in ("-e", field)]
    command = ["tshark", "-r", str(path), *checks, "-Y", only, "-T", "fields", *asked]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def opcodes(path: Path) -> list[str]:
    return [code for line in wireshark(path, "websocket.opcode", only="websocket") for code in line.split(",")]


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
@pytest.mark.parametrize(
    "name",
    [
        *("deflate-context-takeover", "fragmented-with-pings", "gre-erspan", "healthy-linear16", "ipv6-fragmented"),
        *("loss-reorder-duplication", "mirrored-twice", "sequence-wrap", "snap-length-96", "tls13-embedded-secrets"),
        *("upgrade-rejected-401", "zero-window", "tls-without-keys"),
    ],
)
def test_wireshark_has_nothing_to_complain_about(tmp_path: Path, name: str) -> None:
    capture = capture_of(CAPTURES / name)
    (session,) = analyzer.analyze(capture).sessions
    path = tmp_path / "excerpt.pcapng"
    path.write_bytes(taken([capture], session)[0])
    bad = "tcp.checksum.status == 0 || ip.checksum.status == 0 || _ws.malformed || _ws.expert.severity == error"
    assert wireshark(path, "frame.number", only=bad) == []
    assert opcodes(path) == opcodes(capture)


def conversation() -> list[Said]:
    """Secrets everywhere a message can hold them, also across fragments, and messages that refer back to them."""
    settings = json.dumps({"type": "Configure", "api_key": KEY, "nested": [{"password": INNER, "pin": 1234567}], "word": "é"})
    escaped = '{"type": "Unheard", "headers": {"authorization": "Token ' + KEY + '"}, "token": "\\u006f\\"' + INNER + '"}'
    inside = json.dumps({"type": "Error", "message": f"{KEY} in " + json.dumps({"api_key": INNER})}, indent=1)
    result = {"type": "Results", "is_final": True, "channel": {"alternatives": [{"transcript": SPOKEN, "words": []}]}}
    audio = bytes(range(256)) * 13
    return [
        Said(CLIENT, BINARY, (audio,)),
        Said(CLIENT, TEXT, (settings.encode(),)),
        Said(SERVER, TEXT, (json.dumps(result).encode(),)),
        Said(CLIENT, BINARY, (audio,)),
        Said(CLIENT, TEXT, (escaped[:70].encode(), escaped[70:90].encode(), escaped[90:].encode()), between=True),
        Said(CLIENT, BINARY, (json.dumps({"type": "KeepAlive", "token": HEX}).encode(),)),
        Said(CLIENT, PING, (PINGED.encode(),)),
        Said(SERVER, TEXT, (inside.encode(),)),
        Said(SERVER, TEXT, (f"unknown token={JWT} for {KEY}".encode(),)),
        Said(CLIENT, BINARY, (audio,)),
        Said(SERVER, TEXT, (json.dumps(result).encode(),)),
        Said(CLIENT, TEXT, (b'{"type":"CloseStream"}',)),
    ]


def with_credentials(talk: Talk) -> Talk:
    """The same with credentials in the upgrade request."""
    side, request = talk.chunks[0]
    query = request.replace(b"/v1/listen?", f"/v1/listen?token={KEY}&".encode(), 1)
    headers = f"\r\nAuthorization: Token {KEY}\r\nCookie: id={INNER}\r\nSec-WebSocket-Protocol: token, {HEX}, {JWT}\r\n"
    first, _, rest = query.partition(b"\r\n")
    return Talk([(side, first + headers.encode() + rest), *talk.chunks[1:]])


def forms(secret: str) -> list[bytes]:
    """How a secret might be written."""
    plain = secret.encode()
    shifted = [base64.b64encode(b"\0" * lead + plain)[4:-4] for lead in range(3)]
    return [plain, plain[: len(plain) // 2], plain.hex().encode(), "".join(f"%{one:02x}" for one in plain).encode(), *shifted]


def assert_forms_absent(texts: Iterable[bytes], secrets: Iterable[str]) -> None:
    """No secret in any of the texts, however it is written."""
    for text in texts:
        lower = text.lower()
        assert [secret for secret in secrets for form in forms(secret) if form.lower() in lower] == []


def assert_clean(content: bytes, port: int) -> list[bytes]:
    """No secret in the file or in what was said; gives what each side sent."""
    sent = streams(content, port)
    said = [b"\n".join(payload for _, payload in heard(sent, side)) for side in (CLIENT, SERVER)]
    assert_forms_absent((content, *sent, *said), PLANTED)
    return sent


@pytest.mark.parametrize(
    "deflate", [None, Deflate(), Deflate(client_fresh=True, server_fresh=True)], ids=["plain", "takeover", "fresh"]
)
@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("segment", [7, 1460])
def test_planted_secrets_are_nowhere(tmp_path: Path, library: str, deflate: Deflate | None, segment: int) -> None:
    talk = with_credentials(LIBRARIES[library](conversation(), deflate))
    path = tmp_path / "talk.pcap"
    path.write_bytes(pcap(talk, Way((segment,), exchanged=5, repeated=5, late=5)))
    (session,) = analyzer.analyze(path).sessions
    content, said = taken([path], session)
    assert said.overwritten > 300
    sent = assert_clean(content, 80)
    before = [b"".join(data for side, data in talk.chunks if side == who) for who in (CLIENT, SERVER)]
    for side in (CLIENT, SERVER):
        one, two = heard(before, side), heard(sent, side)
        assert [(kind, len(text)) for kind, text in one] == [(kind, len(text)) for kind, text in two]
        audio = [text for kind, text in one if kind == BINARY and len(text) > 1000]
        assert [text for kind, text in two if kind == BINARY and len(text) > 1000] == audio
        assert [json.loads(text).keys() for kind, text in two if text[:1] == b"{"] == [
            json.loads(text).keys() for _, text in one if text[:1] == b"{"
        ]
        if deflate is None:
            assert len(sent[side]) == len(before[side])
    assert judged(again(content, tmp_path))[0] == session.verdict.rule


@pytest.mark.parametrize("deflate", [None, Deflate()], ids=["plain", "takeover"])
def test_tls_is_taken_off(tmp_path: Path, deflate: Deflate | None) -> None:
    secured = Peers().speak(with_credentials(LIBRARIES["wsproto"](conversation(), deflate)))
    path, keys = tmp_path / "talk.pcap", tmp_path / "keys.log"
    path.write_bytes(pcap(secured.talk, Way((900,), exchanged=5, repeated=5, late=5)))
    keys.write_bytes(secured.keys)
    chosen = Settings(key_logs=(str(keys),))
    (session,) = analyzer.analyze(path, settings=chosen).sessions
    content, said = taken([path], session, chosen)
    assert said.tls_removed
    assert_clean(content, 80)
    copy = again(content, tmp_path)
    assert copy.tls is None
    assert copy.frame_counts == session.frame_counts
    assert {one.rule for one in copy.findings} == {one.rule for one in session.findings}
    secrets = [word for word in secured.keys.split() if len(word) > 40 and re.fullmatch(rb"[0-9a-f]+", word)]
    assert secrets
    assert not any(secret in content or bytes.fromhex(secret.decode()) in content for secret in secrets)


def test_without_keys_what_is_encrypted_stays(tmp_path: Path) -> None:
    secured = Peers().speak(LIBRARIES["wsproto"](conversation(), None))
    path = tmp_path / "talk.pcap"
    path.write_bytes(pcap(secured.talk))
    (session,) = analyzer.analyze(path).sessions
    content, said = taken([path], session)
    assert (said.tls_removed, said.overwritten) == (False, 0)
    assert streams(content) == [b"".join(data for side, data in secured.talk.chunks if side == who) for who in (CLIENT, SERVER)]


WAYS = st.builds(
    lambda segments, moved, sequence: Way(tuple(segments), *moved, sequence=sequence),
    st.lists(st.sampled_from([1, 2, 3, 5, 19, 64, 200, 1460, 3000]), min_size=1, max_size=5),
    st.tuples(*[st.sampled_from([0, 10, 30])] * 3),
    st.tuples(st.integers(0, (1 << 32) - 1), st.integers(0, (1 << 32) - 1)),
)
"""Any cut into segments, any trouble on the way, any sequence numbers."""
TALKS = {
    name: with_credentials(LIBRARIES["wsproto"](conversation(), deflate))
    for name, deflate in (("plain", None), ("deflate", Deflate()))
}


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(WAYS, st.sampled_from(sorted(TALKS)))
def test_any_split_into_packets_gives_the_same_stream(tmp_path: Path, other: Way, name: str) -> None:
    found = []
    for way in (Way(), other):
        path = tmp_path / "talk.pcap"
        path.write_bytes(pcap(TALKS[name], way))
        (session,) = analyzer.analyze(path).sessions
        found.append(streams(taken([path], session)[0]))
    assert found[0] == found[1]


@pytest.mark.parametrize("folder", [*HEALTHY[::5], *SECURED, CAPTURES / "http2-two-streams"], ids=lambda folder: folder.name)
def test_of_a_damaged_capture_the_same_is_found(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "damaged.pcapng"
    for variant in variants(read(capture_of(folder)), 14, 7):
        write(variant.packets, path, keys_of(capture_of(folder)))
        for session in analyzer.analyze(path).sessions:
            content, said = taken([path], session)
            assert said.why is None
            assert {(one.rule, one.severity) for one in again(content, tmp_path).findings} == {
                (one.rule, one.severity) for one in session.findings
            }, variant.name


def talked(folder: Path, deflate: Deflate | None = None) -> tuple[Path, SessionReport]:
    path = folder / "talk.pcap"
    path.write_bytes(pcap(with_credentials(LIBRARIES["wsproto"](conversation(), deflate))))
    (session,) = analyzer.analyze(path).sessions
    return path, session


def test_addresses_are_replaced_on_request(tmp_path: Path) -> None:
    path, session = talked(tmp_path)
    content, _ = taken([path], session, replace_addresses=True)
    copy = again(content, tmp_path)
    assert (copy.client.ip, copy.server.ip) == ("192.0.2.1", "198.51.100.1")
    assert (copy.client.port, copy.server.port) == (session.client.port, session.server.port)
    ends = {bytes([192, 0, 2, 1]), bytes([198, 51, 100, 1])}
    assert all({data[12:16], data[16:20]} == ends for data, _ in packets(content))
    # Not in the TCP header: a checksum, the urgent pointer and the next byte make 10.0.0.1 once in 256 runs.
    assert not any(bytes([10, 0, 0, last]) in stream for stream in streams(content) for last in (1, 2))
    kept, _ = taken([path], session)
    assert again(kept, tmp_path).client == session.client


def test_what_was_said_is_overwritten_on_request(tmp_path: Path) -> None:
    path, session = talked(tmp_path)
    whole, silent = taken([path], session)[0], taken([path], session, transcripts=False)[0]
    assert SPOKEN.encode() in streams(whole)[SERVER]
    assert SPOKEN.encode() not in streams(silent)[SERVER]
    assert len(streams(whole)[SERVER]) == len(streams(silent)[SERVER])
    assert again(silent, tmp_path).service["results"] == session.service["results"]


def test_audio_is_overwritten_on_request(tmp_path: Path) -> None:
    path, session = talked(tmp_path)
    content, _ = taken([path], session, audio=False)
    said = heard(streams(content), CLIENT)
    assert not any(text == bytes(range(256)) * 13 for _, text in said)
    assert [len(text) for _, text in said] == [len(text) for _, text in heard(streams(taken([path], session)[0]), CLIENT)]


def test_nothing_is_written_of_what_came_by_standard_input(tmp_path: Path) -> None:
    _, session = talked(tmp_path)
    target = io.BytesIO()
    said = excerpt(["-"], Settings(), session, target)
    assert said.why is not None
    assert "standard input" in said.why
    assert target.getvalue() == b""


def test_a_session_of_another_capture_is_not_found(tmp_path: Path) -> None:
    _, session = talked(tmp_path)
    content, said = taken([capture_of(CAPTURES / "healthy-linear16")], session)
    assert said.why == "The connection of the session was not found again in the capture."
    assert content == b""


UPGRADE = LIBRARIES["wsproto"]([], None).chunks
"""A request, its answer, and the close frames."""
OTHER = b"POST /login?token=" + KEY.encode() + b" HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(INNER) + INNER.encode()
ANSWER = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=%s\r\nTransfer-Encoding: chunked\r\n\r\n" % HEX.encode()
BODY = b"%x\r\n%s\r\n0\r\n\r\n" % (len(JWT), JWT.encode())
REFUSAL = json.dumps({"err_msg": f"Invalid credentials {KEY}"}).encode()
REFUSED = b"HTTP/1.1 401 Unauthorized\r\ndg-error: %s\r\nContent-Length: %d\r\n\r\n" % (KEY.encode(), len(REFUSAL)) + REFUSAL
CONNECT = b"CONNECT user:%s@api.deepgram.com:443 HTTP/1.1\r\nProxy-Authorization: Basic %s\r\n\r\n" % (
    INNER.encode(),
    base64.b64encode(b"user:" + KEY.encode()),
)
NO_TUNNEL = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: %d\r\n\r\n" % len(HEX) + HEX.encode()
TUNNEL = b"HTTP/1.1 200 Connection established\r\n\r\n"
SCENES = {
    "another exchange in front": [(CLIENT, OTHER), (SERVER, ANSWER + BODY), *with_credentials(Talk(UPGRADE)).chunks],
    "refused": [with_credentials(Talk(UPGRADE)).chunks[0], (SERVER, REFUSED)],
    "refused, then granted": [
        with_credentials(Talk(UPGRADE)).chunks[0],
        (SERVER, REFUSED),
        *with_credentials(Talk(UPGRADE)).chunks,
    ],
    "through a tunnel": [(CLIENT, CONNECT), (SERVER, TUNNEL), *with_credentials(Talk(UPGRADE)).chunks],
    "no tunnel": [(CLIENT, CONNECT), (SERVER, NO_TUNNEL)],
    "an answer that is none": [with_credentials(Talk(UPGRADE)).chunks[0], (SERVER, f"-ERR token={KEY} {HEX}\r\n".encode())],
}


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("segment", [11, 1460])
def test_what_comes_before_frames_keeps_no_secret(tmp_path: Path, name: str, segment: int) -> None:
    path = tmp_path / "talk.pcap"
    path.write_bytes(pcap(Talk(SCENES[name]), Way((segment,))))
    found = analyzer.analyze(path).sessions
    assert found
    for session in found:
        content, said = taken([path], session)
        assert said.why is None
        sent = streams(content)
        basic = base64.b64encode(b"user:" + KEY.encode())
        for text in (content, *sent):
            assert basic not in text
            assert [secret for secret in PLANTED for form in forms(secret) if form in text] == []
        assert [len(stream) for stream in sent] == [
            len(b"".join(data for side, data in SCENES[name] if side == who)) for who in (0, 1)
        ]
        (tmp_path / "copy.pcapng").write_bytes(content)
        copies = analyzer.analyze(tmp_path / "copy.pcapng").sessions
        assert [one.verdict.rule for one in copies] == [one.verdict.rule for one in found]
        assert [one.upgrade["status"] for one in copies] == [one.upgrade["status"] for one in found]


def test_tls_behind_a_tunnel_is_taken_off(tmp_path: Path) -> None:
    secured = Peers().speak(with_credentials(LIBRARIES["wsproto"](conversation(), None)))
    path, keys = tmp_path / "talk.pcap", tmp_path / "keys.log"
    path.write_bytes(pcap(Talk([(CLIENT, CONNECT), (SERVER, TUNNEL), *secured.talk.chunks]), Way((700,), repeated=10)))
    keys.write_bytes(secured.keys)
    chosen = Settings(key_logs=(str(keys),))
    (session,) = analyzer.analyze(path, settings=chosen).sessions
    content, said = taken([path], session, chosen)
    sent = streams(content)
    assert said.tls_removed
    assert sent[SERVER].startswith(TUNNEL + b"HTTP/1.1 101")
    assert sent[CLIENT].startswith(b"CONNECT xxxx")
    assert [secret for secret in PLANTED for form in forms(secret) for text in (content, *sent) if form in text] == []
    copy = again(content, tmp_path)
    assert copy.upgrade["proxy"]["status"] == 200
    assert copy.frame_counts == session.frame_counts


NESTED = [(CLIENT, CONNECT), (SERVER, TUNNEL)]
"""What stands between two TLS connections, one inside the other: a proxy that is reached by HTTPS is asked for a tunnel."""


def nested(folder: Path, deflate: Deflate | None, way: Way, keys: str) -> tuple[Path, Settings]:
    """A session in TLS through a proxy that is itself spoken to in TLS, and whose secrets are at hand."""
    inner = Peers().speak(with_credentials(LIBRARIES["wsproto"](conversation(), deflate)))
    outer = Peers().speak(Talk([*NESTED, *inner.talk.chunks]))
    path, log = folder / "talk.pcap", folder / "keys.log"
    path.write_bytes(pcap(outer.talk, way))
    log.write_bytes({"both": outer.keys + inner.keys, "outer": outer.keys, "none": b""}[keys])
    return path, Settings(key_logs=(str(log),))


@pytest.mark.parametrize("deflate", [None, Deflate()], ids=["plain", "takeover"])
@pytest.mark.parametrize("segment", [60, 700, 1460])
def test_tls_in_tls_is_taken_off(tmp_path: Path, deflate: Deflate | None, segment: int) -> None:
    path, chosen = nested(tmp_path, deflate, Way((segment,), exchanged=5, repeated=5, late=5), "both")
    (session,) = analyzer.analyze(path, settings=chosen).sessions
    content, said = taken([path], session, chosen)
    assert said.tls_removed
    sent = streams(content)
    assert sent[SERVER].startswith(TUNNEL + b"HTTP/1.1 101")
    assert sent[CLIENT].startswith(b"CONNECT xxxx")
    inside = [stream[stream.index(b"\r\n\r\n") + 4 :] for stream in sent]
    for text in (content, *sent, *(payload for side in (CLIENT, SERVER) for _, payload in heard(inside, side))):
        assert [secret for secret in PLANTED for form in forms(secret) if form in text] == []
    copy = again(content, tmp_path)
    assert copy.tls is None
    for part in ("message_counts", "frame_counts", "keepalives", "close", "gaps", "provider", "opened", "start"):
        assert getattr(copy, part) == getattr(session, part), part
    assert copy.upgrade["proxy"]["status"] == 200
    # What TLS adds makes packets of its own, which are empty now, those that were sent again among them.
    one, two = ({(one.rule, one.severity, one.count) for one in found.findings} for found in (copy, session))
    assert {rule for rule, _, _ in one ^ two} <= {"tcp-retransmissions"}


@pytest.mark.parametrize("keys", ["outer", "none"])
def test_of_tls_in_tls_what_cannot_be_decrypted_stays(tmp_path: Path, keys: str) -> None:
    path, chosen = nested(tmp_path, None, Way((700,)), keys)
    (session,) = analyzer.analyze(path, settings=chosen).sessions
    content, said = taken([path], session, chosen)
    assert (said.why, said.tls_removed) == (None, keys == "outer")
    sent = streams(content)
    assert sent[CLIENT].startswith(b"CONNECT xxxx" if keys == "outer" else b"\x16\x03")
    assert [secret for secret in PLANTED for form in forms(secret) for text in (content, *sent) if form in text] == []
    copy = again(content, tmp_path)
    assert [(one.rule, one.severity) for one in copy.findings] == [(one.rule, one.severity) for one in session.findings]
    assert (copy.verdict.rule, copy.upgrade["proxy"]) == (session.verdict.rule, session.upgrade["proxy"])
    assert copy.tls is not None
    assert copy.tls["sni"] == session.tls["sni"]


@pytest.mark.parametrize("lost", [1, 4, 9, 30, 77])
@pytest.mark.parametrize("deflate", [None, Deflate()], ids=["plain", "takeover"])
def test_of_a_capture_with_holes_no_secret_is_left(tmp_path: Path, lost: int, deflate: Deflate | None) -> None:
    """Each `lost`th packet is missing, so that heads and messages are torn everywhere."""
    path = tmp_path / "talk.pcap"
    path.write_bytes(pcap(with_credentials(LIBRARIES["websockets"](conversation(), deflate)), Way((60, 200, 1460))))
    whole = read(path)
    write([one for one in whole if one.number % (lost + 3)], path)
    for session in analyzer.analyze(path).sessions:
        content, said = taken([path], session)
        assert said.why is None
        # Without the request nothing says that a word of a free text is a secret.
        known = PLANTED if session.upgrade["target"] is not None else PLANTED[1:]
        assert [secret for secret in known for form in forms(secret) if form in content] == []


def test_what_lies_behind_the_end_of_a_packet_stays_out(tmp_path: Path) -> None:
    """Bytes of other connections, trailers of Ethernet, comments and names of interfaces."""
    path, session = talked(tmp_path)
    stranger = read(capture_of(CAPTURES / "healthy-linear16"))
    mine = [replace(one, data=one.data + KEY.encode(), on_wire=one.on_wire + len(KEY)) for one in read(path)]
    write([*mine, *stranger], path)
    session = next(one for one in analyzer.analyze(path).sessions if one.server == session.server)
    content, said = taken([path], session)
    assert said.packets == len(mine)
    assert KEY.encode() not in content


SOUND = {
    **dict.fromkeys(("healthy-amr-nb", "healthy-amr-wb", "healthy-flac", "healthy-opus-packets"), "noise is no packet of a codec"),
    **dict.fromkeys(("healthy-speex-ogg", "healthy-speex-packets", "healthy-aac"), "noise is no packet of a codec"),
    "healthy-linear32": "noise is loud",
    "digital-silence": "noise is no silence",
    "webm-without-start": "noise is no container",
}
"""Captures in which a rule says something else when noise stands in place of audio, and why."""


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_without_audio_only_what_is_heard_differs(tmp_path: Path, folder: Path) -> None:
    for session in analyzer.analyze(capture_of(folder)).sessions:
        content, said = taken([capture_of(folder)], session, audio=False, transcripts=False, replace_addresses=True)
        assert said.why is None
        same = {one.rule for one in again(content, tmp_path).findings} == {one.rule for one in session.findings}
        assert same is (folder.name not in SOUND)
