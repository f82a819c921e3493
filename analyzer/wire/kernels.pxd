# Types of kernels.py, for the compiled form. Lengths and offsets are 64 bits wide: no sum of two header fields can overflow.
cimport cython

ctypedef long long i8
ctypedef unsigned long long u8

cdef inline i8 u16(const unsigned char[::1] data, i8 at) except? -1 nogil
@cython.locals(highest=i8)
cdef inline i8 u32(const unsigned char[::1] data, i8 at) except? -1 nogil
@cython.locals(high=u8)
cdef inline u8 u64(const unsigned char[::1] data, i8 at) except? 0 nogil
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

@cython.locals(word=i8, mask=i8, capacity=i8, row=i8, at=i8, stop=i8, link=i8, what=int, ether=i8, family=u8, tags=int, version=i8, protocol=i8,
               end=i8, ahi=u8, alo=u8, bhi=u8, blo=u8, head=i8, total=i8, sport=i8, dport=i8, number=i8, bits=i8,
               slot=i8, ports=u8, swapped=u8, which=i8, way=int, k=i8, top=i8, answer=i8, done=i8, size=i8, type_at=i8)
cpdef tuple decode(
    const unsigned char[::1] data, const i8[::1] offset, const i8[::1] captured, const i8[::1] on_wire, const int[::1] interface,
    const i8[::1] links, i8 begin, i8 rows,
    int[::1] slots, u8[::1] keys, i8[::1] initial, unsigned char[::1] opened, i8 flows,
    unsigned char[::1] kind, int[::1] flow, unsigned char[::1] side, unsigned int[::1] seq, unsigned int[::1] ack,
    unsigned char[::1] flags, unsigned short[::1] window, i8[::1] payload, int[::1] present, int[::1] length)

@cython.locals(mask=i8, which=i8, k=i8, ahi=u8, alo=u8, bhi=u8, blo=u8, sport=u8, dport=u8, family=u8, swapped=u8, slot=i8, other=i8)
cpdef rehash(const u8[::1] keys, i8 flows, int[::1] slots)
