"""Names: of substances in three languages, and of companies for comparison."""

from __future__ import annotations

import polars as pl

from medsupply.facts import Facts

_LEGAL = (
    r"\b(oyj?|ab|aps|a/s|as|asa|gmbh|co\.? ?kg|kg|kgaa|ag|se|s\.?a\.?s?|s\.?a\.?r\.?l\.?|s\.?r\.?l\.?|s\.?p\.?a\.?|"
    r"b\.?v\.?|n\.?v\.?|ltd|limited|plc|llc|inc|corporation|corp|company|dac|d\.?d\.?|d\.?o\.?o\.?|lda|"
    r"filial|sivuliike)\b\.?"
)
_COMBINATIONS = ("yhdistelmävalmisteet", "yhdistelmävalmiste")
# Country words say where a company sells; at the beginning they are its name (Nordic Drugs).
_PLACES = r"\s(finland|suomi|nordic|europe|international)\b"


def company_key(name: pl.Expr) -> pl.Expr:
    """A company's name normalised: lower case, without brackets, legal form, country words and punctuation."""
    bare = (
        name.str.to_lowercase().str.replace_all(r"\(.*", "").str.replace_all(_LEGAL, " ").str.replace_all(_PLACES, " ")
    )
    letters = bare.str.replace_all(r"[^\p{L}\p{N}]+", " ").str.strip_chars()
    whole = name.str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]+", " ").str.strip_chars()
    key = pl.when(letters != "").then(letters).otherwise(whole)
    return pl.when(key != "").then(key)


def _sentence(name: pl.Expr) -> pl.Expr:
    """First letter small, except in names written in capitals (BCG)."""
    plain = name.str.contains(r"^\p{Lu}(\p{Ll}|$)")
    return pl.when(plain).then(name.str.head(1).str.to_lowercase() + name.str.slice(1)).otherwise(name)


def _with_group(atc: pl.DataFrame) -> pl.DataFrame:
    """Names of ATC codes that say "combinations" and nothing else, with the name of their group before them."""
    groups = atc.select(group="atc", group_fi="name_fi", group_sv="name_sv")
    joined = atc.with_columns(group=pl.col("atc").str.head(5)).join(
        groups, on="group", how="left", maintain_order="left"
    )
    bare = (pl.col("atc").str.len_chars() > 5) & pl.col("name_fi").str.to_lowercase().is_in(_COMBINATIONS)
    return joined.with_columns(
        pl.when(bare & pl.col(group).is_not_null())
        .then(pl.concat_str(group, pl.col(name).str.to_lowercase(), separator=", "))
        .otherwise(name)
        .alias(name)
        for name, group in (("name_fi", "group_fi"), ("name_sv", "group_sv"))
    ).drop("group", "group_fi", "group_sv")


def substance_names(facts: Facts) -> pl.DataFrame:
    """``atc``, ``name_fi``, ``name_sv``, ``name_en`` (of the EU list where it has one), ``ddd``, ``ddd_unit``."""
    atc = facts.current("fimea_atc").select(
        "ddd", atc="atckoodi", name_fi="selites", name_sv="seliter", ddd_unit="dddyksikko"
    )
    atc = _with_group(atc.filter(pl.col("atc").is_not_null()).unique("atc", keep="first", maintain_order=True))
    critical = facts.current("critical_list").sort("list", "atc5", "route", nulls_last=True)
    english = critical.select(atc="atc5", name_en="n").unique("atc", keep="first", maintain_order=True)
    listed = facts.current("fimea_substitution").select(atc="atckoodi", listed_fi="selites").drop_nulls("atc")
    listed = listed.sort("atc", "listed_fi", nulls_last=True).unique("atc", keep="first", maintain_order=True)
    names = atc.join(english, on="atc", how="full", coalesce=True).join(listed, on="atc", how="full", coalesce=True)
    return names.sort("atc").select(
        "atc",
        "ddd",
        "ddd_unit",
        _sentence(pl.coalesce("name_fi", "listed_fi", "name_en")).alias("name_fi"),
        _sentence(pl.coalesce("name_sv", "name_en", "name_fi", "listed_fi")).alias("name_sv"),
        _sentence(pl.coalesce("name_en", "name_sv", "name_fi", "listed_fi")).alias("name_en"),
    )


def form_names(facts: Facts) -> pl.DataFrame:
    """``form_key`` (normalised Finnish form), ``form_sv``, ``form_en`` of the register's list of forms."""
    from medsupply.picture.forms import normalised_form

    forms = facts.current("fimea_forms").select(
        normalised_form(pl.col("laakemuotonimi")).alias("form_key"),
        form_sv="laakemuotonimir",
        form_en="laakemuotonimie",
    )
    return forms.drop_nulls("form_key").unique("form_key", keep="first", maintain_order=True)
