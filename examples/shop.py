"""The service with the endpoints of `examples/stock_report.py`: `.venv/bin/python -m examples.shop` serves it."""

if __name__ == "__main__":
    from infrastructure.server.launcher import serve_development

    serve_development("examples.shop:app")
elif __name__ != "__mp_main__":
    from examples.stock_report import router
    from main import create_fastapi_app

    app = create_fastapi_app()
    app.include_router(router)
