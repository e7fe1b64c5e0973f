"""Command that fills the shop with demo data: `python -m scripts.demo`, the same as `./shop demo`."""

import sys

from scripts.shop import app

app(["demo", *sys.argv[1:]])
