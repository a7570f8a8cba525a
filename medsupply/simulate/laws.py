"""Family a: the laws of demand, ordering, lead time, outage and notice that the demo nation follows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Laws:
    """Parameters of a family. Times in days, rates per year, shares 0-1."""

    # Demand.
    weekday: tuple[float, ...] = (1.25, 1.1, 1.05, 1.05, 1.2, 0.7, 0.0)
    hospital_weekday: tuple[float, ...] = (1.15, 1.15, 1.15, 1.1, 1.1, 0.7, 0.65)
    drift_sd: float = 0.012
    """Weekly step of the nation's log demand per medicine."""
    noise_sd: float = 0.08
    surge_rate: float = 0.3
    surge_size: float = 0.5
    surge_days: int = 42
    substitution: float = 0.7
    """Share of unmet demand that goes to the medicine's other packages."""
    # Ordering: days of demand.
    pharmacy_low: float = 8.0
    pharmacy_high: float = 20.0
    hospital_low: float = 14.0
    hospital_high: float = 35.0
    wholesaler_high: float = 80.0
    wholesaler_review: int = 7
    # Supply.
    lead_median: float = 18.0
    lead_sd: float = 0.25
    late_share: float = 0.3
    late_median: float = 9.0
    late_sd: float = 0.7
    outage_rate: float = 0.22
    outage_median: float = 55.0
    outage_sd: float = 0.6
    announced_share: float = 0.85
    # Notices.
    notice_early_share: float = 0.17
    notice_lag_median: float = 8.0
    notice_missing_share: float = 0.1
    end_slip_median: float = 20.0
    # Reserve: days of demand that hospitals and companies must hold.
    hospital_reserve: float = 15.0
    company_reserve: float = 60.0


FAMILY_A = Laws()
