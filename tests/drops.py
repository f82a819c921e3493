"""A stream that comes drop by drop, as from a slow pipe."""

import io


class Drops(io.BytesIO):
    """A stream that gives a byte at a time."""

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill the first byte."""
        return super().readinto(memoryview(buffer)[:1])
