"""permessage-deflate (RFC 7692), one direction: compressed messages in, inflated bytes out, bounded.

Whatever window was negotiated, a window of 32 KiB inflates it; only whether the context is kept between messages matters.
"""

import zlib

TAIL = b"\x00\x00\xff\xff"
"""What a sender cuts from the end of each message (section 7.2.1)."""
WIDEST = -15
"""Raw deflate with the largest window."""


class InflateError(ValueError):
    """A message that does not inflate; `limit` is True when it would grow beyond the bound."""

    def __init__(self, text: str, *, limit: bool = False) -> None:
        super().__init__(text)
        self.limit = limit


class Inflater:
    """State of one direction. With `takeover` each message may refer to those before it.

    When a message is lost, those behind it are tried with what is known of the context since: inflating fails when a reference
    leads before that (section 7.2.3.2; a distance beyond the window is an error in RFC 1951), so that what it gives is right.
    """

    def __init__(self, limit: int, *, takeover: bool) -> None:
        self._limit = limit
        self._takeover = takeover
        self._decoder = zlib.decompressobj(WIDEST)
        self._lost = ""
        """Why the context is not whole."""

    def inflate(self, payload: bytes) -> bytes:
        """One message's payload, inflated. Raises InflateError."""
        try:
            content = self._decoder.decompress(payload + TAIL, self._limit + 1)
        except zlib.error as error:
            why = self._lost or f"it does not inflate ({error})"
            self.lose(f"an earlier message did not inflate ({error})")
            raise InflateError(why) from None
        if len(content) > self._limit:
            self.lose("an earlier message was longer than the limit")
            raise InflateError(f"it inflates to more than {self._limit} bytes", limit=True)
        if not self._takeover or self._decoder.eof:  # a final block ends the context (section 7.2.3.5)
            self._decoder, self._lost = zlib.decompressobj(WIDEST), ""
        return content

    def lose(self, why: str) -> None:
        """A message is missing: what refers to it cannot be inflated."""
        if self._takeover:
            self._lost = self._lost or why
        self._decoder = zlib.decompressobj(WIDEST)
