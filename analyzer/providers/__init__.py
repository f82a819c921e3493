"""Speech services by name, path, host, header or vocabulary. One file per endpoint, each defines `PROVIDER`; data only.

A file beside this one is found by itself; an outside package adds one through the entry-point group `analyzer.providers`, whose
entries lead to a `Provider`. What is not recognised is `generic`.
"""

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from analyzer.model.errors import UsageError
from analyzer.model.plugins import outside
from analyzer.model.provider import Provider

if TYPE_CHECKING:
    from analyzer.model.session import Request, Response

GROUP = "analyzer.providers"


@cache
def all_providers() -> tuple[Provider, ...]:
    """Every provider, sorted by name; `generic` is one of them."""
    names = sorted(module.name for module in iter_modules(__path__) if not module.name.startswith("_"))
    found = [import_module(f"{__name__}.{name}").PROVIDER for name in names]
    found += outside(GROUP)
    return tuple(sorted(found, key=lambda provider: provider.name))


@cache
def _names() -> Mapping[str, Provider]:
    """Every provider by its name."""
    return {provider.name: provider for provider in all_providers()}


@cache
def _path_ends() -> tuple[tuple[str, Provider], ...]:
    """Ends of paths that a known provider has, the longest first."""
    ends = [(end, provider) for provider in all_providers() if provider.known for end in provider.paths]
    return tuple(sorted(ends, key=lambda one: -len(one[0])))


@cache
def _host_ends() -> tuple[tuple[str, Provider], ...]:
    """Ends of host names that a known provider has, each behind a dot, the longest first."""
    ends = [(f".{end}", provider) for provider in all_providers() if provider.known for end in provider.hosts]
    return tuple(sorted(ends, key=lambda one: -len(one[0])))


@cache
def _header_prefixes() -> tuple[tuple[str, Provider], ...]:
    """Prefixes of response headers that a known provider has."""
    return tuple((one.header_prefix, one) for one in all_providers() if one.known and one.header_prefix)


def by_name(name: str) -> Provider:
    """Look a provider up by its name. Raises UsageError that names the known ones."""
    providers = _names()
    if name not in providers:
        message = f"There is no provider {name!r}; known are {', '.join(providers)}."
        raise UsageError(message)
    return providers[name]


def recognise(path: str | None, host: str | None, response_headers: Mapping[str, str]) -> Provider:
    """Recognise the provider of a handshake: by the end of the path, else of the host name, else by response headers.

    The path comes first because a self-hosted service keeps its paths, behind any prefix, and nothing else. Host names may carry a
    port; header names are compared in lower case. `generic` when nothing fits.
    """
    clean = (path or "").rstrip("/")
    for end, provider in _path_ends():
        if clean.endswith(end):
            return provider
    name = "." + (host or "").lower().partition(":")[0].rstrip(".")
    for end, provider in _host_ends():
        if name.endswith(end):
            return provider
    headers = [header.lower() for header in response_headers]
    for prefix, provider in _header_prefixes():
        if any(header.startswith(prefix) for header in headers):
            return provider
    return by_name("generic")


def likely(request: "Request", response: "Response | None") -> bool:
    """Whether what is there of an exchange belongs to a known service."""
    return recognise(request.path, request.headers.get("host"), response.headers if response else {}).known


def recogniser(name: str | None) -> Callable[[str | None, str | None, Mapping[str, str]], Provider]:
    """How to find a provider: the named one whatever the handshake says, or from the handshake. Raises UsageError."""
    if name is None:
        return recognise
    chosen = by_name(name)
    return lambda *_: chosen


def by_words(client: frozenset[str], server: frozenset[str]) -> Provider | None:
    """Find the provider whose vocabulary these message types are; None when no signature word is among them.

    Endpoints of one service share words, so of those with a signature word the one that knows most of what was said is taken.
    """
    best: tuple[int, int] = (0, 0)
    found: Provider | None = None
    for provider in all_providers():
        signatures = len(provider.signature_words & (client | server))
        fit = len(provider.client_words & client) + len(provider.server_words & server)
        if provider.known and signatures and (fit, signatures) > best:
            best, found = (fit, signatures), provider
    return found
