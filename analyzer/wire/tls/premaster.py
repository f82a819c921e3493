"""The master secret of TLS 1.2 from a premaster secret, where a key log holds only that (RFC 5246 section 8.1, RFC 7627).

Old programs log the premaster secret by the first bytes of its RSA encryption (`RSA`) or by the client random
(`PMS_CLIENT_RANDOM`). With an extended master secret all handshake messages up to the ClientKeyExchange enter.
"""

import hashlib
from collections.abc import Callable, Mapping

from analyzer.model.schema import Side
from analyzer.wire.tls.half import Message
from analyzer.wire.tls.hello import CLIENT_KEY_EXCHANGE
from analyzer.wire.tls.protection import MASTER, prf

NAMED_BY = 8
"""Bytes of the encrypted premaster secret that a key log names it by."""
MOST = 1 << 18
"""Bytes of messages that are kept."""


class Transcript:
    """Handshake messages of both sides, up to the ClientKeyExchange. `randoms` are client's and server's, `extended` says whether
    the extended master secret was negotiated.
    """

    def __init__(self) -> None:
        self.randoms = (b"", b"")
        self.extended = False
        self._said: tuple[list[bytes], list[bytes]] = ([], [])
        self._size = 0
        self._over = False

    def add(self, side: Side, message: Message) -> None:
        """Take a message."""
        if not self._over and self._size < MOST:
            self._said[side].append(message.raw)
            self._size += len(message.raw)
            self._over = message.type == CLIENT_KEY_EXCHANGE

    def master(
        self, exchange: Message, secrets_of: Callable[[bytes], Mapping[str, bytes]], known: Mapping[str, bytes], algorithm: str
    ) -> bytes | None:
        """The master secret, None without a premaster secret. The messages are not needed any more."""
        premaster = known.get("PMS_CLIENT_RANDOM") or secrets_of(exchange.body[2 : 2 + NAMED_BY]).get("RSA")
        (first, *rest), server = self._said[Side.CLIENT] or [b""], self._said[Side.SERVER]
        self._said = ([], [])
        if premaster is None:
            return None
        if not self.extended:
            return prf(premaster, b"master secret", b"".join(self.randoms), algorithm, MASTER)
        session = hashlib.new(algorithm, b"".join((first, *server, *rest))).digest()
        return prf(premaster, b"extended master secret", session, algorithm, MASTER)
