# Types of http2_kernels.py, for the compiled form; see kernels.pxd.
cimport cython

ctypedef long long i8

@cython.locals(count=i8, room=i8, left=i8, padding=i8, owner=i8, padded=i8, ends=i8, have=i8, rows=i8, why=int, pos=i8, end=i8,
               take=i8, kind=int)
cpdef tuple walk_http2(
    const unsigned char[::1] data, const i8[::1] start, const i8[::1] extent, const i8[::1] number, const i8[::1] time,
    const i8[::1] at, i8 part, i8 inside, i8[::1] state, unsigned char[::1] head,
    i8[::1] stream, i8[::1] size, i8[::1] packet, i8[::1] when, i8[::1] place)
