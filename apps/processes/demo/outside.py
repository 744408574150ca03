"""The world outside of Tieout, as the demo moves it: the sandbox's control door, and what the CRM shows."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from apps.core.errors import TieoutError

TIMEOUT_S = 30


class OutsideError(TieoutError):
    """The sandbox did not do what the demo asked of it."""


@dataclass(frozen=True, slots=True)
class Outside:
    """A running sandbox. The control door answers this machine only."""

    base_url: str

    def win(self, spec: dict[str, Any]) -> str:
        """A salesperson wins a deal; its webhooks go out. Returns the deal's id."""
        return str(self.win_with_company(spec)[0])

    def win_with_company(self, spec: dict[str, Any]) -> tuple[str, str]:
        """As `win`; returns the ids of the deal and of its company. Give company as {"id": …} to use one that exists."""
        made = self._post("hubspot/won", spec)
        return str(made["deal_id"]), str(made["company_id"])

    def change(self, object_type: str, ref: str, **properties: str) -> None:
        """A person edits a CRM record."""
        self._post("hubspot/change", {"object": object_type, "id": ref, "properties": properties})

    def achieve(self, **milestone: str) -> str:
        """The PSA says a milestone is achieved, as a signed CloudEvent. Returns the event's id."""
        said = {"code": "psa", "type": "com.tieout.milestone.achieved", "data": milestone}
        return str(self._post("emit", said)["id"])

    def fault(self, **rule: Any) -> None:
        """Script a fault; see the sandbox's README."""
        self._post("faults", rule)

    def mend(self) -> None:
        """Forget all faults."""
        self._send("DELETE", f"{self.base_url}/_control/faults", None, {})

    def pay(self, invoice: str, **amount: str) -> None:
        """The customer pays a NetSuite invoice, known by its external id."""
        self._post("pay", {"invoice": f"eid:{invoice}", **amount})

    def close_period(self, *, entity: str, month: str, state: str = "closed") -> None:
        """The NetSuite accountant closes (or opens) a month such as 2026-11."""
        self._post("period", {"subsidiary": entity, "period": month, "state": state})

    def deal(self, ref: str, *, token: str, properties: tuple[str, ...]) -> dict[str, str | None]:
        """The named properties of a deal, read as any client of the CRM would."""
        url = f"{self.base_url}/hubspot/crm/objects/2026-09/deals/{ref}?properties={','.join(properties)}"
        found: dict[str, str | None] = self._send("GET", url, None, {"Authorization": f"Bearer {token}"})["properties"]
        return found

    def _post(self, path: str, body: Any) -> Any:
        return self._send("POST", f"{self.base_url}/_control/{path}", body, {"Content-Type": "application/json"})

    def _send(self, method: str, url: str, body: Any, headers: dict[str, str]) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise OutsideError(f"{url} answered {error.code}: {error.read().decode(errors='replace')[:500]}") from error
        except OSError as error:
            raise OutsideError(f"{url} does not answer ({error}). Is `make run` running?") from error
