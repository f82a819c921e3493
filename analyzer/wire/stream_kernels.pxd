# Types of stream_kernels.py, for the compiled form; see kernels.pxd.
cimport cython

ctypedef long long i8
ctypedef unsigned long long u8

@cython.locals(word=i8, parts=i8, in_order=bint, expected=i8, row=i8, bits=int, long=i8, relative=i8, place=i8)
cpdef tuple follow(
    const unsigned int[::1] seq, const unsigned char[::1] flags, const int[::1] captured, const int[::1] length,
    const i8[::1] payload, const i8[::1] number, const i8[::1] time, i8 begin, i8 end,
    i8 base, i8 following, i8[::1] facts, i8[::1] start, i8[::1] size, i8[::1] packet, i8[::1] when, i8[::1] at)

@cython.locals(word=i8, row=i8, relative=i8)
cpdef i8 acknowledged(
    const unsigned int[::1] ack, const unsigned char[::1] flags, i8 begin, i8 end, i8 base, i8 following, i8 highest) except? -1

@cython.locals(word=u8, here=bint, i=i8, count=i8, room=i8, piece_room=i8, going=i8, left=i8, have=i8, row=i8, pieces=i8, total=i8, why=int, seen=int, pos=i8, end=i8,
               packet=i8, when=i8, shift=i8, take=i8, mask=u8, turn=int, first=int, second=int, begin=i8, early=i8, early_time=i8,
               late=i8, late_time=i8, spot=i8, size=u8, extra=i8, need=i8, code=int, plain=i8)
cpdef tuple walk_frames(
    const unsigned char[::1] data, const i8[::1] start, const i8[::1] extent, const i8[::1] number, const i8[::1] time,
    const i8[::1] at, i8 part, i8 inside, bint client, i8 most, i8[::1] state, unsigned char[::1] head,
    i8[::1] offset, i8[::1] length, i8[::1] first_packet, i8[::1] last_packet, i8[::1] first_time, i8[::1] last_time,
    unsigned char[::1] header, unsigned char[::1] opcode, unsigned char[::1] fin, unsigned char[::1] rsv, unsigned char[::1] masked,
    unsigned int[::1] key, i8[::1] piece_at, i8[::1] piece_length, unsigned int[::1] piece_key)

@cython.locals(questions=i8, row=i8, code=int, kind=int, size=i8, one=int, two=int, opens=bint, closes=bint)
cpdef i8 sort_messages(
    const unsigned char[::1] opcode, const i8[::1] part, const i8[::1] at, const unsigned char[::1] readable,
    const unsigned char[::1] whole, const unsigned char[::1] content, const unsigned char[::1] kinds,
    int binary, int empty, int unreadable, i8 longest, i8 bare, unsigned char[::1] out, i8[::1] asked) except? -1

@cython.locals(rows=i8, place=i8, size=i8, room=i8, sound=bint, code=int, extent=i8)
cpdef tuple walk_records(const unsigned char[::1] content, i8 longest, i8[::1] at, i8[::1] length, unsigned char[::1] kind)
