# Types of link_kernels.py, for the compiled form; see kernels.pxd. What follows `except?` is never a layer.
cimport cython

ctypedef long long i8
ctypedef unsigned long long u8

cdef inline i8 u16(const unsigned char[::1] data, i8 at) except? -99 nogil
@cython.locals(highest=i8)
cdef inline i8 u32(const unsigned char[::1] data, i8 at) except? -99 nogil
@cython.locals(high=u8)
cdef inline u8 u64(const unsigned char[::1] data, i8 at) except? 99 nogil
@cython.locals(highest=i8)
cdef inline i8 little32(const unsigned char[::1] data, i8 at) except? -99 nogil

@cython.locals(size=i8, ether=i8, family=int)
cdef i8 from_link(const unsigned char[::1] data, i8 at, i8 stop, i8 link, i8[::1] found) except? -99 nogil
@cython.locals(size=i8, inner=i8, least=i8)
cdef i8 inner_link(const unsigned char[::1] data, i8 at, i8 stop, i8 link, i8[::1] found) except? -99 nogil
@cython.locals(size=i8, spot=i8)
cdef i8 from_radio(const unsigned char[::1] data, i8 at, i8 stop, i8 link, i8[::1] found) except? -99 nogil
@cython.locals(size=i8)
cdef i8 from_nflog(const unsigned char[::1] data, i8 at, i8 stop, i8[::1] found) except? -99 nogil
cdef inline i8 typed(i8 ether, i8 other) noexcept nogil
@cython.locals(ether=i8)
cdef i8 from_type(const unsigned char[::1] data, i8 at, i8 stop, i8[::1] found) except? -99 nogil
cdef i8 from_llc(const unsigned char[::1] data, i8 at, i8 stop, i8[::1] found) except? -99 nogil
cdef bint snap(const unsigned char[::1] data, i8 at, i8 stop) except? -99 nogil
@cython.locals(control=int, bits=int, size=i8, several=bint, length=i8)
cdef i8 from_80211(const unsigned char[::1] data, i8 at, i8 stop, i8[::1] found) except? -99 nogil
@cython.locals(protocol=i8)
cdef i8 from_ppp(const unsigned char[::1] data, i8 at, i8 stop, i8[::1] found) except? -99 nogil
@cython.locals(length=i8)
cdef i8 from_pppoe(const unsigned char[::1] data, i8 at, i8 stop, i8[::1] found) except? -99 nogil
@cython.locals(version=int)
cdef i8 from_mpls(const unsigned char[::1] data, i8 at, i8 stop, i8[::1] found) except? -99 nogil
cdef bint ethernet(const unsigned char[::1] data, i8 at, i8 stop) except? -99 nogil
@cython.locals(bits=i8, ether=i8, mirrored=int)
cdef i8 from_gre(const unsigned char[::1] data, i8 at, i8 stop, i8[::1] found) except? -99 nogil
cdef inline bint tunnel_port(i8 port) noexcept nogil
@cython.locals(port=i8, bits=int, following=int)
cdef i8 from_udp(const unsigned char[::1] data, i8 at, i8 stop, i8[::1] found) except? -99 nogil
@cython.locals(part=int, head=i8, total=i8, protocol=i8, end=i8, size=i8)
cdef i8 from_ip(const unsigned char[::1] data, i8 at, i8 stop, int version, bint inside, i8[::1] found) except? -99 nogil

@cython.locals(layer=i8, inside=bint)
cpdef i8 innermost(const unsigned char[::1] data, i8 at, i8 stop, i8 end, i8 link, i8 layers, i8[::1] found) except? -99 nogil

@cython.locals(row=i8, at=i8, stop=i8, end=i8, what=int, ip=i8, total=i8, head=i8, k=i8, top=i8, ports=u8, four=u8, six=u8,
               identification=i8, bits=int, answer=i8)
cpdef locate(
    const unsigned char[::1] data, const i8[::1] offset, const i8[::1] captured, const i8[::1] on_wire, const int[::1] interface,
    const i8[::1] links, i8 layers, i8[::1] found,
    unsigned char[::1] kind, u8[::1] ends, unsigned int[::1] seq, unsigned int[::1] ack, unsigned char[::1] flags,
    unsigned short[::1] window, i8[::1] payload, int[::1] present, int[::1] length, unsigned int[::1] ident)
