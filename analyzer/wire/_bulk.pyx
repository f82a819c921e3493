# cython: language_level=3, boundscheck=True, wraparound=False, cdivision=True, initializedcheck=False
"""Byte-wide work, compiled. `bulk.py` holds the same functions in numpy and says what they do; tests hold the two equal.

Bounds checks are off only inside loops whose bounds the lines above them checked for the whole loop.
"""
cimport cython
from libc.string cimport memcpy, memmove


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
    # Two plain loops per block, because compilers turn each of them into vector instructions. A square has up to 31 bits: the sums of
    # its halves over a block fit 32 bits.
    cdef Py_ssize_t i, begin = 0, end, count = samples.shape[0]
    cdef short lowest = 0, highest = 0, sample
    cdef int value
    cdef unsigned int square, low, high
    cdef unsigned long long squares = 0
    with nogil:
        while begin < count:
            end = min(begin + 4096, count)
            for i in range(begin, end):
                sample = samples[i]
                lowest = sample if sample < lowest else lowest
                highest = sample if sample > highest else highest
            low = high = 0
            for i in range(begin, end):
                value = samples[i]
                square = <unsigned int> (value * value)
                low += square & 0xFFFF
                high += square >> 16
            squares += low + (<unsigned long long> high << 16)
            begin = end
    return max(<int> highest, -(<int> lowest)), squares
