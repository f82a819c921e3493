"""WebSocket over HTTP/2 between a real server and a real client, Node's, through a relay on loopback that notes what they say."""

import asyncio
import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import peers
import pytest
from peers import CLIENT, SERVER, Talk

import analyzer

PEER = Path(__file__).with_name("http2_peer.cjs")


async def relayed() -> Talk:
    """What both said, in the order in which it came by."""
    talk, turn = Talk(), asyncio.subprocess.PIPE
    node = await asyncio.create_subprocess_exec("node", str(PEER), stdin=turn, stdout=turn)
    assert node.stdin is not None
    assert node.stdout is not None
    port = int(await node.stdout.readline())

    async def pump(side: int, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(1 << 16):
            talk.add(side, [data])
            target.write(data)
        target.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind, before = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(CLIENT, reader, before), pump(SERVER, behind, writer), return_exceptions=True)

    relay = await asyncio.start_server(serve, "127.0.0.1", 0)
    node.stdin.write(b"%d\n" % relay.sockets[0].getsockname()[1])
    await asyncio.wait_for(node.wait(), 60)
    relay.close()
    return talk


def audio(stream: int) -> Iterator[bytes]:
    """What the script sends: 16 bytes of a hash, again and again."""
    for number in range(20):
        yield hashlib.md5(f"{stream} {number}".encode(), usedforsecurity=False).digest() * 200


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")
def test_node_on_both_ends(tmp_path: Path) -> None:
    capture = tmp_path / "node.pcap"
    capture.write_bytes(peers.pcap(asyncio.run(relayed())))
    report = analyzer.analyze(str(capture), frames=False)
    assert len(report.sessions) == 2
    for number, session in enumerate(report.sessions):
        assert (session.upgrade["http_version"], session.upgrade["outcome"]) == ("2", "accepted")
        assert session.message_counts["client"] == {"text": 1, "binary": 20, "ping": 0, "pong": 0, "close": 1}
        assert session.message_counts["server"] == {"text": 1, "binary": 0, "ping": 0, "pong": 0, "close": 1}
        assert session.audio["client"]["sha256"] == hashlib.sha256(b"".join(audio(number))).hexdigest()
        assert session.close == {"by": "client", "code": 1000, "reason": ""}
        assert session.coverage["client"]["missing"] == session.coverage["server"]["missing"] == 0
