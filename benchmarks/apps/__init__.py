"""Small applications for comparison; each runs under the same Uvicorn as the service."""
