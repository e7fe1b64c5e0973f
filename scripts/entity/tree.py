"""Changes of the source tree: written together, and undone together if a later step fails."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.entity.specification import SpecificationError


class Tree:
    """Source tree with changes that are not written yet."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._texts: dict[str, str] = {}

    @property
    def changed(self) -> list[str]:
        """Return the paths of changed and new files, in order."""
        return sorted(self._texts)

    def add(self, path: str, text: str) -> None:
        """Add a new file. Raises SpecificationError if it exists."""
        if (self.root / path).exists():
            raise SpecificationError(f"{path} exists already")
        self._texts[path] = text

    def change(self, path: str, change: Callable[[str], str]) -> None:
        """Change the text of a file. Raises SpecificationError with its path if `change` cannot."""
        try:
            before = (self.root / path).read_text(encoding="utf-8")
            if (text := change(before)) != before:
                self._texts[path] = text
        except SpecificationError as error:
            raise SpecificationError(f"{path}: {error}") from error

    @contextmanager
    def written(self, folder: str) -> Iterator[None]:
        """Write all changes. If the block fails, undo them, and remove new modules of `folder`."""
        before = {path: self._content(path) for path in self._texts}
        others = set((self.root / folder).glob("*.py"))
        try:
            for path, text in self._texts.items():
                (self.root / path).write_text(text, encoding="utf-8")
            yield
        except BaseException:
            for path, content in before.items():
                if content is None:
                    (self.root / path).unlink(missing_ok=True)
                else:
                    (self.root / path).write_bytes(content)
            for file in set((self.root / folder).glob("*.py")) - others:
                file.unlink()
            raise

    def _content(self, path: str) -> bytes | None:
        file = self.root / path
        return file.read_bytes() if file.exists() else None
