"""HTTP in front of a WebSocket as captures show it, in any segments and batches: what is told does not depend on how bytes are cut.

A talk is a list of (side, bytes) in order of sending; None for bytes leaves out a packet of so many. Every test goes through a
capture file, so that nothing but the report is looked at.
"""

import gzip
import json
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from peers import ACK, CLIENT, FIN, PSH, SERVER, SYN, file, tcp_packet
from wire_script import accept_of, frame

import analyzer
from analyzer.model.limits import DEFAULT
from analyzer.model.settings import Settings
from analyzer.reports.plain import plain

TARGET = "/v1/listen?encoding=linear16&sample_rate=16000"
HOST = "api.deepgram.com:443"
KEY = "0123456789abcdef0123456789abcdef01234567"
USER = "dXNlcjpwYXNzd29yZDEyMw=="


def ask(target: str = TARGET, more: str = "") -> bytes:
    lines = [f"GET {target} HTTP/1.1", "Host: localhost:8080", "Upgrade: websocket", "Connection: Upgrade"]
    return "\r\n".join([*lines, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", f"Sec-WebSocket-Version: 13\r\n{more}\r\n"]).encode()


def grant(more: str = "dg-request-id: 11111111-2222-4333-8444-555555555555\r\n") -> bytes:
    lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
    return "\r\n".join([*lines, f"Sec-WebSocket-Accept: {accept_of()}\r\n{more}\r\n"]).encode()


def connect(host: str = HOST, more: str = "") -> bytes:
    return f"CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n".encode()


def answer(status: str, body: bytes = b"", more: str = "", *, length: bool = True) -> bytes:
    stated = f"Content-Length: {len(body)}\r\n" if length else ""
    return f"HTTP/1.1 {status}\r\n{stated}{more}\r\n".encode() + body


def chunks(body: bytes, size: int = 7) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x;a=b\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\nTrailer: x\r\n\r\n"


AUDIO = b"".join(frame(2, bytes(range(first, first + 40)), masked=True) for first in (1, 2, 3))
RESULTS = frame(1, b'{"type":"Results","start":0,"duration":1.0}', masked=False)
CLOSING = [(CLIENT, frame(1, b'{"type":"CloseStream"}', masked=True)), (SERVER, frame(8, b"\x03\xe8", masked=False))]
CLOSING += [(CLIENT, frame(8, b"\x03\xe8", masked=True))]
FLOW = [(CLIENT, AUDIO), (SERVER, RESULTS), *CLOSING]
OPENED = (200, 101)
TUNNEL = answer("200 Connection established", length=False)
DENIED = answer("407 Proxy Authentication Required", b"<html>no</html>", 'Proxy-Authenticate: Basic realm="squid"\r\n')
REFUSED = answer("401 Unauthorized", b'{"err_msg":"Invalid credentials."}', "dg-error: Invalid credentials.\r\n")
HELLO = b"\x16\x03\x01\0\x05hello"
Talk = list[tuple[int, bytes]]


@dataclass(frozen=True)
class Cut:
    """How bytes reach the file: sizes of segments, used in turn, and how much is read at once."""

    segments: tuple[int, ...] = (1460,)
    batch: int = DEFAULT.batch


WHOLE, SINGLE = Cut((16_000,)), Cut((1,), 9000)
CUTS = st.builds(Cut, st.lists(st.integers(4, 90), min_size=1, max_size=6).map(tuple), st.sampled_from((2000, DEFAULT.batch)))


def packets(
    talk: Talk, cut: Cut = WHOLE, *, sides: tuple[int, ...] = (CLIENT, SERVER), syn: bool = True, fin: bool = True
) -> list[bytes]:
    """The talk as TCP packets, those of `sides` only."""
    nexts, turn = [1001, 700_001], 0
    made = [(CLIENT, tcp_packet(CLIENT, 1000, 0, SYN)), (SERVER, tcp_packet(SERVER, 700_000, 1001, SYN | ACK))] if syn else []
    for side, content in talk:
        at = 0
        while at < len(content):
            part = content[at : at + cut.segments[turn % len(cut.segments)]]
            made.append((side, tcp_packet(side, nexts[side], nexts[1 - side], PSH | ACK, part)))
            nexts[side], at, turn = nexts[side] + len(part), at + len(part), turn + 1
        made.append((1 - side, tcp_packet(1 - side, nexts[1 - side], nexts[side], ACK)))
    if fin:
        made.append((CLIENT, tcp_packet(CLIENT, nexts[CLIENT], nexts[SERVER], FIN | ACK)))
        made.append((SERVER, tcp_packet(SERVER, nexts[SERVER], nexts[CLIENT] + 1, FIN | ACK)))
    return [packet for side, packet in made if side in sides]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("talks")


def capture_of(folder: Path, content: list[bytes], settings: Settings = Settings()) -> dict[str, Any]:  # noqa: B008 - frozen
    path = folder / "talk.pcap"
    path.write_bytes(file(content))
    capture: dict[str, Any] = plain(analyzer.analyze(path, settings=settings))["captures"][0]
    return capture


def told(folder: Path, talk: Talk, cut: Cut = WHOLE, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - options of `packets`
    return capture_of(folder, packets(talk, cut, **more), Settings(limits=replace(DEFAULT, batch=cut.batch)))


def essence(capture: dict[str, Any]) -> list[Any]:
    """What must not depend on segments: no packet numbers, no times."""
    return [
        {
            **{key: one[key] for key in ("provider", "opened", "upgrade", "messages", "frames", "close", "coverage", "tcp_end")},
            "audio": one["audio"]["client"] and one["audio"]["client"]["sha256"],
            "findings": sorted(
                (found["rule"], found["text"] if found["rule"] == "upgrade-rejected" else "") for found in one["findings"]
            ),
        }
        for one in capture["sessions"]
    ] + [capture["other_connections"]]


def statuses(capture: dict[str, Any]) -> list[int | None]:
    return [one["upgrade"]["status"] for one in capture["sessions"]]


WAYS: dict[str, tuple[Talk, list[int]]] = {
    "plain": ([(CLIENT, ask()), (SERVER, grant()), *FLOW], [101]),
    "tunnel": ([(CLIENT, connect()), (SERVER, TUNNEL), (CLIENT, ask()), (SERVER, grant()), *FLOW], [101]),
    "tunnel with length": (
        [
            (CLIENT, connect()),
            (SERVER, answer("200 OK", more="Content-Length: 9\r\n", length=False)),
            (CLIENT, ask()),
            (SERVER, grant()),
            *FLOW,
        ],
        [101],
    ),
    "tunnel after 407": (
        [
            (CLIENT, connect()),
            (SERVER, DENIED),
            (CLIENT, connect(more=f"Proxy-Authorization: Basic {USER}\r\n")),
            (SERVER, TUNNEL),
            (CLIENT, ask()),
            (SERVER, grant()),
            *FLOW,
        ],
        [101],
    ),
    "tunnel in a tunnel": (
        [
            (CLIENT, connect("inner:3128")),
            (SERVER, TUNNEL),
            (CLIENT, connect()),
            (SERVER, TUNNEL),
            (CLIENT, ask()),
            (SERVER, grant()),
            *FLOW,
        ],
        [101],
    ),
    "refused in a tunnel": (
        [(CLIENT, connect()), (SERVER, TUNNEL), (CLIENT, ask()), (SERVER, REFUSED), (CLIENT, ask()), (SERVER, grant()), *FLOW],
        [401, 101],
    ),
    "absolute form": ([(CLIENT, ask(f"http://{HOST}{TARGET}")), (SERVER, grant()), *FLOW], [101]),
    "refused twice": (
        [(CLIENT, ask()), (SERVER, REFUSED), (CLIENT, ask()), (SERVER, REFUSED), (CLIENT, ask()), (SERVER, grant()), *FLOW],
        [401, 401, 101],
    ),
    "refused in chunks": (
        [
            (CLIENT, ask()),
            (SERVER, answer("401 No", chunks(b'{"reason":"why"}'), "Transfer-Encoding: chunked\r\n", length=False)),
            (CLIENT, ask()),
            (SERVER, grant()),
            *FLOW,
        ],
        [401, 101],
    ),
    "expected and asked for": (
        [
            (CLIENT, b"POST /x HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 20\r\n\r\n"),
            (SERVER, answer("100 Continue", length=False)),
            (CLIENT, b"GET /like a request  "[:20]),
            (SERVER, answer("200 OK", b"HTTP/1.1 500 no")),
            (CLIENT, ask()),
            (SERVER, grant()),
            *FLOW,
        ],
        [101],
    ),
    "expected, refused, not sent": (
        [
            (CLIENT, b"POST /x HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5000\r\n\r\n"),
            (SERVER, answer("417 No", b"no")),
            (CLIENT, ask()),
            (SERVER, grant()),
            *FLOW,
        ],
        [101],
    ),
    "expected, refused, sent": (
        [
            (CLIENT, b"POST /x HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 21\r\n\r\n"),
            (SERVER, answer("401 No", b"no")),
            (CLIENT, b'{"GET / HTTP/1.1": 1}'),
            (CLIENT, ask()),
            (SERVER, grant()),
            *FLOW,
        ],
        [101],
    ),
    "expected, sent without waiting": (
        [
            (
                CLIENT,
                b"POST /x HTTP/1.1\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"
                + chunks(b"GET / HTTP/1.1\r\n\r\n"),
            ),
            (SERVER, answer("200 OK")),
            (CLIENT, ask()),
            (SERVER, grant()),
            *FLOW,
        ],
        [101],
    ),
    "pipelined": (
        [
            (CLIENT, b"GET /a HTTP/1.1\r\n\r\nHEAD /b HTTP/1.1\r\n\r\nPOST /c HTTP/1.1\r\nContent-Length: 4\r\n\r\nGET " + ask()),
            (
                SERVER,
                answer("204 No", length=False)
                + answer("200 OK", more="Content-Length: 99\r\n", length=False)
                + answer("304 Same", more="Content-Length: 7\r\n", length=False)
                + grant(),
            ),
            *FLOW,
        ],
        [101],
    ),
    "answered while the body is sent": (
        [
            (CLIENT, b"POST /c HTTP/1.1\r\nContent-Length: 40\r\n\r\nGET / "),
            (SERVER, answer("200 OK", b"HTTP/1.1")),
            (CLIENT, b"x" * 34),
            (CLIENT, ask()),
            (SERVER, grant()),
            *FLOW,
        ],
        [101],
    ),
    "told on the way": (
        [
            (CLIENT, ask()),
            (SERVER, b"".join(answer(one, length=False) for one in ("100 Continue", "102 Processing", "103 Early Hints"))),
            (SERVER, grant()),
            *FLOW,
        ],
        [101],
    ),
    "bare line feeds": ([(CLIENT, ask().replace(b"\r\n", b"\n")), (SERVER, grant().replace(b"\r\n", b"\n")), *FLOW], [101]),
    "odd spelling": (
        [
            (CLIENT, b"\r\n\r\n" + ask().replace(b"Upgrade: websocket", b"uPGRADE :   h2c,\r\n\tWebSocket  ")),
            (SERVER, grant().replace(b"Upgrade: websocket", b"UPGRADE:WEBSOCKET")),
            *FLOW,
        ],
        [101],
    ),
    "old version": ([(CLIENT, ask()), (SERVER, grant().replace(b"HTTP/1.1", b"HTTP/1.0")), *FLOW], [101]),
    "stray line end between answers": (
        [(CLIENT, ask()), (SERVER, REFUSED + b"\r\n"), (CLIENT, ask()), (SERVER, grant()), *FLOW],
        [401, 101],
    ),
    "frames before the answer": ([(CLIENT, ask() + AUDIO), (SERVER, grant() + RESULTS), *CLOSING], [101]),
    "long heads": (
        [(CLIENT, ask(more="Cookie: " + "x" * 900 + "\r\n")), (SERVER, grant("X: " + "y" * 900 + "\r\n")), *FLOW],
        [101],
    ),
}


@pytest.mark.parametrize("way", WAYS)
@examples(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=CUTS)
def test_every_way_in_any_pieces(way: str, cut: Cut, folder: Path) -> None:
    talk, expected = WAYS[way]
    usual = told(folder, talk)
    assert statuses(usual) == expected
    last = usual["sessions"][-1]
    assert last["messages"]["client"] == {"text": 1, "binary": 3, "ping": 0, "pong": 0, "close": 1}
    assert last["coverage"] == {
        "client": {"bytes": len(AUDIO) + 36, "missing": 0},
        "server": {"bytes": len(RESULTS) + 4, "missing": 0},
    }
    assert last["upgrade"]["query"] == {"encoding": "linear16", "sample_rate": "16000"}
    assert not last["upgrade"]["partial"]
    assert last["close"]["by"] == "server"
    assert essence(told(folder, talk, cut)) == essence(usual)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("cut", [SINGLE, Cut((1,)), Cut((1, 2), 100_000)])
def test_every_way_byte_by_byte(way: str, cut: Cut, folder: Path) -> None:
    talk, _ = WAYS[way]
    assert essence(told(folder, talk, cut)) == essence(told(folder, talk))


def test_a_session_in_a_tunnel_is_as_without(folder: Path) -> None:
    inside, outside = (told(folder, WAYS[way][0])["sessions"][0] for way in ("tunnel after 407", "plain"))
    assert outside["upgrade"]["proxy"] is None
    assert inside["upgrade"].pop("proxy") == {"target": HOST, "status": 200}
    del outside["upgrade"]["proxy"]
    for name in ("upgrade", "provider", "messages", "close", "coverage", "verdict"):
        assert inside[name] == outside[name]
    assert USER not in json.dumps(inside)


def encrypted(host: str) -> Talk:
    return [(CLIENT, connect(host)), (SERVER, TUNNEL), (CLIENT, HELLO), (SERVER, HELLO), (CLIENT, b"\x17\x03\x03\0\1x")]


@pytest.mark.parametrize("cut", [WHOLE, SINGLE, Cut((5,), 2000)])
def test_tls_in_a_tunnel_to_a_known_service_is_an_attempt(cut: Cut, folder: Path) -> None:
    (session,) = told(folder, encrypted(HOST), cut)["sessions"]
    assert (session["upgrade"]["outcome"], session["provider"]) == ("encrypted", "deepgram-listen-v1")
    assert session["upgrade"]["proxy"] == {"target": HOST, "status": 200}
    assert [(one["rule"], HOST in one["text"]) for one in session["findings"]] == [("tls-not-decrypted", True)]


def other(content: list[bytes]) -> list[bytes]:
    """The same from another port of the client."""
    moved = []
    for packet in content:
        ports = (34, 36) if packet[26:30] == bytes([10, 0, 0, 2]) else (36, 38)
        moved.append(packet[: ports[0]] + b"\x90\x01" + packet[ports[1] :])
    return moved


NO_TUNNEL: Talk = [(CLIENT, connect("other.example:443")), (SERVER, answer("503 No", b"no"))]


@pytest.mark.parametrize("talk", [encrypted("other.example:443"), NO_TUNNEL])
def test_what_goes_elsewhere_through_a_proxy_is_an_attempt_only_alone_or_named(talk: Talk, folder: Path) -> None:
    beside = [*packets(talk), *other(packets(WAYS["plain"][0]))]
    assert len(capture_of(folder, packets(talk))["sessions"]) == 1
    alone = capture_of(folder, beside)
    assert len(alone["sessions"]) == 1
    assert sum(alone["other_connections"].values()) == 1
    for endpoint, count in ((("Other.example", 443), 2), (("other.example", None), 2), (("other.example", 80), 1)):
        assert len(capture_of(folder, beside, Settings(endpoints=(endpoint,)))["sessions"]) == count
    through = [(CLIENT, connect("other.example:443")), (SERVER, TUNNEL), *WAYS["plain"][0]]
    assert len(capture_of(folder, [*packets(talk), *other(packets(through))])["sessions"]) == 2


def test_a_known_service_behind_a_proxy_is_an_attempt_beside_others(folder: Path) -> None:
    for talk in (encrypted(HOST), [(CLIENT, connect()), (SERVER, DENIED)]):
        capture = capture_of(folder, [*packets(talk), *other(packets(WAYS["plain"][0]))])
        assert len(capture["sessions"]) == 2


@pytest.mark.parametrize("cut", [WHOLE, SINGLE, Cut((3, 50), 2000)])
@pytest.mark.parametrize(
    ("status", "more", "words", "remedy"),
    [
        ("407 Proxy Authentication Required", "", "sent no credentials", "user name and password"),
        ("407 Proxy Authentication Required", f"Proxy-Authorization: Basic {USER}\r\n", "not accepted", "user name and password"),
        ("403 Forbidden", "", "The proxy refused the tunnel", "allow CONNECT"),
        ("502 Bad Gateway", "", "502 Bad Gateway", "could not reach"),
        ("503 Service Unavailable", "", "503", "could not reach"),
    ],
)
def test_a_proxy_that_opens_no_tunnel(status: str, more: str, words: str, remedy: str, cut: Cut, folder: Path) -> None:
    page = (
        b"<!-- x --><html><head><title>ERROR: Access</title></head><body>ERROR: Access &amp; more "
        + USER.encode()
        + b"</body></html>"
    )
    said = answer(status, page, 'Proxy-Authenticate: Basic realm="squid"\r\n' if status[:3] == "407" else "")
    (session,) = told(folder, [(CLIENT, connect(more=more)), (SERVER, said)], cut)["sessions"]
    upgrade = session["upgrade"]
    assert (upgrade["outcome"], upgrade["status"], upgrade["target"]) == ("rejected", int(status[:3]), HOST)
    assert upgrade["proxy"] == {"target": HOST, "status": int(status[:3])}
    (finding,) = session["findings"]
    assert finding["rule"] == "upgrade-rejected"
    assert words in finding["text"]
    assert "ERROR: Access & more" in finding["text"]
    assert remedy in finding["remedy"]
    assert not more or USER not in json.dumps(session)


def test_a_proxy_that_never_answers(folder: Path) -> None:
    (session,) = told(folder, [(CLIENT, connect())])["sessions"]
    assert (session["upgrade"]["outcome"], session["upgrade"]["proxy"]["status"]) == ("no-response", None)
    assert [one["rule"] for one in session["findings"]] == ["no-response"]
    assert "proxy" in session["findings"][0]["text"]


def test_credentials_in_the_target_stay_secret(folder: Path) -> None:
    (session,) = told(folder, [(CLIENT, connect("user:hunter2hunter2@api.deepgram.com:443")), (SERVER, DENIED)])["sessions"]
    assert "hunter2" not in json.dumps(session)
    assert session["provider"] == "deepgram-listen-v1"


def test_tunnels_are_bounded(folder: Path) -> None:
    talk = [(CLIENT, connect()), (SERVER, TUNNEL)] * 20 + WAYS["plain"][0]
    capture = told(folder, talk)
    assert capture["sessions"] == []
    assert sum(capture["other_connections"].values()) == 1


REASON = b'{"err_code":"INVALID_AUTH","err_msg":"The key is not valid."}'
RAW = zlib.compressobj(wbits=-15)
RAW_DEFLATE = RAW.compress(REASON) + RAW.flush()
PAGE = (
    b"<html><head><style>b{}</style><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1><hr>cloudflare</body></html>"
)
BODIES: dict[str, tuple[bytes, str, str]] = {
    "plain": (REASON, "", "The key is not valid."),
    "gzip": (gzip.compress(REASON, mtime=0), "Content-Encoding: gzip\r\n", "The key is not valid."),
    "deflate": (zlib.compress(REASON), "Content-Encoding: deflate\r\n", "The key is not valid."),
    "raw deflate": (RAW_DEFLATE, "Content-Encoding: Deflate\r\n", "The key is not valid."),
    "twice": (gzip.compress(zlib.compress(REASON)), "Content-Encoding: deflate, gzip\r\n", "The key is not valid."),
    "brotli": (b"\x0b\x02\x80abc\x03", "Content-Encoding: br\r\n", "encoded as `br`"),
    "no gzip": (b"plain text", "Content-Encoding: gzip\r\n", "encoded as `gzip`"),
    "cut json": (REASON[:-2] + b'","more":"' + b"x" * 100_000, "", "The key is not valid."),
    "nested": (b'{"error":{"message":"No such model."}}', "", "No such model."),
    "reason": (b'{"error":"Bad Request","reason":"No such tier."}', "", "No such tier."),
    "page": (PAGE, "", "`502 Bad Gateway cloudflare`"),
    "page in gzip": (gzip.compress(PAGE), "Content-Encoding: gzip\r\n", "`502 Bad Gateway cloudflare`"),
    "bomb": (gzip.compress(b'{"err_msg":"Too much."' + b" " * 50_000_000), "Content-Encoding: gzip\r\n", "Too much."),
}


@pytest.mark.parametrize("case", BODIES)
@pytest.mark.parametrize("way", ["length", "chunked", "until close"])
def test_the_body_of_a_rejection(case: str, way: str, folder: Path) -> None:
    body, more, words = BODIES[case]
    said = {
        "length": lambda: answer("401 Unauthorized", body, more),
        "chunked": lambda: answer("401 Unauthorized", chunks(body, 900), f"{more}Transfer-Encoding: chunked\r\n", length=False),
        "until close": lambda: answer("401 Unauthorized", body, more, length=False),
    }[way]()
    talk = [(CLIENT, ask()), (SERVER, said)]
    usual = told(folder, talk)
    (finding,) = usual["sessions"][0]["findings"]
    assert words in finding["text"]
    if len(said) < 1000:
        assert essence(told(folder, talk, SINGLE)) == essence(usual)


@pytest.mark.parametrize("missing", [1, 10, 25])
def test_a_compressed_body_that_the_capture_cuts(missing: int, folder: Path) -> None:
    stored = gzip.compress(REASON, compresslevel=0)
    content = packets(
        [(CLIENT, ask()), (SERVER, answer("401 Unauthorized", stored, "Content-Encoding: gzip\r\n")[: -8 - missing])], fin=False
    )
    (session,) = capture_of(folder, content)["sessions"]
    assert "The key" in session["findings"][0]["text"] or missing > 20
    assert "INVALID_AUTH" in session["findings"][0]["text"] or "The key" in session["findings"][0]["text"]


def test_what_a_body_echoes_is_redacted(folder: Path) -> None:
    said = answer(
        "401 Unauthorized", gzip.compress(b'{"message":"Unknown key: ' + KEY.encode() + b'"}'), "Content-Encoding: gzip\r\n"
    )
    shown = json.dumps(told(folder, [(CLIENT, ask(more=f"Authorization: Token {KEY}\r\n")), (SERVER, said)]))
    assert KEY not in shown
    assert "Unknown key" in shown


def snapped(content: list[bytes], size: int) -> bytes:
    """The packets with at most `size` bytes of payload each."""
    whole, at, parts = file(content), 24, []
    for packet in content:
        kept = packet[: 54 + size]
        parts.append(whole[at : at + 8] + len(kept).to_bytes(4, "little") + whole[at + 12 : at + 16] + kept)
        at += 16 + len(packet)
    return whole[:24] + b"".join(parts)


def lacks(session: dict[str, Any]) -> str:
    return "".join(one["text"] for one in session["findings"] if one["rule"] == "capture-incomplete")


@pytest.mark.parametrize(
    ("size", "query"), [(30, {"model": "nova-3"}), (47, {"model": "nova-3", "encoding": "linear16"}), (12, {})]
)
@pytest.mark.parametrize(("said", "outcome"), [(grant(), "accepted"), (REFUSED, "rejected")])
def test_heads_that_the_snap_length_cuts(size: int, query: dict[str, str], said: bytes, outcome: str, folder: Path) -> None:
    target = "/v1/listen?model=nova-3&encoding=linear16&sample_rate=16000"
    path = folder / "snapped.pcap"
    path.write_bytes(snapped(packets([(CLIENT, ask(target)), (SERVER, said), *(FLOW if outcome == "accepted" else ())]), size))
    sessions = plain(analyzer.analyze(path))["captures"][0]["sessions"]
    if size == 12 and outcome == "rejected":
        assert sessions == []  # `GET /v1/list` may be anything
        return
    (session,) = sessions
    upgrade = session["upgrade"]
    assert (upgrade["outcome"], upgrade["status"]) == (outcome, int(said[9:12]))
    assert (upgrade["query"], upgrade["partial"]) == (query, True)
    assert upgrade["path"] == ("/v1/listen" if size > 12 else "/v1/list")
    assert "part of the upgrade request and of its answer is missing" in lacks(session)
    assert "wrong-accept" not in {one["rule"] for one in session["findings"]}


def test_an_ordinary_request_that_is_cut_is_no_attempt(folder: Path) -> None:
    path = folder / "snapped.pcap"
    talk = [
        (CLIENT, b"GET /index.html?a=b HTTP/1.1\r\nHost: www.example.org\r\n\r\n"),
        (SERVER, answer("200 OK", b"x" * 400, "Server: y\r\n")),
    ] * 3
    path.write_bytes(snapped(packets(talk), 30))
    (capture,) = plain(analyzer.analyze(path))["captures"]
    assert (capture["sessions"], capture["other_connections"]) == ([], {"http": 1})


def test_thousands_of_holes_behind_an_answer_that_is_cut(folder: Path) -> None:
    path = folder / "snapped.pcap"
    talk = [(CLIENT, ask()), (SERVER, REFUSED[:60]), *[(SERVER, b"x" * 40)] * 5000]
    path.write_bytes(snapped(packets(talk), 30))
    (capture,) = plain(analyzer.analyze(path))["captures"]
    assert len(capture["sessions"]) + sum(capture["other_connections"].values()) == 1


@pytest.mark.parametrize(
    ("sides", "outcome", "words"),
    [
        ((CLIENT,), "not-captured", "the answer to the upgrade request is not in it; no packet of the server"),
        ((SERVER,), "accepted", "the upgrade request is not in it, so that its parameters are not known; no packet of the client"),
    ],
)
@pytest.mark.parametrize("syn", [True, False])
@pytest.mark.parametrize("fin", [True, False])
def test_one_direction_only(sides: tuple[int, ...], outcome: str, words: str, syn: bool, fin: bool, folder: Path) -> None:
    (session,) = told(folder, WAYS["plain"][0], sides=sides, syn=syn, fin=fin)["sessions"]
    assert (session["upgrade"]["outcome"], session["provider"], session["opened"]) == (outcome, "deepgram-listen-v1", "handshake")
    assert words in lacks(session)
    side = "client" if CLIENT in sides else "server"
    assert session["messages"][side]["text"] == 1


@pytest.mark.parametrize(("syn", "fin"), [(False, True), (True, False), (False, False)])
@pytest.mark.parametrize("way", ["plain", "tunnel after 407", "refused twice", "odd spelling"])
def test_without_the_packets_that_open_or_end(way: str, syn: bool, fin: bool, folder: Path) -> None:
    talk, expected = WAYS[way]
    for cut in (WHOLE, SINGLE):
        capture = told(folder, talk, cut, syn=syn, fin=fin)
        assert statuses(capture) == expected
        assert capture["sessions"][-1]["messages"]["client"]["binary"] == 3


def without(talk: Talk, begin: bytes, size: int = 60) -> list[bytes]:
    """The talk in segments of `size` bytes but for the first one that begins so."""
    content = packets(talk, Cut((size,)))
    gone = next(place for place, packet in enumerate(content) if packet[54:].startswith(begin))
    return content[:gone] + content[gone + 1 :]


@pytest.mark.parametrize(
    ("begin", "outcome", "status", "target", "partial", "words"),
    [
        (b"GET /v1", "accepted", 101, None, False, "the upgrade request is not in it"),
        (b"\nHost", "accepted", 101, TARGET, True, "part of the upgrade request is missing"),
        (b"de\r\nSec", "accepted", 101, TARGET, True, "part of the upgrade request is missing"),
        (b"HTTP/1.1", "not-captured", None, TARGET, False, "the answer to the upgrade request is not in it"),
        (b"tion: Up", "accepted", 101, TARGET, True, "part of the answer to the upgrade request is missing"),
        (b"\r\n", "accepted", 101, TARGET, True, "part of the answer to the upgrade request is missing"),
    ],
)
@pytest.mark.parametrize("batch", [DEFAULT.batch, 300])
def test_a_hole_in_the_upgrade(
    begin: bytes, outcome: str, status: int | None, target: str | None, partial: bool, words: str, batch: int, folder: Path
) -> None:
    content = without(WAYS["plain"][0], begin)
    (session,) = capture_of(folder, content, Settings(limits=replace(DEFAULT, batch=batch)))["sessions"]
    upgrade = session["upgrade"]
    assert (upgrade["outcome"], upgrade["status"], upgrade["target"], upgrade["partial"]) == (outcome, status, target, partial)
    assert words in lacks(session)
    assert session["messages"]["client"] == {"text": 1, "binary": 3, "ping": 0, "pong": 0, "close": 1}
    assert {one["rule"] for one in session["findings"]} == {"capture-incomplete"}


def test_an_answer_whose_beginning_is_missing_is_no_silence(folder: Path) -> None:
    (session,) = capture_of(folder, without([(CLIENT, ask()), (SERVER, REFUSED)], b"HTTP/1.1"))["sessions"]
    assert session["upgrade"]["outcome"] == "no-response"
    assert [one["rule"] for one in session["findings"]] == ["capture-incomplete"]
    assert "the answer to the upgrade request is not in it" in lacks(session)


@pytest.mark.parametrize("batch", [DEFAULT.batch, 300])
@pytest.mark.parametrize(("begin", "proxy"), [(b"CONNECT", None), (TUNNEL[:20], {"target": HOST, "status": None})])
def test_a_hole_in_front_of_the_tunnel(begin: bytes, proxy: dict[str, Any] | None, batch: int, folder: Path) -> None:
    content = without(WAYS["tunnel"][0], begin, 1000)
    (session,) = capture_of(folder, content, Settings(limits=replace(DEFAULT, batch=batch)))["sessions"]
    assert (session["upgrade"]["status"], session["upgrade"]["target"], session["upgrade"]["proxy"]) == (101, TARGET, proxy)
    assert session["messages"]["client"]["binary"] == 3


def test_the_servers_side_of_a_tunnel(folder: Path) -> None:
    for way in ("tunnel", "tunnel after 407"):
        (session,) = told(folder, WAYS[way][0], sides=(SERVER,))["sessions"]
        assert (session["upgrade"]["status"], session["messages"]["server"]["text"]) == (101, 1)
