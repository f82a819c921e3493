"""TLS between real peers gives what the same talk gives in clear: report, frames, audio; with holes, only less of it."""

import hashlib
import ssl
from dataclasses import replace
from functools import cache
from pathlib import Path as File
from typing import Any

import numpy as np
import pytest
from h2_peers import over_http2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from peers import BINARY, CLIENT, LIBRARIES, SERVER, STRAIGHT, TEXT, Path, Said, Talk, pcap
from tls_peers import NO_ENCRYPT_THEN_MAC, NO_EXTENDED_MASTER_SECRET, Peers, Secured

import analyzer
from analyzer.model.limits import DEFAULT
from analyzer.model.settings import Settings
from analyzer.reports.plain import plain

TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
AUDIO = [bytes((7 * number + at) % 251 for at in range(size)) for number, size in enumerate((1, 3200, 20_000, 640, 70_000, 3200))]
SCRIPT = [
    *(Said(CLIENT, BINARY, (part,)) for part in AUDIO),
    Said(CLIENT, TEXT, (b'{"type":"KeepAlive"}',)),
    Said(SERVER, TEXT, (b'{"type":"Results","start":0.0,"duration":1.0}',)),
    Said(CLIENT, BINARY, (b'{"type":"KeepAlive"}',)),
    Said(CLIENT, TEXT, (b'{"type":"CloseStream"}',)),
]
SUITES = {
    "ECDHE-ECDSA-AES128-GCM-SHA256": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305": "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "ECDHE-ECDSA-AES128-CCM": "TLS_ECDHE_ECDSA_WITH_AES_128_CCM",
    "ECDHE-ECDSA-AES256-CCM8": "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8",
    "ECDHE-ECDSA-AES128-SHA": "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "ECDHE-ECDSA-AES256-SHA384": "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",
    "ECDHE-ECDSA-AES128-SHA256": "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
}


@cache
def said(script: tuple[Said, ...]) -> Talk:
    """Once: the masks are drawn at random."""
    return LIBRARIES["wsproto"](script, None)


def talk() -> Talk:
    return Talk(list(said(tuple(SCRIPT)).chunks))


def analysed(path: File, keys: bytes | None = None, batch: int = DEFAULT.batch) -> analyzer.Report:
    logs: tuple[str, ...] = ()
    if keys is not None:
        (path.parent / "keys.log").write_bytes(keys)
        logs = (str(path.parent / "keys.log"),)
    return analyzer.analyze(path, settings=Settings(key_logs=logs, limits=replace(DEFAULT, batch=batch)))


def essence(report: analyzer.Report) -> dict[str, Any]:
    """What must be the same in TLS and in clear."""
    (session,) = report.captures[0].sessions
    table = session.frame_table
    assert table is not None
    shown = plain(report)["captures"][0]["sessions"][0]
    kept = {name: shown[name] for name in ("provider", "upgrade", "messages", "frames", "audio", "keepalives", "close", "coverage")}
    findings = [one for one in shown["findings"] if not one["rule"].startswith(("pacing", "tcp-"))]  # which the path decides
    kept["rules"] = [(one["rule"], one["severity"], one["count"]) for one in findings]
    kept["verdict"] = shown["verdict"]["rule"]
    names = ("side", "offset", "length", "opcode", "fin", "rsv", "masked", "key", "message", "complete")
    order = np.lexsort((table.column("offset"), table.column("side")))  # late packets come in another order
    kept["table"] = {name: table.column(name)[order].tolist() for name in names}
    return kept


@pytest.fixture(scope="module")
def in_clear(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("clear") / "clear.pcap"
    path.write_bytes(pcap(talk()))
    return essence(analysed(path))


def tls_of(report: analyzer.Report) -> dict[str, Any]:
    tls: dict[str, Any] = plain(report)["captures"][0]["sessions"][0]["tls"]
    return tls


def same(clear: dict[str, Any], folder: File, secured: Secured, path: Path = STRAIGHT) -> dict[str, Any]:
    """Hold a secured talk against the one in clear; gives what is said of its TLS."""
    (folder / "tls.pcap").write_bytes(pcap(secured.talk, path))
    report = analysed(folder / "tls.pcap", secured.keys)
    assert essence(report) == clear
    tls = tls_of(report)
    assert tls["decrypted"]
    return tls


@pytest.mark.parametrize("segments", [(1460,), (16_000,), (77, 1, 300)])
def test_tls_1_3(in_clear: dict[str, Any], tmp_path: File, segments: tuple[int, ...]) -> None:
    tls = same(in_clear, tmp_path, Peers().speak(talk()), Path(segments))
    assert (tls["version"], tls["cipher"], tls["sni"]) == ("TLSv1.3", "TLS_AES_256_GCM_SHA384", "api.deepgram.com")


@pytest.mark.parametrize("options", [0, NO_ENCRYPT_THEN_MAC, NO_EXTENDED_MASTER_SECRET])
@pytest.mark.parametrize("cipher", SUITES)
def test_tls_1_2(in_clear: dict[str, Any], tmp_path: File, cipher: str, options: int) -> None:
    tls = same(in_clear, tmp_path, Peers(TLS12, f"{cipher}:@SECLEVEL=0", options).speak(talk()))
    assert (tls["version"], tls["cipher"]) == ("TLSv1.2", SUITES[cipher])


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_a_session_that_is_resumed(in_clear: dict[str, Any], tmp_path: File, version: ssl.TLSVersion) -> None:
    peers = Peers(version)
    first = peers.speak(talk())
    second = peers.speak(talk(), first.session)
    assert tls_of_file(tmp_path, first)["resumed"] is False
    same(in_clear, tmp_path, second)
    assert tls_of_file(tmp_path, second)["resumed"] is True


def tls_of_file(folder: File, secured: Secured) -> dict[str, Any]:
    (folder / "tls.pcap").write_bytes(pcap(secured.talk))
    return tls_of(analysed(folder / "tls.pcap", secured.keys))


def test_the_server_asks_for_another_hello(in_clear: dict[str, Any], tmp_path: File) -> None:
    secured = Peers(server_curve="secp384r1").speak(talk())
    assert same(in_clear, tmp_path, secured)["retried"] is True


def test_rsa_key_exchange(in_clear: dict[str, Any], tmp_path: File) -> None:
    assert same(in_clear, tmp_path, Peers(TLS12, "AES128-GCM-SHA256:@SECLEVEL=0", key="rsa").speak(talk()))["cipher"] == (
        "TLS_RSA_WITH_AES_128_GCM_SHA256"
    )


@pytest.mark.parametrize("batch", [2000, 9000])
@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_batches_change_nothing(in_clear: dict[str, Any], tmp_path: File, version: ssl.TLSVersion, batch: int) -> None:
    secured = Peers(version).speak(talk())
    (tmp_path / "tls.pcap").write_bytes(pcap(secured.talk))
    assert essence(analysed(tmp_path / "tls.pcap", secured.keys, batch)) == in_clear


PATHS = st.builds(
    Path,
    st.lists(st.integers(20, 3000), min_size=1, max_size=5).map(tuple),
    exchanged=st.integers(0, 30),
    repeated=st.integers(0, 30),
    late=st.integers(0, 30),
    seed=st.integers(0, 99),
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=PATHS, version=st.sampled_from((TLS12, TLS13)))
def test_whatever_the_path(in_clear: dict[str, Any], tmp_path: File, path: Path, version: ssl.TLSVersion) -> None:
    same(in_clear, tmp_path, Peers(version).speak(talk()), path)


def test_places_are_those_of_the_packets_that_carried_the_bytes(tmp_path: File) -> None:
    """A frame of 70,000 bytes begins in a packet of its first record and ends in the last packet of its last."""
    secured = Peers().speak(talk())
    (tmp_path / "tls.pcap").write_bytes(pcap(secured.talk))
    (session,) = analysed(tmp_path / "tls.pcap", secured.keys).captures[0].sessions
    assert session.frame_table is not None
    table = session.frame_table.columns()
    long = table["length"].tolist().index(70_000)
    assert int(table["last_packet"][long] - table["first_packet"][long]) == (70_000 + 5 * 22 + 14) // 1460
    assert (table["first_packet"] <= table["last_packet"]).all()
    assert sorted(table["first_packet"].tolist()) == table["first_packet"].tolist()


# What is missing


def without(content: bytes, leave_out: set[int]) -> bytes:
    """A capture without some of its packets, counted from 0."""
    parts, at, number = [content[:24]], 24, 0
    while at < len(content):
        size = 16 + int.from_bytes(content[at + 8 : at + 12], "little")
        if number not in leave_out:
            parts.append(content[at : at + size])
        at, number = at + size, number + 1
    return b"".join(parts)


def audio_talk(frames: int = 60) -> Talk:
    script = [Said(CLIENT, BINARY, (hashlib.shake_256(b"%d" % number).digest(1600),)) for number in range(frames)]
    return Talk(list(said(tuple(script)).chunks))


@pytest.mark.parametrize("cipher", ["ALL", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-CHACHA20-POLY1305", "1.3"])
@pytest.mark.parametrize("lost", [{20}, {20, 21}, set(range(20, 35)), {20, 40, 60}, set(range(15, 60))])
def test_decryption_goes_on_behind_a_loss(tmp_path: File, cipher: str, lost: set[int]) -> None:
    peers = Peers() if cipher == "1.3" else Peers(TLS12, f"{cipher}:@SECLEVEL=0")
    secured = peers.speak(audio_talk())
    content = pcap(secured.talk)
    (tmp_path / "tls.pcap").write_bytes(without(content, lost))
    report = analysed(tmp_path / "tls.pcap", secured.keys)
    (session,) = report.captures[0].sessions
    got = plain(report)["captures"][0]["sessions"][0]
    frames = session.frame_table
    assert frames is not None
    clear = audio_talk()
    (tmp_path / "clear.pcap").write_bytes(pcap(clear))
    (whole,) = analysed(tmp_path / "clear.pcap").captures[0].sessions
    assert whole.frame_table is not None
    sent = whole.frame_table.column("key").tolist()
    keys = frames.column("key")[frames.column("complete") == 1].tolist()
    assert set(keys) <= set(sent)  # nothing is invented
    hit = 2 * len(lost) + 2  # a frame of 1600 bytes lies in two or three packets
    assert len(keys) >= len(sent) - hit
    assert got["coverage"]["client"]["missing"] > 0
    assert got["close"] == {"by": "client", "code": 1000, "reason": ""}


def test_a_record_that_was_changed_is_a_gap(tmp_path: File) -> None:
    secured = Peers().speak(audio_talk())
    side, content = secured.talk.chunks[-12]
    assert side == CLIENT
    changed = bytearray(content)
    changed[len(changed) // 2] ^= 1
    secured.talk.chunks[-12] = (side, bytes(changed))
    (tmp_path / "tls.pcap").write_bytes(pcap(secured.talk))
    report = analysed(tmp_path / "tls.pcap", secured.keys)
    shown = plain(report)["captures"][0]["sessions"][0]
    assert shown["tls"]["unread"] == 1
    assert shown["messages"]["client"]["binary"] == 59
    assert shown["coverage"]["client"]["missing"] == len(content) - 22
    assert shown["audio"]["client"]["sha256"] is None


# What is not there


def hidden(folder: File, content: bytes, keys: bytes | None) -> dict[str, Any]:
    (folder / "tls.pcap").write_bytes(content)
    shown: dict[str, Any] = plain(analysed(folder / "tls.pcap", keys))["captures"][0]["sessions"][0]
    assert shown["upgrade"]["outcome"] == "encrypted"
    assert "tls-not-decrypted" in [one["rule"] for one in shown["findings"]]
    assert shown["tls"]["decrypted"] is False
    return shown


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_without_secrets(tmp_path: File, version: ssl.TLSVersion) -> None:
    secured = Peers(version).speak(talk())
    shown = hidden(tmp_path, pcap(secured.talk), None)
    assert shown["tls"]["why"] == "no secrets for it are at hand"
    assert shown["tls"]["version"] == secured.version


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_secrets_that_do_not_fit(tmp_path: File, version: ssl.TLSVersion) -> None:
    secured = Peers(version).speak(talk())
    lines = [line.split() for line in secured.keys.splitlines() if not line.startswith(b"#")]
    wrong = b"".join(b"%s %s %s\n" % (label, random, value[::-1]) for label, random, value in lines)
    assert hidden(tmp_path, pcap(secured.talk), wrong)["tls"]["why"] == "its secrets do not fit"


def test_the_handshake_is_not_there(tmp_path: File) -> None:
    secured = Peers().speak(talk())
    shown = hidden(tmp_path, without(pcap(secured.talk), set(range(8))), secured.keys)
    assert shown["tls"]["why"] == "the capture began after its handshake, which names its secrets"


@pytest.mark.parametrize("side", [CLIENT, SERVER])
def test_secrets_of_one_side_only(in_clear: dict[str, Any], tmp_path: File, side: int) -> None:
    secured = Peers().speak(talk())
    kept = b"CLIENT" if side == CLIENT else b"SERVER"
    keys = b"\n".join(line for line in secured.keys.splitlines() if line.startswith(kept)) + b"\n"
    (tmp_path / "tls.pcap").write_bytes(pcap(secured.talk))
    shown = plain(analysed(tmp_path / "tls.pcap", keys))["captures"][0]["sessions"][0]
    assert shown["tls"]["decrypted"]
    one = "client" if side == CLIENT else "server"
    assert shown["coverage"][one]["missing"] == 0
    assert shown["upgrade"]["status"] == (None if side == CLIENT else 101)
    assert "capture-incomplete" in [finding["rule"] for finding in shown["findings"]]
    whole = in_clear
    assert shown["messages"][one] == whole["messages"][one]


def test_application_secrets_alone_are_enough(in_clear: dict[str, Any], tmp_path: File) -> None:
    secured = Peers().speak(talk())
    secured.keys = b"\n".join(line for line in secured.keys.splitlines() if b"_TRAFFIC_SECRET_0 " in line) + b"\n"
    same(in_clear, tmp_path, secured)


def test_tls_inside_a_tunnel(in_clear: dict[str, Any], tmp_path: File) -> None:
    secured = Peers().speak(talk())
    asked = b"CONNECT api.deepgram.com:443 HTTP/1.1\r\nHost: api.deepgram.com:443\r\n\r\n"
    secured.talk.chunks[:0] = [(CLIENT, asked), (SERVER, b"HTTP/1.1 200 Connection established\r\n\r\n")]
    (tmp_path / "tls.pcap").write_bytes(pcap(secured.talk))
    shown = plain(analysed(tmp_path / "tls.pcap", secured.keys))["captures"][0]["sessions"][0]
    assert shown["upgrade"]["proxy"] == {"target": "api.deepgram.com:443", "status": 200}
    assert shown["messages"] == in_clear["messages"]


def test_tls_inside_tls(in_clear: dict[str, Any], tmp_path: File) -> None:
    """A proxy that is spoken to in TLS."""
    inner = Peers().speak(talk())
    asked = b"CONNECT api.deepgram.com:443 HTTP/1.1\r\nHost: api.deepgram.com:443\r\n\r\n"
    inner.talk.chunks[:0] = [(CLIENT, asked), (SERVER, b"HTTP/1.1 200 Connection established\r\n\r\n")]
    outer = Peers(TLS12).speak(inner.talk)
    (tmp_path / "tls.pcap").write_bytes(pcap(outer.talk))
    shown = plain(analysed(tmp_path / "tls.pcap", inner.keys + outer.keys))["captures"][0]["sessions"][0]
    assert shown["tls"]["version"] == "TLSv1.3"
    assert shown["messages"] == in_clear["messages"]
    assert shown["coverage"] == in_clear["coverage"]


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_http_2_inside_tls(tmp_path: File, version: ssl.TLSVersion) -> None:
    """Two streams: what is said of them is what is said in clear, and ALPN is named."""
    said_over_two = over_http2([audio_talk(12), audio_talk(20)])
    secured = Peers(version, alpn=("h2", "http/1.1")).speak(said_over_two)
    (tmp_path / "tls.pcap").write_bytes(pcap(secured.talk))
    (tmp_path / "clear.pcap").write_bytes(pcap(said_over_two))
    clear, got = (
        plain(report)["captures"][0]["sessions"]
        for report in (analysed(tmp_path / "clear.pcap"), analysed(tmp_path / "tls.pcap", secured.keys))
    )
    assert len(got) == len(clear) == 2
    for one, other in zip(got, clear, strict=True):
        for name in ("provider", "upgrade", "messages", "frames", "audio", "keepalives", "close", "coverage"):
            assert one[name] == other[name], name
        assert (one["tls"]["alpn"], one["tls"]["decrypted"], other["tls"]) == ("h2", True, None)
        assert one["upgrade"]["http_version"] == "2"
