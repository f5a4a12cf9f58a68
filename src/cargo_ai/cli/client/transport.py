"""One HTTP exchange on a connection of its own, with proxies, TLS, time limits and streamed bodies."""

from __future__ import annotations

import http.client
import os
from urllib.parse import SplitResult, unquote, urlsplit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CONNECT_SECONDS = 15.0
CHUNK = 65536


class ConnectionFailed(Exception):
    """No response came. `kind`: refused (nothing listens), unreachable, timeout, untrusted (TLS), noTls, broken (cut off)."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail


class StreamedResponse:
    """The status and headers of a reply; the body is read once, whole or in chunks."""

    def __init__(self, link: http.client.HTTPConnection, response: http.client.HTTPResponse) -> None:
        self._link = link
        self._response = response
        self.status = response.status
        self.phrase = response.reason

    def header(self, name: str) -> str:
        """A header's value, empty when it is absent."""
        return self._response.getheader(name) or ""

    def read(self) -> bytes:
        """The whole body; raises Lost when the connection ends early."""
        return b"".join(self.chunks())

    def chunks(self) -> Iterator[bytes]:
        """The body piece by piece; raises Lost when the connection ends early."""
        try:
            # A chunked body is passed on chunk by chunk: a program may be reading along.
            read = self._response.read1 if self._response.chunked else self._response.read
            while True:
                piece = read(CHUNK)
                if not piece:
                    break
                yield piece
            if self._response.length:  # fewer bytes than Content-Length promised: a sized read ends silently
                raise ConnectionFailed("broken", "the reply was cut off")
        except TimeoutError:
            raise ConnectionFailed("timeout", "the reply stopped coming") from None
        except (OSError, http.client.HTTPException) as error:
            raise ConnectionFailed("broken", _reason(error)) from None
        finally:
            self._link.close()

    def limit(self, seconds: float) -> None:
        """Limit how long the other side may be silent from now on."""
        if self._link.sock:
            self._link.sock.settimeout(seconds)

    def close(self) -> None:
        """Close the connection, whatever was not read."""
        self._link.close()


def exchange(verb: str, url: str, headers: dict[str, str], body: bytes | Iterable[bytes] | None, seconds: float) -> StreamedResponse:
    """Send one request; `seconds` limits every silence of the other side. Redirects are not followed. Raises Lost."""
    parts = urlsplit(url)
    try:
        link, target, extra = _open(parts, seconds)
        link.connect()
        if link.sock:
            link.sock.settimeout(seconds)
    except OSError as error:
        raise _connect_failure(error, _proxy_name(parts)) from None
    except http.client.HTTPException as error:
        raise ConnectionFailed("broken", _reason(error)) from None
    try:
        response = _send(link, verb, target, {**headers, **extra}, body)
    except TimeoutError:
        link.close()
        raise ConnectionFailed("timeout", f"no answer within {seconds:g} s") from None
    except (OSError, http.client.HTTPException) as error:
        link.close()
        raise ConnectionFailed("broken", _reason(error)) from None
    except BaseException:
        link.close()
        raise
    return StreamedResponse(link, response)


def _send(
    link: http.client.HTTPConnection, verb: str, target: str, headers: dict[str, str], body: bytes | Iterable[bytes] | None
) -> http.client.HTTPResponse:
    try:
        link.request(verb, target, body=body, headers=headers)
    except (BrokenPipeError, ConnectionResetError):
        # A server that refuses a large body answers before it has read all of it: its response matters more than the broken pipe.
        try:
            return link.getresponse()
        except http.client.HTTPException:
            raise ConnectionResetError("the connection was closed while the body was sent") from None
    return link.getresponse()


def _open(parts: SplitResult, seconds: float) -> tuple[http.client.HTTPConnection, str, dict[str, str]]:
    """A connection that is not open yet, what to ask it for, and headers for a proxy on the way."""
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    proxy = proxy_of(parts.scheme, host, port)
    limit = min(CONNECT_SECONDS, seconds)
    if not secure and proxy is None:
        return http.client.HTTPConnection(host, port, timeout=limit), path, {}
    if not secure and proxy is not None:
        link = http.client.HTTPConnection(proxy.hostname or "", proxy.port or 80, timeout=limit)
        return link, f"http://{parts.netloc}{path}", _proxy_headers(proxy)
    import ssl

    context = ssl.create_default_context()  # honours SSL_CERT_FILE and SSL_CERT_DIR
    if proxy is None:
        return http.client.HTTPSConnection(host, port, timeout=limit, context=context), path, {}
    link = http.client.HTTPSConnection(proxy.hostname or "", proxy.port or 80, timeout=limit, context=context)
    link.set_tunnel(host, port, _proxy_headers(proxy))
    return link, path, {}


def is_loopback(host: str) -> bool:
    """Whether the host is this machine."""
    return host in ("localhost", "::1") or (host.startswith("127.") and host.replace(".", "").isdigit())


def proxy_of(scheme: str, host: str, port: int) -> SplitResult | None:
    """The proxy that the environment names for a host, or None. This machine is never reached through one."""
    if is_loopback(host) or not any(name.lower().endswith("_proxy") for name in os.environ):
        return None
    from urllib.request import getproxies_environment, proxy_bypass

    proxies = getproxies_environment()
    url = proxies.get(scheme) or proxies.get("all")
    if not url or proxy_bypass(f"{host}:{port}"):
        return None
    return urlsplit(url if "://" in url else "http://" + url)


def _proxy_headers(proxy: SplitResult) -> dict[str, str]:
    if not proxy.username:
        return {}
    from base64 import b64encode

    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": "Basic " + b64encode(pair.encode()).decode()}


def _proxy_name(parts: SplitResult) -> str:
    """The proxy on the way to a server, without the password; empty without one."""
    proxy = proxy_of(parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
    return f"{proxy.hostname}:{proxy.port or 80}" if proxy else ""


def _connect_failure(error: OSError, proxy: str) -> ConnectionFailed:
    name = type(error).__name__
    through = f"by the proxy {proxy}, which the environment names: " if proxy else ""
    if isinstance(error, ConnectionRefusedError):
        return ConnectionFailed("unreachable" if proxy else "refused", f"{through}connection refused")
    if isinstance(error, TimeoutError):
        return ConnectionFailed("timeout", f"{through}no connection in time")
    if name == "SSLCertVerificationError":
        return ConnectionFailed("untrusted", str(getattr(error, "verify_message", "") or error))
    if name.startswith("SSL"):
        return ConnectionFailed("noTls", str(getattr(error, "reason", None) or error))
    return ConnectionFailed("unreachable", f"{through}{_reason(error)}")


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error or type(error).__name__)
