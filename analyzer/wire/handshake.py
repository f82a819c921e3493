"""The HTTP exchanges of a connection up to the one that opens a WebSocket (RFC 9112; RFC 6455 section 4).

In: the two intakes. Out: after each `advance` that returns True, `request` and `response` of an attempt, or `presumed` where
frames follow a request whose answer is not in the capture; or a `tunnel` that a proxy opened, in which all begins anew. Exchanges
that ask for no WebSocket are stepped over. Nothing depends on the pieces in which the bytes come: what cannot be told yet waits.
"""

from collections import deque
from collections.abc import Callable

from analyzer.model.anomalies import Anomaly, Sightings
from analyzer.model.limits import Limits
from analyzer.model.places import Moment
from analyzer.model.schema import Side
from analyzer.model.session import SWITCHING, Proxy, Request, Response
from analyzer.model.streams import Data, Gap
from analyzer.wire import http1
from analyzer.wire.http1 import Body, ChunkedReader, HttpSyntaxError
from analyzer.wire.intake import Intake
from analyzer.wire.resync import find_frame

CONTINUE, FINAL, REDIRECTION = 100, 200, 300
"""The status that asks for a body (RFC 9110 section 10.1.1); the first one that ends an exchange; the first that is no success."""
STATUS_LINE = b"HTTP/1."
STRAY = 64
"""Bytes in which an answer begins, behind line ends that do not belong there."""
USUAL_HEAD = 4096
"""Bytes in which a head ends nearly always: frames follow it at once, and they are many."""


Seen = Callable[[Side, int, int, Moment], None]
"""Notes a head: who sent it, its stream offset and its bytes, the packet with its last byte."""


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
                if self._chunks:
                    self._chunks.done = self.torn = True
                elif self._left is not None and front.exact:
                    self._left = max(0, self._left - front.length)
                elif self._left is not None:
                    self._left, self.torn = 0, True
                continue
            data = intake.data
            if data is None:
                return False
            self._run_data(intake, data)
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
        self._doubtful = False  # whether that has a body: what was asked may not be in the capture
        self._answered: Request | None = None  # by the last answer
        self._lost_request = False  # a hole stood where a request may have been
        self._head: Response | None = None
        self._asked = 0  # requests read
        self._torn = False  # the end of the last body was not seen, so that the rest of it may follow
        self._lost_answer = False  # a hole stood where an answer was expected
        self._astray = False  # bytes were passed over to find an answer
        self._moves = 0  # heads read and bodies ended
        self._expecting: Request | None = None  # its body comes only when the server asks for it, or does not wait for that
        self._wanted: bool | None = None  # whether the server asked for that body; None: no answer yet
        self._connect: Request | None = None  # for a tunnel, not answered yet: what follows may be no HTTP
        self.tunnel: Proxy | None = None
        """A proxy opened it; what waits in the intakes was sent through it."""
        self.no_tunnel: Proxy | None = None
        """The last one that a proxy refused."""
        self.earlier = 0
        """Exchanges before the attempt."""
        self.seen: Seen | None = None
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
        if self.presumed or self.gave_up or self.tunnel is not None:
            return False
        hurried = final or max(self._client.held, self._server.held) > self._limits.undecided
        before = -1
        while before != self._moves and self.tunnel is None:
            before = self._moves
            self._read_requests()
            self._read_responses(final=final, hurried=hurried)
        crowded = max(self._client.held, self._server.held) > self._limits.undecided
        if self.response is None and self.tunnel is None and (final or crowded):
            self._presume(final=final)
            self.gave_up |= crowded and not self.presumed and self.tunnel is None
        self.gave_up |= max(self.earlier, self._asked) > self._limits.exchanges
        return (self.request, self.response, self.presumed) != known

    def _read_requests(self) -> None:
        """Requests up to one that asks for a WebSocket or a tunnel; what follows that one is not HTTP if it is granted."""
        while self.request is None and self._connect is None and self._asked <= self._limits.exchanges:
            if not self._upload_is_over():
                return
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
            self._moves += 1
            self.request_start = Moment(*data.place(data.start))
            if request.method == "CONNECT":
                self._connect = request
            elif request.asks:
                self.request = request
            else:
                body = http1.body_of(request.headers, status=None)
                self._upload = _Skip(body, 0)
                expects = "100-continue" in request.headers.get("expect", "").lower()
                self._expecting, self._wanted = request if expects and body != Body() else None, None

    def _upload_is_over(self) -> bool:
        """Whether the next request may follow. Where the server was to ask for the body first (RFC 9110 section 10.1.1) and said
        no instead, the body may come all the same or not at all.
        """
        if self._upload is None:
            return True
        if self._expecting is not None and not self._wanted:
            data = self._client.ahead
            begin = data.bytes[: http1.LONGEST_METHOD].tobytes() if data is not None else b""
            if http1.looks_like_request(begin):
                if self._wanted is None or len(begin) < http1.LONGEST_METHOD:
                    return False
                self._upload = self._expecting = None
                return True
        self._expecting = None
        if not self._upload.run(self._client):
            return False
        self._upload = None
        return True

    def _at_request(self) -> bool:
        """Bring a request to the front: one may follow a hole, stray line ends (RFC 9112 section 2.2) or the rest of a cut head.

        Anything else stays where it is, since it may be the first frames of a session whose request is not in the capture.
        """
        data = self._client.ahead
        if data is None:
            return False
        if http1.looks_like_request(data.bytes[: http1.LONGEST_METHOD].tobytes()):
            self._lost_request |= self._client.drop_gap() is not None
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

    def _read_responses(self, *, final: bool, hurried: bool) -> None:
        """Answers in the order of the requests, up to the one of the attempt. One that overtakes its request waits for it, unless
        `hurried`: part of the request may be missing from the capture, which shows later.
        """
        while not (self.response or self.tunnel or self.gave_up) and self._body_is_over(final=final):
            self._read_requests()  # an answer may have settled what stood in the way of the request that the next one is for
            if not (self._waiting or hurried) and self._request_is_coming:
                return
            if not self._at_response():
                return
            head, data = self._take_head(self._server)
            if head is None or data is None:
                return
            self._read_answer(head, data)

    def _read_answer(self, head: bytes, data: Data) -> None:
        """One answer, final or not."""
        asked = self._waiting[0] if self._waiting else None
        try:
            response = http1.parse_response(head, asked, Moment(*data.place(data.start + len(head) - 1)))
        except HttpSyntaxError as error:
            self._syntax(data, str(error))
            self._server.skip(len(head))
            return
        if response.status == SWITCHING:
            self._switch(asked, response, len(head))
            return
        self._server.skip(len(head))
        self._moves += 1
        if asked is not None and asked is self._expecting and (response.status == CONTINUE or response.status >= FINAL):
            self._wanted = response.status == CONTINUE
        if response.status >= FINAL:
            self._end_exchange(asked, response)

    def _switch(self, asked: Request | None, response: Response, length: int) -> None:
        """What follows is another protocol. No proxy says so to CONNECT: its own answer is missing, this one came by the tunnel."""
        if asked is not None and asked is self._connect:
            self.tunnel = Proxy(asked, None)
            return
        self._server.skip(length)
        if not response.partial and "upgrade" in response.headers and not http1.upgrades(response.headers):
            self.gave_up = True  # such as h2c
        else:  # an answer to what asked for no WebSocket is missing where the oldest request did not
            self.request, self.response = next((one for one in self._waiting if one.asks), None), response

    @property
    def _request_is_coming(self) -> bool:
        """Whether the request may still come: nothing of the client is there yet, or its front is a head without its end, or lies
        behind a hole that may still be filled.
        """
        if self._client.hole or (self._asked == 0 and self._client.front is None):
            return True
        data = self._client.data if self._upload is None and self._connect is None and self.request is None else None
        return data is not None and http1.looks_like_request(data.bytes[: http1.LONGEST_METHOD].tobytes())

    @property
    def unread(self) -> bool:
        """Whether the server sent something for an answer that is not in the capture, or is none."""
        return self.response is None and (self._lost_answer or self._server.ahead is not None)

    def _end_exchange(self, asked: Request | None, response: Response) -> None:
        """A final answer, whose body follows."""
        if self._waiting:
            self._waiting.popleft()
        if asked is not None and asked is self._connect and response.status < REDIRECTION:
            self.tunnel = Proxy(asked, response)
            return
        body = http1.body_of(response.headers, status=response.status, method=asked.method if asked else "")
        self._torn = response.partial
        self._download = _Skip(Body() if response.partial else body, self._limits.http_body)
        self._doubtful = body.length is None and (asked is None or self._lost_request)
        self._answered = asked
        self._head = response if asked is not None and (asked.asks or asked is self._connect) else None
        if self._head is None:
            self.earlier += 1

    def _at_response(self) -> bool:
        """Bring an answer to the front. What is none stays when it may be frames behind an answer that is not in the capture."""
        while True:
            while self._server.drop_gap() is not None:
                self._lost_answer = True
            data = self._server.data
            if data is None:
                return False
            front = data.bytes[:STRAY].tobytes()
            stray = len(front) - len(front.lstrip(b"\r\n"))
            if http1.looks_like_response(front[stray : stray + http1.LONGEST_METHOD]):
                self._torn = self._astray = self._lost_answer = False
                self._server.skip(stray)
                return True
            pending = not self._waiting or self._waiting[0].asks or self._waiting[0] is self._connect
            if pending and not self._torn:
                return False
            content, cut = data.bytes.tobytes(), self._server.cut
            begin = content.find(STATUS_LINE)
            if begin < 0 and not cut and (pending or stray == len(content)):
                return False
            if not (self._astray or self._torn):
                self._syntax(data, "no answer where one was expected")
            self._astray = True
            if begin < 0 and not cut:  # keep what may be the beginning of one
                begin = len(content) - next(size for size in range(6, -1, -1) if content.endswith(STATUS_LINE[:size]))
            self._server.skip(begin if begin >= 0 else len(content))
            if begin >= 0:
                return content[begin:].startswith(STATUS_LINE)

    def _body_is_over(self, *, final: bool) -> bool:
        """Whether the next head may follow. The body of the attempt's answer completes it, cut short or not."""
        if self._download is None:
            return True
        if self._doubtful:
            begin = self._server.data.bytes[: len(STATUS_LINE)].tobytes() if self._server.data is not None else b""
            if begin == STATUS_LINE:  # the answer to a CONNECT that is not in the capture
                self._download = self._head = None
                if self._answered is not None:
                    self._waiting.appendleft(self._answered)
                return True
            if STATUS_LINE.startswith(begin) and not final:
                return False
            self._doubtful = False
        over = self._download.run(self._server)
        if not over and not final:
            return False
        self._moves += 1
        if self._head is not None:
            answer = http1.with_body(self._head, self._download.content, self._limits.http_body)
            if self._connect is None:
                self.response = answer
            else:
                self.no_tunnel, self._connect = Proxy(self._connect, answer), None
        self._torn |= self._download.torn
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
            length = len(front)  # the rest of the head is not in the capture; what there is says enough
        if length is None:
            if len(front) == self._limits.http_head:
                self._syntax(data, "a head that does not end")
                intake.skip(len(front))
            return None, None
        if self.seen is not None:
            side = Side.CLIENT if intake is self._client else Side.SERVER
            self.seen(side, data.start, length, Moment(*data.place(data.start + length - 1)))
        return front[:length], data

    def _syntax(self, data: Data, detail: str) -> None:
        self._sightings.record(Anomaly.HTTP_SYNTAX, *data.place(data.start), detail)

    def _presume(self, *, final: bool) -> None:
        """Frames behind the request, or where the answer should be, say that it was granted although the answer is not in the
        capture.
        """
        if self._connect is not None:
            unanswered = Proxy(self._connect, None)
            if self._client.ahead is not None:  # the client went on, so that the proxy did answer
                self.tunnel = unanswered
            else:
                self.no_tunnel = unanswered
            return
        if self.request is None and self._waiting:
            return
        for intake, side in ((self._client, Side.CLIENT), (self._server, Side.SERVER)):
            self.presumed |= find_frame(intake.pieces, side, final=final, reach=self._limits.undecided) is not None
