"""The production launcher for the application of `examples/shop.py`."""

from run_production import main

if __name__ == "__main__":
    main("examples.shop:app")
