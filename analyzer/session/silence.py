"""When no audio came, and how fast it came: gaps and pace of the client's audio (contract: Gap, Pacing). Whole columns at a
time.
"""

import numpy as np

from analyzer.model.limits import SECOND
from analyzer.model.places import Moment
from analyzer.model.provider import Provider
from analyzer.model.schema import Kind
from analyzer.model.session import AudioGap, Close, Direction
from analyzer.model.settings import Settings
from analyzer.model.track import AudioFormat, Pace

PAUSE = SECOND
"""Longer waits than this, beyond the audio sent before them, are no matter of pace."""
NEAR = 0.2
SAMPLE_BYTES = {"linear16": 2, "linear32": 4, "mulaw": 1, "alaw": 1, "pcm_u8": 1, "pcm_s16be": 2, "pcm_s24le": 3, "pcm_s24be": 3}
SAMPLE_BYTES |= {"pcm_s32le": 4, "pcm_f64le": 8}
SHORTEST_SPAN = 0.001


def find_gaps(
    client: Direction, provider: Provider, origin: Moment, last: Moment, close: Close | None, settings: Settings
) -> tuple[AudioGap, ...]:
    """Every stretch of more than `settings.gap` without client audio, from `origin` (the upgrade) to `last` (the last packet)."""
    audio = client.rows(Kind.AUDIO)
    if not provider.client_audio and not provider.text_audio_field:
        return ()
    if not provider.known and not len(audio):
        return ()
    columns = client.messages
    first_time = columns.column("first_time")
    begins = np.concatenate(([origin.time], columns.column("last_time")[audio]))
    ends = np.concatenate((first_time[audio], [last.time]))
    long = (ends - begins > settings.gap).nonzero()[0].tolist()
    if not long:
        return ()
    begin_packets = np.concatenate(([origin.packet], columns.column("last_packet")[audio]))
    end_packets = np.concatenate((columns.column("first_packet")[audio], [last.packet]))
    stops = [(client.moment(int(row)), "close-stream") for row in client.rows(Kind.CONTROL, provider.end_words)]
    if close is not None:
        stops.append((close.at, "close"))
    stops.sort(key=lambda stop: stop[0].time)
    stop_times = np.array([at.time for at, _ in stops], np.int64)
    keepalives = np.sort(first_time[client.rows(Kind.CONTROL, provider.keepalive_words)])
    blind = np.array([(span.begin.time, span.end.time) for span in client.blind], np.int64).reshape(-1, 2)
    found: list[AudioGap] = []
    for row in long:
        begin = Moment(int(begin_packets[row]), int(begins[row]))
        end, ended_by = Moment(int(end_packets[row]), int(ends[row])), "audio" if row < len(audio) else "capture-end"
        stop = int(np.searchsorted(stop_times, begin.time))
        if stop < len(stops) and stops[stop][0].time <= end.time:
            end, ended_by = stops[stop]
        if (close is not None and begin.time >= close.at.time) or len(found) == settings.limits.gaps:
            break
        if end.time - begin.time > settings.gap:
            low, high = np.searchsorted(keepalives, [begin.time, end.time + 1]).tolist()
            step = int(np.diff(np.concatenate(([begin.time], keepalives[low:high], [end.time]))).max())
            covered = not np.any((blind[:, 0] < end.time) & (blind[:, 1] > begin.time))
            found.append(AudioGap(begin, end, high - low, step, ended_by, covered=covered))
    return tuple(found)


def raw_bytes_per_second(declared: AudioFormat) -> float | None:
    """What a second of a raw declared format takes; None for other formats, which do not say."""
    return SAMPLE_BYTES.get(declared.encoding or "", 0) * (declared.sample_rate or 0) * (declared.channels or 1) or None


def usual_bytes_per_second(client: Direction) -> float | None:
    """The bytes of a middling audio message over the middling time between two, where nothing tells what a second takes."""
    rows = client.rows(Kind.AUDIO)
    if len(rows) < 2:  # noqa: PLR2004 - one message has no pace
        return None
    step = float(np.median(np.diff(client.messages.column("first_time")[rows])))
    size = float(np.median(np.diff(client.messages.column("audio_at")[rows])))
    return size * SECOND / step if step > 0 and size > 0 else None


def find_pace(client: Direction, bytes_per_second: float | None) -> Pace | None:
    """Pace of the client's audio; None for fewer than two messages, or where it is not known how long its bytes last."""
    rows = client.rows(Kind.AUDIO)
    if len(rows) < 2 or not bytes_per_second:  # noqa: PLR2004 - one message has no pace
        return None
    times = client.messages.column("first_time")[rows]
    sent = client.messages.column("audio_at")[rows]
    steps = times[1:] - times[:-1]
    waits = steps - ((sent[1:] - sent[:-1]) * (SECOND / bytes_per_second)).astype(np.int64)
    pauses = int(waits[waits > PAUSE].sum())
    audio_s = int(sent[-1] - sent[0]) / bytes_per_second
    span_s = max((int(times[-1] - times[0]) - pauses) / SECOND, SHORTEST_SPAN)
    half = len(steps) // 2
    middle = float(np.partition(steps, half)[half])
    steady = middle > 0 and 2 * int(np.count_nonzero(np.abs(steps - middle) <= NEAR * middle)) >= len(steps)
    ratio = round(audio_s / span_s, 4)
    if not ratio:  # a byte now and then has no pace
        return None
    return Pace(ratio, round(audio_s, 6), round(span_s, 6), steady, round(middle / SECOND, 6), bytes_per_second)
