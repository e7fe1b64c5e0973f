"""The production launcher for an application with an endpoint that names no policy."""

from main import create_fastapi_app
from run_production import main


def report() -> str:
    return "open"


app = create_fastapi_app()
app.get("/report")(report)

if __name__ == "__main__":
    main("tests.scenarios.open_shop:app")
