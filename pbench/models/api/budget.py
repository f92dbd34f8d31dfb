"""What a command may still spend: requests and US dollars, shared by all threads that ask."""

from __future__ import annotations

import threading
from decimal import Decimal

__all__ = ["Budget", "BudgetError"]


class BudgetError(Exception):
    """The budget does not allow this request; the message names the option that set it."""


class Budget:
    """Limits of one command; None is no limit. Thread-safe.

    Money is reserved before a request, at the most that it can cost, and settled when its price is
    known, so that the limit holds whatever is on its way.
    """

    def __init__(self, max_requests: int | None = None, max_cost: float | None = None):
        self.max_requests = max_requests
        self.max_cost = None if max_cost is None else Decimal(str(max_cost))
        self.requests = 0
        self.spent = Decimal(0)
        self._reserved = Decimal(0)
        self._changed = threading.Condition()

    def reserve(self, most: Decimal) -> None:
        """Set `most` US dollars aside; waits while only answers on their way stand against it.

        BudgetError if no money or no request is left.
        """
        with self._changed:
            self._refuse_request()
            if self.max_cost is not None:
                while self._reserved and self.spent + self._reserved + most > self.max_cost:
                    self._changed.wait()
                if self.spent + most > self.max_cost:
                    raise BudgetError(
                        f"--max-cost {self.max_cost}: {self.spent:.4f} USD are spent, and this answer may "
                        f"cost {most:.4f}"
                    )
            self._reserved += most

    def settle(self, reserved: Decimal, cost: Decimal) -> None:
        """The answer is there, or there is none: `cost` takes the place of what was reserved."""
        with self._changed:
            self._reserved -= reserved
            self.spent += cost
            self._changed.notify_all()

    def count_request(self) -> None:
        """Count an HTTP request, retries included, before it is sent; BudgetError if none is left."""
        with self._changed:
            self._refuse_request()
            self.requests += 1

    def _refuse_request(self) -> None:
        if self.max_requests is not None and self.requests >= self.max_requests:
            raise BudgetError(f"--max-requests {self.max_requests}: all of them are sent")
