"""A rejection whose reason stands in a body that is compressed and sent in chunks."""

import sys
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from _wire import SERVER, Connection, pcap, write

REASON = b'{"err_code":"INVALID_QUERY_PARAMETER","err_msg":"No such model/language/tier combination found."}'
HEAD = "HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNK = 40


def gzipped(data: bytes) -> bytes:
    """RFC 1952 around one stored block (RFC 1951 section 3.2.4), the same on every machine."""
    size = len(data).to_bytes(2, "little")
    block = b"\x01" + size + bytes(byte ^ 0xFF for byte in size) + data
    return b"\x1f\x8b\x08" + bytes(6) + b"\xff" + block + zlib.crc32(data).to_bytes(4, "little") + len(data).to_bytes(4, "little")


def build() -> bytes:
    """The whole file."""
    line = Connection()
    line.connect()
    line.request()
    body = gzipped(REASON)
    parts = [body[at : at + CHUNK] for at in range(0, len(body), CHUNK)]
    line.send(SERVER, HEAD.encode())
    for part in parts:
        line.send(SERVER, b"%x\r\n%s\r\n" % (len(part), part))
    line.send(SERVER, b"0\r\n\r\n")
    line.finish()
    return pcap(line.packets)


if __name__ == "__main__":
    write(__file__, build(), sys.argv[1:])
