"""A session on one line: what falls into which bucket, and the events beside it."""

from made_session import Said, audio, direction, gap, keepalives, session

from analyzer.model.redact import Secrets
from analyzer.model.schema import Kind, Side
from analyzer.session.timeline import BUCKETS, EVENTS, timeline

NONE = Secrets(names=frozenset())


def test_everything_falls_into_one_bucket() -> None:
    said = [*audio(0.5, 29.5, step=1.0, size=100), *keepalives(35, 40), Said(59.9, Kind.CONTROL, "CloseStream")]
    server = direction(Side.SERVER, [Said(10.5, Kind.EVENT, "Results")], [(59.99, 1011, "x")])
    found = timeline(session(direction(Side.CLIENT, said), server, gaps=(gap(29.5, 59.9, "close-stream"),)), NONE)
    assert found["bucket_s"] == 1.0
    assert found["audio_bytes"] == [100] * 30 + [0] * 30
    assert [bucket for bucket, count in enumerate(found["keepalives"]) if count] == [35, 40]
    assert [bucket for bucket, count in enumerate(found["server_messages"]) if count] == [10]
    assert found["events"] == [(29.5, "gap of 30.4 s"), (59.9, "CloseStream"), (59.99, "server close 1011")]


def test_times_outside_the_session_are_left_out() -> None:
    found = timeline(session(direction(Side.CLIENT, [*audio(-5, -4), *audio(70, 71)]), last=60.0), NONE)
    assert found["audio_bytes"] == [0] * BUCKETS


def test_a_session_without_length() -> None:
    found = timeline(session(direction(Side.CLIENT, [Said(0, Kind.AUDIO, size=5)]), last=0.0), NONE)
    assert found["audio_bytes"] == [5] + [0] * (BUCKETS - 1)
    assert found["bucket_s"] == 0.0


def test_events_are_bounded_and_in_order() -> None:
    gaps = tuple(gap(number, number + 0.5, "audio") for number in range(59, -1, -1))
    events = timeline(session(gaps=gaps), NONE)["events"]
    assert len(events) == EVENTS
    assert [time for time, _ in events] == [float(number) for number in range(EVENTS)]
