# ruff: noqa: E501  the table below reads best with one medicine per line
"""The invented register: real ATC codes and substance names as facts, invented trade names, companies and VNRs.

Weekly medians of purchases seed the demand (Kela's open data of 2025, medians over weeks).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# atc | fi | sv | en | strength | form | unit | pack sizes | weekly packs in the nation | season | where | class
# season: amplitude of the yearly wave (peak in January); where: c community, h hospital, b both
_ROWS = """
J01CA04|amoksisilliini|amoxicillin|Amoxicillin|500 mg|tabletti, kalvopäällysteinen|kpl|20,30|8300|0.35|b|1
J01CA04|amoksisilliini|amoxicillin|Amoxicillin|50 mg/ml|jauhe oraalisuspensiota varten|ml|100|2100|0.45|c|1
J01CR02|amoksisilliini ja klavulaanihappo|amoxicillin och klavulansyra|Amoxicillin and clavulanic acid|875 mg/125 mg|tabletti, kalvopäällysteinen|kpl|20|3400|0.3|b|1
J01AA02|doksisykliini|doxycyklin|Doxycycline|100 mg|tabletti|kpl|8,15|3600|0.4|c|2
J01FA09|klaritromysiini|klaritromycin|Clarithromycin|500 mg|tabletti, kalvopäällysteinen|kpl|14|270|0.4|c|2
J01DB01|kefaleksiini|cefalexin|Cefalexin|500 mg|tabletti, kalvopäällysteinen|kpl|30|6900|0.1|c|2
J01DD04|keftriaksoni|ceftriaxon|Ceftriaxone|2 g|infuusiokuiva-aine, liuosta varten|kpl|10|650|0.1|h|1
J01DH02|meropeneemi|meropenem|Meropenem|1 g|injektio-/infuusiokuiva-aine, liuosta varten|kpl|10|420|0.05|h|1
J01XA01|vankomysiini|vankomycin|Vancomycin|1 g|infuusiokuiva-aine, liuosta varten|kpl|1|900|0.05|h|1
C03CA01|furosemidi|furosemid|Furosemide|40 mg|tabletti|kpl|30,100|12600|0.0|b|2
C03CA01|furosemidi|furosemid|Furosemide|10 mg/ml|injektioneste, liuos|ml|5 x 4|520|0.0|h|2
C01CA24|adrenaliini|adrenalin|Epinephrine|1 mg/ml|injektioneste, liuos|ml|10 x 1|380|-0.1|h|1
C07AB02|metoprololi|metoprolol|Metoprolol|47,5 mg|depottabletti|kpl|28,98|8400|0.0|c|2
B01AA03|varfariini|warfarin|Warfarin|3 mg|tabletti|kpl|100|1980|0.0|b|1
B01AB05|enoksapariini|enoxaparin|Enoxaparin|100 mg/ml|injektioneste, liuos, esitäytetty ruisku|ml|10 x 0.4|1090|0.0|b|1
R03AC02|salbutamoli|salbutamol|Salbutamol|0,1 mg/annos|inhalaatiosumute, suspensio|kpl|1|5960|0.25|c|1
R03BA02|budesonidi|budesonid|Budesonide|200 mikrog/annos|inhalaatiojauhe|kpl|1|2470|0.2|c|2
A10AB05|aspartinsuliini|insulin aspart|Insulin aspart|100 U/ml|injektioneste, liuos|ml|5 x 3|3660|0.0|b|1
A10BJ06|semaglutidi|semaglutid|Semaglutide|1 mg|injektioneste, liuos, esitäytetty kynä|kpl|1|6370|0.0|c|3
H03AA01|levotyroksiini|levotyroxin|Levothyroxine|100 mikrog|tabletti|kpl|100|12100|0.0|c|2
H03AA01|levotyroksiini|levotyroxin|Levothyroxine|25 mikrog|tabletti|kpl|100|11800|0.0|c|2
N03AG01|valproiinihappo|valproinsyra|Valproic acid|300 mg|depottabletti|kpl|100|2440|0.0|c|1
N03AF01|karbamatsepiini|karbamazepin|Carbamazepine|200 mg|tabletti|kpl|100|1340|0.0|c|2
N05AH03|olantsapiini|olanzapin|Olanzapine|10 mg|tabletti|kpl|28,98|6800|0.0|b|2
N02AA05|oksikodoni|oxikodon|Oxycodone|10 mg|depottabletti|kpl|30|2900|0.0|b|2
N02AA05|oksikodoni|oxikodon|Oxycodone|10 mg/ml|injektioneste, liuos|ml|5 x 1|780|0.0|h|2
N02BE01|parasetamoli|paracetamol|Paracetamol|500 mg|tabletti|kpl|100|26000|0.15|b|2
N02BE01|parasetamoli|paracetamol|Paracetamol|1 g|tabletti|kpl|30,100|26300|0.15|b|2
N02BE01|parasetamoli|paracetamol|Paracetamol|10 mg/ml|infuusioneste, liuos|ml|10 x 100|1500|0.05|h|2
H02AB06|prednisoloni|prednisolon|Prednisolone|5 mg|tabletti|kpl|100|2470|0.1|b|1
L04AD02|takrolimuusi|takrolimus|Tacrolimus|1 mg|kapseli, kova|kpl|50|540|0.0|b|1
A07EC02|mesalatsiini|mesalazin|Mesalazine|800 mg|enterotabletti|kpl|90|3440|0.0|c|
N01AX10|propofoli|propofol|Propofol|20 mg/ml|injektio-/infuusioneste, emulsio|ml|10 x 50|310|0.0|h|1
M03AC09|rokuroni|rokuronium|Rocuronium|10 mg/ml|injektio-/infuusioneste, liuos|ml|10 x 5|240|0.0|h|1
J05AH02|oseltamiviiri|oseltamivir|Oseltamivir|75 mg|kapseli, kova|kpl|10|310|0.7|b|1
J07AH09|meningokokkirokote|meningokockvaccin|Meningococcus vaccine|0,5 ml|injektioneste, suspensio|ml|1 x 0.5|160|0.0|h|2
H04AA01|glukagoni|glukagon|Glucagon|1 mg|injektiokuiva-aine ja liuotin, liuosta varten|kpl|1|95|0.0|b|1
V03AB33|hydroksokobalamiini|hydroxokobalamin|Hydroxocobalamin|5 g|infuusiokuiva-aine, liuosta varten|kpl|1|2.5|0.0|h|1
M03CA01|dantroleeni|dantrolen|Dantrolene|20 mg|injektiokuiva-aine, liuosta varten|kpl|12|1.4|0.0|h|1
V03AB14|protamiini|protamin|Protamine|10 mg/ml|injektioneste, liuos|ml|5 x 5|14|0.0|h|2
"""
# Pharmaceutical form: in Swedish and English.
FORMS = {
    "tabletti": ("tablett", "tablet"),
    "tabletti, kalvopäällysteinen": ("tablett, filmdragerad", "film-coated tablet"),
    "depottabletti": ("depottablett", "prolonged-release tablet"),
    "enterotabletti": ("enterotablett", "gastro-resistant tablet"),
    "kapseli, kova": ("kapsel, hård", "capsule, hard"),
    "jauhe oraalisuspensiota varten": ("pulver till oral suspension", "powder for oral suspension"),
    "inhalaatiojauhe": ("inhalationspulver", "inhalation powder"),
    "inhalaatiosumute, suspensio": ("inhalationsspray, suspension", "pressurised inhalation, suspension"),
    "injektioneste, liuos": ("injektionsvätska, lösning", "solution for injection"),
    "injektioneste, liuos, esitäytetty ruisku": (
        "injektionsvätska, lösning, förfylld spruta",
        "solution for injection in pre-filled syringe",
    ),
    "injektioneste, liuos, esitäytetty kynä": (
        "injektionsvätska, lösning, förfylld injektionspenna",
        "solution for injection in pre-filled pen",
    ),
    "injektioneste, suspensio": ("injektionsvätska, suspension", "suspension for injection"),
    "injektiokuiva-aine, liuosta varten": (
        "pulver till injektionsvätska, lösning",
        "powder for solution for injection",
    ),
    "injektiokuiva-aine ja liuotin, liuosta varten": (
        "pulver och vätska till injektionsvätska, lösning",
        "powder and solvent for solution for injection",
    ),
    "injektio-/infuusiokuiva-aine, liuosta varten": (
        "pulver till injektions-/infusionsvätska, lösning",
        "powder for solution for injection/infusion",
    ),
    "injektio-/infuusioneste, liuos": ("injektions-/infusionsvätska, lösning", "solution for injection/infusion"),
    "injektio-/infuusioneste, emulsio": ("injektions-/infusionsvätska, emulsion", "emulsion for injection/infusion"),
    "infuusiokuiva-aine, liuosta varten": ("pulver till infusionsvätska, lösning", "powder for solution for infusion"),
    "infuusioneste, liuos": ("infusionsvätska, lösning", "solution for infusion"),
}
COMPANIES = (
    "Kaamos Pharma Oy",
    "Revontuli Lääke Oy",
    "Tunturi Generics AB",
    "Merituuli Pharma Oy",
    "Lumikko Medical Oy",
    "Saaristo Biologics AB",
    "Kuukkeli Pharma Oy",
    "Norrsken Läkemedel AB",
    "Peltola Injectables Oy",
    "Vaahtera Lääketehdas Oy",
    "Haukka Generics Oy",
    "Ulappa Import Oy",
)
_STEMS = ("Aura", "Vilu", "Kaste", "Luoto", "Myrsky", "Pihla", "Routa", "Suvi", "Tyrsky", "Utu", "Vesper", "Ylva")
_ENDS = ("dex", "fen", "lin", "mox", "nil", "pan", "rel", "san", "tab", "vit", "xan", "zol")
GROWTH = {"A10BJ06": 0.18, "N05AH03": 0.05, "J01FA09": -0.04, "B01AA03": -0.12, "L04AD02": 0.04}
ROUTES = {
    "tabletti": "oral use",
    "kapseli": "oral use",
    "depottabletti": "oral use",
    "enterotabletti": "oral use",
    "jauhe oraali": "oral use",
    "injektio": "intravenous use",
    "infuusio": "intravenous use",
    "inhalaatio": "inhalation use",
}


@dataclass(frozen=True)
class Medicine:
    """A substitution group of the invented register."""

    group: str
    atc: str
    fi: str
    sv: str
    en: str
    strength: str
    form: str
    unit: str
    sizes: tuple[str, ...]
    weekly_packs: float
    season: float
    where: str
    critical_class: int | None
    growth: float = 0.01
    """Yearly growth of the log of demand."""

    @property
    def route(self) -> str:
        return next(route for start, route in ROUTES.items() if self.form.startswith(start))


@dataclass(frozen=True)
class Package:
    """One package of one company."""

    number: int
    vnr: str
    medicine: int
    name: str
    size: str
    company: int
    share: float
    parallel_import: bool = False

    @property
    def units(self) -> float:
        factor, _, size = self.size.rpartition(" x ")
        return float(factor or 1) * float(size)


def medicines(count: int) -> list[Medicine]:
    """The first ``count`` medicines; beyond the written list, variants of it with other codes of the same shape."""
    rows = [line.split("|") for line in _ROWS.strip().splitlines()]
    found = []
    for number in range(count):
        row = rows[number % len(rows)]
        atc, strength = row[0], row[4]
        if number >= len(rows):  # an invented neighbour: same group of substances, another code
            atc = f"{atc[:5]}{60 + number // len(rows) % 40:02d}"
        found.append(
            Medicine(
                group=f"{5000 + number:04d}" if number < 5000 else f"{number + 5000:05d}",
                atc=atc,
                fi=row[1] if number < len(rows) else f"{row[1]} {number}",
                sv=row[2],
                en=row[3],
                strength=strength,
                form=row[5],
                unit=row[6],
                sizes=tuple(row[7].split(",")),
                weekly_packs=float(row[8]) * (1.0 if number < len(rows) else 0.42),
                season=float(row[9]),
                where=row[10] if number < len(rows) or row[10] != "h" or number % 3 == 0 else "b",
                critical_class=int(row[11]) if row[11] else None,
                growth=GROWTH.get(row[0], 0.01),
            )
        )
    return found


def packages(of: list[Medicine], random: np.random.Generator) -> list[Package]:
    """Packages of each medicine: one to three companies, each with every size; shares add up to 1 per medicine."""
    found: list[Package] = []
    for number, medicine in enumerate(of):
        makers = random.choice(len(COMPANIES), size=int(random.choice([1, 2, 2, 3])), replace=False)
        weights = random.dirichlet(np.full(len(makers) * len(medicine.sizes), 3.0))
        for place, (company, size) in enumerate((maker, size) for maker in makers for size in medicine.sizes):
            name = _STEMS[(number * 5 + int(company)) % len(_STEMS)] + _ENDS[(number + 7 * int(company)) % len(_ENDS)]
            vnr = f"{400000 + 7 * len(found) + number % 3:06d}" if len(found) % 4 else f"{1000 + 11 * len(found):06d}"
            found.append(Package(len(found), vnr, number, name, size, int(company), float(weights[place])))
    return found
