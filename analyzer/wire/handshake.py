"""The HTTP exchanges of a connection up to the one that opens a WebSocket (RFC 9112; RFC 6455 section 4).

In: the two intakes. Out: after each `advance` that returns True, `request` and `response` of an attempt, or `presumed` where
frames follow
a request whose answer is not in the capture. Exchanges that ask for no WebSocket are stepped over.
"""

from collections import deque
from dataclasses import replace

from analyzer.model.anomalies import Anomaly, Sightings
from analyzer.model.limits import Limits
from analyzer.model.schema import Side
from analyzer.model.session import Moment, Request, Response
from analyzer.model.streams import Data, Gap
from analyzer.wire import http1
from analyzer.wire.http1 import Body, ChunkedReader, HttpSyntaxError
from analyzer.wire.intake import Intake
from analyzer.wire.resync import find_frame

INFORMATIONAL = 200
USUAL_HEAD = 4096
"""Bytes in which a head ends nearly always: frames follow it at once, and they are many."""


class _Skip:
    """A body on its way: how much is left, and the first bytes of it."""

    def __init__(self, body: Body, keep: int) -> None:
        self._left = body.length
        self._chunks = ChunkedReader(keep) if body.chunked else None
        self._keep = keep
        self._kept = bytearray()
        self.torn = False
        """Where the body ends is not known."""

    @property
    def content(self) -> bytes:
        return bytes(self._chunks.content if self._chunks else self._kept)

    def run(self, intake: Intake) -> bool:
        """Take what is there; True when the body is over. A hole inside is stepped over by length, and ends a chunked body."""
        while not self._over:
            front = intake.front
            if isinstance(front, Gap):
                intake.drop_gap()
                if self._left is not None:
                    self._left = max(0, self._left - front.length)
                if self._chunks:
                    self._chunks.done = self.torn = True
                continue
            if not isinstance(front, Data):
                return False
            self._run_data(intake, front)
        return True

    @property
    def _over(self) -> bool:
        return self._chunks.done if self._chunks else self._left == 0

    def _run_data(self, intake: Intake, data: Data) -> None:
        if self._chunks:
            try:
                intake.skip(self._chunks.feed(data.bytes.tobytes()))
            except HttpSyntaxError:
                self._chunks.done = self.torn = True
            return
        take = len(data.bytes) if self._left is None else min(self._left, len(data.bytes))
        self._kept += data.bytes[: min(take, self._keep - len(self._kept))].tobytes()
        intake.skip(take)
        if self._left is not None:
            self._left -= take


class Handshake:
    """State of a connection that speaks HTTP/1."""

    def __init__(self, client: Intake, server: Intake, limits: Limits, sightings: Sightings) -> None:
        self._client = client
        self._server = server
        self._limits = limits
        self._sightings = sightings
        self._waiting: deque[Request] = deque()  # requests without answer, oldest first
        self._upload: _Skip | None = None
        self._download: _Skip | None = None
        self._head: Response | None = None
        self._asked = 0  # requests read
        self._torn = False  # the end of the last body was not seen, so that the rest of it may follow
        self.earlier = 0
        """Exchanges before the attempt."""
        self.request: Request | None = None
        self.request_start = Moment(0, 0)
        self.response: Response | None = None
        self.presumed = False
        self.gave_up = False
        """Nothing that follows can be told: another protocol, bytes that make no sense, or more exchanges than are followed."""

    def next_exchange(self) -> None:
        """The attempt was refused; another request may follow."""
        self.request = self.response = None
        self.earlier += 1

    def advance(self, *, final: bool) -> bool:
        """Go on as far as the bytes allow; True when there is something new to tell."""
        known = (self.request, self.response, self.presumed)
        if self.presumed or self.gave_up:
            return False
        self._read_requests()
        self._read_responses(final=final)
        crowded = max(self._client.held, self._server.held) > self._limits.undecided
        if self.response is None and (final or crowded):
            self._presume(final=final)
            self.gave_up |= crowded and not self.presumed
        self.gave_up |= max(self.earlier, self._asked) > self._limits.exchanges
        return (self.request, self.response, self.presumed) != known

    def _read_requests(self) -> None:
        """Requests up to the one that asks for a WebSocket; what follows that one is not HTTP if it is granted."""
        while self.request is None and self._asked <= self._limits.exchanges:
            if self._upload is not None:
                if not self._upload.run(self._client):
                    return
                self._upload = None
            if not self._at_request():
                return
            head, data = self._take_head(self._client)
            if head is None or data is None:
                return
            self._asked += 1
            try:
                request = http1.parse_request(head, Moment(*data.place(data.start + len(head) - 1)))
            except HttpSyntaxError as error:
                self._syntax(data, str(error))
                self._client.skip(len(head))
                continue
            self._client.skip(len(head))
            self._waiting.append(request)
            if request.upgrade:
                self.request = request
                self.request_start = Moment(*data.place(data.start))
                return
            self._upload = _Skip(http1.body_of(request.headers, status=None), 0)

    def _at_request(self) -> bool:
        """Bring a request to the front: one may follow a hole, stray line ends (RFC 9112 section 2.2) or the rest of a cut head.

        Anything else stays where it is, since it may be the first frames of a session whose request is not in the capture.
        """
        data = self._client.ahead
        if data is None:
            return False
        if http1.looks_like_request(data.bytes[: http1.LONGEST_METHOD].tobytes()):
            self._client.drop_gap()
            return True
        front = data.bytes[: self._limits.http_head].tobytes()
        stray = len(front) - len(front.lstrip(b"\r\n"))
        rest = (http1.head_length(front) or 0) if self._asked else 0
        for begin in (stray, rest):
            if len(front) > begin and http1.looks_like_request(front[begin : begin + http1.LONGEST_METHOD]):
                self._client.drop_gap()
                if begin:
                    self._client.skip(begin)
                return True
        return False

    def _read_responses(self, *, final: bool) -> None:
        """Answers in the order of the requests, up to the one of the attempt."""
        while self.response is None and self._body_is_over(final=final):
            if not self._at_response():
                return
            head_bytes, data = self._take_head(self._server)
            if head_bytes is None or data is None:
                return
            asked = self._waiting[0] if self._waiting else None
            try:
                response = http1.parse_response(head_bytes, asked, Moment(*data.place(data.start + len(head_bytes) - 1)))
            except HttpSyntaxError as error:
                self._syntax(data, str(error))
                self._server.skip(len(head_bytes))
                continue
            self._server.skip(len(head_bytes))
            if response.status == http1.SWITCHING:
                whole = http1.head_length(head_bytes) is not None
                if whole and "upgrade" in response.headers and not http1.upgrades(response.headers):
                    self.gave_up = True  # another protocol, such as h2c
                    return
                self.request, self.response = asked, response
                return
            if response.status < INFORMATIONAL:
                continue
            if self._waiting:
                self._waiting.popleft()
            body = http1.body_of(response.headers, status=response.status, method=asked.method if asked else "")
            self._download = _Skip(body, self._limits.http_body)
            self._head = response if asked is not None and asked.upgrade else None
            if self._head is None:
                self.earlier += 1

    def _at_response(self) -> bool:
        """Bring an answer to the front. What is none stays when it may be frames behind an answer that is not in the capture."""
        while isinstance(self._server.front, Gap):
            self._server.drop_gap()
        data = self._server.data
        if data is None:
            return False
        if http1.looks_like_response(data.bytes[: http1.LONGEST_METHOD].tobytes()):
            self._torn = False
            return True
        pending = not self._waiting or self._waiting[0].upgrade
        begin = -1 if pending and not self._torn else data.bytes.tobytes().find(b"HTTP/1.")
        if begin < 0 and pending:
            return False
        self._syntax(data, "no answer where one was expected")
        self._server.skip(begin if begin >= 0 else len(data.bytes))
        return begin >= 0

    def _body_is_over(self, *, final: bool) -> bool:
        """Whether the next head may follow. The body of the attempt's answer completes it, cut short or not."""
        if self._download is None:
            return True
        over = self._download.run(self._server)
        if not over and not final:
            return False
        if self._head is not None:
            self.response = replace(self._head, body=self._download.content)
        self._torn = self._download.torn
        self._download = self._head = None
        return over and self.response is None

    def _take_head(self, intake: Intake) -> tuple[bytes | None, Data | None]:
        """The next head, when it is whole. A head beyond the limit is no head."""
        data = intake.data
        if data is None:
            return None, None
        front = data.bytes[: min(USUAL_HEAD, self._limits.http_head)].tobytes()
        length = http1.head_length(front)
        if length is None:
            front = data.bytes[: self._limits.http_head].tobytes()
            length = http1.head_length(front)
        if length is None and intake.cut and len(front) == len(data.bytes):
            return front, data  # the rest of the head is not in the capture; what there is says enough
        if length is None:
            if len(front) == self._limits.http_head:
                self._syntax(data, "a head that does not end")
                intake.skip(len(data.bytes))
            return None, None
        return front[:length], data

    def _syntax(self, data: Data, detail: str) -> None:
        self._sightings.record(Anomaly.HTTP_SYNTAX, *data.place(data.start), detail)

    def _presume(self, *, final: bool) -> None:
        """Frames behind the request, or where the answer should be, say that it was granted although the answer is not in the
        capture.
        """
        if self.request is None and self._waiting:
            return
        for intake, side in ((self._client, Side.CLIENT), (self._server, Side.SERVER)):
            self.presumed |= find_frame(intake.pieces, side, final=final, reach=self._limits.undecided) is not None
