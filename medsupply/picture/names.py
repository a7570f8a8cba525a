"""Names: of substances in three languages, and of companies for comparison."""

from __future__ import annotations

import re

import polars as pl

from medsupply.facts import Facts

_LEGAL = (
    r"\b(oyj?|ab|aps|a/s|as|asa|gmbh|co\.? ?kg|kg|kgaa|ag|se|s\.?a\.?s?|s\.?a\.?r\.?l\.?|s\.?r\.?l\.?|s\.?p\.?a\.?|"
    r"b\.?v\.?|n\.?v\.?|ltd|limited|plc|llc|inc|corporation|corp|company|dac|d\.?d\.?|d\.?o\.?o\.?|lda|"
    r"filial|sivuliike)\b\.?"
)
_COMBINATIONS = ("yhdistelmävalmisteet", "yhdistelmävalmiste", "kombinationer", "combinations")
_KELA = r"^\(([A-Z][0-9A-Z]*)\) (.+)$"
_CAPITALS = ("bcg", "iud", "ii", "iii", "iv", "vi", "vii", "viii", "ix", "xi", "xiii")
_LANGUAGES = ("fi", "sv", "en")
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


def _word(match: re.Match[str]) -> str:
    word = match[0]
    if word.lower() in _CAPITALS:
        return word.upper()
    return word.lower() if len(word) > 1 and word.istitle() and word != "Japanese" else word


def english(name: str) -> str:
    """An English name as in a sentence: the EU list writes Every Word So, and Kela's list knows no capitals."""
    small = re.sub(r"(?<!\w)[^\W\d_]+", _word, name)
    small = re.sub(r"-\d[A-Z]\b", lambda match: match[0].lower(), small)  # interferon beta-1a
    return re.sub(r"\bvitamin [a-z]\b", lambda match: match[0][:-1] + match[0][-1].upper(), small)


def _with_group(names: pl.DataFrame) -> pl.DataFrame:
    """``names`` (``atc`` and texts): one that says "combinations" and nothing else gets its group's before it."""
    texts = [name for name in names.columns if name.startswith("name_")]
    groups = names.select(group="atc", **{f"group_{name}": pl.col(name) for name in texts})
    joined = names.with_columns(group=pl.col("atc").str.head(5)).join(
        groups, on="group", how="left", maintain_order="left"
    )
    return joined.with_columns(_named_with_group(name) for name in texts).select(names.columns)


def _named_with_group(name: str) -> pl.Expr:
    text, group = pl.col(name).str.to_lowercase(), pl.col(f"group_{name}")
    bare = (pl.col("atc").str.len_chars() > 5) & text.is_in(_COMBINATIONS) & group.is_not_null()
    return pl.when(bare).then(pl.concat_str(group, text, separator=", ")).otherwise(name).alias(name)


def _kela_names(facts: Facts) -> pl.DataFrame:
    """``atc``, ``name_fi``, ``name_sv``, ``name_en`` of Kela's list; its missing code (NA) and other rows are none."""
    rows = facts.current("kela_names").select(
        language=pl.col("code").str.extract(r"^ATC_SELITE_(FI|SV|EN)$").str.to_lowercase(),
        atc=pl.col("values").str.extract(_KELA, 1),
        name=pl.col("values").str.extract(_KELA, 2),
    )
    rows = rows.filter(pl.col("atc") != "NA").drop_nulls().sort("atc", "language", "name")
    return rows.group_by("atc", maintain_order=True).agg(
        pl.col("name").filter(pl.col("language") == language).first().alias(f"name_{language}")
        for language in _LANGUAGES
    )


def substance_names(facts: Facts) -> pl.DataFrame:
    """``atc``, ``name_fi``, ``name_sv``, ``name_en``, ``ddd``, ``ddd_unit``.

    Finnish and Swedish are Fimea's, English is the EU list's; what they lack is Kela's, in English then that of the
    same substance under another code, then that of another language, which stands behind it ("artesunate (en)"): a
    Finnish sentence with an English name would read as a slip. No name is made up, neither from parts nor by spelling:
    of three Swedish names two are written differently in English.
    """
    atc = facts.current("fimea_atc").select(
        "ddd", atc="atckoodi", name_fi="selites", name_sv="seliter", ddd_unit="dddyksikko"
    )
    atc = _with_group(atc.filter(pl.col("atc").is_not_null()).unique("atc", keep="first", maintain_order=True))
    kela = _with_group(_kela_names(facts)).rename({f"name_{language}": f"kela_{language}" for language in _LANGUAGES})
    critical = facts.current("critical_list").sort("list", "atc5", "route", nulls_last=True)
    union = critical.select(atc="atc5", name_en="n").unique("atc", keep="first", maintain_order=True)
    listed = facts.current("fimea_substitution").select(atc="atckoodi", listed_fi="selites").drop_nulls("atc")
    listed = listed.sort("atc", "listed_fi", nulls_last=True).unique("atc", keep="first", maintain_order=True)
    names = atc
    for other in (union, kela, listed):
        names = names.join(other, on="atc", how="full", coalesce=True)
    small = pl.coalesce("name_en", "kela_en").map_elements(english, return_dtype=pl.String)
    names = _with_twins(names.with_columns(name_en=small)).sort("atc")
    in_english, in_swedish = _of("en", "name_en"), _of("sv", "name_sv", "kela_sv")
    in_finnish = _of("fi", "name_fi", "listed_fi", "kela_fi")
    return names.select(
        "atc",
        "ddd",
        "ddd_unit",
        name_fi=_sentence(pl.coalesce("name_fi", "listed_fi", "kela_fi", in_english, in_swedish)),
        name_sv=_sentence(pl.coalesce("name_sv", "kela_sv", in_english, in_finnish)),
        name_en=_sentence(pl.coalesce("name_en", "twin_en", in_swedish, in_finnish)),
    )


def _with_twins(names: pl.DataFrame) -> pl.DataFrame:
    """``names`` with ``twin_en``: the English name of the same substance under another code, by its Finnish name, where
    all such codes have one name. "Combinations" without their group are no substance."""
    same = pl.coalesce("name_fi", "kela_fi").str.to_lowercase()
    substance = (pl.col("atc").str.len_chars() == 7) & ~pl.col("same").is_in(_COMBINATIONS)
    known = names.with_columns(same=same).filter(substance).drop_nulls(["same", "name_en"])
    twins = known.group_by("same").agg(
        twin_en=pl.col("name_en").sort().first(), n=pl.col("name_en").str.to_lowercase().n_unique()
    )
    keyed = names.with_columns(same=pl.when(pl.col("atc").str.len_chars() == 7).then(same))
    return keyed.join(twins.filter(pl.col("n") == 1).drop("n"), on="same", how="left").drop("same")


def _of(language: str, *names: str) -> pl.Expr:
    """A name with the language it is in, for readers of another."""
    return pl.coalesce(names) + f" ({language})"


def form_names(facts: Facts) -> pl.DataFrame:
    """``form_key`` (normalised Finnish form), ``form_sv``, ``form_en`` of the register's list of forms."""
    from medsupply.picture.forms import normalised_form

    forms = facts.current("fimea_forms").select(
        normalised_form(pl.col("laakemuotonimi")).alias("form_key"),
        form_sv="laakemuotonimir",
        form_en="laakemuotonimie",
    )
    return forms.drop_nulls("form_key").unique("form_key", keep="first", maintain_order=True)
