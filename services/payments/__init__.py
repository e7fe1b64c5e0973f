"""Payments: intents that are committed first, and settlement with the provider."""
