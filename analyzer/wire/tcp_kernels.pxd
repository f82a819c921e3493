# Types of tcp_kernels.py, for the compiled form; see kernels.pxd.
# What indexes is unsigned: one comparison holds it within bounds.
cimport cython

ctypedef long long i8

@cython.locals(TOP=size_t, ACKED=size_t, SINCE=size_t, SINCE_PACKET=size_t, CLOSED=size_t, CLOSED_PACKET=size_t, SYN=size_t,
               WAITED=size_t, FIN=size_t, PACKETS=size_t, BYTES=size_t, RETRANSMISSIONS=size_t, RETRANSMITTED=size_t,
               LATE=size_t, OUT_OF_ORDER=size_t, DUPLICATES=size_t, KEEPALIVES=size_t, ZERO_WINDOWS=size_t, ZERO_TOTAL=size_t,
               ZERO=size_t, ZERO_PACKET=size_t, ZERO_TIME=size_t, STALL=size_t, STALL_PACKET=size_t, STALL_TIME=size_t,
               SYN_RETRIES=size_t, RESET=size_t, AGAIN=size_t, OVERTAKEN=size_t, COPY=size_t, HOLE_COUNT=size_t, HOLE=size_t,
               OLDEST=size_t, RECENTLY=size_t, size=size_t, most=i8, word=i8, at_once=i8, soon=i8, ages=i8, rows=i8, others=i8,
               sent=i8, replied=i8, before=i8, span=i8, oldest=i8, row=size_t, me=size_t, peer=size_t, now=i8, bits=i8,
               long=i8, extent=i8, first=i8, top=i8, relative=i8, place=i8, fresh=bint, answer=i8, reached=i8, advance=bint,
               same=i8, limit=i8, copied=bint, k=size_t, since=i8, closed=i8, acked=i8, h=i8, opened=i8, low=i8, high=i8,
               last=size_t)
cpdef observe(
    const i8[::1] number, const i8[::1] time, const unsigned int[::1] seq, const unsigned int[::1] ack,
    const unsigned char[::1] flags, const unsigned short[::1] window, const int[::1] length, const unsigned int[::1] ident,
    i8 begin, i8 end, i8 other, i8 stop, i8[::1] state)
