"""JSON documents of any size: in memory while they are small, then in a temporary file."""

from collections.abc import Iterator
from hashlib import blake2b
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Self

from services.rendering import ETAG_BYTES, quoted

MAX_BYTES_IN_MEMORY = 1024 * 1024
CHUNK_BYTES = 64 * 1024


class SpooledJson:
    """Document that is written once and then read once. Close it, or use it as a context manager."""

    def __init__(self) -> None:
        self.length = 0
        self._file = SpooledTemporaryFile(MAX_BYTES_IN_MEMORY)  # noqa: SIM115 # closed at the end of the block
        self._hash = blake2b(digest_size=ETAG_BYTES)

    @property
    def etag(self) -> str:
        """Return the same tag as `etag_of` for the same bytes."""
        return quoted(self._hash)

    def write(self, part: bytes) -> None:
        self._file.write(part)
        self._hash.update(part)
        self.length += len(part)

    def chunks(self) -> Iterator[bytes]:
        self._file.seek(0)
        while chunk := self._file.read(CHUNK_BYTES):
            yield chunk

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._file.close()
