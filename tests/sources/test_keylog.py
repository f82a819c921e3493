"""Key logs: every kind of line, files that still grow, blocks and comments of pcapng, and nothing of it in any output."""

import json
import struct
from pathlib import Path

import pytest
from click.testing import CliRunner
from peers import BINARY, CLIENT, LIBRARIES, TEXT, Said, pcap
from tls_peers import Peers, Secured

import analyzer
from analyzer.cli import main
from analyzer.model.errors import UsageError
from analyzer.model.limits import DEFAULT
from analyzer.model.secrets import TlsSecret, TlsSecrets
from analyzer.model.settings import Settings
from analyzer.sources.keylog import KeyLogFile, block_secrets, secrets_in, without_secrets

RANDOM, MASTER, TRAFFIC = "ab" * 32, "cd" * 48, "ef" * 32
LINE = f"CLIENT_RANDOM {RANDOM} {MASTER}"
SECRET = TlsSecret("CLIENT_RANDOM", bytes.fromhex(RANDOM), bytes.fromhex(MASTER))


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (LINE, ("CLIENT_RANDOM", RANDOM, MASTER)),
        (LINE.upper(), ("CLIENT_RANDOM", RANDOM, MASTER)),
        (f"  {LINE}  \r", ("CLIENT_RANDOM", RANDOM, MASTER)),
        (f"SERVER_TRAFFIC_SECRET_0 {RANDOM} {TRAFFIC}", ("SERVER_TRAFFIC_SECRET_0", RANDOM, TRAFFIC)),
        (f"CLIENT_HANDSHAKE_TRAFFIC_SECRET {RANDOM} {MASTER}", ("CLIENT_HANDSHAKE_TRAFFIC_SECRET", RANDOM, MASTER)),
        (f"CLIENT_EARLY_TRAFFIC_SECRET {RANDOM} {TRAFFIC}", ("CLIENT_EARLY_TRAFFIC_SECRET", RANDOM, TRAFFIC)),
        (f"PMS_CLIENT_RANDOM {RANDOM} {TRAFFIC}", ("PMS_CLIENT_RANDOM", RANDOM, TRAFFIC)),
        (f"RSA 0123456789abcdef {MASTER}", ("RSA", "0123456789abcdef", MASTER)),
        (f"RSA Session-ID:{TRAFFIC} Master-Key:{MASTER}", ("MASTER_KEY", TRAFFIC, MASTER)),
        (LINE[:-1], None),
        (LINE[:-2], None),
        (f"CLIENT_RANDOM {RANDOM[:-2]} {MASTER}", None),
        (f"# {LINE}", None),
        (f"CLIENT_RANDOM {RANDOM}{MASTER}", None),
        (f"OTHER {RANDOM} {MASTER}", None),
        (LINE.replace("c", "g"), None),
    ],
)
def test_lines(line: str, found: tuple[str, str, str] | None) -> None:
    text = f"# TLS secrets log file\n\n{line}\n".encode()
    got = [(one.label, one.random.hex(), one.value.hex()) for one in secrets_in(text)]
    assert got == ([] if found is None else [found])


def test_a_secret_does_not_show_itself() -> None:
    assert MASTER not in repr(SECRET)
    assert repr(SECRET) == "TlsSecret(label='CLIENT_RANDOM')"


def test_a_file_that_still_grows(tmp_path: Path) -> None:
    path = tmp_path / "keys.log"
    path.write_text("")
    log = KeyLogFile(str(path), DEFAULT)
    assert log.more() == []
    path.write_text(LINE[:-40])
    assert log.more() == []
    path.write_text(f"{LINE}\nSERVER_TRAFFIC")
    assert log.more() == [SECRET]
    assert log.more() == []
    with path.open("a") as file:
        file.write(f"_SECRET_0 {RANDOM} {TRAFFIC}")
    assert [one.label for one in log.more()] == ["SERVER_TRAFFIC_SECRET_0"]


def test_secrets_that_are_asked_for_while_the_log_grows(tmp_path: Path) -> None:
    path = tmp_path / "keys.log"
    path.write_text("# nothing yet\n")
    secrets = TlsSecrets(10, [KeyLogFile(str(path), DEFAULT).more])
    assert secrets.of(SECRET.random) == {}
    path.write_text(f"# nothing yet\n{LINE}\n")
    assert secrets.of(SECRET.random) == {"CLIENT_RANDOM": SECRET.value}


def test_secrets_are_bounded() -> None:
    secrets = TlsSecrets(2)
    secrets.add(TlsSecret("CLIENT_RANDOM", bytes([number]) * 32, bytes(48)) for number in range(5))
    assert [bool(secrets.of(bytes([number]) * 32)) for number in range(5)] == [True, True, False, False, False]


def test_the_end_of_a_long_file(tmp_path: Path) -> None:
    path = tmp_path / "keys.log"
    path.write_text(f"{'# padding' * 1000}\n{LINE}\n")
    limits = analyzer.Limits(key_log=1000)
    assert KeyLogFile(str(path), limits).more() == [SECRET]


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n", b"hello\n", b"\0" * 100])
def test_what_is_no_key_log(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "keys.log"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="no TLS key log"):
        KeyLogFile(str(path), DEFAULT).more()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        KeyLogFile(str(tmp_path / "keys.log"), DEFAULT).more()


@pytest.mark.parametrize("order", ["<", ">"])
def test_blocks(order: str) -> None:
    text = f"{LINE}\n".encode()
    body = struct.pack(f"{order}II", 0x544C534B, len(text)) + text + b"\0\0"
    assert list(block_secrets(body, big=order == ">")) == [SECRET]
    assert list(block_secrets(struct.pack(f"{order}II", 0x57474B4C, len(text)) + text, big=order == ">")) == []  # WireGuard
    assert list(block_secrets(b"", big=False)) == []


def test_comments_lose_their_secrets() -> None:
    assert without_secrets(f"recorded in the lab\n{LINE}\nthe second time".encode()) == "recorded in the lab\n\nthe second time"


# Through the whole program


@pytest.fixture(scope="module")
def secured() -> Secured:
    script = [Said(CLIENT, BINARY, (bytes(range(256)) * 10,)), Said(CLIENT, TEXT, (b'{"type":"CloseStream"}',))]
    return Peers().speak(LIBRARIES["wsproto"](script, None))


def block(kind: int, body: bytes) -> bytes:
    body += b"\0" * (-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


def pcapng(packets: bytes, *, comment: bytes = b"", before: bytes = b"", behind: bytes = b"") -> bytes:
    """The packets of a pcap as pcapng, with secrets before or behind them, or in a comment of the section."""
    options = struct.pack("<HH", 1, len(comment)) + comment + b"\0" * (-len(comment) % 4) + bytes(4) if comment else b""
    parts = [block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + options)]
    parts.append(block(1, struct.pack("<HHI", 1, 0, 0) + struct.pack("<HHB3x", 9, 1, 9) + bytes(4)))

    def secrets(text: bytes) -> list[bytes]:
        return [block(10, struct.pack("<II", 0x544C534B, len(text)) + text)] if text else []

    parts += secrets(before)
    at = 24
    while at < len(packets):
        seconds, rest, size, length = struct.unpack_from("<IIII", packets, at)
        time = seconds * 1_000_000_000 + rest
        head = struct.pack("<IIIII", 0, time >> 32, time & 0xFFFFFFFF, size, length)
        parts.append(block(6, head + packets[at + 16 : at + 16 + size]))
        at += 16 + size
    return b"".join([*parts, *secrets(behind)])


def outputs(path: Path, *options: str) -> dict[str, str]:
    """What the commands write, by command and format."""
    runs = [("report", "--format", form) for form in ("json", "markdown", "terminal")]
    runs += [("sessions",), ("frames",), ("frames", "--format", "jsonl"), ("audio", "-o", str(path.parent / "audio"))]
    found = {}
    for command, *more in runs:
        ran = CliRunner().invoke(main, [command, str(path), *more, *options])
        assert ran.exit_code == 0, ran.output
        found[f"{command} {' '.join(more)}"] = ran.output
    return found


PLACES = [("native", place) for place in ("file", "comment", "before", "behind")]
PLACES += [("scapy", place) for place in ("file", "before", "behind")]  # it does not give the comments of a section


@pytest.mark.parametrize(("source", "place"), PLACES)
def test_secrets_from_every_place_decrypt_and_never_show(tmp_path: Path, secured: Secured, place: str, source: str) -> None:
    path, options = tmp_path / "tls.pcapng", ["--source", source]
    keys = secured.keys
    if place == "file":
        (tmp_path / "keys.log").write_bytes(keys)
        options += ["--keylog", str(tmp_path / "keys.log")]
    where = {} if place == "file" else {place: b"made in a lab\n" + keys if place == "comment" else keys}
    path.write_bytes(pcapng(pcap(secured.talk), **where))
    found = outputs(path, *options)
    (session,) = json.loads(found["report --format json"])["captures"][0]["sessions"]
    assert session["tls"]["decrypted"]
    assert session["messages"]["client"] == {"text": 1, "binary": 1, "ping": 0, "pong": 0, "close": 1}
    for name, text in found.items():
        for line in keys.decode().splitlines():
            if not line.startswith("#"):
                assert line.split()[2][:16] not in text.lower(), name


@pytest.mark.parametrize("batch", [DEFAULT.batch, 2000])
def test_secrets_behind_their_packets_have_the_file_read_once_more(tmp_path: Path, secured: Secured, batch: int) -> None:
    path = tmp_path / "tls.pcapng"
    path.write_bytes(pcapng(pcap(secured.talk), behind=secured.keys))
    (session,) = analyzer.analyze(path, settings=Settings(limits=analyzer.Limits(batch=batch))).captures[0].sessions
    assert session.tls is not None
    assert session.tls["decrypted"]


def test_the_environment_counts_only_when_asked(tmp_path: Path, secured: Secured) -> None:
    (tmp_path / "tls.pcap").write_bytes(pcap(secured.talk))
    (tmp_path / "keys.log").write_bytes(secured.keys)

    def decrypted(*options: str, named: str | None) -> bool:
        words = ["report", str(tmp_path / "tls.pcap"), "--format", "json", *options]
        ran = CliRunner(env={"SSLKEYLOGFILE": named}).invoke(main, words)
        assert ran.exit_code == 0, ran.output
        (session,) = json.loads(ran.output)["captures"][0]["sessions"]
        return bool(session["tls"]["decrypted"])

    log = str(tmp_path / "keys.log")
    assert not decrypted(named=log)
    assert decrypted("--keylog-env", named=log)
    ran = CliRunner(env={"SSLKEYLOGFILE": None}).invoke(main, ["report", str(tmp_path / "tls.pcap"), "--keylog-env"])
    assert ran.exit_code == 2
    assert "SSLKEYLOGFILE is not set" in ran.output


def test_a_wrong_key_log_is_one_sentence(tmp_path: Path, secured: Secured) -> None:
    (tmp_path / "tls.pcap").write_bytes(pcap(secured.talk))
    (tmp_path / "keys.log").write_bytes(b"\x89PNG\r\n")
    ran = CliRunner().invoke(main, ["report", str(tmp_path / "tls.pcap"), "--keylog", str(tmp_path / "keys.log")])
    assert ran.exit_code == 2
    assert "no TLS key log" in ran.output
    assert len(ran.output.strip().splitlines()) == 1
