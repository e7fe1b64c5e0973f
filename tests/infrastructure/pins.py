"""Pinned versions of requirements.txt and requirements-dev.txt."""

import re
from importlib.metadata import version

from tests.servers import ROOT


def assert_pinned(package: str) -> None:
    """Fail unless the installed version of a package is the pinned one. A contract holds for that version only."""
    requirements = "".join((ROOT / name).read_text() for name in ("requirements.txt", "requirements-dev.txt"))
    assert re.findall(rf"^{re.escape(package)}==(\S+)$", requirements, re.MULTILINE) == [version(package)]
