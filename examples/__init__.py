"""Examples to copy."""
