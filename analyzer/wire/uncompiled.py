"""What `cython` is to the walks where they run as plain Python and Cython is not installed."""

from contextlib import nullcontext

nogil = nullcontext()
"""The interpreter lock stays where it is."""
