# Types of tcp_kernels.py, for the compiled form; see kernels.pxd.
cimport cython

ctypedef long long i8

@cython.locals(TOP=int, ACKED=int, SINCE=int, SINCE_PACKET=int, CLOSED=int, CLOSED_PACKET=int, SYN=int, WAITED=int, FIN=int,
               PACKETS=int, BYTES=int, RETRANSMISSIONS=int, RETRANSMITTED=int, LATE=int, OUT_OF_ORDER=int, DUPLICATES=int,
               KEEPALIVES=int, ZERO_WINDOWS=int, ZERO_TOTAL=int, ZERO=int, ZERO_PACKET=int, ZERO_TIME=int, STALL=int,
               STALL_PACKET=int, STALL_TIME=int, SYN_RETRIES=int, RESET=int, AGAIN=int, OVERTAKEN=int, COPY=int, HOLE_COUNT=int,
               HOLE=int, OLDEST=int, RECENTLY=int, size=i8, most=i8, word=i8, at_once=i8, soon=i8, ages=i8, rows=i8, others=i8, sent=i8, replied=i8, before=i8, span=i8, oldest=i8, row=i8, me=i8, peer=i8, now=i8,
               bits=i8, long=i8, extent=i8, first=i8, top=i8, relative=i8, place=i8, fresh=bint, answer=i8, reached=i8,
               advance=bint, same=i8, limit=i8, copied=bint, k=i8, since=i8, closed=i8, acked=i8, h=i8, opened=i8, low=i8, high=i8,
               last=i8)
cpdef observe(
    const i8[::1] number, const i8[::1] time, const unsigned int[::1] seq, const unsigned int[::1] ack,
    const unsigned char[::1] flags, const unsigned short[::1] window, const int[::1] length, const unsigned int[::1] ident,
    i8 begin, i8 end, i8 other, i8 stop, i8[::1] state)
