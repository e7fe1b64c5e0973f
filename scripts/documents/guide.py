"""Pages of the guide, for MkDocs: the documents of the whole repository, in its folders, so that their links work."""

import posixpath
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
SOURCES = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "docs/*.md",
    "docs/*/*.*",
    "benchmarks/*.md",
    "benchmarks/results/*.md",
    "benchmarks/results/*.png",
    "clients/*/README.md",
)
LINK = re.compile(r"(?<!!)\[([^][]+)\]\(([^()\s]+)\)")


def on_config(config: Any) -> None:
    """Leave out the theme's page for 404: its links are absolute, and the service answers with JSON."""
    config.theme.static_templates.discard("404.html")


def on_files(files: Files, config: Any) -> Files:
    """Replace the files of `docs_dir` by those of the repository."""
    for file in list(files.documentation_pages()) + list(files.media_files()):
        if file.src_dir == config.docs_dir:
            files.remove(file)
    for source in sorted(path for pattern in SOURCES for path in ROOT.glob(pattern)):
        path = str(source.relative_to(ROOT))
        files.append(File(path, str(ROOT), config.site_dir, config.use_directory_urls))
    return files


def on_page_markdown(markdown: str, page: Any, files: Files, **_: Any) -> str:
    """Write links to files that are not in the guide, such as sources, as plain text."""
    folder = posixpath.dirname(page.file.src_uri)

    def kept(link: re.Match[str]) -> str:
        address = urlsplit(link[2])
        path = posixpath.normpath(posixpath.join(folder, address.path))
        is_known = address.scheme or not address.path or files.get_file_from_path(path)
        return link[0] if is_known else link[1]

    return LINK.sub(kept, markdown)
