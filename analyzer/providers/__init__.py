"""Speech services by name, path, host, header or vocabulary. One file per endpoint, each defines `PROVIDER`; data only.

A file beside this one is found by itself; an outside package adds one through the entry-point group `analyzer.providers`, whose
entries lead to a `Provider`. What is not recognised is `generic`.
"""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from analyzer.model.errors import UsageError
from analyzer.model.plugins import outside
from analyzer.model.provider import Provider

GROUP = "analyzer.providers"


@cache
def all_providers() -> tuple[Provider, ...]:
    """Every provider, sorted by name; `generic` is one of them."""
    names = sorted(module.name for module in iter_modules(__path__) if not module.name.startswith("_"))
    found = [import_module(f"{__name__}.{name}").PROVIDER for name in names]
    found += outside(GROUP)
    return tuple(sorted(found, key=lambda provider: provider.name))


def by_name(name: str) -> Provider:
    """Look a provider up by its name. Raises UsageError that names the known ones."""
    providers = {provider.name: provider for provider in all_providers()}
    if name not in providers:
        message = f"There is no provider {name!r}; known are {', '.join(providers)}."
        raise UsageError(message)
    return providers[name]


def recognise(path: str | None, host: str | None, response_headers: Mapping[str, str]) -> Provider:
    """Recognise the provider of a handshake: by the end of the path, else of the host name, else by response headers.

    The path comes first because a self-hosted service keeps its paths, behind any prefix, and nothing else. Host names may carry a
    port; header names are compared in lower case. `generic` when nothing fits.
    """
    known = [provider for provider in all_providers() if provider.known]
    clean = (path or "").rstrip("/")
    by_path = [(len(end), provider) for provider in known for end in provider.paths if clean.endswith(end)]
    if by_path:
        return max(by_path, key=lambda match: match[0])[1]
    name = (host or "").lower().partition(":")[0].rstrip(".")
    by_host = [(len(end), provider) for provider in known for end in provider.hosts if f".{name}".endswith(f".{end}")]
    if by_host:
        return max(by_host, key=lambda match: match[0])[1]
    headers = [header.lower() for header in response_headers]
    for provider in known:
        if provider.header_prefix and any(header.startswith(provider.header_prefix) for header in headers):
            return provider
    return by_name("generic")


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
