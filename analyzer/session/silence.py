"""When no audio came, and how fast it came: gaps and pace of the client's audio (contract: Gap, Pacing). Whole columns at a
time.
"""

import numpy as np

from analyzer.model.limits import SECOND
from analyzer.model.provider import Provider
from analyzer.model.schema import Kind
from analyzer.model.session import AudioFormat, AudioGap, Close, Direction, Hole, Moment, Pace

PAUSE = SECOND
"""Longer waits than this, beyond the audio sent before them, are no matter of pace."""
NEAR = 0.2
SAMPLE_BYTES = {"linear16": 2, "linear32": 4, "mulaw": 1, "alaw": 1}
SHORTEST_SPAN = 0.001


def find_gaps(
    client: Direction, provider: Provider, origin: Moment, last: Moment, close: Close | None, longest: int
) -> tuple[AudioGap, ...]:
    """Every stretch of more than `longest` ns without client audio, from `origin` (the upgrade) to `last` (the last packet)."""
    audio = client.rows(Kind.AUDIO)
    if not provider.client_audio and not provider.text_audio_field:
        return ()
    if not provider.known and not len(audio):
        return ()
    columns = client.messages
    first_time, last_time = columns.column("first_time"), columns.column("last_time")
    first_packet, last_packet = columns.column("first_packet"), columns.column("last_packet")
    begins = np.concatenate(([origin.time], last_time[audio]))
    begin_packets = np.concatenate(([origin.packet], last_packet[audio]))
    ends = np.concatenate((first_time[audio], [last.time]))
    end_packets = np.concatenate((first_packet[audio], [last.packet]))
    stops = [(client.moment(int(row)), "close-stream") for row in client.rows(Kind.CONTROL, provider.end_words)]
    if close is not None:
        stops.append((close.at, "close"))
    stops.sort(key=lambda stop: stop[0].time)
    keepalives = first_time[client.rows(Kind.CONTROL, provider.keepalive_words)]
    found = []
    for row in np.flatnonzero(ends - begins > longest):
        begin = Moment(int(begin_packets[row]), int(begins[row]))
        end, ended_by = Moment(int(end_packets[row]), int(ends[row])), "audio" if row < len(audio) else "capture-end"
        for at, why in stops:
            if begin.time <= at.time <= end.time:
                end, ended_by = at, why
                break
        if close is not None and begin.time >= close.at.time:
            break
        if end.time - begin.time > longest:
            inside = keepalives[(keepalives >= begin.time) & (keepalives <= end.time)]
            step = int(np.diff(np.concatenate(([begin.time], inside, [end.time]))).max())
            found.append(AudioGap(begin, end, len(inside), step, ended_by, covered=_covered(client.holes, begin, end)))
    return tuple(found)


def _covered(holes: tuple[Hole, ...], begin: Moment, end: Moment) -> bool:
    return not any(hole.before.time < end.time and hole.after.time > begin.time for hole in holes)


def find_pace(client: Direction, declared: AudioFormat) -> Pace | None:
    """Pace of the client's audio under a raw declared format; None for fewer than two messages or another format."""
    per_second = SAMPLE_BYTES.get(declared.encoding or "", 0) * (declared.sample_rate or 0) * (declared.channels or 1)
    rows = client.rows(Kind.AUDIO)
    if len(rows) < 2 or not per_second:  # noqa: PLR2004 - one message has no pace
        return None
    times, sizes = client.messages.column("first_time")[rows], client.messages.column("size")[rows]
    steps = np.diff(times)
    spoken = (sizes[:-1] * (SECOND / per_second)).astype(np.int64)
    waits = steps - spoken
    pauses = int(waits[waits > PAUSE].sum())
    audio_s = int(sizes[:-1].sum()) / per_second
    span_s = max((int(times[-1] - times[0]) - pauses) / SECOND, SHORTEST_SPAN)
    middle = float(np.sort(steps)[len(steps) // 2])
    steady = middle > 0 and float(np.mean(np.abs(steps - middle) <= NEAR * middle)) >= 0.5  # noqa: PLR2004 - half of them
    return Pace(round(audio_s / span_s, 4), round(audio_s, 6), round(span_s, 6), bool(steady), round(middle / SECOND, 6))
