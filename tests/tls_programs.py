"""TLS between programs of different makers on loopback, recorded by tcpdump: OpenSSL's command line, Node, Python.

Each program takes plaintext on its standard input and gives on its standard output what it was sent, so that a talk of peers.py is
said chunk by chunk.
"""

import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from peers import CLIENT, Talk
from tls_peers import certificate

PATIENCE_S = 20
NODE_CLIENT = """
const tls = require('tls'), [port, options] = [+process.argv[1], JSON.parse(process.argv[2])];
const socket = tls.connect({port, host: '127.0.0.1', servername: 'api.deepgram.com', rejectUnauthorized: false, ...options});
process.stdin.pipe(socket); socket.pipe(process.stdout); socket.on('error', () => process.exit(1));
"""
NODE_SERVER = """
const tls = require('tls'), fs = require('fs'), [port, cert, key, options] = process.argv.slice(1);
const read = (path) => fs.readFileSync(path);
const server = tls.createServer({cert: read(cert), key: read(key), ...JSON.parse(options)}, (socket) => {
  process.stdin.pipe(socket); socket.pipe(process.stdout); socket.on('error', () => {}); server.close();
});
server.on('tlsClientError', () => {}); server.listen(+port, '127.0.0.1');
"""
PYTHON = """
import os, select, socket, ssl, sys
role, port, cert, key, version, ciphers, log = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT if role == "client" else ssl.PROTOCOL_TLS_SERVER)
context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, version)
context.keylog_filename = log
if ciphers: context.set_ciphers(ciphers)
if role == "client":
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    end = context.wrap_socket(socket.create_connection(("127.0.0.1", int(port))), server_hostname="api.deepgram.com")
else:
    context.load_cert_chain(cert, key)
    listening = socket.create_server(("127.0.0.1", int(port)))
    end = context.wrap_socket(listening.accept()[0], server_side=True)
while True:  # in one thread: an SSL object must not be read and written at once
    ready = [end] if end.pending() else select.select([0, end], [], [])[0]
    if end in ready:
        end.setblocking(False)  # the record may be a session ticket, with nothing behind it
        try: data = end.recv(65536)
        except ssl.SSLWantReadError: data = None
        if data == b"": break
        os.write(1, data or b"")
        end.setblocking(True)
    if 0 in ready:
        data = os.read(0, 65536)
        if not data: break
        end.sendall(data)
end.unwrap()
"""


def programs(*names: str) -> list[str]:
    """Those of these programs that are missing."""
    return [name for name in names if shutil.which(name) is None]


def free_port() -> int:
    """A port below those that clients are given, so that no other test's connection takes it before the server does."""
    while True:
        port = secrets.choice(range(20_000, 32_000))
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@contextmanager
def recorded(path: Path, port: int) -> Iterator[None]:
    """Record what goes through a port of the loopback interface, all of it: a datagram behind it says when the file has it."""
    room = ["-s", "65600", "-B", "65536"]  # in this mode each packet takes a place of the longest one: 1,000 of them
    words = ["tcpdump", "-i", "lo", "--immediate-mode", "-U", *room, "-w", str(path), f"port {port}"]
    with subprocess.Popen(words, stderr=subprocess.PIPE) as dump:
        assert dump.stderr is not None
        assert b"listening" in dump.stderr.readline()
        try:
            yield
            mark, deadline = secrets.token_bytes(16), time.monotonic() + PATIENCE_S
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(mark, ("127.0.0.1", port))
            while mark not in path.read_bytes():
                assert time.monotonic() < deadline
                time.sleep(0.02)
        finally:
            dump.send_signal(signal.SIGINT)
            said = dump.stderr.read()
    assert b"\n0 packets dropped by kernel" in said


@dataclass
class Ends:
    """Both programs, and what was negotiated by their options."""

    client: Sequence[str]
    server: Sequence[str]
    port: int


def say(ends: subprocess.Popen[bytes], content: bytes) -> None:
    """Hand plaintext to a program."""
    assert ends.stdin is not None
    ends.stdin.write(content)
    ends.stdin.flush()


def hear(end: subprocess.Popen[bytes], content: bytes) -> None:
    """Wait until a program gave out this content, whatever it says before."""
    assert end.stdout is not None
    heard, deadline = b"", time.monotonic() + PATIENCE_S
    while content not in heard:
        assert time.monotonic() < deadline, heard[-200:]
        if select.select([end.stdout], [], [], 0.5)[0]:
            part = os.read(end.stdout.fileno(), 1 << 16)
            assert part, heard[-200:]
            heard += part


def converse(ends: Ends, talk: Talk, path: Path, commands: Sequence[tuple[int, bytes]] = ()) -> None:
    """Have two programs say a talk, recorded to `path`; `commands` are typed to the client before the chunks of their numbers."""
    typed = dict(commands)
    with ExitStack() as stack:
        stack.enter_context(recorded(path, ends.port))
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        server = stack.enter_context(subprocess.Popen(ends.server, **pipes))  # type: ignore[call-overload]
        stack.callback(server.kill)
        wait_for(ends.port)
        client = stack.enter_context(subprocess.Popen(ends.client, **pipes))  # type: ignore[call-overload]
        stack.callback(client.kill)
        for number, (side, content) in enumerate(talk.chunks):
            if number in typed:
                say(client, typed[number])
                time.sleep(0.4)  # so that it is read by itself
            one, other = (client, server) if side == CLIENT else (server, client)
            say(one, content)
            hear(other, content)
        for end in (client, server):
            assert end.stdin is not None
            end.stdin.close()
        client.wait(PATIENCE_S)


def wait_for(port: int) -> None:
    """Until somebody listens; the kernel tells without a connection."""
    wanted = f"0100007F:{port:04X} 00000000:0000 0A"
    wild = f"00000000:{port:04X} 00000000:0000 0A"
    wild6 = f"{'0' * 32}:{port:04X} {'0' * 32}:0000 0A"
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        tables = "".join(Path(f"/proc/net/{name}").read_text() for name in ("tcp", "tcp6") if Path(f"/proc/net/{name}").exists())
        if any(one in tables for one in (wanted, wild, wild6)):
            return
        time.sleep(0.02)
    message = f"nobody listens on port {port}"
    raise AssertionError(message)


def openssl(role: int, port: int, log: Path, *more: str) -> list[str]:
    """`openssl s_client` or `s_server`."""
    cert, key = certificate()
    if role == CLIENT:
        words = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "api.deepgram.com"]
        return [*words, "-quiet", "-no_ign_eof", "-keylogfile", str(log), *more]
    return ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", cert, "-key", key, "-quiet", "-naccept", "1", *more]


def node(role: int, port: int, log: Path, options: str) -> list[str]:
    """Node with its `tls` module; `options` are JSON."""
    if role == CLIENT:
        return ["node", f"--tls-keylog={log}", "-e", NODE_CLIENT, str(port), options]
    return ["node", f"--tls-keylog={log}", "-e", NODE_SERVER, str(port), *certificate(), options]


def python(role: int, port: int, log: Path, version: str, ciphers: str = "") -> list[str]:
    """Python's `ssl`."""
    words = [sys.executable, "-c", PYTHON, "client" if role == CLIENT else "server", str(port)]
    return [*words, *certificate(), version, ciphers, str(log)]
