"""Estimates from records made by hand: sizes of plaintext and seconds; every record has the overhead of AES-GCM in TLS 1.3."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_session import moment

from analyzer.model.limits import SECOND
from analyzer.model.schema import TLS_RECORDS, Side
from analyzer.model.settings import Settings
from analyzer.model.tables import Table
from analyzer.model.tcp import Tcp
from analyzer.model.tls import Estimate, Tls
from analyzer.session.encrypted import estimate

OVERHEAD, APPLICATION, ALERT = 17, 23, 21
Sent = Sequence[tuple[float, int]]
FINISHED, REQUEST, ANSWER = (-0.02, 52), (0.0, 400), (0.03, 150)
AUDIO, KEEPALIVE, CLOSE_STREAM, CLOSE, SERVER_CLOSE, NOTIFY = 3208, 26, 28, 8, 4, 2
NET_0001 = 112


def table(records: Sent, overhead: int, kind: int = APPLICATION) -> Table:
    made = Table(TLS_RECORDS, 1 << 20)
    places = [moment(time) for time, _ in records]
    made.append(
        {
            "type": np.full(len(records), kind),
            "length": np.array([size + overhead for _, size in records], np.int64),
            "packet": np.array([place.packet for place in places], np.int64),
            "time": np.array([place.time for place in places], np.int64),
        }
    )
    return made


def judged(
    client: Sent,
    server: Sent = (ANSWER,),
    *,
    ends: tuple[Tcp, Tcp] | None = None,
    last: float = 60.0,
    version: str = "TLSv1.3",
    cbc: bool = False,
) -> Estimate:
    overhead = 37 if cbc else OVERHEAD if version == "TLSv1.3" else 24
    tls = Tls(
        version=version,
        established=moment(-0.02),
        records=(table([FINISHED, *client] if version == "TLSv1.3" else client, overhead), table(server, overhead)),
        overhead=None if cbc else overhead,
    )
    found = estimate(tls, ends or (Tcp(), Tcp()), moment(last), Settings())
    assert found is not None
    return found


def stream(first: float, last: float, step: float = 0.1, size: int = AUDIO) -> list[tuple[float, int]]:
    return [(first + step * number, size) for number in range(round((last - first) / step) + 1)]


def fin(side: Side, at: float) -> tuple[Tcp, Tcp]:
    return (Tcp(fin=moment(at)), Tcp()) if side is Side.CLIENT else (Tcp(), Tcp(fin=moment(at)))


HEALTHY = [REQUEST, *stream(0.1, 20), (20.1, CLOSE_STREAM), (20.5, CLOSE), (20.6, NOTIFY)]
ANSWERS = [ANSWER, *stream(1, 20, 1.0, 300), (20.3, 500), (20.4, SERVER_CLOSE), (20.65, NOTIFY)]


def test_a_healthy_session_has_nothing_odd() -> None:
    found = judged(HEALTHY, ANSWERS, ends=fin(Side.SERVER, 20.7), last=20.8)
    assert found.streamed
    assert found.exact
    assert (found.quiet, found.empties, found.reason, found.alert) == ((), (), None, None)
    assert (found.ended_by, found.farewell) == (Side.SERVER, True)
    assert found.records == (len(HEALTHY) - 1, len(ANSWERS) - 1)
    assert found.first == (moment(0), moment(0.03))


def test_the_upload_is_measured_without_pauses() -> None:
    found = judged([REQUEST, *stream(0.1, 5), *stream(15, 20)], ANSWERS)
    assert found.upload is not None
    assert found.upload.rate == pytest.approx(32_000, rel=0.01)
    assert found.upload.like == "16-bit mono at 16 kHz"
    assert found.upload.records == 101


@pytest.mark.parametrize(
    ("size", "step", "like"), [(166, 0.02, "8-bit mono at 8 kHz"), (9608, 0.1, "16-bit mono at 48 kHz"), (1000, 0.1, None)]
)
def test_usual_rates_are_named(size: int, step: float, like: str | None) -> None:
    found = judged([REQUEST, *stream(0.1, 5, step, size)])
    assert found.upload is not None
    assert found.upload.like == like


def test_silence_that_the_server_ends() -> None:
    said = [REQUEST, *stream(0.1, 3), (15.2, CLOSE + 108), (15.25, NOTIFY)]
    found = judged(said, [ANSWER, (2, 300), (15.1, 400), (15.1, NET_0001)], ends=fin(Side.SERVER, 15.3), last=15.4)
    (quiet,) = found.quiet
    assert (quiet.begin, quiet.end) == (moment(3), moment(15.1))
    assert (quiet.keepalives, quiet.others, quiet.ended_by) == (0, 0, "server")
    assert (found.ended_by, found.reason, found.reason_at) == (Side.SERVER, "NET-0001", moment(15.1))


def test_a_close_frame_without_echo_ends_it_too() -> None:
    found = judged([REQUEST, *stream(0.1, 3)], [ANSWER, (15.1, NET_0001), (15.2, NOTIFY)], ends=fin(Side.SERVER, 15.3))
    assert [quiet.ended_by for quiet in found.quiet] == ["server"]


def test_a_fin_alone_ends_it() -> None:
    for side, word in ((Side.SERVER, "server"), (Side.CLIENT, "client")):
        found = judged([REQUEST, *stream(0.1, 3)], ends=fin(side, 15.3))
        assert [(quiet.end, quiet.ended_by) for quiet in found.quiet] == [(moment(15.3), word)]
        assert not found.farewell


def test_keepalives_in_a_silence_are_counted() -> None:
    kept = [(time, KEEPALIVE + odd) for time, odd in ((7, 0), (11, 1), (15, 0))]
    found = judged([REQUEST, *stream(0.1, 3), *kept, (16.0, 6), (17.0, 10), *stream(18, 20)], ANSWERS)
    (quiet,) = found.quiet
    assert (quiet.begin, quiet.end, quiet.ended_by) == (moment(3), moment(18), "record")
    assert (quiet.keepalives, quiet.others, quiet.widest_step) == (3, 2, 4 * SECOND)


def test_silence_before_the_first_audio() -> None:
    (quiet,) = judged([REQUEST, *stream(12, 15)], last=16).quiet
    assert (quiet.begin, quiet.end) == (moment(0), moment(12))


def test_silence_that_lasts() -> None:
    (quiet,) = judged([REQUEST, *stream(0.1, 3)], last=30).quiet
    assert (quiet.end, quiet.ended_by) == (moment(30), "capture-end")


@pytest.mark.parametrize("last_word", [CLOSE_STREAM, CLOSE_STREAM + 1, 60, 25])
def test_after_the_word_that_ends_the_audio_nothing_is_expected(last_word: int) -> None:
    assert judged([REQUEST, *stream(0.1, 3), (3.1, last_word)], ends=fin(Side.SERVER, 20)).quiet == ()


@pytest.mark.parametrize(
    ("client", "server"),
    [
        ([(float(number), 400) for number in range(20)], [(number + 0.1, 2000) for number in range(20)]),  # requests and answers
        ([REQUEST, *stream(0.1, 5, 0.05, 16_384)], [ANSWER]),  # a file over HTTP
        ([REQUEST, *stream(0.1, 0.2, 0.001)], [ANSWER]),  # a file at once
        ([REQUEST, *stream(0.1, 0.5)], [ANSWER]),  # too little to tell
        ([REQUEST, *stream(0.1, 3, 0.02, 40), *stream(3, 30, 0.4, 10)], [ANSWER]),  # a codec that sends next to nothing for silence
    ],
)
def test_what_is_no_stream_has_no_silence(client: Sent, server: Sent) -> None:
    assert judged(client, server, ends=fin(Side.SERVER, 70)).quiet == ()


def test_empty_frames_are_told_from_pings() -> None:
    said = [REQUEST, *stream(0.1, 3), (3.0, 6), (5.0, 6), (9.0, 6), *stream(9.1, 10)]
    found = judged(sorted(said), [ANSWER, (2.95, 2), (5.05, 2), (9.05, 300)])
    assert (found.empties, found.empty_count) == ((moment(9.0),), 1)


def test_the_close_frame_without_a_body_is_no_empty_frame() -> None:
    found = judged([REQUEST, *stream(0.1, 3), (3.2, 6), (3.3, NOTIFY)], [ANSWER, (3.25, 2)], ends=fin(Side.CLIENT, 3.4))
    assert found.empty_count == 0
    assert (found.ended_by, found.farewell) == (Side.CLIENT, True)


def test_an_alert_in_place_of_the_finished() -> None:
    tls = Tls(
        version="TLSv1.3",
        established=moment(0),
        records=(table([(0, NOTIFY)], OVERHEAD), table([(-0.1, 900)], OVERHEAD)),
        overhead=OVERHEAD,
    )
    found = estimate(tls, fin(Side.CLIENT, 0.1), moment(0.2), Settings())
    assert found is not None
    assert (found.alert, found.records[0], found.first[0]) == ((Side.CLIENT, moment(0)), 0, None)


def test_an_alert_in_place_of_an_answer() -> None:
    assert judged([], [(0.1, NOTIFY)], ends=fin(Side.SERVER, 0.2)).alert == (Side.SERVER, moment(0.1))
    assert judged([], [(0.2, NOTIFY)], ends=fin(Side.CLIENT, 0.1)).alert is None
    assert judged([REQUEST], [(0.1, NOTIFY)], ends=fin(Side.SERVER, 0.2)).alert == (Side.SERVER, moment(0.1))
    assert judged([REQUEST], [(0.1, 100), (0.1, NOTIFY)], ends=fin(Side.SERVER, 0.2)).alert is None


def test_tls_1_2_shows_alerts_by_type() -> None:
    client = table([REQUEST, *stream(0.1, 3)], 24)
    server = table([ANSWER], 24)
    server.append(table([(3.5, NOTIFY)], 24, ALERT).columns())
    found = estimate(
        Tls(version="TLSv1.2", established=moment(0), records=(client, server), overhead=24), (Tcp(), Tcp()), moment(4), Settings()
    )
    assert found is not None
    assert (found.ended_by, found.farewell, found.records) == (Side.SERVER, True, (31, 1))


def test_with_cbc_only_the_coarse_is_told() -> None:
    found = judged(
        [REQUEST, *stream(0.1, 3), (8, KEEPALIVE), (13, KEEPALIVE), *stream(17, 18)],
        [ANSWER, (18.1, NET_0001)],
        cbc=True,
        version="TLSv1.2",
        last=18.5,
    )
    (quiet,) = found.quiet
    assert (found.exact, found.reason, found.empties) == (False, None, ())
    assert (quiet.keepalives, quiet.others) == (2, 0)


def test_without_records_there_is_nothing_to_tell() -> None:
    assert estimate(Tls(), (Tcp(), Tcp()), moment(1), Settings()) is None


SENT = st.lists(
    st.tuples(st.floats(-1, 100), st.sampled_from([0, 2, 4, 6, 8, 26, 27, 28, 36, 52, 108, 112, 500, 3208])), max_size=60
).map(sorted)
ENDS = st.builds(Tcp, fin=st.none() | st.floats(0, 100).map(moment), rst=st.none() | st.floats(0, 100).map(moment))


@given(client=SENT, server=SENT, ends=st.tuples(ENDS, ENDS), version=st.sampled_from(["TLSv1.3", "TLSv1.2"]), cbc=st.booleans())
def test_whatever_is_sent_the_estimate_holds_together(
    client: Sent, server: Sent, ends: tuple[Tcp, Tcp], version: str, cbc: bool
) -> None:
    found = judged(client, server, ends=ends, last=101, version=version, cbc=cbc)
    assert found.records[0] <= len(client) + 1
    assert found.records[1] <= len(server)
    for quiet in found.quiet:
        assert quiet.duration > Settings().gap
        assert quiet.widest_step <= quiet.duration
    assert len(found.empties) <= found.empty_count
