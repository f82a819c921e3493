"""A TLS connection: both directions, what its handshake says, and the plaintext as far as there are secrets for it.

In: pieces of both sides. Out: pieces of plaintext by side, and when all is over a `Tls`. The client goes first: what it sent behind
its ClientHello waits until the ServerHello says which keys that needs.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial

import numpy as np

from analyzer.model.anomalies import Anomaly, Sightings
from analyzer.model.limits import Limits
from analyzer.model.places import Moment
from analyzer.model.schema import Side
from analyzer.model.streams import End, Ints, Piece
from analyzer.model.tls import Alert, Certificate, Tls
from analyzer.wire.tls import hello
from analyzer.wire.tls.certificates import certificate_of
from analyzer.wire.tls.clients import client_of
from analyzer.wire.tls.half import Half, Message
from analyzer.wire.tls.hello import ClientHello, ServerHello, TlsSyntaxError
from analyzer.wire.tls.keys import APPLICATION, EARLY, HANDSHAKE, Epoch, Keys
from analyzer.wire.tls.premaster import Transcript
from analyzer.wire.tls.protection import Protection, master_protection, traffic_protection
from analyzer.wire.tls.records import APPLICATION_DATA
from analyzer.wire.tls.suites import SUITES, Suite, suite_name

TLS12, TLS13 = 0x0303, 0x0304
FATAL = 2
TRAFFIC = {
    Side.CLIENT: ("CLIENT_HANDSHAKE_TRAFFIC_SECRET", "CLIENT_TRAFFIC_SECRET_0"),
    Side.SERVER: ("SERVER_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0"),
}
"""Labels of a key log (RFC 9850)."""
EARLY_LABEL = "CLIENT_EARLY_TRAFFIC_SECRET"

NO_SECRETS = "no secrets for it are at hand"

SecretsOf = Callable[[bytes], Mapping[str, bytes]]


class TlsLayer:
    """State of one connection. `secrets_of` gives the secrets for a client random, by label."""

    def __init__(self, secrets_of: SecretsOf, limits: Limits, sightings: tuple[Sightings, Sightings]) -> None:
        self._secrets_of = secrets_of
        self._limits = limits
        self._sightings = sightings
        self._halves = tuple(Half(side, limits, self) for side in Side)
        self._hello: ClientHello | None = None
        self._chosen: ServerHello | None = None
        self._suite: Suite | None = None
        self._secrets: Mapping[str, bytes] = {}
        self._asked = self._answered = 0
        """ClientHellos and ServerHellos, those of a HelloRetryRequest included."""
        self._patient = True
        self._turn: Side | None = None
        """Who is read alone, so that handshake messages come in the order in which an extended master secret covers them."""
        self._transcript = Transcript()
        self._ready: tuple[Protection, Protection] | None = None
        self._alerts: list[Alert] = []
        self._chain: list[bytes] = []
        self._alpn: str | None = None
        self._early: str | None = None
        self._retried = self._resumed = False
        self._established: Moment | None = None
        self._why: str | None = None
        self.opened = False
        """Whether application data opened."""
        self.random: bytes | None = None
        """The client random that its secrets go by."""

    @property
    def rows(self) -> int:
        """Records of which sizes and times are kept."""
        return sum(len(half.table) for half in self._halves if half.table is not None)

    def forget_records(self) -> None:
        """Let go of their sizes and times; no estimate can be made from them then."""
        for half in self._halves:
            half.table = None

    @property
    def sealed(self) -> bool:
        """Whether no secrets were there for it."""
        return not self._secrets and not self.opened

    @property
    def sni(self) -> str | None:
        """The server's name, as the client gave it."""
        return self._hello.sni if self._hello is not None else None

    def note(self, placed: Callable[[Side, Ints, Ints, Ints], None]) -> None:
        """Have it noted where the plaintext of either side lies, see `Half.placed`."""
        for half in self._halves:
            half.placed = partial(placed, half.side)

    def position(self, side: Side) -> int:
        """Offset of the next byte of plaintext."""
        return self._halves[side].next

    def feed(self, side: Side, pieces: Iterable[Piece]) -> Iterator[tuple[Side, Piece]]:
        """Take the next pieces of a side; gives plaintext of either."""
        self._halves[side].feed(pieces)
        yield from self._run()
        if sum(half.keep() for half in self._halves) > self._limits.held:
            self._patient = False
            yield from self._run()

    def finish(self, ends: tuple[int, int]) -> Iterator[tuple[Side, Piece]]:
        """Nothing follows; `ends` are the stream offsets behind the last bytes of client and server."""
        self._patient = False
        for half, end in zip(self._halves, ends, strict=True):
            half.feed([End(end)])
        yield from self._run()
        for half in self._halves:
            for piece in half.finish():
                yield half.side, piece

    def _run(self) -> Iterator[tuple[Side, Piece]]:
        """Both directions as far as they go, the client first whenever that changes."""
        before = None
        while before != (before := self._progress):
            for half in self._halves:
                for piece in half.run():
                    yield half.side, piece
                if before != self._progress:
                    break

    @property
    def _progress(self) -> tuple[int, int, Side | None, bool, bool]:
        """What decides who has to wait."""
        client, server = self._halves
        return self._asked, self._answered, self._turn, client.lost, server.lost

    def blocked(self, side: Side) -> bool:
        """Whether the peer has to be read first."""
        if not self._patient or self._halves[side.peer].lost:
            return False
        if self._turn is side.peer:
            return True
        return self._asked == 0 if side is Side.SERVER else self._asked > self._answered

    # What the handshake says

    def told(self, side: Side, message: Message) -> None:
        """A handshake message, in clear or not."""
        self._transcript.add(side, message)
        with suppress(TlsSyntaxError):
            if side is Side.CLIENT:
                self._of_client(message)
            else:
                self._of_server(message)

    def _of_client(self, message: Message) -> None:
        if message.type == hello.CLIENT_HELLO:
            self._greet(hello.client_hello(message.body), message)
        elif message.type == hello.CLIENT_KEY_EXCHANGE and self._suite is not None and self._ready is None:
            self._turn = None
            master = self._transcript.master(message, self._secrets_of, self._secrets, self._suite.hash)
            if master is not None:
                self._prepare(master)
        elif message.type == hello.END_OF_EARLY_DATA:
            self._early = "accepted"

    def _of_server(self, message: Message) -> None:
        if message.type == hello.SERVER_HELLO:
            self._answer(hello.server_hello(message.body))
        elif message.type == hello.CERTIFICATE and self._chosen is not None and self._chosen.version < TLS13:
            self._chain = hello.certificates(message.body)
        elif message.type == hello.ENCRYPTED_EXTENSIONS:
            said = hello.encrypted_extensions(message.body)
            self._alpn = hello.chosen_protocol(said.get(hello.ALPN))
            if self._early is not None:
                self._early = "accepted" if hello.EARLY_DATA in said else "rejected"
        elif message.type == hello.SERVER_HELLO_DONE and self._turn is not None:
            self._turn = Side.CLIENT
        elif message.type == hello.HELLO_REQUEST and self._established is not None:
            self._renegotiates(Side.SERVER, message.at)

    def _greet(self, said: ClientHello, message: Message) -> None:
        if self._chosen is not None:
            self._renegotiates(Side.CLIENT, message.at)
            return
        self._asked += 1
        if self._hello is None:
            self._hello, self.random = said, said.random
            self._early = "offered" if said.early_data else None
            self._secrets = self._secrets_of(said.random)

    def _renegotiates(self, side: Side, at: Moment) -> None:
        """What follows has keys that nothing here tells (RFC 5246 section 7.4.1)."""
        self._sightings[side].record(Anomaly.TLS_RENEGOTIATION, at.packet, at.time)
        self._why = "a new handshake inside the connection (renegotiation) changed its keys"

    def _answer(self, said: ServerHello) -> None:
        """What the server chose decides how all that follows is read."""
        if self._chosen is not None:
            return
        if said.retry:
            self._answered += 1
            self._retried = True
            if self._early is not None:
                self._early = "rejected"
            return
        self._answered = max(self._asked, self._answered + 1)
        self._chosen = said
        self._suite = SUITES.get(said.cipher)
        asked = self._hello
        if self.random is not None and not self._secrets:  # a key log may have grown since
            self._secrets = self._secrets_of(self.random)
        if asked is None:
            self._hide("its ClientHello, which names its secrets, is not in the capture")
            return
        if said.version not in (TLS12, TLS13):
            self._hide(f"{hello.VERSIONS.get(said.version, 'its version')} cannot be decrypted here")
        elif self._suite is None or self._suite.tls13 is not (said.version == TLS13):
            self._hide(f"its cipher suite {suite_name(said.cipher)} cannot be decrypted here")
        elif said.version == TLS13:
            self._resumed = said.extension(hello.PRE_SHARED_KEY) is not None
            self._start_tls13(self._suite)
        else:
            self._start_tls12(asked, said)

    def _start_tls12(self, asked: ClientHello, said: ServerHello) -> None:
        """The master secret is at hand, or a premaster secret may be, as the ClientKeyExchange will tell."""
        self._alpn = said.alpn
        self._transcript.randoms = (asked.random, said.random)
        self._transcript.extended = said.extension(hello.EXTENDED_MASTER_SECRET) is not None
        by_session = self._secrets_of(said.session).get("MASTER_KEY") if said.session else None
        master = self._secrets.get("CLIENT_RANDOM") or by_session
        if master is not None:
            self._prepare(master)
        else:
            self._turn = Side.SERVER

    def _start_tls13(self, suite: Suite) -> None:
        """Both directions are protected from here on (RFC 8446 section 7.1)."""
        if not self._secrets:
            self._hide(NO_SECRETS)
            return

        def epoch(name: str, label: str) -> Epoch:
            secret = self._secrets.get(label)
            return Epoch(name, None if secret is None else traffic_protection(secret, suite), secret or b"")

        for half in self._halves:
            early, application = TRAFFIC[half.side]
            epochs = [epoch(HANDSHAKE, early), epoch(APPLICATION, application)]
            if half.side is Side.CLIENT and self._early == "offered" and EARLY_LABEL in self._secrets:
                epochs.insert(0, epoch(EARLY, EARLY_LABEL))
            if application not in self._secrets:
                self._why = f"{application} is not among its secrets"
            half.keys, half.protected = Keys(epochs, suite), True
            half.hidden = half.keys.useless

    def _prepare(self, master: bytes) -> None:
        """Keys of TLS 1.2, used from each side's ChangeCipherSpec on."""
        assert self._suite is not None
        assert self._chosen is not None
        first = self._chosen.extension(hello.ENCRYPT_THEN_MAC) is not None
        self._ready = master_protection(master, self._suite, self._transcript.randoms, encrypt_then_mac=first)
        for half, protection in zip(self._halves, self._ready, strict=True):
            half.keys = Keys([Epoch(APPLICATION, protection)], None)

    def changed(self, side: Side) -> None:
        """A ChangeCipherSpec: in TLS 1.3 a word to middleboxes, else the end of what is in clear (RFC 5246 section 7.1)."""
        if self._chosen is None or self._chosen.version >= TLS13:
            return
        self._resumed |= side is Side.SERVER and not self._chain
        self._turn = None
        half = self._halves[side]
        half.protected = half.keys is not None
        half.hidden = half.keys is None
        if half.hidden:
            self._why = self._why or NO_SECRETS

    def warned(self, side: Side, content: bytes, at: Moment) -> None:
        """An alert (RFC 8446 section 6)."""
        if len(content) == 2 and len(self._alerts) < self._limits.anomalies:  # noqa: PLR2004 - level and description
            self._alerts.append(Alert(side, content[0] == FATAL, content[1], at))

    def flowed(self, at: Moment) -> None:
        """Without the tables of sizes and times from now on."""
        if not self.opened:
            self.opened = True
            for half in self._halves:
                half.table = None
        self._established = min(self._established or at, at, key=lambda one: one.packet)

    def _hide(self, why: str) -> None:
        self._why = why
        for half in self._halves:
            half.hidden = True

    # What is said of it

    def facts(self) -> Tls:
        """What the connection shows, as far as it has come."""
        asked, chosen = self._hello, self._chosen
        client, server = self._halves
        tables = (client.table, server.table)
        return Tls(
            version=hello.VERSIONS.get(chosen.version) if chosen is not None else None,
            cipher=suite_name(chosen.cipher) if chosen is not None else None,
            sni=self.sni,
            offered=tuple(hello.VERSIONS[one] for one in asked.offered if one in hello.VERSIONS) if asked is not None else (),
            alpn=self._alpn,
            alpn_offered=asked.alpn if asked is not None else (),
            client=client_of(asked) if asked is not None else None,
            retried=self._retried,
            resumed=self._resumed,
            early_data=self._early,
            certificate=self._certificate(),
            alerts=tuple(sorted(self._alerts, key=lambda one: one.at.packet)),
            no_tls=server.strange if asked is not None else None,
            established=self._established or self._flowing(),
            decrypted=self.opened,
            why=self._why if self.opened else self._reason(),
            unread=client.unread + server.unread if self.opened else 0,
            records=None if tables[0] is None or tables[1] is None else (tables[0], tables[1]),
            overhead=self._suite.overhead if self._suite is not None else None,
            torn=(tuple(client.torn), tuple(server.torn)),
        )

    def _reason(self) -> str:
        """Why nothing opened."""
        if self._hello is None:
            return "the capture began after its handshake, which names its secrets"
        if self._chosen is None:
            return "no ServerHello is in the capture"
        if self._why is not None:
            return self._why
        if any(half.unread for half in self._halves):
            return "its secrets do not fit"
        return "no application data followed" if self._secrets else NO_SECRETS

    def _certificate(self) -> Certificate | None:
        """The server's own, where it travelled in clear."""
        return certificate_of(self._chain) if self._chain else None

    def _flowing(self) -> Moment | None:
        """Without keys: in TLS 1.3 the client's first protected records end the handshake, in TLS 1.2 nothing hides it."""
        table = self._halves[Side.CLIENT].table
        if self._chosen is None or table is None:
            return None
        rows = np.flatnonzero(table.column("type") == APPLICATION_DATA)
        first = 1 if self._chosen.version >= TLS13 else 0
        if len(rows) <= first:
            return None
        return Moment(int(table.column("packet")[rows[first]]), int(table.column("time")[rows[first]]))
