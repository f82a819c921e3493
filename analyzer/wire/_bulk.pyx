# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
"""Byte-wide work, compiled. `bulk.py` holds the same functions in numpy and says what they do; tests hold the two equal.

Bounds checks are off only inside loops whose bounds the lines above them checked for the whole loop.
"""
cimport cython
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memmove, memset


def gather(const unsigned char[::1] source, const long long[::1] starts, const long long[::1] lengths, unsigned char[::1] out):
    cdef Py_ssize_t row, at = 0
    cdef long long begin, size
    for row in range(starts.shape[0]):
        begin = starts[row]
        size = lengths[row]
        if begin < 0 or size < 0 or begin > source.shape[0] - size or at > out.shape[0] - size:
            raise IndexError(f"slice {begin} + {size} at {at} is outside {source.shape[0]} or {out.shape[0]} bytes")
        if size:
            memmove(&out[at], &source[begin], size)  # both ranges were checked above; they overlap when source is out
        at += size
    return at


def unmask(const unsigned char[::1] source, const long long[::1] starts, const long long[::1] lengths, const unsigned int[::1] keys,
           unsigned char[::1] out):
    cdef Py_ssize_t row, at = 0, i, whole
    cdef long long begin, size
    cdef unsigned int key
    cdef unsigned long long word, wide
    cdef const unsigned char* s
    cdef unsigned char* d
    for row in range(starts.shape[0]):
        begin = starts[row]
        size = lengths[row]
        if begin < 0 or size < 0 or begin > source.shape[0] - size or at > out.shape[0] - size:
            raise IndexError(f"slice {begin} + {size} at {at} is outside {source.shape[0]} or {out.shape[0]} bytes")
        if not size:
            continue
        key = keys[row]
        # The key's bytes in memory order, twice, so that eight bytes are unmasked at once whatever the machine's byte order.
        (<unsigned char*> &wide)[0] = (<unsigned char*> &wide)[4] = key >> 24
        (<unsigned char*> &wide)[1] = (<unsigned char*> &wide)[5] = key >> 16 & 0xFF
        (<unsigned char*> &wide)[2] = (<unsigned char*> &wide)[6] = key >> 8 & 0xFF
        (<unsigned char*> &wide)[3] = (<unsigned char*> &wide)[7] = key & 0xFF
        s = &source[begin]  # size bytes from here on, and from d on, were checked above
        d = &out[at]
        whole = size & ~7
        i = 0
        while i < whole:
            memcpy(&word, s + i, 8)  # unaligned loads, spelled so that the compiler may use vector instructions
            word ^= wide
            memcpy(d + i, &word, 8)
            i += 8
        while i < size:
            d[i] = s[i] ^ (<unsigned char*> &wide)[i & 7]
            i += 1
        at += size
    return at


@cython.boundscheck(False)  # both indices run over the array's own length
def pcm16(const short[::1] samples):
    # Plain loops per block, because compilers turn each of them into vector instructions. A square has up to 31 bits: the sums of
    # its halves over a block fit 32 bits, as does the sum of the samples. Full scale is counted only where the peak reaches it.
    cdef Py_ssize_t i, begin = 0, end, count = samples.shape[0]
    cdef short lowest = 0, highest = 0, low_here, high_here, sample
    cdef int value, sum_here
    cdef unsigned int square, low, high, full_here
    cdef unsigned long long squares = 0, full = 0
    cdef long long total = 0
    with nogil:
        while begin < count:
            end = min(begin + 4096, count)
            low_here = high_here = 0
            for i in range(begin, end):
                sample = samples[i]
                low_here = sample if sample < low_here else low_here
                high_here = sample if sample > high_here else high_here
            low = high = 0
            sum_here = 0
            for i in range(begin, end):
                value = samples[i]
                square = <unsigned int> (value * value)
                low += square & 0xFFFF
                high += square >> 16
                sum_here += value
            squares += low + (<unsigned long long> high << 16)
            total += sum_here
            if high_here == 32767 or low_here <= -32767:
                full_here = 0
                for i in range(begin, end):
                    sample = samples[i]
                    full_here += (sample == 32767) | (sample <= -32767)
                full += full_here
            lowest = low_here if low_here < lowest else lowest
            highest = high_here if high_here > highest else highest
            begin = end
    return max(<int> highest, -(<int> lowest)), squares, total, full


@cython.boundscheck(False)  # both indices run over the array's own length
def pcm16_steps(const short[:] samples):
    cdef Py_ssize_t i, size = samples.shape[0]
    cdef long long total = 0
    cdef unsigned long long squares = 0, steps = 0
    cdef long long value, step, before = samples[0] if size else 0
    with nogil:
        for i in range(size):
            value = samples[i]
            step = value - before
            total += value
            squares += <unsigned long long> (value * value)
            steps += <unsigned long long> (step * step)
            before = value
    return total, squares, steps


@cython.boundscheck(False)  # the index runs over the array's own length, and a byte is an index into 256 counts or values
def coded(const unsigned char[::1] codes, const short[::1] table):
    # Eight counts in turn, so that equal neighbours do not wait for each other's sum to reach memory; eight bytes in one read.
    cdef unsigned long long parts[8][256]
    cdef unsigned long long word, squares = 0, full = 0
    cdef long long total = 0
    cdef Py_ssize_t i, size = codes.shape[0], whole = size & ~7
    cdef int code, part, value, peak = 0, highest = 0, lowest = 0, most
    if table.shape[0] != 256:
        raise ValueError(f"a table of {table.shape[0]} values for 256 codes")
    with nogil:
        memset(parts, 0, sizeof(parts))
        for i in range(0, whole, 8):
            memcpy(&word, &codes[i], 8)  # the eight bytes end at `whole` or before
            parts[0][word & 0xFF] += 1
            parts[1][word >> 8 & 0xFF] += 1
            parts[2][word >> 16 & 0xFF] += 1
            parts[3][word >> 24 & 0xFF] += 1
            parts[4][word >> 32 & 0xFF] += 1
            parts[5][word >> 40 & 0xFF] += 1
            parts[6][word >> 48 & 0xFF] += 1
            parts[7][word >> 56] += 1
        for i in range(whole, size):
            parts[0][codes[i]] += 1
        for code in range(256):
            highest = max(highest, <int> table[code])
            lowest = min(lowest, <int> table[code])
        most = min(highest, -lowest)
        for code in range(256):
            for part in range(1, 8):
                parts[0][code] += parts[part][code]
            value = table[code]
            squares += parts[0][code] * <unsigned int> (value * value)
            total += <long long> parts[0][code] * value
            if parts[0][code]:
                peak = max(peak, value, -value)
            if value >= most or value <= -most:
                full += parts[0][code]
    return peak, squares, total, full


cdef struct Silence:
    # Eight frames, so that they are whole words whatever the width of one: a silent byte equals `idle` in the bits of `mask`.
    Py_ssize_t width
    const unsigned char* mask
    const unsigned char* idle


cdef inline bint _frame(const unsigned char* frame, const Silence* silence) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(silence.width):
        if (frame[i] & silence.mask[i]) != silence.idle[i]:
            return False
    return True


cdef inline bint _eight(const unsigned char* frames, const Silence* silence) noexcept nogil:
    cdef unsigned long long word, mask, idle
    cdef Py_ssize_t i
    for i in range(0, 8 * silence.width, 8):
        memcpy(&word, frames + i, 8)
        memcpy(&mask, silence.mask + i, 8)
        memcpy(&idle, silence.idle + i, 8)
        if (word & mask) != idle:
            return False
    return True


cdef Py_ssize_t _end(const unsigned char* data, Py_ssize_t at, Py_ssize_t frames, const Silence* silence) noexcept nogil:
    # The first frame from `at` on that is not silent, or `frames`.
    while at + 8 <= frames and _eight(data + at * silence.width, silence):
        at += 8
    while at < frames and _frame(data + at * silence.width, silence):
        at += 1
    return at


cdef Py_ssize_t _begin(const unsigned char* data, Py_ssize_t at, const Silence* silence) noexcept nogil:
    # The first frame of the silent run that ends before `at`.
    while at > 0 and _frame(data + (at - 1) * silence.width, silence):
        at -= 1
    return at


cdef Py_ssize_t _runs(const unsigned char* data, Py_ssize_t frames, const Silence* silence, Py_ssize_t shortest,
                      Py_ssize_t* out) noexcept nogil:
    # Only one frame in `shortest` is looked at where there is sound.
    cdef Py_ssize_t found = 0, begin, end = _end(data, 0, frames, silence), place
    if end:
        out[0], out[1] = 0, end
        found = 1
    place = end + shortest  # the frame at `end` is sound: what begins behind it and is long enough covers this place
    while place < frames:
        if not _frame(data + place * silence.width, silence):
            place += shortest
            continue
        begin = _begin(data, place, silence)
        end = _end(data, place, frames, silence)
        if end - begin >= shortest or end == frames:
            out[2 * found], out[2 * found + 1] = begin, end
            found += 1
        place = end + shortest
    begin = _begin(data, frames, silence) if end < frames else frames
    if begin < frames:
        out[2 * found], out[2 * found + 1] = begin, frames
        found += 1
    return found


def silent_runs(const unsigned char[::1] data, bytes mask, bytes idle, Py_ssize_t shortest):
    cdef Py_ssize_t width = len(mask), frames, found = 0, run
    if not width or len(idle) != width or shortest < 1 or data.shape[0] % width:
        raise ValueError(f"{data.shape[0]} bytes, frames of {width} and {len(idle)} bytes, runs of {shortest} frames")
    frames = data.shape[0] // width
    if not frames:
        return []
    cdef const unsigned char[::1] masks = mask * 8, idles = idle * 8
    cdef Silence silence = Silence(width, &masks[0], &idles[0])
    # Runs that touch neither end have a frame of sound beside them, so that there is room for these and the two at the ends.
    cdef Py_ssize_t* out = <Py_ssize_t*> malloc((frames // (shortest + 1) + 2) * 2 * sizeof(Py_ssize_t))
    if out == NULL:
        raise MemoryError
    cdef const unsigned char* first = &data[0]  # no frame outside 0 to `frames` is looked at, and each has `width` bytes
    try:
        with nogil:
            found = _runs(first, frames, &silence, shortest, out)
        return [(out[2 * run], out[2 * run + 1]) for run in range(found)]
    finally:
        free(out)
