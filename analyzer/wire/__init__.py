"""The road of the bytes, one file per step: packets to TCP connections, streams, HTTP upgrades, frames and messages."""
