# ruff: noqa: E501  (tables are as wide as they are)
from __future__ import annotations

import polars as pl
from spec_cases import text

from medsupply.picture.forms import classes_of_routes, form_class, is_reviewed

TITLE = "Form classes and routes"
TEXT = """The form class of a Finnish form comes from a reviewed table; a form that is not in it takes the class of its
first telling word and is reported. A line of a critical list fits a class where one of its routes does; an unknown route
fits every class."""
TABLE = """
| form | routes | = class | = reviewed | = fits |
|---|---|---|---|---|
| tabletti, kalvopäällysteinen | oral use | oral solid | yes | yes |
| Injektio-/infuusioneste, liuos | intravenous use, oral use | parenteral | yes | yes |
| injektioneste, liuos | oral use | parenteral | yes | no |
| jauhe oraalisuspensiota varten | oral use | oral liquid | yes | yes |
| inhalaatiosumute, suspensio | inhalation use | inhaled | yes | yes |
| depotlaastari | transdermal use | topical | yes | yes |
| silmätipat, liuos | ocular use | ocular | yes | yes |
| nenäsumute, liuos | nasal use | other | yes | yes |
| nenäsumute, liuos | oral use | other | yes | no |
| peräpuikko |  | rectal | yes | yes |
| tabletti | some new use | oral solid | yes | yes |
| uudenlainen tabletti | oral use | oral solid | no | yes |
| |  oral use |  | no | yes |
"""


def outcome(row: dict[str, str]) -> dict[str, str]:
    form = pl.col("form")
    frame = pl.DataFrame({"form": [row["form"]]}).select(form_class(form).alias("c"), is_reviewed(form).alias("r"))
    name, reviewed = frame.row(0)
    fits = name is None or name in classes_of_routes(row["routes"])
    return {"= class": text(name), "= reviewed": text(bool(reviewed)), "= fits": text(fits)}
