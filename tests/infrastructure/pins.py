"""Pinned versions of the requirements files."""

import re
from importlib.metadata import version

from tests.servers import ROOT


def assert_pinned(package: str) -> None:
    """Fail unless the installed version of a package is the pinned one. A contract holds for that version only.

    `package` may name an extra, as in `psycopg[binary]`.
    """
    requirements = "".join(file.read_text() for file in ROOT.glob("requirements*.txt"))
    assert re.findall(rf"^{re.escape(package)}==(\S+)$", requirements, re.MULTILINE) == [
        version(package.partition("[")[0])
    ]
