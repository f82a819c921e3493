"""Packets by way of pyshark, which runs Wireshark's tshark: every format that Wireshark opens.

In: a path. Out: PacketBatches with the raw frame bytes, lengths and times that tshark printed as JSON (`-x -j frame`). tshark is
told not to dissect IP, since only the frame is wanted. pyshark needs an event loop of its own, so it runs in a worker thread; a
bounded queue between the two keeps memory limited however slowly the packets are taken.
"""

import asyncio
import json
import queue
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from analyzer.model.capture import CaptureLog, Interface, PacketBatch, Problem
from analyzer.model.dataclass import dataclass
from analyzer.model.errors import MissingDependencyError, UnusableInputError, UsageError
from analyzer.model.limits import SECOND, Limits
from analyzer.sources.gather import Gather

IN_FLIGHT = 256
"""Packets between the two threads; tshark waits while the queue is full."""
PATIENT_S = 10
"""How long capinfos may take to name a format."""
PATIENCE_S = 0.2
"""How soon the worker notices that nobody takes packets any more."""
TSHARK_OPTIONS = ["-j", "frame", "--disable-protocol", "ip", "--disable-protocol", "ipv6"]
UNKNOWN_LINK = -1
"""A Wireshark encapsulation that has no LINKTYPE number here; such packets cannot be followed to TCP."""
LINK_TYPES = {  # WTAP_ENCAP_ (wiretap/wtap.h) -> LINKTYPE_ (tcpdump.org/linktypes)
    1: 1,  # Ethernet
    2: 6,  # Token Ring
    3: 8,  # SLIP
    4: 9,  # PPP
    6: 10,  # FDDI
    7: 101,  # raw IP
    10: 100,  # ATM RFC 1483
    15: 0,  # BSD loopback, host byte order
    19: 9,  # PPP with direction, which tshark has taken off
    20: 105,  # IEEE 802.11
    21: 119,  # IEEE 802.11, Prism header
    23: 127,  # IEEE 802.11, radiotap
    24: 163,  # IEEE 802.11, AVS
    25: 113,  # Linux cooked, version 1
    26: 107,  # Frame Relay
    28: 104,  # Cisco HDLC
    38: 109,  # OpenBSD enc
    39: 117,  # OpenBSD pflog
    97: 192,  # per-packet information
    98: 195,  # IEEE 802.15.4
    115: 220,  # USB, Linux
    124: 226,  # Solaris IPNET
    129: 228,  # raw IPv4
    130: 229,  # raw IPv6
    139: 51,  # PPPoE
    141: 239,  # NFLOG
    152: 249,  # USB, Windows
    158: 253,  # Netlink
    171: 258,  # PKTAP, Apple
    174: 108,  # OpenBSD loopback, network byte order
    185: 271,  # vsock
    210: 276,  # Linux cooked, version 2
}


class PysharkSource:
    """One capture, read by tshark through pyshark. `guessed`: nobody else knows the file; the log then says what format tshark
    takes it for, and without a packet of a network it is no capture: tshark opens pictures and texts, too.

    Raises UsageError for standard input, MissingDependencyError without pyshark or tshark, UnusableInputError for what tshark
    cannot open (the latter when the first batch is asked for).
    """

    def __init__(self, path: str, limits: Limits, *, guessed: bool = False) -> None:
        if path == "-":
            raise UsageError("tshark is used on files only: save the capture to a file first, then name that file.")
        try:
            with Path(path).open("rb") as file:
                empty = not file.read(1)
        except OSError as error:
            raise UnusableInputError(f"{path} cannot be opened: {error.strerror}.") from error
        if empty:  # tshark takes it for a capture without packets
            raise UnusableInputError(f"{path} is empty; record again and check that packets were captured.")
        tshark_path()
        self._limits = limits
        self.log = CaptureLog(path, _format(path) if guessed else "tshark")
        self._guessed = guessed

    def batches(self) -> Iterator[PacketBatch]:
        """All packets, once, in batches of `limits.batch` bytes. Damage ends them with a Problem in the log."""
        log, gather = self.log, Gather(self.log, self._limits.batch)
        interfaces: dict[tuple[str, ...], int] = {}
        worker = _Worker(log.path)
        worker.start()
        try:
            for frame in worker.frames():
                if frame.place not in interfaces:
                    interfaces[frame.place] = len(interfaces)
                    log.interfaces.append(Interface(LINK_TYPES.get(int(frame.place[-1]), UNKNOWN_LINK)))
                yield from gather.add(frame.data, frame.on_wire, frame.time, interfaces[frame.place])
            yield from gather.rest()
        finally:
            worker.stop()
        log.bytes = Path(log.path).stat().st_size
        if worker.failure and not log.packets:
            raise UnusableInputError(f"{log.path} is no capture that tshark can read: {worker.failure}")
        if self._guessed and not set(log.link_packets) - {UNKNOWN_LINK}:
            raise UnusableInputError(f"{log.path} is no capture: tshark takes it for {log.format}, without a packet of a network.")
        if worker.failure:
            log.problems.append(Problem(f"tshark stopped after packet {log.packets}: {worker.failure}", log.packets))


@dataclass(frozen=True, slots=True)
class _Frame:
    """What is wanted of one packet. `time` in ns since the epoch, None where the capture has none."""

    data: bytes
    on_wire: int
    time: int | None
    place: tuple[str, ...]
    """Section, interface and encapsulation, as tshark numbers them."""

    @classmethod
    def read(cls, text: bytes) -> "_Frame | None":
        """From one record of tshark's JSON; None for records that are no packets (pcapng blocks of the system journal and others).

        Raises ValueError, KeyError, TypeError or IndexError for anything else.
        """
        layers = json.loads(text.decode("utf-8", "replace"))["_source"]["layers"]
        frame, stamp = layers["frame"], layers["frame"].get("frame.time_epoch")
        if "frame.encap_type" not in frame:
            return None
        return cls(
            bytes.fromhex(layers["frame_raw"][0]),
            int(frame["frame.len"]),
            nanoseconds(stamp) if stamp else None,
            (frame.get("frame.section_number", ""), frame.get("frame.interface_id", ""), frame["frame.encap_type"]),
        )


def nanoseconds(stamp: str) -> int:
    """`1700000000.123456789` as integer ns, exactly; decimals beyond the ninth are cut. Raises ValueError for anything else."""
    seconds, _, fraction = stamp.partition(".")
    total = int(seconds.lstrip("-")) * SECOND + int(fraction[:9].ljust(9, "0"))
    return -total if seconds.startswith("-") else total


class _Worker(threading.Thread):
    """Runs pyshark in an event loop of its own. `failure` holds tshark's last words when it did not end well."""

    def __init__(self, path: str) -> None:
        super().__init__(name="pyshark", daemon=True)
        self._path = path
        self._queue: queue.Queue[_Frame | None] = queue.Queue(IN_FLIGHT)
        self._stopped = threading.Event()
        self.failure = ""

    def frames(self) -> Iterator[_Frame]:
        """Packets as they come, until tshark has ended."""
        while (frame := self._queue.get()) is not None:
            yield frame

    def stop(self) -> None:
        """Let go of tshark, whether it has ended or not, and wait for the thread."""
        self._stopped.set()
        self.join()

    def run(self) -> None:
        """The thread: from tshark to the queue."""
        loop = asyncio.new_event_loop()
        try:
            loop.run_until_complete(self._read(loop))
        except Exception as error:  # noqa: BLE001 - pyshark fails in many ways on hostile input; each ends the reading
            self.failure = _sentence(str(error) or type(error).__name__)
        finally:
            loop.close()
            self._put(None)

    async def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        capture = _capture(self._path, loop)

        def take(frame: _Frame) -> None:
            if not self._put(frame):
                raise capture.Stop

        await capture.packets_from_tshark(take)
        if capture.exit_status:
            self.failure = _sentence(capture.last_words or f"it ended with status {capture.exit_status}")

    def _put(self, frame: _Frame | None) -> bool:
        """Queue a frame as soon as there is room; False when nobody takes any more."""
        while not self._stopped.is_set():
            try:
                self._queue.put(frame, timeout=PATIENCE_S)
            except queue.Full:
                continue
            return True
        return False


def _capture(path: str, loop: asyncio.AbstractEventLoop) -> Any:  # noqa: ANN401 - pyshark has no types
    """A capture whose packets are those of `_Frame`."""
    from pyshark.tshark.output_parser.tshark_json import TsharkJsonParser  # noqa: PLC0415 - imported where it is used

    class Parser(TsharkJsonParser):  # type: ignore[misc]
        """Finds packets in the JSON as pyshark does, but keeps the frame only: pyshark's packets need a time, and take longer."""

        def _parse_single_packet(self, packet: bytes) -> _Frame | None:
            return _Frame.read(packet)

    return _patient(Parser)(
        path,
        keep_packets=False,
        use_json=True,
        include_raw=True,
        eventloop=loop,
        tshark_path=tshark_path(),
        custom_parameters=TSHARK_OPTIONS,
    )


def pdml_captures(parse: Callable[[bytes], object]) -> Any:  # noqa: ANN401 - pyshark has no types
    """The class of captures whose packets are what `parse` makes of their PDML."""
    from pyshark.tshark.output_parser.tshark_xml import TsharkXmlParser  # noqa: PLC0415 - imported where it is used

    class Parser(TsharkXmlParser):  # type: ignore[misc]
        """Finds packets in the XML as pyshark does."""

        def __init__(self, _: object) -> None:
            super().__init__()

        def _parse_single_packet(self, packet: bytes) -> object:
            return parse(packet)

    return _patient(Parser)


def _patient(parser: Callable[[Any], Any]) -> Any:  # noqa: ANN401 - pyshark has no types
    """FileCapture of pyshark, with this parser, that waits for the exit status of tshark instead of killing it at the end of its
    output.
    """
    from pyshark.capture import capture as base  # noqa: PLC0415 - imported where it is used
    from pyshark.capture.file_capture import FileCapture  # noqa: PLC0415 - imported where it is used

    class Frames(FileCapture):  # type: ignore[misc]
        """`exit_status` and `last_words` (standard error) of tshark, once it has ended by itself; `version` of it."""

        Stop = base.StopCapture
        exit_status = 0
        last_words = ""

        @property
        def version(self) -> str:
            return str(self._get_tshark_version())

        def _setup_tshark_output_parser(self) -> Any:  # noqa: ANN401 - as above
            return parser(self._get_tshark_version())

        async def _cleanup_subprocess(self, process: Any) -> None:  # noqa: ANN401 - asyncio's process
            if not self._eof_reached:
                await super()._cleanup_subprocess(process)
                return
            self.exit_status = await process.wait()
            await asyncio.gather(*self._stderr_handling_tasks)
            self.last_words = self._last_error_line or ""

    return Frames


def tshark_path() -> str:
    """Where tshark is. Raises MissingDependencyError without it or without pyshark."""
    try:
        from pyshark.tshark.tshark import TSharkNotFoundException, get_process_path  # noqa: PLC0415 - imported where it is used
    except ImportError as missing:
        raise MissingDependencyError("pyshark is not installed: install it with `pip install pyshark`.") from missing
    try:
        return str(shutil.which("tshark") or get_process_path())
    except TSharkNotFoundException as missing:
        how = {
            "darwin": "`brew install wireshark`",
            "win32": "the Wireshark installer (tick TShark)",
        }.get(sys.platform, "`apt install tshark` (Debian, Ubuntu)")
        raise MissingDependencyError(f"tshark, which pyshark needs, is not installed: get it with {how}.") from missing


def _format(path: str) -> str:
    """Wireshark's short name of a file's format, `tshark` where capinfos does not tell."""
    import subprocess  # noqa: PLC0415 - for formats that are read by another program anyway

    capinfos = shutil.which("capinfos")
    if capinfos is None:
        return "tshark"
    try:
        ran = subprocess.run([capinfos, "-T", "-r", "-t", path], capture_output=True, timeout=PATIENT_S, check=False)  # noqa: S603 - found by name in PATH
    except (OSError, subprocess.TimeoutExpired):
        return "tshark"
    return ran.stdout.decode("utf-8", "replace").strip().rpartition("\t")[2] or "tshark"


def _sentence(words: str) -> str:
    """Words of tshark without its name in front, ended by a full stop."""
    words = " ".join(words.split()).removeprefix("tshark: ")
    return words if words.endswith(".") else f"{words}."
