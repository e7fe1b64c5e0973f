"""The production launcher with workers that kill themselves. The file `die_at` names the point of a payment.

The points lie before the functions of POINTS. Those of the sweep begin with `sweep `.
"""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from functools import wraps
from pathlib import Path
from typing import Any

from infrastructure.payments.stripe import StripeProvider
from run_production import main
from services.context.app_context import AppContext
from services.fulfillment.return_refund_service import ReturnRefundService
from services.payments import sweep
from services.payments.payment_service import PaymentService
from services.payments.records import PaymentRecords
from services.payments.settlement import Settlement

DIE_AT = Path("die_at")
POINTS: dict[str, tuple[Any, str]] = {
    "authorize": (StripeProvider, "authorize"),
    "remember": (PaymentRecords, "remember"),
    "confirm": (StripeProvider, "_call"),
    "send": (Settlement, "send"),
    "settle": (Settlement, "settle_all"),
    "record": (PaymentRecords, "record"),
    "answer": (PaymentService, "_answer"),
    "answer return": (ReturnRefundService, "_answer"),
}
in_sweep: ContextVar[str] = ContextVar("in_sweep", default="")


def die_at(point: str) -> None:
    """Kill this process if the file names the point. Remove the file first, so that only one process dies."""
    with suppress(FileNotFoundError):
        if DIE_AT.read_text() == f"{in_sweep.get()}{point}":
            DIE_AT.unlink()
            os.kill(os.getpid(), signal.SIGKILL)


def dies_before(function: Callable[..., Any], point: str) -> Callable[..., Any]:
    @wraps(function)
    def wrapped(*arguments: Any, **named: Any) -> Any:
        # All questions to Stripe pass `_call`.
        if point != "confirm" or getattr(arguments[1], "__name__", "") == "confirm":
            die_at(point)
        return function(*arguments, **named)

    return wrapped


async def settle_due(app: AppContext) -> int:
    """Settle what is due, and mark that the sweep does so: its tasks inherit the mark."""
    token = in_sweep.set("sweep ")
    try:
        return await original_settle_due(app)
    finally:
        in_sweep.reset(token)


for point, (owner, name) in POINTS.items():  # workers import this module, too
    setattr(owner, name, dies_before(getattr(owner, name), point))
original_settle_due = sweep.settle_due
setattr(sweep, "settle_due", settle_due)  # noqa: B010 # as above

if __name__ == "__main__":
    main()
