"""The redactor: secrets become `<redacted:1a2b3c4d>` on the only road to output.

In: text, request targets, headers, JSON and plain report data. Out: the same, each secret replaced by the first 8 hex digits
of its SHA-256, so that the same key twice is visible and its length is not. A value is secret by its name (`api_key`,
`Authorization`), by its shape (a 40-digit hex key, a JWT) or because the session's own upgrade request shows it to be one
(`secrets_of`). Request ids, UUIDs and SHA-256 sums survive: support needs them. Redacting twice changes nothing.

With `Secrets.cover` the same secrets are overwritten letter by letter, and nothing else is touched: what comes out is as long as
what went in, JSON stays JSON, and every other letter stands where it stood.
"""

import dataclasses
import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, partial
from hashlib import sha256
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

from analyzer.model.dataclass import dataclass
from analyzer.model.json_scan import letters, tokens

Plain = Any
"""JSON values, and tuples and frozen dataclasses of them."""
_Waiting = tuple[Plain, Plain, str, str, bool]
"""An item in `_walk`: its container, its place there, the key it stands under, the one above, whether that is secret."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """What is known to be secret beyond shapes and common names: verbatim `values`, and field `names` (`Provider.redact_keys`)."""

    values: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    cover: bool = False
    """Overwrite secrets instead of naming them by their sum."""


NONE = Secrets()
_SECRET_WORDS = frozenset({"token", "secret", "key", "password", "passwd", "pwd", "credential", "credentials", "signature", "jwt"})
"""A name that ends with one of these words holds a secret, also in camel case: `session_token`, `X-Api-Key`, `secretAccessKey`."""
_SECRET_NAMES = frozenset(
    {"access_key_id", "api_keys", "apikey", "auth", "authorization", "proxy_authorization", "bearer", "cookie", "set_cookie"}
    | {"prompt", "arguments", "custom_parameters", "account_sid", "call_sid", "stream_sid"}
)
"""More of them; the second row is confidential content: an agent's prompt, function arguments, ids of a telephony leg."""
_SECRET_QUERY = frozenset({"callback", "extra", "tag"})
"""Secret in a query only: a callback URL may hold `user:password@`, the others hold what the customer likes."""
_PUBLIC_NAMES = frozenset({"sec_websocket_key", "transaction_key", "request_id", "dg_request_id", "model_uuid", "sha256"})
_CLOSE_TOKEN = re.compile(r"(?i)(?:net|data|message|big)-?\d{4}")
"""Services call a word such as NET-0001 a token, too."""
_SEPARATOR = re.compile("([&;])")
_DONE = re.compile(r"(?:\w+ )?<redacted:[0-9a-f]{8}>")
_SCHEME = re.compile(r"(?i)\s*(token|bearer|basic|digest|negotiate)\s+(?=\S)")
_PREFIXED = re.compile(r"(?i)(.*(?:token|bearer|auth|authorization|key|k8s\.io))\.(.+)", re.DOTALL)
"""A subprotocol that carries a key behind a dot: `access_token.eyJ...`."""
_SHAPES = re.compile(
    r"(?:(?<![0-9a-fA-F])|(?<=%[0-9a-fA-F]{2})|(?<=\\u[0-9a-fA-F]{4}))[0-9a-fA-F]{40}(?![0-9a-fA-F])"  # Deepgram (and any SHA-1)
    r"|eyJ[\w-]{6,}(?:\.[\w-]+){1,4}"  # JWT: base64 of '{"'
    r"|(?<![A-Za-z0-9])sk[-_][\w-]{16,}"  # OpenAI, ElevenLabs
    r"|(?<![A-Za-z0-9])A(?:KIA|SIA)[A-Z0-9]{12,}"  # AWS
    r"|(?<![A-Za-z0-9])AIza[\w-]{30,}"  # Google
)
_CREDENTIALS = re.compile(r"(?i)\b(bearer|token|basic)((?:\s|%20|\+)+)(?=[\w.~+/=-]*\d)([\w.~+/=-]{16,})")
_KEY_LENGTH = 16
"""Without a name in front of a value and a word as long as this, none of the patterns below can match: most text of a report."""
_PUBLIC = re.compile(r"[0-9a-f]{64}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""A SHA-256 sum or a UUID and nothing else: long words that no pattern below matches."""
_USERINFO = re.compile(r"(?i)(?<=://)[^/\s?#@\"'<]+(?=@)")
_NAME = re.compile(r"([A-Za-z][\w-]{1,63})\\{0,8}[\"']?\s*([:=])\s*")
_VALUE = re.compile(
    r"(?P<quote>\\{1,8}[\"'])(.*?)(?:(?<!\\)(?P=quote)|\Z)"
    r"|\"((?:[^\"\\]|\\.)*)"
    r"|'((?:[^'\\]|\\.)*)"
    r"|((?:(?:token|bearer|basic|digest)\s+)?(?:<redacted:[0-9a-f]{8}>|[^\s,;&\"'{}\[\]<>\\]+))",
    re.DOTALL | re.IGNORECASE,
)
"""What follows a name: in escaped quotes, in quotes (the last one may be cut off), or bare with its scheme."""
_CONSTANTS = frozenset({"null", "true", "false", "None", "True", "False", "undefined"})
_NESTED_JSON = 4
"""JSON inside a string of JSON is taken apart to this depth; what is deeper is redacted as text."""
_VALUE_LENGTH = 12
"""A shorter secret is not searched for by value: it might be an everyday word."""
_CUT_LENGTH = _VALUE_LENGTH // 2
"""Less than this of a secret at the end of an excerpt is not recognised."""
_NAMES_KEPT, _NAME_LENGTH = 1024, 32
"""How many names, and how long ones, are remembered with what they say: a 40-digit key in place of a name is too long."""
_FILLER = "x"
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
"""A number as JSON writes it: overwritten by a number."""
_NO_TEXT = frozenset({int, float, bool, type(None)})
"""Types whose values hold no secret, unless their name says so."""


class _Name(NamedTuple):
    """What a name says of its value, wherever it stands. `plain` is its common spelling: lower case, words parted by `_`."""

    plain: str
    public: bool
    secret: bool
    secret_in_query: bool


def mark(secret: str) -> str:
    """Give what stands for a secret in every output."""
    return f"<redacted:{sha256(unquote_plus(secret).strip().encode(errors='replace')).hexdigest()[:8]}>"


def filler(secret: str) -> str:
    """What a secret is overwritten with: as long as it is, and a number for a number."""
    return re.sub(r"\d", "1", secret) if _NUMBER.fullmatch(secret) else _FILLER * len(secret)


def is_secret(name: str, secrets: Secrets = NONE) -> bool:
    """Whether a field, header or parameter of this name holds a secret."""
    known = _name(name)
    return known.secret or bool(secrets.names and not known.public and known.plain in _lower(secrets.names))


def _name(name: str) -> _Name:
    return _remembered(name) if len(name) <= _NAME_LENGTH else _read_name(name)


def _read_name(name: str) -> _Name:
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", "_", name.strip()).strip("_").lower()
    public = plain in _PUBLIC_NAMES
    secret = not public and (plain in _SECRET_NAMES or plain.rpartition("_")[2] in _SECRET_WORDS)
    lower = name.lower()
    return _Name(plain, public, secret, secret or lower in _SECRET_QUERY or lower.startswith("sig"))


_remembered = lru_cache(_NAMES_KEPT)(_read_name)


@lru_cache(64)
def _lower(names: frozenset[str]) -> frozenset[str]:
    """A provider's names, of which there are a few sets."""
    return frozenset(name.lower() for name in names)


def redact(text: str, secrets: Secrets = NONE) -> str:
    """Free text: secrets by shape, by value, and by the name in front of them (`token=...`, `'api_key': '...'`)."""
    if secrets.values:
        for value in sorted(secrets.values, key=lambda value: (-len(value), value)):
            if value in text:
                text = text.replace(value, _hidden(value, secrets))
            text = _cut_end(text, value, secrets)
    named = ":" in text or "=" in text
    if not named and (max(map(len, text.split()), default=0) < _KEY_LENGTH or _PUBLIC.fullmatch(text)):
        return text
    if "://" in text:
        text = _USERINFO.sub(lambda found: _once(found[0], secrets), text)
    if named:
        text = _pairs(text, secrets)
    text = _CREDENTIALS.sub(lambda found: found[1] + found[2] + _hidden(found[3], secrets), text)
    return _SHAPES.sub(lambda found: _hidden(found[0], secrets), text)


def redact_target(target: str, secrets: Secrets = NONE) -> str:
    """Redact a request target or URL; names of its query stay, values of secret names do not."""
    path, question, rest = target.partition("?")
    query, fragment_sign, fragment = rest.partition("#")
    parts = _SEPARATOR.split(query)
    for index in range(0, len(parts), 2):
        name, equals, value = parts[index].partition("=")
        if equals:
            parts[index] = f"{name}={_parameter(unquote_plus(name), value, secrets)}"
        else:
            parts[index] = redact(name, secrets)
    return redact(path, secrets) + question + "".join(parts) + fragment_sign + redact(fragment, secrets)


def redact_query(query: Mapping[str, str], secrets: Secrets = NONE) -> dict[str, str]:
    """Query parameters, unquoted."""
    return {name: _parameter(name, value, secrets) for name, value in query.items()}


def redact_headers(headers: Mapping[str, str], secrets: Secrets = NONE) -> dict[str, str]:
    """Headers of a request or an answer. An authentication scheme stays, its credentials do not."""
    return {name: _header(name, value, secrets) for name, value in headers.items()}


def redact_protocol(value: str, secrets: Secrets = NONE) -> str:
    """Redact a Sec-WebSocket-Protocol value: every token after the first, and what follows `access_token.` in one."""
    written = value.split(",")
    kept = [_PREFIXED.sub(lambda found: f"{found[1]}.{_once(found[2], secrets)}", token.strip()) for token in written]
    clean = [redact(token, secrets) if not index else _once(token, secrets) for index, token in enumerate(kept)]
    if secrets.cover:
        return ",".join(token.replace(token.strip(), new) for token, new in zip(written, clean, strict=True))
    return ", ".join(clean)


def redact_json(value: Plain, secrets: Secrets = NONE) -> Plain:
    """Redact parsed JSON by key name at any depth; every string in it passes the text redactor, too."""
    return _walk(value, secrets, 0)


def redact_value(value: Plain, secrets: Secrets = NONE) -> Plain:
    """Redact plain report data: mappings, lists, tuples, strings and dataclasses are copied, other objects stay as they are."""
    return _walk(value, secrets, 0)


def redact_message(text: str, secrets: Secrets = NONE) -> str:
    """Redact a text message: JSON by key name, anything else (also JSON that is damaged or in single quotes) as text."""
    return _message(text, secrets, 0)


def secrets_of(target: str, headers: Mapping[str, str], names: frozenset[str] = frozenset()) -> Secrets:
    """Collect the secrets that an upgrade request shows, to be found again wherever the service echoes them."""
    values = set(_secret_values(target, headers, Secrets(names=names)))
    return Secrets(frozenset(value for value in values if len(value) >= _VALUE_LENGTH and not _DONE.fullmatch(value)), names)


def _secret_values(target: str, headers: Mapping[str, str], secrets: Secrets) -> Iterator[str]:
    for part in _SEPARATOR.split(target.partition("?")[2])[::2]:
        name, _, value = part.partition("=")
        if _is_secret_parameter(unquote_plus(name), secrets):
            yield value
            yield unquote_plus(value)
    for name, value in headers.items():
        if name.lower() == "sec-websocket-protocol":
            first, *others = [token.strip() for token in value.split(",")]
            prefixed = _PREFIXED.fullmatch(first)
            yield from (*others, prefixed[2] if prefixed else "")
        elif name.lower() == "cookie":
            yield from (crumb.partition("=")[2].strip() for crumb in value.split(";"))
        elif is_secret(name, secrets):
            yield _SCHEME.sub("", value).strip()


def _hidden(secret: str, secrets: Secrets) -> str:
    """What stands for a secret."""
    return filler(secret) if secrets.cover else mark(secret)


def _once(secret: str, secrets: Secrets = NONE) -> str:
    """Hide a secret, unless there is nothing to hide or it is a mark already."""
    done = not secret.strip() or _DONE.fullmatch(secret) or _CLOSE_TOKEN.fullmatch(secret)
    return secret if done else _hidden(secret, secrets)


def _cut_end(text: str, value: str, secrets: Secrets) -> str:
    """Take away the beginning of a secret at the end of an excerpt."""
    if value[:_CUT_LENGTH] not in text[-len(value) :]:
        return text
    for length in range(min(len(value) - 1, len(text)), _CUT_LENGTH - 1, -1):
        if text.endswith(value[:length]):
            return text[:-length] + (filler(text[-length:]) if secrets.cover else mark(value))
    return text


def _is_secret_parameter(name: str, secrets: Secrets) -> bool:
    return _name(name).secret_in_query or is_secret(name, secrets)


def _parameter(name: str, value: str, secrets: Secrets) -> str:
    return _once(value, secrets) if _is_secret_parameter(name, secrets) else redact(value, secrets)


def _header(name: str, value: str, secrets: Secrets) -> str:
    if name.lower() == "sec-websocket-protocol":
        return redact_protocol(value, secrets)
    return _credentials(value, secrets) if is_secret(name, secrets) else redact(value, secrets)


def _credentials(value: str, secrets: Secrets = NONE) -> str:
    """Leave the scheme in front of a secret readable: the wrong scheme is a common mistake."""
    scheme = _SCHEME.match(value)
    if scheme is None:
        return _once(value, secrets)
    return (scheme[0] if secrets.cover else f"{scheme[1]} ") + _once(value[scheme.end() :], secrets)


def _pairs(text: str, secrets: Secrets) -> str:
    """Every `name: value` and `name=value` in free text whose name is secret."""
    parts, done = [], 0
    for found in _NAME.finditer(text):
        in_query = found[2] == "=" and text[found.start() - 1 : found.start()] in ("?", "&")
        secret = _is_secret_parameter(found[1], secrets) if in_query else is_secret(found[1], secrets)
        value = _VALUE.match(text, found.end()) if secret and found.start() >= done else None
        if value is None or value.lastindex is None or _is_prose(found, value):
            continue
        start, done_here = value.span(value.lastindex)
        parts += [text[done:start], _credentials(text[start:done_here], secrets)]
        done = done_here
    return "".join((*parts, text[done:]))


def _is_prose(name: re.Match[str], value: re.Match[str]) -> bool:
    """Tell a bare word that is no secret: `"token": null`, `unknown token: foo`."""
    bare = value[5]
    if bare is None:
        return False
    return bare in _CONSTANTS or (name[2] == ":" and name[1].lower() in ("token", "key") and not re.search(r"\d", bare))


def _message(text: str, secrets: Secrets, depth: int) -> str:
    """JSON at a depth of strings within strings, or text."""
    head = text.lstrip()[:1]
    if depth < _NESTED_JSON and head and head in "{[":
        try:
            parsed = json.loads(text)
        except (ValueError, RecursionError):
            return redact(text, secrets)
        if secrets.cover:
            return _covered(text, secrets, depth + 1)
        clean = _walk(parsed, secrets, depth + 1)
        if clean != parsed:
            text = json.dumps(clean, ensure_ascii=False)
    return redact(text, secrets)  # also after JSON: of a key that stands twice only the last value was parsed


def _covered(text: str, secrets: Secrets, depth: int) -> str:
    """JSON with its secrets overwritten where they stand. Where that is no JSON any more, all strings in it are overwritten."""
    clean = redact(_over(text, partial(_cover_string, secrets, depth), secrets), secrets)
    try:
        json.loads(clean)
    except (ValueError, RecursionError):
        return _over(text, lambda inside, *_: _FILLER * len(inside), secrets)
    return clean


def _over(text: str, cover: Callable[[str, str, str, bool], str], secrets: Secrets) -> str:
    """Every string and every secret number of JSON anew. Keys decide as they do in `_walk`."""
    parts, done = [], 0
    name, above, hidden = "", "", False  # of the value that comes next
    inside: list[tuple[str, str, str, bool]] = []  # kind of a container, the key it stands under, the one above, all secret
    for kind, begin, end in tokens(text):
        if kind == "key":
            _, above, _, within = inside[-1]
            name = json.loads(text[begin:end])
            hidden = within or (_is_secret_parameter if above == "query" else is_secret)(name, secrets)
        elif kind in ("{", "["):
            content = ("headers", "endpoint") if kind == "{" else ("messages", "context")
            hidden = hidden or (name, above) == content
            inside.append((kind, name, above, hidden))
        elif kind in ("}", "]"):
            inside.pop()
        elif kind == "string":
            parts += [text[done : begin + 1], cover(text[begin + 1 : end - 1], name, above, hidden)]
            done = end - 1
        elif hidden and _NUMBER.fullmatch(text[begin:end]):
            parts += [text[done:begin], filler(text[begin:end])]
            done = end
        if kind != "key" and inside and inside[-1][0] == "[":
            _, name, above, hidden = inside[-1]
    return "".join((*parts, text[done:]))


def _cover_string(secrets: Secrets, depth: int, inside: str, name: str, above: str, hidden: bool) -> str:
    """What stands between the quotes of a string under a key; a letter that is overwritten takes the room of its escape."""
    value, written = letters(inside)
    clean = _credentials(value, secrets) if hidden else _text(value, name, above, secrets, depth)
    return "".join(old if one == new else new * len(old) for old, one, new in zip(written, value, clean, strict=True))


def _walk(root: Plain, secrets: Secrets, depth: int) -> Plain:
    """Copy plain data without its secrets. Iterative: each container is replaced by a copy whose items wait on the stack."""
    top: list[Plain] = [root]
    waiting: list[_Waiting] = [(top, 0, "", "", False)]
    rebuild: list[tuple[Plain, Plain, Plain]] = []  # places whose copy becomes a tuple or a dataclass again, inner ones last
    while waiting:
        holder, place, name, above, hidden = waiting.pop()
        item = holder[place]
        if isinstance(item, str):
            copy: Plain = _credentials(str(item), secrets) if hidden else _text(item, name, above, secrets, depth)
        elif isinstance(item, dict | Mapping):  # most are dicts, and asking for any Mapping is slow
            copy = dict(item)
            inner = hidden or (name == "headers" and above == "endpoint")
            waiting += _under_keys(copy, name, secrets, hidden=inner)
        elif isinstance(item, list | tuple):
            copy = list(item)
            if isinstance(item, tuple):
                rebuild.append((holder, place, item))
            inner = hidden or (name == "messages" and above == "context")
            waiting += [
                (copy, index, name, above, inner) for index, value in enumerate(item) if inner or type(value) not in _NO_TEXT
            ]
        elif dataclasses.is_dataclass(item) and not isinstance(item, type):
            copy = {field: getattr(item, field) for field in _fields(type(item))}
            rebuild.append((holder, place, item))
            waiting += [(copy, key, key, name, False) for key, value in copy.items() if type(value) not in _NO_TEXT]
        elif hidden and isinstance(item, int | float) and not isinstance(item, bool):  # truth values and None are no secrets
            copy = _credentials(str(item), secrets)
        else:
            copy = item
        holder[place] = copy
    for holder, place, original in reversed(rebuild):
        copy = holder[place]
        holder[place] = tuple(copy) if isinstance(original, tuple) else _refrozen(original, copy)
    return top[0]


def _under_keys(copy: dict[Plain, Plain], above: str, secrets: Secrets, *, hidden: bool) -> list[_Waiting]:
    """What a mapping that stands under `above` holds, but for numbers that no name makes secret: most of a report."""
    is_hidden = _is_secret_parameter if above == "query" else is_secret
    found: list[_Waiting] = []
    for key, value in copy.items():
        name = str(key)
        secret = hidden or is_hidden(name, secrets)
        if secret or type(value) not in _NO_TEXT:
            found.append((copy, key, name, above, secret))
    return found


def _refrozen(original: Plain, fields: dict[str, Plain]) -> Plain:
    """A frozen dataclass with these values; where they are its own, it stands for its copy."""
    same = all(getattr(original, name) is value for name, value in fields.items())
    return original if same else dataclasses.replace(original, **fields)


@lru_cache(64)
def _fields(kind: type) -> tuple[str, ...]:
    """The fields of a dataclass."""
    return tuple(field.name for field in dataclasses.fields(kind))


def _text(item: str, name: str, above: str, secrets: Secrets, depth: int) -> str:
    """Redact a string under a key."""
    if above == "headers":
        clean = _header(name, item, secrets)
    elif name in ("target", "url", "uri"):
        clean = redact_target(item, secrets)
    elif name in ("subprotocol", "sec-websocket-protocol"):
        clean = redact_protocol(item, secrets)
    else:
        clean = _message(item, secrets, depth)
    return item if clean == item else clean  # an enumeration member stays one
