"""TLS of OpenSSL, Node and Python on loopback, recorded by tcpdump, gives what the same talk gives in clear."""

import hashlib
import os
import sys
from pathlib import Path as File
from subprocess import DEVNULL, PIPE, Popen
from typing import Any

import pytest
from peers import BINARY, CLIENT, LIBRARIES, SERVER, TEXT, Said, Talk, pcap
from tls_programs import Ends, converse, free_port, hear, node, openssl, programs, python, recorded, say, wait_for

import analyzer
from analyzer.model.settings import Settings
from analyzer.reports.plain import plain

pytestmark = [
    pytest.mark.skipif(bool(programs("openssl", "node", "tcpdump")), reason="needs openssl, node and tcpdump"),
    pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="records on the loopback interface of Linux, as root"),
]
TLS12 = {
    "ECDHE-ECDSA-AES128-GCM-SHA256": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305": "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "ECDHE-ECDSA-AES128-SHA": "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "ECDHE-ECDSA-AES128-SHA256": "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "ECDHE-ECDSA-AES256-SHA384": "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",
}
TLS13 = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"]


@pytest.fixture(scope="module")
def talk() -> Talk:
    script = [Said(CLIENT, BINARY, (hashlib.sha256(b"%d" % number).digest() * 100,)) for number in range(8)]
    script += [Said(SERVER, TEXT, (b'{"type":"Results","start":0.0,"duration":0.8}',)), Said(CLIENT, BINARY, (b"",))]
    script += [Said(CLIENT, TEXT, (b'{"type":"CloseStream"}',))]
    return LIBRARIES["wsproto"](script, None)


def essence(path: File, *key_logs: File) -> dict[str, Any]:
    report = analyzer.analyze(path, settings=Settings(key_logs=tuple(map(str, key_logs))))
    (session,) = report.captures[0].sessions
    assert session.frame_table is not None
    shown = plain(report)["captures"][0]["sessions"][0]
    names = ("side", "offset", "length", "opcode", "fin", "key", "complete")
    kept = {name: shown[name] for name in ("provider", "messages", "frames", "audio", "close", "empty_binary")}
    kept["rules"] = [one["rule"] for one in shown["findings"] if not one["rule"].startswith("pacing")]
    columns = session.frame_table.columns()
    order = sorted(range(len(columns["side"])), key=lambda row: (columns["side"][row], columns["offset"][row]))
    kept["table"] = {name: columns[name][order].tolist() for name in names}
    kept["tls"] = shown["tls"]
    return kept


def same(folder: File, talk: Talk, *logs: File) -> dict[str, Any]:
    """What is said of the TLS, when the rest is as in clear."""
    (folder / "clear.pcap").write_bytes(pcap(talk))
    clear, got = essence(folder / "clear.pcap"), essence(folder / "tls.pcap", *logs)
    tls: dict[str, Any] = got.pop("tls")
    assert clear.pop("tls") is None
    assert got == clear
    assert tls["decrypted"]
    return tls


@pytest.mark.parametrize("suite", TLS13)
@pytest.mark.parametrize("pair", ["openssl to node", "node to openssl", "python to openssl", "openssl to python"])
def test_tls_1_3(tmp_path: File, talk: Talk, suite: str, pair: str) -> None:
    port, log = free_port(), tmp_path / "keys.log"
    chosen, options = ["-ciphersuites", suite], f'{{"ciphers": "{suite}", "minVersion": "TLSv1.3"}}'
    ends = {
        "openssl to node": (openssl(CLIENT, port, log, *chosen), node(SERVER, port, tmp_path / "other", options)),
        "node to openssl": (node(CLIENT, port, log, options), openssl(SERVER, port, tmp_path / "other", *chosen)),
        "python to openssl": (python(CLIENT, port, log, "TLSv1_3"), openssl(SERVER, port, tmp_path / "other", *chosen)),
        "openssl to python": (openssl(CLIENT, port, log, *chosen), python(SERVER, port, tmp_path / "other", "TLSv1_3")),
    }[pair]
    converse(Ends(*ends, port), talk, tmp_path / "tls.pcap")
    tls = same(tmp_path, talk, log)
    assert (tls["version"], tls["cipher"], tls["sni"]) == ("TLSv1.3", suite, "api.deepgram.com")


@pytest.mark.parametrize("cipher", TLS12)
@pytest.mark.parametrize("pair", ["openssl to node", "node to openssl", "python to openssl"])
def test_tls_1_2(tmp_path: File, talk: Talk, cipher: str, pair: str) -> None:
    port, log = free_port(), tmp_path / "keys.log"
    weak = f"{cipher}:@SECLEVEL=0"
    chosen, options = ["-tls1_2", "-cipher", weak], f'{{"ciphers": "{weak}", "maxVersion": "TLSv1.2"}}'
    ends = {
        "openssl to node": (openssl(CLIENT, port, log, *chosen), node(SERVER, port, tmp_path / "other", options)),
        "node to openssl": (node(CLIENT, port, log, options), openssl(SERVER, port, tmp_path / "other", *chosen)),
        "python to openssl": (python(CLIENT, port, log, "TLSv1_2", weak), openssl(SERVER, port, tmp_path / "other", *chosen)),
    }[pair]
    converse(Ends(*ends, port), talk, tmp_path / "tls.pcap")
    tls = same(tmp_path, talk, log)
    assert (tls["version"], tls["cipher"]) == ("TLSv1.2", TLS12[cipher])


def test_padding(tmp_path: File, talk: Talk) -> None:
    port, log = free_port(), tmp_path / "keys.log"
    server = openssl(SERVER, port, tmp_path / "other", "-record_padding", "512")
    converse(Ends(openssl(CLIENT, port, log, "-record_padding", "1000"), server, port), talk, tmp_path / "tls.pcap")
    same(tmp_path, talk, log)


def test_key_updates(tmp_path: File, talk: Talk) -> None:
    """The client asks for one, then sends one of its own; the server answers the first."""
    port, log = free_port(), tmp_path / "keys.log"
    ends = Ends(openssl(CLIENT, port, log), openssl(SERVER, port, tmp_path / "other"), port)
    converse(ends, talk, tmp_path / "tls.pcap", [(4, b"K\n"), (6, b"k\n")])
    same(tmp_path, talk, log)


def test_small_records(tmp_path: File, talk: Talk) -> None:
    port, log = free_port(), tmp_path / "keys.log"
    client = openssl(CLIENT, port, log, "-max_send_frag", "512")
    converse(Ends(client, openssl(SERVER, port, tmp_path / "other", "-max_send_frag", "600"), port), talk, tmp_path / "tls.pcap")
    same(tmp_path, talk, log)


def test_a_renegotiation_is_refused_politely(tmp_path: File, talk: Talk) -> None:
    port, log = free_port(), tmp_path / "keys.log"
    server = openssl(SERVER, port, tmp_path / "other", "-tls1_2", "-client_renegotiation")
    ends = Ends(openssl(CLIENT, port, log, "-tls1_2"), server, port)
    converse(ends, talk, tmp_path / "tls.pcap", [(5, b"R\n")])
    got = essence(tmp_path / "tls.pcap", log)
    assert "renegotiation" in got["tls"]["why"]
    assert 0 < got["messages"]["client"]["binary"] < 9
    assert "capture-incomplete" in got["rules"]


def test_early_data(tmp_path: File, talk: Talk) -> None:
    """The upgrade request travels as 0-RTT data of a resumed session."""
    port, log, ticket = free_port(), tmp_path / "keys.log", tmp_path / "ticket"
    server = openssl(SERVER, port, tmp_path / "other", "-early_data", "-max_early_data", "16384")
    server[server.index("-naccept") + 1] = "2"
    (tmp_path / "early").write_bytes(talk.chunks[0][1])
    with recorded(tmp_path / "tls.pcap", port), Popen(server, stdin=PIPE, stdout=PIPE, stderr=DEVNULL) as listening:
        wait_for(port)
        first = openssl(CLIENT, port, tmp_path / "first.log", "-sess_out", str(ticket))
        with Popen(first, stdin=PIPE, stdout=PIPE, stderr=DEVNULL) as client:
            for one, other, content in ((client, listening, b"first"), (listening, client, b"answer")):
                say(one, content)
                hear(other, content)
            client.communicate(timeout=20)
        again = openssl(CLIENT, port, log, "-sess_in", str(ticket), "-early_data", str(tmp_path / "early"))
        with Popen(again, stdin=PIPE, stdout=PIPE, stderr=DEVNULL) as client:
            hear(listening, talk.chunks[0][1])
            for side, content in talk.chunks[1:]:
                one, other = (client, listening) if side == CLIENT else (listening, client)
                say(one, content)
                hear(other, content)
            client.communicate(timeout=20)
        listening.kill()
    tls = same(tmp_path, talk, log, tmp_path / "first.log")
    assert (tls["early_data"], tls["resumed"]) == ("accepted", True)
