"""Health check of the container: exit code 0 when the service is ready. The image has no curl."""

import http.client
import os
import sys

port = int(os.environ.get("API_PORT") or os.environ.get("PORT") or 8000)
connection = http.client.HTTPConnection("127.0.0.1", port, timeout=3)
try:
    connection.request("GET", "/health_check/ready")
    status = connection.getresponse().status
except (OSError, http.client.HTTPException) as error:
    sys.exit(f"not ready: {error}")
finally:
    connection.close()
sys.exit(None if status == 200 else f"not ready: {status}")
