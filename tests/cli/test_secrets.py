"""No secret that crossed the wire is in any output, whatever its shape and wherever it was repeated."""

from collections.abc import Callable
from pathlib import Path

import pytest
import wire_script
from click.testing import Result
from wire_script import write_capture

OPAQUE = "opaque-credential-of-a-customer-42"
HEX = "0123456789abcdef0123456789abcdef01234567"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjdXN0b21lciJ9.c2lnbmF0dXJlLW9mLXRva2Vu"
COOKIE = "session-cookie-value-77"
QUERY = "query-token-value-88"
PLANTED = (OPAQUE, HEX, JWT, COOKIE, QUERY, "inner-secret-value")

ACCEPTED = f"""
0 client GET /v1/listen?encoding=linear16&sample_rate=16000&token={QUERY}&callback=https%3A%2F%2Fu%3Ainner-secret-value%40host
0.02 server 101
0.1 client audio 3200 x20 every 0.1
0.5 client text {{'type': 'Configure', 'api_key': '{OPAQUE}'}}
0.6 client text {{"type":"Unheard","headers":{{"authorization":"Token {OPAQUE}"}},"password":"inner-secret-value"}}
0.7 client binary {{"type":"KeepAlive","token":"{HEX}"}}
0.8 server text {{"type":"Error","variant":"SchemaError","message":"{OPAQUE} in {{\\"api_key\\": \\"inner-secret-value\\"}}"}}
2.2 server close 1008 "DATA-0000 {OPAQUE} {JWT}"
2.3 server fin
2.3 client fin
"""
REJECTED = f"""
0 client GET /v1/listen?access_token={QUERY}
0.02 server 401 {{"dg-error": "Invalid credentials: {OPAQUE} and {HEX}", "set-cookie": "a={COOKIE}", "dg-request-id": "{JWT}"}}
0.1 server fin
0.1 client fin
"""


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every upgrade request credentials in its headers."""
    plain = wire_script._request

    def request(target: str) -> bytes:
        headers = f"Authorization: Token {OPAQUE}\r\nCookie: id={COOKIE}\r\nSec-WebSocket-Protocol: token, {HEX}, {JWT}\r\n"
        return plain(target).replace(b"Upgrade: websocket\r\n", f"Upgrade: websocket\r\n{headers}".encode())

    monkeypatch.setattr(wire_script, "_request", request)


@pytest.mark.usefixtures("plant")
@pytest.mark.parametrize("script", [ACCEPTED, REJECTED], ids=["accepted", "rejected"])
@pytest.mark.parametrize(
    "command",
    [
        ["report", "--format", "json"],
        ["report", "--format", "markdown"],
        ["report", "--format", "terminal"],
        ["sessions"],
        ["frames", "--format", "jsonl"],
    ],
    ids=" ".join,
)
def test_planted_secrets_are_in_no_output(run: Callable[..., Result], tmp_path: Path, command: list[str], script: str) -> None:
    capture = write_capture(script, tmp_path / "capture.pcap")
    result = run(command[0], capture, *command[1:])
    assert result.exit_code == 0
    assert [secret for secret in PLANTED if secret in result.output] == []
    assert [secret for secret in PLANTED if secret[: len(secret) // 2] in result.output] == []
    if command[0] == "report":
        assert "redacted:" in result.output
