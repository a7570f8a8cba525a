"""Scores of purchases and counties: what the columns say"""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

OLD = {
    "grouping": "all, or the class: critical, other, combined, short, intermittent",
    "metric": "wape, mase, pinball, cover80, cover95, cum_cover80, brier, brier_climatology, ece; mean_p_k and rate_k "
    "of the k-th tenth of probability; degraded (1: the newest did much worse than those before)",
}
NEW = {
    "grouping": "all, country, counties, or the class: critical, other, class 1 ..",
    "metric": "wape, mase, pinball, cover80, cover95, cum_cover80, cover_high (share at or below the 97.5 % forecast), "
    "brier, brier_climatology, ece; mean_p_k and rate_k of the k-th tenth of probability; degraded (1: the newest did "
    "much worse than those before)",
}


def upgrade() -> None:
    for name, words in NEW.items():
        op.alter_column("scores", name, comment=words, existing_comment=OLD[name], schema="forecast")


def downgrade() -> None:
    for name, words in OLD.items():
        op.alter_column("scores", name, comment=words, existing_comment=NEW[name], schema="forecast")
