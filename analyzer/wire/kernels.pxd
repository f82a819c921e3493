# Types of kernels.py, for the compiled form. Lengths and offsets are 64 bits wide: no sum of two header fields can overflow.
cimport cython

ctypedef long long i8
ctypedef unsigned long long u8

cdef inline i8 u16(const unsigned char[::1] data, i8 at) except? -1 nogil
@cython.locals(highest=i8)
cdef inline i8 u32(const unsigned char[::1] data, i8 at) except? -1 nogil
@cython.locals(highest=i8)
cdef inline i8 read32(const unsigned char[::1] data, i8 at, bint big) except? -1 nogil
@cython.locals(one=u8, two=u8, mixed=u8)
cdef inline i8 flow_hash(u8 ahi, u8 alo, u8 bhi, u8 blo, u8 sport, u8 dport) noexcept nogil

@cython.locals(at=i8, row=i8, room=i8, why=int, size=i8, top=i8, seconds=i8, fraction=i8, long=i8, stated=i8, second=i8)
cpdef tuple walk_pcap(
    const unsigned char[::1] data, i8 start, i8 stop, bint big, i8 unit, i8 header, int swapped, i8 longest,
    i8[::1] offset, i8[::1] captured, i8[::1] on_wire, i8[::1] time)

@cython.locals(begun=i8, row=i8, now=i8)
cpdef tuple follow(const i8[::1] time, i8 rows, i8 highest, i8 behind, i8[::1] moment, i8[::1] starts)

@cython.locals(at=i8, row=i8, room=i8, latest=u8, interfaces=i8, why=int, now=i8, kind=i8, total=i8, which=i8, length=i8, body=i8, size=i8,
               high=u8, low=u8, ticks=u8, seconds=u8, rest=u8, spot=i8, end=i8, code=i8, room_used=i8)
cpdef tuple walk_pcapng(
    const unsigned char[::1] data, i8 start, i8 stop, bint big, i8 longest, i8 first,
    const i8[::1] shift, const u8[::1] unit, const i8[::1] base, const i8[::1] snap,
    i8[::1] offset, i8[::1] captured, i8[::1] on_wire, i8[::1] time, int[::1] interface, i8[::1] options)

@cython.locals(at=i8, row=i8)
cpdef i8 block_starts(const unsigned char[::1] data, i8 start, bint big, i8 rows, i8[::1] starts) except? -1

@cython.locals(half=i8, apart=i8)
cdef inline i8 distance(i8 one, i8 two) noexcept nogil
@cython.locals(own=i8, peer=i8, known=i8, near=int, away=int)
cdef int fits(const i8[::1] latest, i8 which, i8 way, i8 number, i8 answer, int bits, i8 far) except? -1 nogil
@cython.locals(known=i8, peer=i8)
cdef bint begins(
    const i8[::1] initial, const i8[::1] latest, i8 which, i8 way, i8 number, i8 answer, int bits, i8 far) except? -1 nogil

@cython.locals(word=i8, mask=i8, capacity=i8, done=i8, row=i8, k=i8, ahi=u8, alo=u8, bhi=u8, blo=u8, ports=u8, sport=u8, dport=u8,
               swapped=u8, number=i8, answer=i8, bits=int, slot=i8, which=i8, way=i8, former=i8, stream=i8, relative=i8,
               early=i8, other=i8, match=int)
cpdef tuple track(
    const unsigned char[::1] kind, const u8[::1] ends, const unsigned int[::1] seq, const unsigned int[::1] ack,
    const unsigned char[::1] flags, const int[::1] length, i8 begin, i8 rows, i8 far,
    int[::1] slots, u8[::1] keys, i8[::1] initial, i8[::1] latest, unsigned char[::1] opened, int[::1] chain,
    i8 flows, i8 streams, int[::1] flow, unsigned char[::1] side)

@cython.locals(mask=i8, which=i8, k=i8, ahi=u8, alo=u8, bhi=u8, blo=u8, sport=u8, dport=u8, family=u8, swapped=u8, slot=i8, other=i8)
cpdef rehash(const u8[::1] keys, i8 flows, int[::1] slots)
