"""Small applications to compare with; each runs under the same Uvicorn as the service."""
