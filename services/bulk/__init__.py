"""Many products at once: batches and imports."""
