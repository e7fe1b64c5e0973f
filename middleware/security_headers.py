"""Headers that tell browsers and caches to treat responses as private data, not as pages."""

Header = tuple[bytes, bytes]

ALWAYS: tuple[Header, ...] = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"))

NO_CONTENT_LOADED: Header = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
NOT_STORED: Header = (b"cache-control", b"no-store")
DEFAULTS = (NO_CONTENT_LOADED, NOT_STORED)
"""Added to responses that do not set these headers themselves, as the documentation pages do."""

PUBLIC_REVALIDATED: Header = (b"cache-control", b"public, no-cache")
"""For responses that are equal for all callers: caches store them, and revalidate them at each use."""
PERSONAL: tuple[Header, ...] = ((b"cache-control", b"private, no-store"), (b"vary", b"Authorization, X-API-Key"))
